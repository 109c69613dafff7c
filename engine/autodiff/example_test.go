package autodiff_test

import (
	"fmt"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// The gradient of the mean of w·x² by w is the mean of x².
func Example() {
	x := tensor.New(tensor.Float64, 3)
	copy(tensor.Data[float64](x), []float64{1, 2, 4})
	w := &autodiff.Param{Name: "w", Value: tensor.New(tensor.Float64, 3)}
	w.Value.Fill(2)

	tape := autodiff.NewTape(tensor.Float64)
	loss := autodiff.Mean(autodiff.Mul(tape.Param(w), autodiff.Square(tape.Const(x))))
	tape.Backward(loss)
	fmt.Println(tensor.Data[float64](loss.Value))
	fmt.Printf("%.3f\n", tensor.Data[float64](w.Grad))
	// Output:
	// [14]
	// [0.333 1.333 5.333]
}
