package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

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

	// Elsewhere trains a trial in another process, up to a number of epochs, 0 for all, as Sweep.Train does there. It returns when
	// nothing writes into the trial's folder any more, also where ctx has ended. nil: trials are trained one by one in this process.
	Elsewhere func(ctx context.Context, t Trial, epochs int) error
	Jobs      int // trainings elsewhere at a time; below 1 is 1. Results do not depend on it

	// No two of these are called at a time; each may be nil.
	Round func(r Round, number, of int) // told before each round of a halving
	Begin func(t Trial, place, of int)  // told before each training: the trial is at a place, from 0, among those of the round
	Emit  func(train.Event)             // told what happens in a training of this process
	Fail  func(t Trial, why error)      // told of a trial that failed
}

// running is a Run under way.
type running struct {
	Runner
	w *Sweep

	mu   sync.Mutex             // of what follows, and of the folder's summary
	left map[int]measure.Number // validation errors of a round
	of   progressOf
	err  error // what ends the sweep
}

// Run trains what is not trained yet, and returns what came of all trials. It can be called again after an interruption of any kind.
// A trial that fails is told of, and the sweep continues; it is tried again by the next call, unless it diverged.
//
// Errors: ErrInterrupted; the summary cannot be written; Jobs above 1 without Elsewhere.
func (w *Sweep) Run(ctx context.Context, r Runner) (*Summary, error) {
	if r.Jobs > 1 && r.Elsewhere == nil {
		return nil, fmt.Errorf("sweep: jobs is %d; in one process it must be 1", r.Jobs)
	}
	rounds, err := w.Rounds()
	if err != nil {
		return nil, err
	}
	run := &running{Runner: r, w: w, of: progressOf{failed: map[int]string{}, rounds: map[int]int{}, out: map[int]bool{}, seen: map[int]Outcome{}}}
	if _, err := run.save(); err != nil {
		return nil, err
	}
	trials := w.Trials
	for i, round := range rounds {
		if w.Search == Halving {
			call3(r.Round, round, i+1, len(rounds))
		}
		last := i+1 == len(rounds)
		if err := run.round(ctx, trials, i+1, round.Epochs, last); err != nil {
			return nil, err
		}
		if !last {
			trials = run.promote(trials, rounds[i+1].Trials)
		}
	}
	return run.save()
}

// round trains trials up to a number of epochs, or to their ends where it is the last. What came of one does not depend on the others, so
// that they may be trained in any order.
func (r *running) round(ctx context.Context, trials []Trial, number, epochs int, last bool) error {
	r.left = map[int]measure.Number{}
	if last {
		epochs = 0
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group sync.WaitGroup
	places := make(chan struct{}, max(r.Jobs, 1))
	for i, t := range trials {
		places <- struct{}{}
		if ctx.Err() != nil {
			r.end(ErrInterrupted)
			break
		}
		group.Go(func() {
			defer func() { <-places }()
			if err := r.trial(ctx, t, number, epochs, func() { call3(r.Begin, t, i, len(trials)) }); err != nil {
				r.end(err)
				stop()
			}
		})
	}
	group.Wait()
	return r.err
}

// end notes why the sweep ends: the first reason counts.
func (r *running) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = cmp.Or(r.err, err)
}

// trial trains one, and writes what came of it. Its error ends the sweep.
func (r *running) trial(ctx context.Context, t Trial, number, epochs int, begin func()) error {
	r.mu.Lock()
	r.of.rounds[t.Number] = number
	r.mu.Unlock()
	least, err := r.train(ctx, t, epochs, begin)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of.seen, t.Number)
	switch {
	case errors.Is(err, ErrInterrupted):
		return err
	case err != nil:
		r.of.failed[t.Number] = err.Error()
		if r.Fail != nil {
			r.Fail(t, err)
		}
	default:
		r.left[t.Number] = least
	}
	_, err = r.save()
	return err
}

