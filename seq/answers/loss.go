package answers

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/scratch"
)

// Loss evaluates functionals over answers. The zero value is ready; one that is used
// again keeps its memory and allocates nothing.
type Loss struct {
	correct, other   []float64
	dCorrect, dOther []float64
	answers          Answers
}

// Eval writes f's loss of each sample of a to loss and returns how many samples have one:
// where the correct answer is impossible, the loss is +Inf and nothing will be pushed.
//
// Errors: what a has no statistic for (*NoStatistic); E⁺ or a statistic that is NaN or −Inf, or
// negative where f needs E ≥ 0 (*functional.EnergyError); a length that does not fit.
func (l *Loss) Eval(a Answers, f functional.Functional, loss []float64) (possible int, err error) {
	l.answers = nil
	s, n := f.Statistic(), a.Len()
	if err := checkLength("loss", len(loss), n); err != nil {
		return 0, err
	}
	if err := a.Has(s); err != nil {
		return 0, fmt.Errorf("%s: %w", f.Name(), err)
	}
	l.correct, l.other = scratch.Sized(l.correct, n), scratch.Sized(l.other, n)
	l.dCorrect, l.dOther = scratch.Sized(l.dCorrect, n), scratch.Sized(l.dOther, n)
	if err := a.Eval(s, l.correct, l.other); err != nil {
		return 0, fmt.Errorf("%s: %w", f.Name(), err)
	}
	for i, e := range l.correct {
		v := l.other[i]
		if math.IsInf(e, 1) {
			loss[i], l.dCorrect[i], l.dOther[i] = e, 0, 0
			continue
		}
		if err := check(f.Name(), &s, i, e, v); err != nil {
			return 0, err
		}
		loss[i], l.dCorrect[i], l.dOther[i] = f.Eval(e, v)
		possible++
	}
	l.answers = a
	return possible, nil
}

// check checks E⁺ and the statistic of a sample.
func check(name string, s *functional.Statistic, sample int, e, v float64) error {
	switch {
	case math.IsNaN(e) || math.IsInf(e, -1):
		return &functional.EnergyError{Functional: name, Sample: sample, Label: -1, Value: e, Want: "a finite number for the correct answer"}
	case math.IsNaN(v) || math.IsInf(v, -1):
		return &functional.EnergyError{Functional: name, Sample: sample, Label: -1, Value: v, Want: "a number above −Inf, as a statistic"}
	case s.NonNegative && (e < 0 || v < 0 && s.Kind != functional.Wrong):
		return &functional.EnergyError{Functional: name, Sample: sample, Label: -1, Value: min(e, v), Want: "at least 0 for this functional"}
	}
	return nil
}

// AddGrads adds scale times the derivatives of the sum of the losses of the last Eval to
// the memory of its answers. 1/possible makes them those of the mean.
func (l *Loss) AddGrads(scale float64) error {
	if l.answers == nil {
		return fmt.Errorf("answers: AddGrads without an Eval that succeeded")
	}
	for i := range l.dCorrect {
		l.dCorrect[i] *= scale
		l.dOther[i] *= scale
	}
	return l.push()
}

// AddWeighted is AddGrads of a weight for each sample.
func (l *Loss) AddWeighted(weights []float64) error {
	if l.answers == nil {
		return fmt.Errorf("answers: AddWeighted without an Eval that succeeded")
	}
	if err := checkLength("weights", len(weights), len(l.dCorrect)); err != nil {
		return err
	}
	for i, w := range weights {
		l.dCorrect[i] *= w
		l.dOther[i] *= w
	}
	return l.push()
}

// push hands the derivatives to the answers.
func (l *Loss) push() error {
	a := l.answers
	l.answers = nil
	return a.AddGrads(l.dCorrect, l.dOther)
}
