package train

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
	"go.uber.org/goleak"
)

var long = flag.Bool("long", false, "run the long tests, too")

func TestMain(m *testing.M) {
	flag.Parse()
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir)
		return
	}
	// The kernels' workers stay for the life of the program.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/energo-ml/energo/internal/simd.(*helper).serve"))
}

const (
	blobSamples = 100
	blobWidth   = 6
	blobLabels  = 3

	watchedBlobs = 20
)

// blobs is a task over points around three centres, with noise of the step's own
// stream on top, so that a resumed run shows whether it found that again.
type blobs struct {
	x       *tensor.Tensor
	y       []int
	labeler energy.Labeler
	f       functional.Functional

	// before, if not nil, is called before each step's loss.
	before func()
	noise  float64
	// poison makes the loss of some steps, chosen by their stream, not a number.
	poison float64
	// drift is moved by every step, and moves the next one's noise.
	drift *tensor.Tensor

	batch  *tensor.Tensor
	target []int
	loss   energy.LabelLoss
}

func newBlobs(hidden int) *blobs {
	rng := rand.New(rand.NewPCG(1, 2))
	t := &blobs{x: tensor.New(tensor.Float32, blobSamples, blobWidth), noise: 0.1, f: functional.NLL{Beta: 1}, batch: tensor.New(tensor.Float32), drift: tensor.New(tensor.Float32, 1)}
	for i := range blobSamples {
		y := rng.IntN(blobLabels)
		t.y = append(t.y, y)
		for j := range blobWidth {
			v := rng.NormFloat64()
			if j%blobLabels == y {
				v += 2
			}
			t.x.Set(v, i, j)
		}
	}
	t.labeler = energy.NewHead(nn.NewSequential(
		nn.NewLinear(blobWidth, hidden, rng), nn.ReLU{}, nn.NewLinear(hidden, blobLabels, rng)), blobLabels)
	return t
}

func (t *blobs) Params() []*autodiff.Param { return t.labeler.Params() }
func (t *blobs) Samples() int              { return blobSamples }
func (t *blobs) State() []tensor.Named     { return []tensor.Named{{Name: "drift", Tensor: t.drift}} }

func (t *blobs) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	if t.before != nil {
		t.before()
	}
	drift := t.drift.Float32s()
	drift[0] = 0.9*drift[0] + b.Rand.Float32() - 0.5
	t.batch.Resize(len(b.Samples), blobWidth)
	t.target = t.target[:0]
	for k, i := range b.Samples {
		for j, v := range t.x.Float32s()[i*blobWidth:][:blobWidth] {
			t.batch.Float32s()[k*blobWidth+j] = v + float32(t.noise*(b.Rand.Float64()-0.5)) + float32(t.noise)*drift[0]
		}
		t.target = append(t.target, t.y[i])
	}
	losses, err := t.loss.Record(t.labeler.Energies(tape.Const(t.batch)), t.target, t.f)
	if err != nil {
		return nil, err
	}
	mean := autodiff.Mean(losses)
	if b.Rand.Float64() < t.poison {
		mean = autodiff.Scale(mean, math.NaN())
	}
	return mean, nil
}

func (t *blobs) Evaluate(ctx context.Context) (Evaluation, error) {
	if err := ctx.Err(); err != nil {
		return Evaluation{}, err
	}
	e := energy.NewPredictor(t.labeler, tensor.Float32).Energies(t.x)
	stats := make([]functional.LabelStats, blobSamples)
	if err := functional.Stats(stats, e.Float32s(), blobLabels, t.y); err != nil {
		return Evaluation{}, err
	}
	wrong := 0
	for _, s := range stats {
		if s.Gap() <= 0 {
			wrong++
		}
	}
	s := Subject{Functional: t.f, Architecture: "a head", Terms: AnswerTerms("samples", 0), Scale: 0.1}
	out := Diagnose(stats, s, WrongSamples.Of(float64(wrong)/blobSamples), 1-1./blobLabels)
	out.Watched = &watch.Look{Set: watch.Set{Answers: blobLabels, Labels: t.y[:watchedBlobs], Samples: t.y[:watchedBlobs]}, Energies: e.Float32s()[:watchedBlobs*blobLabels]}
	return out, nil
}

// blobConfig has every part of the loop at work.
func blobConfig(dir string) Config {
	return Config{
		Recipe: "blobs", Run: dir, Fingerprint: map[string]string{"hidden": "9"},
		Epochs: 3, Batch: 8, Seed: 7, Optimizer: &optim.Adam{WeightDecay: 1e-4}, LR: 0.01,
		Schedule: optim.Cosine{Warmup: 5}, Clip: 5, L1: 1e-5, EMA: 0.9, Forgive: 100,
	}
}

// finish trains to the end, or until the task's own hook ends ctx.
func finish(t *testing.T, ctx context.Context, task Task, c Config) *Outcome {
	t.Helper()
	out, err := Run(ctx, task, c, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// weights returns the bits of all parameters.
func weights(task Task) (bits []uint32) {
	for _, p := range task.Params() {
		for _, v := range p.Value.Float32s() {
			bits = append(bits, math.Float32bits(v))
		}
	}
	return bits
}

// history returns the log's events of the given types, without what may differ
// between a run and the same run resumed: the time of day and the seconds.
func history(t *testing.T, dir string, types ...string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, LogFile))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if name, ok := e["type"].(string); !ok || !slices.Contains(types, name) {
			continue
		}
		delete(e, "time")
		delete(e, "seconds")
		clean, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(clean))
	}
	return all
}

// same fails unless a resumed run came to what an unbroken one came to.
func same(t *testing.T, what string, want, got *blobs, wantDir, gotDir string) {
	t.Helper()
	if !slices.Equal(weights(want), weights(got)) {
		t.Errorf("%s: other weights than an unbroken run", what)
	}
	types := []string{"step", "epoch", "diverged"}
	if a, b := history(t, wantDir, types...), history(t, gotDir, types...); !slices.Equal(a, b) {
		t.Errorf("%s: other events than an unbroken run:\n%q\nunbroken:\n%q", what, b, a)
	}
	if a, b := watchedIn(t, wantDir), watchedIn(t, gotDir); !bytes.Equal(a, b) {
		t.Errorf("%s: other energies of what is watched than an unbroken run", what)
	}
}

// watchedIn is the file of what was watched, after three epochs.
func watchedIn(t *testing.T, dir string) []byte {
	t.Helper()
	r, err := watch.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Frames); n < 1 || r.Frames[n-1].Epoch != 3 {
		t.Errorf("%d frames are watched in %s", n, dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, watch.File))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// counting counts how often each sample is trained on, and keeps each step's loss and
// what its stream begins with.
type counting struct {
	*blobs
	times  [blobSamples]int
	losses []float64 // times the number of samples
	draws  map[uint64]bool
}

func (c *counting) Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error) {
	for _, i := range b.Samples {
		c.times[i]++
	}
	v, err := c.blobs.Loss(tape, b)
	if err == nil {
		c.losses = append(c.losses, v.Value.At()*float64(len(b.Samples)))
		c.draws[b.Rand.Uint64()] = true
	}
	return v, err
}
