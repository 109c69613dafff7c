package energy

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// Predictor is inference with a Labeler: the answer is the label of the least energy.
// It keeps its memory between calls and serves one goroutine; make one for each.
type Predictor struct {
	labeler Labeler
	tape    *autodiff.Tape
}

// NewPredictor returns a Predictor of l, whose parameters have type dt.
func NewPredictor(l Labeler, dt tensor.DType) *Predictor {
	p := &Predictor{l, autodiff.NewTape(dt)}
	p.tape.NoGrad = true
	return p
}

// Energies returns E(x, y) for every label, [B, K], valid until the next call.
func (p *Predictor) Energies(x *tensor.Tensor) *tensor.Tensor {
	p.tape.Reset()
	return p.labeler.Energies(p.tape.Const(x)).Value
}

// Predict returns the label of the least energy of each sample, the first of equals,
// in dst's memory if that is enough; −1 where all energies are NaN.
func (p *Predictor) Predict(dst []int, x *tensor.Tensor) []int {
	e := p.Energies(x)
	dst = slices.Grow(dst[:0], e.Dim(0))
	for i := range e.Dim(0) {
		best, _ := leastIn(e, i)
		dst = append(dst, best)
	}
	return dst
}

// leastIn returns the label of the least energy in row i, and that energy; −1 and NaN where all are NaN.
func leastIn(e *tensor.Tensor, i int) (best int, least float64) {
	best, least = -1, math.NaN()
	for y := range e.Dim(1) {
		if v := element(e, i*e.Dim(1)+y); v < least || (best < 0 && !math.IsNaN(v)) {
			best, least = y, v
		}
	}
	return best, least
}

// Answer is Predict over a slice: it returns the label of the least energy of each of n samples, and that energy. x holds
// the samples one after another; the model takes them as [n, len(x)/n].
//
// Errors: x is not n rows; a number of x that is not finite; rows that the model does not take; a model in float64; a sample whose energies are all NaN.
func (p *Predictor) Answer(x []float32, n int) (labels []int, energies []float64, err error) {
	if n < 1 || len(x) == 0 || len(x)%n != 0 {
		return nil, nil, fmt.Errorf("energy: x has %d numbers for %d samples; it must have as many for each, at least 1", len(x), n)
	}
	for i, v := range x {
		if v-v != 0 {
			return nil, nil, fmt.Errorf("energy: x[%d] is %v; it must be a finite number", i, v)
		}
	}
	rows, err := tensor.FromFloat32(x, n, len(x)/n)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		v := recover()
		misuse, ok := v.(string)
		switch {
		case ok:
			labels, energies, err = nil, nil, fmt.Errorf("energy: the model does not take rows of %d numbers: %s", len(x)/n, misuse)
		case v != nil:
			panic(v)
		}
	}()
	e := p.Energies(rows)
	for i := range n {
		y, least := leastIn(e, i)
		if y < 0 {
			return nil, nil, fmt.Errorf("energy: all energies of sample %d are NaN", i)
		}
		labels, energies = append(labels, y), append(energies, least)
	}
	return labels, energies, nil
}

// FreeEnergies returns −(1/β) log Σ_y exp(−β E(x, y)) of each sample, in dst's memory
// if that is enough: low for inputs that some answer fits, so high for those unlike
// the training set's.
func (p *Predictor) FreeEnergies(dst []float64, x *tensor.Tensor, beta float64) []float64 {
	e := p.Energies(x)
	dst = slices.Grow(dst[:0], e.Dim(0))
	for i := range e.Dim(0) {
		least, sum := math.Inf(1), 0.0
		for y := range e.Dim(1) {
			least = min(least, element(e, i*e.Dim(1)+y))
		}
		for y := range e.Dim(1) {
			sum += math.Exp(-beta * (element(e, i*e.Dim(1)+y) - least))
		}
		dst = append(dst, least-math.Log(sum)/beta)
	}
	return dst
}
