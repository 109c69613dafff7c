package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// RecurrentOptions are the settings of RNN, GRU and LSTM.
type RecurrentOptions struct {
	Layers        int  // one above the other; 0 means 1
	Bidirectional bool // a second direction, from the last time to the first, beside each
	NoBias        bool // without bias_ih and bias_hh
}

// recurrent is what the recurrent layers share. All weights start from
// U(−1/√hidden, 1/√hidden).
type recurrent struct {
	hidden int
	stacks [][]direction // by layer: one direction or two
	// cell records what follows hidden values h and, for an LSTM, cells c, nil at first.
	cell func(time int, xg, hg, h, c *autodiff.Var) (hNext, cNext *autodiff.Var)
	// outputs is room for the hidden values of all times.
	outputs []*autodiff.Var
}

// direction is the weights of one layer in one direction of time.
type direction struct {
	inputWeight, hiddenWeight *autodiff.Param
	inputBias, hiddenBias     *autodiff.Param // nil for none
	reverse                   bool
}

func newRecurrent(in, hidden, gates int, o RecurrentOptions, rng *rand.Rand) recurrent {
	r := recurrent{hidden: hidden}
	directions := 1
	if o.Bidirectional {
		directions = 2
	}
	for layer := range max(o.Layers, 1) {
		var stack []direction
		for d := range directions {
			suffix := fmt.Sprintf("_l%d", layer)
			if d == 1 {
				suffix += "_reverse"
			}
			stack = append(stack, newDirection(in, hidden, gates, suffix, d == 1, o.NoBias, rng))
		}
		r.stacks = append(r.stacks, stack)
		in = hidden * directions
	}
	return r
}

func newDirection(in, hidden, gates int, suffix string, reverse, noBias bool, rng *rand.Rand) direction {
	d := direction{
		inputWeight:  newParam("weight_ih"+suffix, gates*hidden, in),
		hiddenWeight: newParam("weight_hh"+suffix, gates*hidden, hidden),
		reverse:      reverse,
	}
	if !noBias {
		d.inputBias, d.hiddenBias = newVector("bias_ih"+suffix, 0, gates*hidden), newVector("bias_hh"+suffix, 0, gates*hidden)
	}
	for _, p := range d.params() {
		Uniform(p.Value, 1/math.Sqrt(float64(hidden)), rng)
	}
	return d
}

func (d *direction) params() []*autodiff.Param {
	return present(d.inputWeight, d.hiddenWeight, d.inputBias, d.hiddenBias)
}

// Bidirectional tells whether each layer has a second direction, whose parameters stand behind those of the first.
func (r *recurrent) Bidirectional() bool { return len(r.stacks[0]) == 2 }

// Biased tells whether each direction has biases.
func (r *recurrent) Biased() bool { return r.stacks[0][0].inputBias != nil }

// Params implements Module: weight_ih, weight_hh and, unless there are none, bias_ih and bias_hh of each direction of each layer.
func (r *recurrent) Params() (all []*autodiff.Param) {
	for _, stack := range r.stacks {
		for i := range stack {
			all = append(all, stack[i].params()...)
		}
	}
	return all
}

// Forward implements Module: x [B, T, in] → [B, T, hidden], or [B, T, 2·hidden] with
// the backward direction behind the forward one. The hidden values start from zero.
// It panics if x has another rank or no times.
func (r *recurrent) Forward(x *autodiff.Var) *autodiff.Var {
	if s := x.Shape(); len(s) != 3 || s[1] == 0 {
		panic(fmt.Sprintf("nn: a recurrent layer takes [B, T, in] with T > 0, not %v", s))
	}
	for _, stack := range r.stacks {
		y := r.run(&stack[0], x)
		if len(stack) == 2 {
			y = autodiff.Concat(2, y, r.run(&stack[1], x))
		}
		x = y
	}
	return x
}

// run records one layer in one direction: [B, T, in] → [B, T, hidden].
func (r *recurrent) run(d *direction, x *autodiff.Var) *autodiff.Var {
	t, batch, times := x.Tape(), x.Value.Dim(0), x.Value.Dim(1)
	flat := autodiff.Reshape(x, batch*times, x.Value.Dim(2))
	xg := autodiff.Linear(flat, t.Param(d.inputWeight), optional(t, d.inputBias), autodiff.Identity)
	weight, bias := t.Param(d.hiddenWeight), optional(t, d.hiddenBias)
	h := zeros(t, batch, r.hidden)
	var c *autodiff.Var
	for len(r.outputs) < times {
		r.outputs = append(r.outputs, nil)
	}
	for step := range times {
		time := step
		if d.reverse {
			time = times - 1 - step
		}
		h, c = r.cell(time, xg, autodiff.Linear(h, weight, bias, autodiff.Identity), h, c)
		r.outputs[time] = h
	}
	return autodiff.Reshape(autodiff.Concat(1, r.outputs[:times]...), batch, times, r.hidden)
}

