// Package jobs holds energo's training jobs: what `energo train NAME` runs. All is the table of them. A Spec such as Digits holds the
// settings of one; a program can change it, as to data of its own, and train it by package job or by the command line of package cmd/energo/cli.
package jobs

import "github.com/energo-ml/energo/job"

// All returns the jobs, in the order in which help lists them.
func All() []job.Job {
	return []job.Job{
		DigitsJob(), AutoencoderJob(), GenerateJob(), JEMJob(), RBMJob(), StripsJob(), SpeechJob(), TaggerJob(), SearchJob(), SiameseJob(),
		ParabolaJob(), Toy2DJob(), multilabel(), table(),
	}
}
