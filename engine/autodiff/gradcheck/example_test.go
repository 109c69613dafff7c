package gradcheck_test

import (
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/tensor"
)

// A test of an operation's gradient.
func ExampleCheck() {
	_ = func(t *testing.T) {
		x := tensor.New(tensor.Float64, 2, 3)
		for i := range 6 {
			tensor.Data[float64](x)[i] = float64(i) - 2.5
		}
		gradcheck.Check(t, func(_ *autodiff.Tape, in []*autodiff.Var) *autodiff.Var { return autodiff.Tanh(in[0]) }, x)
	}
}
