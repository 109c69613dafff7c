package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// startedLoop is a run at its first step.
func startedLoop(t *testing.T, task Task, c Config) *loop {
	t.Helper()
	l, err := newLoop(task, c)
	if err != nil {
		t.Fatal(err)
	}
	if l.log, err = openLog(c.Run, false, l.progress); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.log.close() })
	l.sink = func(Event) {}
	if err := l.arrange(0); err != nil {
		t.Fatal(err)
	}
	return l
}

func TestWarmStepAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer simd.SetThreads(0)
	for _, threads := range []int{1, 2} {
		simd.SetThreads(threads)
		for _, accumulate := range []int{1, 2} {
			c := blobConfig(t.TempDir())
			c.Accumulate, c.Batch = accumulate, 10
			l := startedLoop(t, newBlobs(9), c)
			step := func() {
				l.progress.Step = 1 // neither a snapshot nor an event
				if err := l.step(); err != nil {
					t.Fatal(err)
				}
			}
			step()
			if n := testing.AllocsPerRun(50, step); n != 0 {
				t.Errorf("%d threads, a batch in %d parts: %v allocations a step", threads, accumulate, n)
			}
		}
	}
}

// TestAccumulate holds a batch in parts against one in a whole.
func TestAccumulate(t *testing.T) {
	grads := func(parts int) (all []float64, loss float64) {
		c := blobConfig(t.TempDir())
		c.Accumulate, c.L1 = parts, 0
		task := newBlobs(9)
		task.noise = 0
		l := startedLoop(t, task, c)
		g, err := l.gradient(l.order[:11])
		if err != nil || g.fault != "" {
			t.Fatal(err, g.fault)
		}
		for _, p := range l.params {
			for _, v := range p.Grad.Float32s() {
				all = append(all, float64(v))
			}
		}
		return all, g.loss
	}
	want, loss := grads(1)
	for _, parts := range []int{1, 2, 3, 11, 20} {
		got, l := grads(parts)
		if math.Abs(l-loss) > 1e-6 {
			t.Errorf("%d parts: loss %v, in a whole %v", parts, l, loss)
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-6 {
				t.Errorf("%d parts: gradient %d is %v, in a whole %v", parts, i, got[i], want[i])
				break
			}
		}
	}
}

// TestThreadsGiveSameBits trains a model that is wide enough for its work to be cut.
func TestThreadsGiveSameBits(t *testing.T) {
	defer simd.SetThreads(0)
	var want []uint32
	for _, threads := range []int{1, 2, 8} {
		simd.SetThreads(threads)
		task, c := newBlobs(2000), blobConfig(t.TempDir())
		c.Batch, c.Epochs = 50, 4
		finish(t, t.Context(), task, c)
		if want == nil {
			want = weights(task)
		} else if !slices.Equal(want, weights(task)) {
			t.Errorf("%d threads give other weights than one", threads)
		}
	}
}

// scripted is a task whose errors are given.
type scripted struct {
	*blobs
	errors []float64
	seen   [][]uint32 // weights at each evaluation
}

func (s *scripted) Evaluate(context.Context) (Evaluation, error) {
	s.seen = append(s.seen, weights(s))
	return Evaluation{Error: WrongSamples.Of(s.errors[len(s.seen)-1])}, nil
}

func TestBestEpochAndEarlyStop(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		errors       []float64
		patience     int
		best, epochs int
		reason       string
	}{
		{[]float64{.5, .3, .4, .2, .3}, 0, 4, 5, "finished"},
		{[]float64{.5, .3, .4, .2, .3}, 2, 4, 5, "finished"},
		{[]float64{.5, .3, .4, .2, .3}, 1, 2, 3, "early_stop"},
		{[]float64{.5, .3, .3, .3, .1}, 2, 2, 4, "early_stop"}, // the first of equals is best
		{[]float64{nan, nan, .9, nan, nan}, 0, 3, 5, "finished"},
		{[]float64{nan, nan, nan, nan, nan}, 3, 1, 4, "early_stop"},
	} {
		c := blobConfig(t.TempDir())
		c.Epochs, c.Patience = 5, test.patience
		task := &scripted{blobs: newBlobs(9), errors: test.errors}
		out, all, err := collect(t, task, c)
		if err != nil {
			t.Fatal(err)
		}
		if out.Best != test.best || out.Epochs != test.epochs || out.Reason != test.reason {
			t.Errorf("%v, patience %d: best %d after %d epochs, %s; want %d, %d, %s",
				test.errors, test.patience, out.Best, out.Epochs, out.Reason, test.best, test.epochs, test.reason)
		}
		if !slices.Equal(weights(task), task.seen[test.best-1]) {
			t.Errorf("%v: the weights are not those of epoch %d", test.errors, test.best)
		}
		best := 0
		for _, e := range only[Epoch](all) {
			if e.Best {
				best = e.Epoch
			}
		}
		if best != test.best {
			t.Errorf("%v: told that epoch %d is best", test.errors, best)
		}
	}
}