// timed returns element i of a table of cells, each made by its time. The elements
// that are there stay where they are, since a tape may hold them.
func timed[C any](table *[]*C, i int, make func(time int) C) *C {
	for len(*table) <= i {
		c := make(len(*table))
		*table = append(*table, &c)
	}
	return (*table)[i]
}

// RNN is Elman's recurrent network,
//
//	h_t = tanh(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)
//
// or max(0, ·) in place of tanh.
//
// Shapes: [B, T, in] → [B, T, hidden], or [B, T, 2·hidden] if bidirectional.
// Parameters: weight_ih_l0 [hidden, in], weight_hh_l0 [hidden, hidden], bias_ih_l0,
// bias_hh_l0 [hidden]; _l1 and so on; the backward direction's end in _reverse.
// PyTorch: nn.RNN with batch_first, its first result.
type RNN struct {
	ReLU bool // max(0, ·) in place of tanh

	recurrent
	tanhs, relus []*rnnCell
}

// NewRNN returns an RNN.
func NewRNN(in, hidden int, o RecurrentOptions, rng *rand.Rand) *RNN {
	r := &RNN{recurrent: newRecurrent(in, hidden, 1, o, rng)}
	r.cell = func(time int, xg, hg, _, _ *autodiff.Var) (_, _ *autodiff.Var) {
		if r.ReLU {
			return timed(&r.relus, time, func(t int) rnnCell { return rnnCell{t, true} }).record(xg, hg), nil
		}
		return timed(&r.tanhs, time, func(t int) rnnCell { return rnnCell{t, false} }).record(xg, hg), nil
	}
	return r
}

// GRU is the gated recurrent unit [cho2014], with the parts r, z, n of the weights,
//
//	r, z = σ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)
//	n    = tanh(W_ih x_t + b_ih + r∘(W_hh h_{t−1} + b_hh))
//	h_t  = (1 − z)∘n + z∘h_{t−1}
//
// Shapes: as RNN, but of weights and biases with 3·hidden rows in the order r, z, n.
// PyTorch: nn.GRU with batch_first, its first result.
type GRU struct {
	recurrent
	cells []*gruGates
}

// NewGRU returns a GRU.
func NewGRU(in, hidden int, o RecurrentOptions, rng *rand.Rand) *GRU {
	r := &GRU{recurrent: newRecurrent(in, hidden, 3, o, rng)}
	r.cell = func(time int, xg, hg, h, _ *autodiff.Var) (_, _ *autodiff.Var) {
		gates := timed(&r.cells, time, func(t int) gruGates { return gruGates{t} }).record(xg, hg)
		return gruHidden{}.record(gates, h), nil
	}
	return r
}

// LSTM is the long short-term memory [hochreiter1997], with the parts i, f, g, o of
// the weights,
//
//	i, f, o = σ(W_ih x_t + b_ih + W_hh h_{t−1} + b_hh)      g = tanh(the same)
//	c_t     = f∘c_{t−1} + i∘g
//	h_t     = o∘tanh(c_t)
//
// Shapes: as RNN, but of weights and biases with 4·hidden rows in the order i, f, g, o.
// PyTorch: nn.LSTM with batch_first, its first result.
type LSTM struct {
	recurrent
	cells []*lstmCell
}

// NewLSTM returns an LSTM.
func NewLSTM(in, hidden int, o RecurrentOptions, rng *rand.Rand) *LSTM {
	r := &LSTM{recurrent: newRecurrent(in, hidden, 4, o, rng)}
	r.cell = func(time int, xg, hg, h, c *autodiff.Var) (*autodiff.Var, *autodiff.Var) {
		if c == nil {
			c = zeros(h.Tape(), lstmBlocks, h.Value.Dim(0), hidden)
		}
		c = timed(&r.cells, time, func(t int) lstmCell { return lstmCell{t} }).record(xg, hg, c)
		return lstmHidden{}.record(c), c
	}
	return r
}
