// Package jobs holds energo's training jobs: what `energo train NAME` runs. All is the table of them, which job.Named looks up. A job's
// New returns its settings, a Spec such as *Digits; a program can change them, as to data of its own, and train by package job or by
// the command line of package cmd/energo/cli.
package jobs

import "github.com/energo-ml/energo/job"

// All returns the jobs, in the order in which help lists them.
func All() []job.Job {
	return []job.Job{
		digitsJob, picturesJob, autoencoderJob, generateJob, jemJob, rbmJob, stripsJob, speechJob, taggerJob, searchJob, siameseJob,
		parabolaJob, toy2DJob, multilabelJob, tableJob,
	}
}
