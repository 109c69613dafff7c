package jobs_test

import (
	"fmt"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/jobs"
)

// A job's settings are checked together before anything is read or trained.
func ExampleAll() {
	j, _ := job.Named(jobs.All(), "multilabel")
	s := j.New()
	fmt.Println(job.Resolve(j, s), s.Folder(), s.Base().Epochs)
	s.Base().EMA = 1
	fmt.Println(job.Resolve(j, s))

	// Output:
	// <nil> multilabel-nll 12
	// ema is 1; it must be a number of at least 0 and below 1
}
