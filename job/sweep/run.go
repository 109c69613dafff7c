package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// ErrInterrupted is returned when the context ended: a checkpoint of the trial under way is saved, and Run continues from it.
var ErrInterrupted = errors.New("the sweep was interrupted")

// A Runner trains the trials of a sweep.
type Runner struct {
	Job job.Job
	Env job.Env

	Round func(r Round, number, of int) // told before each round of a halving; may be nil
	Begin func(t Trial, done, of int)   // told before each training: done of the trials of the round have ended; may be nil
	Emit  func(train.Event)             // told what happens in it; may be nil
	Fail  func(t Trial, why error)      // told of a trial that failed; may be nil

	left map[int]measure.Number // validation errors of a round
	of   progressOf
}

// Run trains what is not trained yet, and returns what came of all trials. It can be called again after an interruption of any kind.
// A trial that fails is told of, and the sweep continues; it is tried again by the next call, unless it diverged.
//
// Errors: ErrInterrupted; the summary cannot be written.
func (w *Sweep) Run(ctx context.Context, r Runner) (*Summary, error) {
	rounds, err := w.Rounds()
	if err != nil {
		return nil, err
	}
	r.of = progressOf{failed: map[int]string{}, rounds: map[int]int{}, out: map[int]bool{}, seen: map[int]Outcome{}}
	if _, err := w.save(&r); err != nil {
		return nil, err
	}
	trials := w.Trials
	for i, round := range rounds {
		if w.Search == Halving {
			call3(r.Round, round, i+1, len(rounds))
		}
		last := i+1 == len(rounds)
		if err := w.round(ctx, &r, trials, i+1, round.Epochs, last); err != nil {
			return nil, err
		}
		if !last {
			trials = r.promote(trials, rounds[i+1].Trials)
		}
	}
	return w.save(&r)
}

// round trains trials up to a number of epochs, or to their ends where it is the last.
func (w *Sweep) round(ctx context.Context, r *Runner, trials []Trial, number, epochs int, last bool) error {
	r.left = map[int]measure.Number{}
	if last {
		epochs = 0
	}
	for i, t := range trials {
		r.of.rounds[t.Number] = number
		if ctx.Err() != nil {
			return ErrInterrupted
		}
		begin := func() { call3(r.Begin, t, i, len(trials)) }
		err := w.train(ctx, r, t, epochs, begin)
		delete(r.of.seen, t.Number)
		switch {
		case errors.Is(err, ErrInterrupted):
			return err
		case err != nil:
			r.of.failed[t.Number] = err.Error()
			if r.Fail != nil {
				r.Fail(t, err)
			}
		}
		if _, err := w.save(r); err != nil {
			return err
		}
	}
	return nil
}

func call3[A any](f func(A, int, int), a A, n, of int) {
	if f != nil {
		f(a, n, of)
	}
}

// train trains a trial up to a number of epochs, 0 for all, unless it has come so far, and notes its validation error.
func (w *Sweep) train(ctx context.Context, r *Runner, t Trial, epochs int, begin func()) error {
	s, _, err := w.Spec(r.Job, t.Values)
	if err != nil {
		return err
	}
	dir := w.Folder(t)
	done, err := w.reached(r, t, s, epochs)
	if done || err != nil {
		return err
	}
	begin()
	part, stop := context.WithCancel(ctx)
	defer stop()
	emit := func(e train.Event) {
		if r.Emit != nil {
			r.Emit(e)
		}
		// The loop saves behind this event, and looks at the context before its next step.
		if e, ok := e.(train.Epoch); ok && epochs > 0 && e.Epoch >= epochs {
			stop()
		}
	}
	resume := exists(filepath.Join(dir, train.CheckpointFile))
	_, err = job.Train(part, r.Job, s, job.Options{Dir: dir, Resume: resume, Env: r.Env, Emit: emit})
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return ErrInterrupted
	}
	if err != nil {
		return err
	}
	if done, err = w.reached(r, t, s, epochs); err == nil && !done {
		err = fmt.Errorf("%s was trained, and its record does not have its last epoch", dir)
	}
	return err
}

// reached tells whether a trial has come to a number of epochs, 0 for its end, and notes its validation error up to there.
//
// Errors: the trial diverged before; the folder is of other settings.
func (w *Sweep) reached(r *Runner, t Trial, s job.Spec, epochs int) (bool, error) {
	run, err := report.Open(w.Folder(t))
	if err != nil { // not begun
		return false, nil
	}
	least, last := leastError(run, epochs)
	switch {
	case run.Result != nil, epochs > 0 && last >= epochs:
	case diverged(run):
		return false, train.ErrDiverged
	default:
		return false, nil
	}
	_, own, err := job.ReadConfig(run.Dir, []job.Job{r.Job})
	if err != nil {
		return false, err
	}
	if !maps.Equal(own.Options().Fingerprint(), s.Options().Fingerprint()) {
		return false, fmt.Errorf("%s is a run of other settings", run.Dir)
	}
	r.left[t.Number] = least
	return true, nil
}

// promote returns the best trials of a round, in the order of their numbers.
func (r *Runner) promote(trials []Trial, most int) []Trial {
	var all []Outcome
	for _, t := range trials {
		if v, ok := r.left[t.Number]; ok {
			all = append(all, Outcome{Trial: t.Number, Validation: v})
		}
	}
	slices.SortFunc(all, better)
	on := map[int]bool{}
	for _, o := range all[:min(most, len(all))] {
		on[o.Trial] = true
	}
	var next []Trial
	for _, t := range trials {
		if on[t.Number] {
			next = append(next, t)
		} else {
			r.of.out[t.Number] = true
		}
	}
	return next
}

// save writes the summary.
func (w *Sweep) save(r *Runner) (*Summary, error) {
	s, err := w.summarise(r.Job, r.of)
	if err != nil {
		return nil, err
	}
	return s, s.write()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
