package energy

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/tensor"
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
		best, least := -1, math.NaN()
		for y := range e.Dim(1) {
			if v := element(e, i*e.Dim(1)+y); v < least || (best < 0 && !math.IsNaN(v)) {
				best, least = y, v
			}
		}
		dst = append(dst, best)
	}
	return dst
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
