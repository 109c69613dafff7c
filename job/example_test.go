package job_test

import (
	"fmt"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
)

// The settings that all jobs have, from a file, over their defaults.
func ExampleTraining() {
	t := job.DefaultTraining()
	if _, err := t.Options().Read("mine.yaml", []byte("epochs: 3\noptimizer: sgd\n")); err != nil {
		fmt.Println(err)
		return
	}
	t.Settle(10, 32)
	fmt.Println(t.Epochs, t.Batch, t.Optimizer, t.LR)
	t.Optimizer = "sdg"
	fmt.Println(t.Options().Check())

	// Output:
	// 3 32 sgd 0.05
	// optimizer is "sdg"; it must be one of sgd, adam, adamw, did you mean sgd?
}

// A setting is described once; from that come its flag, its checks and its place in the file of settings.
func ExampleSpec() {
	margin := 1.0
	list := option.List{option.New(&margin, "margin", "margin m of the loss", option.Below(100))}
	text, err := list.Write()
	fmt.Print(string(text))
	fmt.Println(err, list[0].Flag(), list[0].Usage())

	// Output:
	// margin: 1
	// <nil> margin margin m of the loss
}
