package nn_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss"
)

// TestCriterion: a recorded loss has the right gradients by all inputs, also behind and
// before other operations, and by float32 inputs.
func TestCriterion(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	x, y := tensor.New(tensor.Float64, 4, 3), tensor.New(tensor.Float64, 4, 3)
	for i := range x.Float64s() {
		x.Float64s()[i], y.Float64s()[i] = rng.NormFloat64(), rng.Float64()
	}
	var l loss.BCEWithLogits[float64]
	gradcheck.Check(t, func(_ *autodiff.Tape, in []*autodiff.Var) *autodiff.Var {
		var c nn.Criterion
		scores := autodiff.Tanh(in[0])
		v, err := c.Record(func(g nn.Grads) (float64, error) {
			return l.Eval(scores.Value.Float64s(), in[1].Value.Float64s(), g.Float64s(0), g.Float64s(1))
		}, scores, in[1])
		if err != nil {
			t.Fatal(err)
		}
		return autodiff.Scale(v, 3)
	}, x, y)

	small := tensor.New(tensor.Float32, 2, 2)
	copy(small.Float32s(), []float32{1, 2, 3, 4})
	tape := autodiff.NewTape(tensor.Float32)
	var c nn.Criterion
	step := func() []float32 {
		tape.Reset()
		in := tape.Input(small)
		v, err := c.Record(func(g nn.Grads) (float64, error) {
			return loss.MSELoss(small.Float32s(), []float32{0, 0, 0, 0}, g.Float32s(0))
		}, in)
		if err != nil {
			t.Fatal(err)
		}
		tape.Backward(v)
		return in.Grad().Float32s()
	}
	if g := step(); g[3] != 2 {
		t.Errorf("the gradient is %v; it should end with 2", g)
	}
	wrong := errors.New("wrong")
	if _, err := c.Record(func(nn.Grads) (float64, error) { return 0, wrong }, tape.Input(small)); !errors.Is(err, wrong) {
		t.Errorf("the error is %v", err)
	}
}
