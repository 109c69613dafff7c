package train

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// OutputTask is a network whose outputs a loss trains on samples of one's own: towards numbers (regression), or by labels (scores of classes,
// vectors of which those of a label belong together). Its error is the mean loss.
//
// Errors, when it is first evaluated or trained on: a field that is missing; lengths that do not fit; a number that is not finite.
type OutputTask struct {
	Net  nn.Module
	X    []float32 // a row for each sample, which the network takes as [B, len(X)/N]; nn.Unflatten gives a sample another shape
	N    int       // samples
	Held int       // the last samples, which are evaluated and not trained on; 0: all are trained on, and the last 5,000 of them evaluated

	Targets   []float32 // as many for each sample, as the criterion takes them; nil where Labels are set
	Labels    []int     // as many for each sample
	Criterion Loss

	rows      *rows
	targets   []float32
	labels    []int
	criterion nn.Criterion
	tape      *autodiff.Tape // of what is evaluated
}

// Params implements Task.
func (t *OutputTask) Params() []*autodiff.Param { return t.Net.Params() }

// Samples implements Task.
func (t *OutputTask) Samples() int { return t.N - t.Held }

// prepare checks the fields, once.
func (t *OutputTask) prepare() error {
	const owner = "OutputTask"
	if t.rows != nil {
		return nil
	}
	if t.Net == nil {
		return fmt.Errorf("train: %s.Net is nil; it must be set", owner)
	}
	if (t.Targets == nil) == (t.Labels == nil) {
		return fmt.Errorf("train: %s has %d Targets and %d Labels; one of the two must be set", owner, len(t.Targets), len(t.Labels))
	}
	if err := t.Criterion.check(owner, t.Labels != nil); err != nil {
		return err
	}
	r, err := newRows(owner, "X", t.X, t.N, t.Held)
	if err != nil {
		return err
	}
	if n := len(t.Targets) + len(t.Labels); n%t.N != 0 {
		return fmt.Errorf("train: %s has %d Targets or Labels for %d samples; it must have as many for each", owner, n, t.N)
	}
	if err := finite(owner, "Targets", t.Targets); err != nil {
		return err
	}
	t.rows, t.tape = r, autodiff.NewTape(tensor.Float32)
	t.tape.NoGrad = true
	return nil
}

// Loss implements Task.
func (t *OutputTask) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	if err := t.prepare(); err != nil {
		return nil, err
	}
	t.targets, t.labels = pickEach(t.targets, t.Targets, t.N, b.Samples), pickEach(t.labels, t.Labels, t.N, b.Samples)
	out := t.Net.Forward(tape.Const(t.rows.pick(b.Samples)))
	return t.Criterion.record(&t.criterion, out, t.labels, t.targets)
}

// pickEach returns what n samples have of all for some of them, in dst's memory; nil of nil.
func pickEach[T any](dst, all []T, n int, samples []int) []T {
	if all == nil {
		return nil
	}
	dst, width := dst[:0], len(all)/n
	for _, s := range samples {
		dst = append(dst, all[s*width:(s+1)*width]...)
	}
	return dst
}

// Evaluate implements Task.
func (t *OutputTask) Evaluate(ctx context.Context) (Evaluation, error) {
	if err := t.prepare(); err != nil {
		return Evaluation{}, err
	}
	lo, hi := t.rows.seen()
	var mean float64
	err := t.rows.chunks(func(samples []int) error {
		t.tape.Reset()
		v, err := t.Loss(t.tape, Batch{Samples: samples})
		if err != nil {
			return err
		}
		mean += v.Value.At() * float64(len(samples)) / float64(hi-lo)
		return ctx.Err()
	})
	return Evaluation{Error: measure.Quantity{Key: "loss", Name: "Loss"}.Of(mean)}, err
}