// TestAveragesAreEvaluated sees to it that evaluation has the averages and training
// the weights.
func TestAveragesAreEvaluated(t *testing.T) {
	c := blobConfig(t.TempDir())
	c.EMA, c.Epochs = 0.99, 1
	task := &scripted{blobs: newBlobs(9), errors: []float64{.5}}
	average := &optim.EMA{Decay: c.EMA}
	seen := 0
	task.before = func() {
		if seen++; seen > 1 {
			average.Update(task.Params())
		}
	}
	l := startedLoop(t, task, c)
	for range l.perEpoch {
		if err := l.step(); err != nil {
			t.Fatal(err)
		}
	}
	average.Update(task.Params())
	trained := weights(task)
	if err := l.evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(trained, weights(task)) {
		t.Error("evaluation changed the weights")
	}
	average.Swap(task.Params())
	if !slices.Equal(task.seen[0], weights(task)) {
		t.Error("evaluation did not see the averages")
	}
}

func TestShuffle(t *testing.T) {
	l := startedLoop(t, newBlobs(9), blobConfig(t.TempDir()))
	first := slices.Clone(l.order)
	if err := l.arrange(1); err != nil {
		t.Fatal(err)
	}
	second := slices.Clone(l.order)
	if err := l.arrange(0); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, l.order) || slices.Equal(first, second) {
		t.Error("the order must depend on the epoch, and on nothing else")
	}
	slices.Sort(second)
	for i, v := range second {
		if i != v {
			t.Fatalf("the order of an epoch has %d at place %d once sorted", v, i)
		}
	}
}

// TestEpoch holds an epoch against what the task was asked, the short last batch included.
func TestEpoch(t *testing.T) {
	task := &counting{blobs: newBlobs(9), draws: map[uint64]bool{}}
	c := blobConfig(t.TempDir())
	c.Accumulate, c.L1 = 3, 0
	_, all, err := collect(t, task, c)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range task.times {
		if n != c.Epochs {
			t.Errorf("sample %d was trained on %d times in %d epochs", i, n, c.Epochs)
		}
	}
	parts := len(task.losses) / c.Epochs
	for i, e := range only[Epoch](all) {
		sum := 0.0
		for _, v := range task.losses[i*parts : (i+1)*parts] {
			sum += v
		}
		if want := sum / blobSamples; math.Abs(float64(e.Loss)-want) > 1e-6*want {
			t.Errorf("epoch %d: mean loss %v, want %v", e.Epoch, e.Loss, want)
		}
	}
	if len(task.draws) != len(task.losses) {
		t.Errorf("%d parts of batches drew %d different numbers", len(task.losses), len(task.draws))
	}
}

func TestStreams(t *testing.T) {
	seen := map[uint64]string{}
	for _, purpose := range []string{"init", "shuffle", "step"} {
		for i := range uint64(1000) {
			v := Rand(1, purpose, i).Uint64()
			if before, ok := seen[v]; ok {
				t.Fatalf("%s %d begins like %s", purpose, i, before)
			}
			seen[v] = purpose
		}
	}
	// Runs of the past must be resumable: the streams may not change.
	if got := Rand(1, "shuffle", 2).Uint64(); got != shuffleOnce {
		t.Errorf("stream 2 of shuffle begins with %#x, it was %#x", got, uint64(shuffleOnce))
	}
}

const shuffleOnce = 0x72d49f019fde47b0

func TestCheckpointHoldsWhatIsNeeded(t *testing.T) {
	c := blobConfig(t.TempDir())
	finish(t, t.Context(), newBlobs(9), c)
	f, err := tensor.ReadFile(c.Run + "/" + CheckpointFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{partWeights, partOptimizer, partEMA, partBest, partGoodWeights, partGoodOptimizer, partGoodEMA} {
		if len(part(f, prefix)) == 0 {
			t.Errorf("the checkpoint has no %q", prefix)
		}
	}
}

// nothings is blobs with batches of nothing: those whose first sample is an even one.
type nothings struct{ *blobs }

func (t nothings) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	if b.Samples[0]%2 == 0 {
		return nil, fmt.Errorf("all ignored: %w", ErrNothing)
	}
	return t.blobs.Loss(tape, b)
}

// TestNothingToAverage: such steps change nothing, are counted, and are no divergence,
// also where a run resumes.
func TestNothingToAverage(t *testing.T) {
	c := blobConfig(t.TempDir())
	c.Batch, c.Accumulate = 10, 1
	l := startedLoop(t, nothings{newBlobs(9)}, c)
	skipped := 0
	for i := range l.perEpoch {
		nothing := l.order[i*c.Batch]%2 == 0
		before := slices.Clone(l.params[0].Value.Float32s())
		if err := l.step(); err != nil {
			t.Fatal(err)
		}
		if changed := !slices.Equal(before, l.params[0].Value.Float32s()); changed == nothing {
			t.Errorf("step %d: nothing to average: %v; weights changed: %v", i+1, nothing, changed)
		}
		if nothing {
			skipped++
		}
	}
	p := l.progress
	if skipped == 0 || skipped == l.perEpoch || p.Skipped != skipped || p.Left != c.Forgive || p.LossCount != (l.perEpoch-skipped)*c.Batch {
		t.Errorf("%d of %d steps had nothing; the progress is %+v", skipped, l.perEpoch, p)
	}
	if d := l.done("finished"); d.Skipped != skipped {
		t.Errorf("the outcome counts %d", d.Skipped)
	}
}