func call3[A any](f func(A, int, int), a A, n, of int) {
	if f != nil {
		f(a, n, of)
	}
}

// train trains a trial up to a number of epochs, 0 for all, unless it has come so far, and returns its validation error.
func (r *running) train(ctx context.Context, t Trial, epochs int, begin func()) (least measure.Number, err error) {
	s, _, err := r.w.Spec(r.Job, t.Values)
	if err != nil {
		return 0, err
	}
	least, done, err := r.w.reached(r.Job, t, s, epochs)
	if done || err != nil {
		return least, err
	}
	r.mu.Lock()
	begin()
	r.mu.Unlock()
	if r.Elsewhere != nil {
		err = r.Elsewhere(ctx, t, epochs)
	} else {
		err = r.w.trainHere(ctx, r.Runner, t, s, epochs)
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return 0, ErrInterrupted
	}
	if err != nil {
		return 0, err
	}
	if least, done, err = r.w.reached(r.Job, t, s, epochs); err == nil && !done {
		err = fmt.Errorf("%s was trained, and its record does not have its last epoch", r.w.Folder(t))
	}
	return least, err
}

// trainHere trains a trial in this process up to a number of epochs, 0 for all, from where it is.
func (w *Sweep) trainHere(ctx context.Context, r Runner, t Trial, s job.Spec, epochs int) error {
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
	dir := w.Folder(t)
	_, err := job.Train(part, r.Job, s, job.Options{Dir: dir, Resume: exists(filepath.Join(dir, train.CheckpointFile)), Env: r.Env, Emit: emit})
	return err
}

// The process of an interrupted sweep, which may still be writing a checkpoint, is waited for.
const (
	inUseWait  = 100 * time.Millisecond
	inUseTimes = 300
)

// Train trains the trial of a number up to a number of epochs, 0 for all, from where it is. It is what a process does for Runner.Elsewhere, and
// returns context.Canceled where ctx ended.
//
// Errors: no trial has the number; those of job.Train.
func (w *Sweep) Train(ctx context.Context, r Runner, number, epochs int) error {
	if number < 1 || number > len(w.Trials) {
		return fmt.Errorf("trial is %d; it must be from 1 to %d", number, len(w.Trials))
	}
	t := w.Trials[number-1]
	s, _, err := w.Spec(r.Job, t.Values)
	if err != nil {
		return err
	}
	for range inUseTimes {
		if err = w.trainHere(ctx, r, t, s, epochs); !errors.Is(err, job.ErrInUse) || ctx.Err() != nil {
			break
		}
		time.Sleep(inUseWait)
	}
	return cmp.Or(err, ctx.Err())
}

// reached tells whether a trial has come to a number of epochs, 0 for its end, and its validation error up to there.
//
// Errors: the trial diverged before; the folder is of other settings.
func (w *Sweep) reached(j job.Job, t Trial, s job.Spec, epochs int) (least measure.Number, done bool, err error) {
	run, err := report.Open(w.Folder(t))
	if err != nil { // not begun
		return 0, false, nil
	}
	least, last := leastError(run, epochs)
	switch {
	case run.Result != nil, epochs > 0 && last >= epochs:
	case diverged(run):
		return 0, false, train.ErrDiverged
	default:
		return 0, false, nil
	}
	_, own, err := job.ReadConfig(run.Dir, []job.Job{j})
	if err != nil {
		return 0, false, err
	}
	if !maps.Equal(own.Options().Fingerprint(), s.Options().Fingerprint()) {
		return 0, false, fmt.Errorf("%s is a run of other settings", run.Dir)
	}
	return least, true, nil
}

// promote returns the best trials of a round, in the order of their numbers.
func (r *running) promote(trials []Trial, most int) []Trial {
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
func (r *running) save() (*Summary, error) {
	s, err := r.w.summarise(r.Job, r.of)
	if err != nil {
		return nil, err
	}
	return s, s.write()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
