// Package jobs is the table of energo's training jobs that are descriptions, a file a job: what `energo train NAME` runs.
package jobs

import (
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/recipe"
)

// All returns the jobs, in the order in which help lists them.
func All() []job.Job {
	return []job.Job{recipe.DigitsJob(), recipe.AutoencoderJob(), recipe.GenerateJob(), recipe.JEMJob(), recipe.RBMJob(), recipe.StripsJob(), recipe.SpeechJob(), recipe.TaggerJob(), recipe.SearchJob(), recipe.SiameseJob(), recipe.ParabolaJob(), recipe.Toy2DJob(), multilabel(), table()}
}

// Find returns the job of a name.
func Find(name string) (j job.Job, ok bool) {
	for _, j := range All() {
		if j.Name == name {
			return j, true
		}
	}
	return job.Job{}, false
}
