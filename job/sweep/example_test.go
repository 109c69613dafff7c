package sweep_test

import (
	"context"
	"fmt"
	"os"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/sweep"
	"github.com/energo-ml/energo/jobs"
)

// A grid of two functionals and two step sizes on the parabola.
func Example() {
	j, _ := job.Named(jobs.All(), "parabola")
	options := j.New().Options()
	rate, err := sweep.ParseAxis(options.Find("lr"), "log:0.01..0.05")
	if err != nil {
		fmt.Println(err)
		return
	}
	loss, err := sweep.ParseAxis(options.Find("functional"), "nll,hinge")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := options.Find("epochs").Set("1"); err != nil {
		fmt.Println(err)
		return
	}
	w, _, err := sweep.New(sweep.Plan{
		Job: j, Search: sweep.Grid, Points: 2, Axes: []sweep.Axis{loss, rate},
		Fixed: []sweep.Setting{{Option: options.Find("epochs"), Named: "epochs 1"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	dir, err := os.MkdirTemp("", "sweep")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := w.Write(dir); err != nil {
		fmt.Println(err)
		return
	}
	s, err := w.Run(context.Background(), sweep.Runner{Job: j})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(s.Trials), "trials,", s.Finished, "finished; the first one has", w.Trials[0].Values)
	// Output: 4 trials, 4 finished; the first one has map[functional:nll lr:0.01]
}
