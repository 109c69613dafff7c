package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
)

// collect trains and returns all that it was told.
func collect(t *testing.T, task Task, c Config) (*Outcome, []Event, error) {
	t.Helper()
	var all []Event
	out, err := Run(t.Context(), task, c, func(e Event) { all = append(all, e) })
	return out, all, err
}

// only returns the events of one type.
func only[E Event](all []Event) (some []E) {
	for _, e := range all {
		if e, ok := e.(E); ok {
			some = append(some, e)
		}
	}
	return some
}

// spoiled is blobs with one step's loss not a number.
type spoiled struct {
	*blobs
	step, at int
}

func (s *spoiled) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	v, err := s.blobs.Loss(tape, b)
	if s.step++; s.step == s.at && err == nil {
		v = autodiff.Scale(v, math.Inf(1))
	}
	return v, err
}

func TestRollBack(t *testing.T) {
	c := blobConfig(t.TempDir())
	c.Epochs, c.EMA, c.L1, c.Schedule = 25, 0, 0, nil // 325 steps
	task := &spoiled{blobs: newBlobs(9), at: 260}
	var good, after []uint32
	task.before = func() {
		switch task.step { // steps done
		case guardEvery:
			good = weights(task)
		case 260:
			after = weights(task)
		}
	}
	out, all, err := collect(t, task, c)
	if err != nil {
		t.Fatal(err)
	}
	if out.Reason != "finished" || out.Steps != 325 {
		t.Errorf("the run came to %+v", out)
	}
	if !slices.Equal(good, after) {
		t.Error("the weights after the divergence are not those of the last good state")
	}
	got := only[Diverged](all)
	if len(got) != 1 || got[0] != (Diverged{Step: 260, Reason: "the loss is +Inf", LR: 0.005, Left: 99}) {
		t.Errorf("told of divergences: %+v", got)
	}
	for _, e := range only[Step](all) {
		want := 0.01
		if e.Step >= 260 {
			want = 0.005
		}
		if e.LR != want {
			t.Fatalf("step %d has step size %v, want %v", e.Step, e.LR, want)
		}
	}
}

// TestRollBackOfMomentum goes back, and must then do what a run does that never left
// the good state: what the optimiser and the average remember goes back, too.
// TestLastStepSpoilsWeights has no next step that would tell.
func TestLastStepSpoilsWeights(t *testing.T) {
	c := blobConfig(t.TempDir())
	c.Epochs, c.Batch, c.LR = 1, blobSamples, 1e40
	task := newBlobs(9)
	first := weights(task)
	out, all, err := collect(t, task, c)
	if err != nil || out.Reason != "finished" {
		t.Fatalf("%+v, %v", out, err)
	}
	if d := only[Diverged](all); len(d) != 1 || !strings.Contains(d[0].Reason, "not finite") {
		t.Errorf("divergences %+v", d)
	}
	if !slices.Equal(weights(task), first) {
		t.Error("the weights are not those before the step")
	}

	c.Run, c.Forgive = t.TempDir(), 0
	if out, _, err := collect(t, newBlobs(9), c); !errors.Is(err, ErrDiverged) || out.Reason != "diverged" {
		t.Errorf("with nothing to forgive: %+v, %v", out, err)
	}
}

func TestRollBackOfMomentum(t *testing.T) {
	run := func(at int) *loop {
		c := blobConfig(t.TempDir())
		c.Schedule, c.L1 = nil, 0
		l := startedLoop(t, &spoiled{blobs: newBlobs(9), at: at}, c)
		l.good.take(l.params, l.c.Optimizer, l.ema)
		for range 5 {
			if err := l.step(); err != nil {
				t.Fatal(err)
			}
		}
		return l
	}
	l := run(5)
	if n := l.c.Optimizer.State()[0].Tensor.At(0); n != 0 {
		t.Errorf("the optimiser counts %v steps, not the good state's 0", n)
	}
	if n := l.ema.State()[0].Tensor.At(0); n != 0 {
		t.Errorf("the average counts %v steps, not the good state's 0", n)
	}
	if n := run(0).ema.State()[0].Tensor.At(0); n != 5 {
		t.Errorf("without a divergence the average counts %v steps, not 5", n)
	}
}

func TestGivesUp(t *testing.T) {
	for name, test := range map[string]struct {
		poison  float64
		config  func(*Config)
		forgive int
		want    string
		events  int
	}{
		"from the start":      {poison: 1, forgive: 3, want: "from its first step on: the loss is NaN", events: 0},
		"budget":              {poison: 0.3, forgive: 3, want: "3 earlier divergences were rolled back", events: 3},
		"no budget":           {poison: 0.3, forgive: 0, want: "0 earlier divergences", events: 0},
		"a step size of 1e30": {config: func(c *Config) { c.Optimizer, c.LR, c.Clip, c.L1 = &optim.SGD{}, 1e30, 0, 0 }, forgive: 5, want: "try a smaller lr", events: 5},
	} {
		t.Run(name, func(t *testing.T) {
			task, c := newBlobs(9), blobConfig(t.TempDir())
			task.poison, c.Forgive, c.Epochs = test.poison, test.forgive, 10
			if test.config != nil {
				test.config(&c)
			}
			out, all, err := collect(t, task, c)
			if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v; it should say %q", err, test.want)
			}
			if n := len(only[Diverged](all)); n != test.events {
				t.Errorf("told of %d divergences, want %d", n, test.events)
			}
			if out == nil || out.Reason != "diverged" || all[len(all)-1] != Event(out.Done) {
				t.Errorf("outcome %+v, last event %+v", out, all[len(all)-1])
			}
		})
	}
}

