package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// forwardOf runs m on x, in float64 and not in training.
func forwardOf(m Module, x *tensor.Tensor) *tensor.Tensor {
	tape := autodiff.NewTape(tensor.Float64)
	return m.Forward(tape.Const(x)).Value.Clone()
}

func normal(rng *rand.Rand, shape ...int) *tensor.Tensor {
	x := tensor.New(tensor.Float64, shape...)
	Normal(x, 1, rng)
	return x
}

// What comes later changes nothing that a causal layer gave earlier, and something
// of what it gives then.
func TestCausal(t *testing.T) {
	rng := seeded()
	const batch, times, width = 2, 12, 3
	for name, c := range map[string]struct {
		m        Module
		timeLast bool
	}{
		"rnn":  {NewRNN(width, 4, RecurrentOptions{Layers: 2}, rng), false},
		"gru":  {NewGRU(width, 4, RecurrentOptions{Layers: 2}, rng), false},
		"lstm": {NewLSTM(width, 4, RecurrentOptions{Layers: 2}, rng), false},
		"tcn":  {NewTCN(width, []int{4, 5, 4}, 2, 0, rng), true},
	} {
		Cast(c.m, tensor.Float64)
		at := func(x *tensor.Tensor, b, time, i int) float64 {
			if c.timeLast {
				return x.At(b, i, time)
			}
			return x.At(b, time, i)
		}
		shape := []int{batch, times, width}
		if c.timeLast {
			shape = []int{batch, width, times}
		}
		x := normal(rng, shape...)
		before := forwardOf(c.m, x)
		const changed = 7
		for i := range width {
			if c.timeLast {
				x.Set(9, 1, i, changed)
			} else {
				x.Set(9, 1, changed, i)
			}
		}
		after := forwardOf(c.m, x)
		for b := range batch {
			for time := range times {
				differs := false
				for i := range 4 {
					differs = differs || at(before, b, time, i) != at(after, b, time, i)
				}
				if (b == 0 || time < changed) && differs || b == 1 && time == changed && !differs {
					t.Errorf("%s: sample %d, time %d: differs is %v", name, b, time, differs)
				}
			}
		}
	}
}

// A TCN sees as far back as its doc comment says and no further.
func TestTCNReach(t *testing.T) {
	rng := seeded()
	const kernel, blocks, times = 3, 2, 20
	reach := 1 + 2*(kernel-1)*(1<<blocks-1)
	m := NewTCN(1, []int{6, 6}, kernel, 0, rng)
	Cast(m, tensor.Float64)
	for _, p := range m.Params() { // all positive: nothing is cut off by a ReLU
		for i, v := range p.Value.Float64s() {
			p.Value.Float64s()[i] = math.Abs(v)
		}
	}
	x := tensor.New(tensor.Float64, 1, 1, times)
	x.Fill(1)
	before := forwardOf(m, x)
	for back := range times {
		x.Fill(1)
		x.Set(2, 0, 0, times-1-back)
		differs := forwardOf(m, x).At(0, 0, times-1) != before.At(0, 0, times-1)
		if differs != (back < reach) {
			t.Errorf("an input %d back: differs is %v, with reach %d", back, differs, reach)
		}
	}
}

// Samples of a batch do not touch each other, and the order of batch sizes is no matter.
func TestRecurrentBatch(t *testing.T) {
	rng := seeded()
	for name, m := range map[string]Module{
		"rnn": NewRNN(3, 4, deep, rng), "gru": NewGRU(3, 4, deep, rng), "lstm": NewLSTM(3, 4, deep, rng),
	} {
		Cast(m, tensor.Float64)
		x := normal(rng, 5, 6, 3)
		tape := autodiff.NewTape(tensor.Float64)
		all := m.Forward(tape.Const(x))
		one := m.Forward(tape.Const(x.Rows(3, 4)))
		if d := distance(one.Value, all.Value.Rows(3, 4)); d > 1e-14 {
			t.Errorf("%s: alone and in a batch differ by %.2g", name, d)
		}
	}
}

// Two uses of one layer on one tape, with other lengths, leave each other alone.
func TestRecurrentTwiceOnATape(t *testing.T) {
	rng := seeded()
	for name, m := range map[string]Module{
		"rnn": NewRNN(3, 4, deep, rng), "gru": NewGRU(3, 4, deep, rng), "lstm": NewLSTM(3, 4, deep, rng),
	} {
		Cast(m, tensor.Float64)
		x, y := normal(rng, 2, 5, 3), normal(rng, 3, 9, 3)
		grads := func(inputs ...*tensor.Tensor) *tensor.Tensor {
			for _, p := range m.Params() {
				p.ZeroGrad()
			}
			tape := autodiff.NewTape(tensor.Float64)
			total := autodiff.Sum(m.Forward(tape.Const(inputs[0])))
			for _, in := range inputs[1:] {
				total = autodiff.Add(total, autodiff.Sum(m.Forward(tape.Const(in))))
			}
			tape.Backward(total)
			return m.Params()[1].Grad.Clone()
		}
		want, second := grads(x), grads(y)
		for i, v := range second.Float64s() {
			want.Float64s()[i] += v
		}
		if d := distance(grads(x, y), want); d > 1e-13 {
			t.Errorf("%s: the gradient is off by %.2g", name, d)
		}
	}
}

// After some training uses the normalised weight has greatest singular value 1.
func TestSpectralNormConverges(t *testing.T) {
	rng := seeded()
	l := NewLinear(7, 5, rng)
	s := NewSpectralNorm(l, rng)
	Cast(s, tensor.Float64)
	Orthogonal(l.Weight.Value, 1, rng)
	for c := range 7 { // singular values 4, 1, 1, 1, 1
		l.Weight.Value.Set(4*l.Weight.Value.At(0, c), 0, c)
	}
	l.Bias.Value.Fill(0)
	tape := autodiff.NewTape(tensor.Float64)
	tape.Training = true
	x := l.Weight.Value.Rows(0, 1).Clone() // the direction of the greatest, of length 4
	for range 30 {
		tape.Reset()
		s.Forward(tape.Const(x))
	}
	y := forwardOf(s, x)
	norm := 0.0
	for _, v := range y.Float64s() {
		norm += v * v
	}
	if norm = math.Sqrt(norm); math.Abs(norm-4) > 1e-12 {
		t.Errorf("the layer stretches 4 to %v, want 4", norm)
	}
	u := s.u.Value.Clone()
	forwardOf(s, x)
	if distance(s.u.Value, u) != 0 {
		t.Error("the estimate changes outside training")
	}
}
