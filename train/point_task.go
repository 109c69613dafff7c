package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// PointTask is a density p(y) = exp(−E(y))/Z that an objective trains on points of one's own. Its error is the score matching
// objective ½‖∇E‖² − ΔE, along random directions, which needs no Z and is least where p is the points' own density. The energies are held
// against those of noise: of normal numbers with the points' own means and deviations.
//
// Errors, when it is first evaluated or trained on: a field that is missing; points of another length than the surface's; a number of Y that is not finite.
// Source: [hyvarinen2005], [song2019].
type PointTask struct {
	Surface   energy.Surface // over y alone
	Y         []float32      // points, one after another
	Held      int            // the last points, which are evaluated and not trained on; 0: all are trained on, and the last 5,000 of them evaluated
	Objective objective.Objective

	rows    *rows
	subject Subject
	slopes  *energy.Slopes[float32]
	score   objective.SlicedScore[float32]
	noise   []float32      // a point for each that is evaluated
	tape    *autodiff.Tape // of what is evaluated
}

// Params implements Task: the surface's, and the objective's own.
func (t *PointTask) Params() []*autodiff.Param {
	params := t.Surface.Params()
	if o, ok := t.Objective.(objective.Trained); ok {
		params = slices.Concat(params, o.Params())
	}
	return params
}

// Samples implements Task.
func (t *PointTask) Samples() int { return len(t.Y)/max(t.Surface.Dim(), 1) - t.Held }

// State implements Stateful: what the objective keeps from step to step.
func (t *PointTask) State() []tensor.Named {
	if o, ok := t.Objective.(objective.Stateful); ok {
		return o.State()
	}
	return nil
}

// Scale implements Scaler.
func (t *PointTask) Scale(spread measure.Number) { t.subject.Scale = spread }

// prepare checks the fields, once.
func (t *PointTask) prepare() error {
	const owner = "PointTask"
	if t.rows != nil {
		return nil
	}
	switch {
	case t.Surface == nil:
		return fmt.Errorf("train: %s.Surface is nil; it must be set", owner)
	case t.Objective == nil:
		return fmt.Errorf("train: %s.Objective is nil; it must be set", owner)
	case t.Surface.Dim() < 1 || len(t.Y)%t.Surface.Dim() != 0:
		return fmt.Errorf("train: %s.Y has %d numbers; they must be points of the surface's %d", owner, len(t.Y), t.Surface.Dim())
	}
	r, err := newRows(owner, "Y", t.Y, len(t.Y)/t.Surface.Dim(), t.Held)
	if err != nil {
		return err
	}
	t.rows, t.slopes, t.tape = r, energy.NewSlopes[float32](t.Surface), autodiff.NewTape(tensor.Float32)
	t.tape.NoGrad = true
	t.subject.Loss, t.subject.Architecture = "of the density", "E(y)"
	t.subject.Terms = Terms{
		Energies: "energies", Samples: "points", Correct: "the points", Offending: "noise of their means and deviations",
		Kept: ToldApart("of the points are lower than a point of noise"),
	}
	t.drawNoise()
	return nil
}

// drawNoise draws what the energies of points are held against, and sets the step of the score to a tenth of their deviation.
func (t *PointTask) drawNoise() {
	lo, hi := t.rows.seen()
	d, rng, all := t.rows.width, Rand(1, "noise", 0), 0.0
	t.noise = make([]float32, (hi-lo)*d)
	column := make([]float64, t.rows.n)
	for j := range d {
		for i := range column {
			column[i] = float64(t.Y[i*d+j])
		}
		mean, variance := measure.Mean(column), 0.0
		for _, v := range column {
			variance += (v - mean) * (v - mean) / float64(len(column))
		}
		for i := range hi - lo {
			t.noise[i*d+j] = float32(mean + math.Sqrt(variance)*rng.NormFloat64())
		}
		all += variance / float64(d)
	}
	t.score.H = math.Sqrt(all) / 10
}

// Loss implements Task.
func (t *PointTask) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	if err := t.prepare(); err != nil {
		return nil, err
	}
	return t.Objective.Record(tape, t.Surface, t.rows.pick(b.Samples), b.Rand)
}

// Evaluate implements Task.
func (t *PointTask) Evaluate(ctx context.Context) (Evaluation, error) {
	if err := t.prepare(); err != nil {
		return Evaluation{}, err
	}
	d := t.rows.width
	lo, hi := t.rows.seen()
	points, noise := make([]float64, hi-lo), make([]float64, hi-lo)
	t.slopes.Energies(points, nil, t.Y[lo*d:hi*d])
	t.slopes.Energies(noise, nil, t.noise)
	stats := make([]functional.LabelStats, hi-lo)
	for i := range stats {
		stats[i] = functional.LabelStats{Correct: points[i], Offending: noise[i], Answer: 1, Spread: math.Abs(noise[i]-points[i]) / 2}
	}
	score, rng := 0.0, Rand(1, "score", 0)
	err := t.rows.chunks(func(samples []int) error {
		t.tape.Reset()
		v, err := t.score.Record(t.tape, t.Surface, t.rows.pick(samples), rng)
		if err != nil {
			return err
		}
		score += v.Value.At() * float64(len(samples)) / float64(hi-lo)
		return ctx.Err()
	})
	var bad *functional.EnergyError
	if errors.As(err, &bad) && bad.NonFinite() { // which the guard sees in the energies, too
		score, err = math.NaN(), nil
	}
	q := measure.Quantity{Key: "score", Name: "Score", Note: "score matching objective; less is better"}
	return Diagnose(stats, t.subject, q.Of(score), math.NaN()), err
}
