package energy

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
)

// AnswerLoss records losses over answers of any kind: the functional's formula over
// E⁺ and its statistic. It is used, and used again, as LabelLoss is.
type AnswerLoss struct {
	out              *autodiff.Var
	dCorrect, dOther []float64
}

// Record records f's loss of each sample, [B].
//
// Errors: answers without a surface; the answers have no such statistic; E⁺ is not a finite number; the statistic
// is NaN or −Inf; or one of the two is negative where f needs E ≥ 0
// (*functional.EnergyError with Label −1).
func (l *AnswerLoss) Record(a Answers, f functional.Functional) (*autodiff.Var, error) {
	if p, ok := a.(*PointAnswers); ok {
		if err := p.check(); err != nil { // Correct could not say it
			return nil, err
		}
	}
	s, correct := f.Statistic(), a.Correct()
	other := correct
	if s.Kind != functional.None {
		var err error
		if other, err = a.Statistic(s); err != nil {
			return nil, fmt.Errorf("energy: %s: %w", f.Name(), err)
		}
	}
	shape := correct.Shape()
	if len(shape) != 1 || !slices.Equal(shape, other.Shape()) {
		return nil, fmt.Errorf("energy: correct energies of shape %v and a statistic of shape %v; both must be [B]", slices.Clone(shape), slices.Clone(other.Shape()))
	}
	n := shape[0]
	l.dCorrect, l.dOther = scratch.Sized(l.dCorrect, n), scratch.Sized(l.dOther, n)
	l.out = correct.Tape().Custom(l, []*autodiff.Var{correct, other}, n)
	for i := range n {
		e, v := element(correct.Value, i), 0.0
		if s.Kind != functional.None {
			v = element(other.Value, i)
		}
		if err := check(f.Name(), s, i, e, v); err != nil {
			return nil, err
		}
		var loss float64
		loss, l.dCorrect[i], l.dOther[i] = f.Eval(e, v)
		set(l.out.Value, i, loss)
	}
	return l.out, nil
}

// check checks E⁺ = e and statistic v of a sample.
func check(name string, s functional.Statistic, sample int, e, v float64) error {
	switch {
	case math.IsNaN(e) || math.IsInf(e, 0):
		return &functional.EnergyError{Functional: name, Sample: sample, Label: -1, Value: e, Want: "a finite number for the correct answer"}
	case math.IsNaN(v) || math.IsInf(v, -1):
		return &functional.EnergyError{Functional: name, Sample: sample, Label: -1, Value: v, Want: "a number above −Inf, as a statistic"}
	case s.NonNegative && (e < 0 || v < 0 && s.Kind != functional.Wrong):
		return &functional.EnergyError{Functional: name, Sample: sample, Label: -1, Value: min(e, v), Want: "at least 0 for this functional"}
	}
	return nil
}

// Backward implements autodiff.Op.
func (l *AnswerLoss) Backward(out *autodiff.Var, in []*autodiff.Var) {
	if out != l.out {
		panic("energy: a loss was recorded again before Backward; use one AnswerLoss for each")
	}
	for j, d := range [2][]float64{l.dCorrect, l.dOther} {
		if in[j].Needs() {
			g := in[j].AddGrad()
			for i, v := range d {
				set(g, i, element(g, i)+v*element(out.Grad(), i))
			}
		}
	}
}

// element returns element i of a vector.
func element(t *tensor.Tensor, i int) float64 {
	if x := t.Float64s(); x != nil {
		return x[i]
	}
	return float64(t.Float32s()[i])
}

// set sets element i of a vector.
func set(t *tensor.Tensor, i int, v float64) {
	if x := t.Float64s(); x != nil {
		x[i] = v
		return
	}
	t.Float32s()[i] = float32(v)
}