// faulty is a task that misuses the tape, fails, or has a bug.
type faulty struct {
	*blobs
	loss func(tape *autodiff.Tape) (*autodiff.Var, error)
}

func (f *faulty) Loss(tape *autodiff.Tape, _ Batch) (*autodiff.Var, error) { return f.loss(tape) }

func TestFaultsAreErrors(t *testing.T) {
	failure := errors.New("no more data")
	for want, loss := range map[string]func(tape *autodiff.Tape) (*autodiff.Var, error){
		"step 1: no more data": func(*autodiff.Tape) (*autodiff.Var, error) { return nil, failure },
		"reduce it to one element first": func(tape *autodiff.Tape) (*autodiff.Var, error) {
			return tape.Const(newBlobs(9).x), nil
		},
		"index out of range": func(*autodiff.Tape) (*autodiff.Var, error) { return []*autodiff.Var(nil)[weightless()], nil },
	} {
		out, err := Run(t.Context(), &faulty{newBlobs(9), loss}, blobConfig(t.TempDir()), func(Event) {})
		if out != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("outcome %v, error %v; it should say %q", out, err, want)
		}
	}
}

func weightless() int { return 3 }

func TestConfigRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*Config){
		"epochs":     func(c *Config) { c.Epochs = 0 },
		"batch":      func(c *Config) { c.Batch = 0 },
		"accumulate": func(c *Config) { c.Accumulate = -1 },
		"optimizer":  func(c *Config) { c.Optimizer = nil },
		"lr":         func(c *Config) { c.LR = math.NaN() },
		"ema":        func(c *Config) { c.EMA = 1 },
		"no such":    func(c *Config) { c.Run += "/not/there" },
	} {
		c := blobConfig(t.TempDir())
		spoil(&c)
		if _, err := Run(context.Background(), newBlobs(9), c, func(Event) {}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; it should say %q", err, want)
		}
	}
}

// unmeasurable is blobs whose energies are not finite in some evaluations.
type unmeasurable struct {
	*blobs
	seen  int
	fails func(seen int) bool
}

func (u *unmeasurable) Evaluate(ctx context.Context) (Evaluation, error) {
	e, err := u.blobs.Evaluate(ctx)
	if u.seen++; u.fails(u.seen) {
		e.Diagnosis.Correct.Mean = measure.Number(math.NaN())
	}
	return e, err
}

// TestGuardLooksAtWhatIsMeasured: energies that are no numbers on what is held out are a divergence, though no step saw it.
func TestGuardLooksAtWhatIsMeasured(t *testing.T) {
	task := &unmeasurable{blobs: newBlobs(9), fails: func(seen int) bool { return seen == 2 }}
	out, all, err := collect(t, task, blobConfig(t.TempDir()))
	if err != nil || out.Reason != "finished" || out.Epochs != 3 || task.seen != 4 {
		t.Fatalf("%+v after %d evaluations, %v", out, task.seen, err)
	}
	d := only[Diverged](all)
	if len(d) != 1 || !strings.Contains(d[0].Reason, "the energies of the correct answer are not a number") || d[0].Left != 99 {
		t.Errorf("told of %+v", d)
	}
	for _, e := range only[Epoch](all) {
		if e.Diagnosis.Correct.Mean != e.Diagnosis.Correct.Mean {
			t.Errorf("epoch %d was told with energies that are no numbers", e.Epoch)
		}
	}

	task = &unmeasurable{blobs: newBlobs(9), fails: func(int) bool { return true }}
	out, _, err = collect(t, task, blobConfig(t.TempDir()))
	if !errors.Is(err, ErrDiverged) || out == nil || out.Reason != "diverged" || !strings.Contains(err.Error(), "held out") {
		t.Errorf("%+v, %v", out, err)
	}
}

// slow is blobs whose second evaluation lasts until the context ends.
type slow struct {
	*blobs
	seen int
	stop func()
}

func (s *slow) Evaluate(ctx context.Context) (Evaluation, error) {
	if s.seen++; s.seen == 2 {
		s.stop()
		<-ctx.Done()
		return Evaluation{}, ctx.Err()
	}
	return s.blobs.Evaluate(ctx)
}

// TestInterruptedEvaluation: a run that is stopped while it is evaluated resumes to what an unbroken one gives.
func TestInterruptedEvaluation(t *testing.T) {
	whole, part := newBlobs(9), newBlobs(9)
	wholeDir, dir := t.TempDir(), t.TempDir()
	finish(t, t.Context(), whole, blobConfig(wholeDir))

	ctx, stop := context.WithCancel(t.Context())
	out := finish(t, ctx, &slow{blobs: part, stop: stop}, blobConfig(dir))
	if out.Reason != "interrupted" || out.Epochs != 1 {
		t.Fatalf("%+v", out)
	}
	c := blobConfig(dir)
	c.Resume = true
	again := newBlobs(9)
	finish(t, t.Context(), again, c)
	same(t, "stopped in an evaluation", whole, again, wholeDir, dir)
}
