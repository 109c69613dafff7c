package optim_test

import (
	"fmt"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// Descend (w − 3)² with a step size that falls along a cosine.
func Example() {
	w := &autodiff.Param{Name: "w", Value: tensor.New(tensor.Float64, 1)}
	params := []*autodiff.Param{w}
	tape := autodiff.NewTape(tensor.Float64)
	sgd := &optim.SGD{Momentum: 0.5}
	schedule := optim.Cosine{}
	const steps = 40
	for step := range steps {
		tape.Reset()
		w.ZeroGrad()
		tape.Backward(autodiff.Sum(autodiff.Square(autodiff.AddScalar(tape.Param(w), -3))))
		sgd.Step(params, 0.2*schedule.At(step, steps))
	}
	fmt.Printf("%.3f\n", tensor.Data[float64](w.Value)[0])
	// Output: 3.000
}
