package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// LabelTask is a model of labels that a functional, or a loss of its scores −E, trains on samples of one's own. Its error is
// the share of samples wrong.
//
// Errors, when it is first evaluated or trained on: a field that is missing; lengths that do not fit; a number of X that is not finite; a label that the
// model does not have. Those of energies name the sample by its place in Y.
type LabelTask struct {
	Model energy.Labeler
	X     []float32 // a row for each sample, which the model takes as [B, len(X)/len(Y)]; nn.Unflatten gives a sample another shape
	Y     []int     // the correct label of each sample
	Held  int       // the last samples, which are evaluated and not trained on; 0: all are trained on, and the last 5,000 of them evaluated

	Functional functional.Functional
	Criterion  Loss // where Functional is nil, over scores [B, K], which are −E

	rows      *rows
	subject   Subject
	target    []int
	label     energy.LabelLoss
	criterion nn.Criterion
	predictor *energy.Predictor
}

// Params implements Task.
func (t *LabelTask) Params() []*autodiff.Param { return t.Model.Params() }

// Samples implements Task.
func (t *LabelTask) Samples() int { return len(t.Y) - t.Held }

// Scale implements Scaler.
func (t *LabelTask) Scale(spread measure.Number) { t.subject.Scale = spread }

// prepare checks the fields, once.
func (t *LabelTask) prepare() (err error) {
	const owner = "LabelTask"
	if t.rows != nil {
		return nil
	}
	switch {
	case t.Model == nil:
		return fmt.Errorf("train: %s.Model is nil; it must be set", owner)
	case t.Functional == nil:
		if err := t.Criterion.check(owner, true); err != nil {
			return err
		}
	}
	k := t.Model.Labels()
	for i, y := range t.Y {
		if y < 0 || y >= k {
			return fmt.Errorf("train: %s.Y[%d] is %d; it must be a label from 0 to %d", owner, i, y, k-1)
		}
	}
	r, err := newRows(owner, "X", t.X, len(t.Y), t.Held)
	if err != nil {
		return err
	}
	t.subject = Subject{Functional: t.Functional, Architecture: "the network", Terms: AnswerTerms("samples", 0), Scale: t.subject.Scale}
	t.subject.Terms.AllAnswers = false
	if t.Functional == nil {
		t.subject.Loss = t.Criterion.name
	}
	t.rows, t.predictor = r, energy.NewPredictor(t.Model, tensor.Float32)
	return nil
}

// Loss implements Task.
func (t *LabelTask) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	if err := t.prepare(); err != nil {
		return nil, err
	}
	t.target = t.target[:0]
	for _, s := range b.Samples {
		t.target = append(t.target, t.Y[s])
	}
	e := t.Model.Energies(tape.Const(t.rows.pick(b.Samples)))
	if t.Functional == nil {
		return t.Criterion.record(&t.criterion, autodiff.Neg(e), t.target, nil)
	}
	each, err := t.label.Record(e, t.target, t.Functional)
	if err != nil {
		return nil, ofSamples(err, b.Samples)
	}
	return autodiff.Mean(each), nil
}

// ofSamples makes an error of an energy name the sample by its place among all.
func ofSamples(err error, samples []int) error {
	var bad *functional.EnergyError
	if errors.As(err, &bad) && bad.Sample < len(samples) {
		bad.Sample = samples[bad.Sample]
	}
	return err
}

// Evaluate implements Task.
func (t *LabelTask) Evaluate(ctx context.Context) (Evaluation, error) {
	if err := t.prepare(); err != nil {
		return Evaluation{}, err
	}
	lo, hi := t.rows.seen()
	stats, k := make([]functional.LabelStats, hi-lo), t.Model.Labels()
	seen := &watch.Look{Set: watch.Set{Answers: k}}
	err := t.rows.chunks(func(samples []int) error {
		first := samples[0]
		e := t.predictor.Energies(t.rows.pick(samples))
		for i, s := range samples[:min(len(samples), watch.SamplesMost-len(seen.Labels))] {
			seen.Samples, seen.Labels = append(seen.Samples, s-lo), append(seen.Labels, t.Y[s])
			seen.Energies = append(seen.Energies, e.Float32s()[i*k:][:k]...)
		}
		return errors.Join(ctx.Err(), functional.Stats(stats[first-lo:][:len(samples)], e.Float32s(), k, t.Y[first:][:len(samples)]))
	})
	if err != nil {
		return Evaluation{}, err
	}
	wrong, counts := 0, make([]int, k)
	for i, s := range stats {
		y := t.Y[lo+i]
		counts[y]++
		if !(s.Gap() > 0 || s.Gap() == 0 && y < s.Answer) {
			wrong++
		}
	}
	n := float64(len(stats))
	e := Diagnose(stats, t.subject, WrongSamples.Of(float64(wrong)/n), 1-float64(slices.Max(counts))/n)
	e.Watched = seen
	return e, nil
}
