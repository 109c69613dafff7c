package recipe

import (
	"context"
	"math"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/train"
)

// RBMResult is what a run came to, as result.json and the last line of --json have it.
// Log-likelihoods are in nat a picture.
type RBMResult struct {
	Run          string  `json:"run"`
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	Measured             // the error is the negative log-likelihood of the test pictures, with the greater log Z
	Reason       string  `json:"reason"`
	BestEpoch    int     `json:"best_epoch"`
	Recipe       string  `json:"recipe"`
	Hidden       int     `json:"hidden"`
	Seed         uint64  `json:"seed"`

	Forward   LogPartition   `json:"forward"`         // annealing from the machine without weights: too low on average
	Backward  LogPartition   `json:"backward"`        // annealing from the machine's own draws: too high on average
	Exact     *LogPartition  `json:"exact,omitempty"` // by enumeration, up to 20 hidden units
	TrainLog  measure.Number `json:"train_log_likelihood"`
	TestLog   measure.Number `json:"test_log_likelihood"`
	TestLeast measure.Number `json:"test_log_likelihood_least"` // with log Z from backwards

	Pictures RBMPictures `json:"-"`
}

// LogPartition is an estimate of log Z.
type LogPartition struct {
	LogZ   measure.Number `json:"log_z"`
	StdErr measure.Number `json:"std_err"`
	Size   measure.Number `json:"effective_chains"`
}

// RBMPictures is what can be looked at, [n, H·W] each.
type RBMPictures struct{ Chains, FromNoise, Filters []float32 }

// What is measured in the end.
const (
	exactUnits    = 20 // hidden units whose states are enumerated
	annealChains  = 200
	annealSmall   = 1000 // … where each chain costs little
	settleSweeps  = 1000 // from training's chains to draws
	fromNoiseRuns = 2000 // sweeps from noise to a picture
)

// RBM trains a restricted Boltzmann machine into a run folder and measures it. Interruption
// and divergence are as Digits has them.
func RBM(ctx context.Context, c RBMConfig, o Options) (*RBMResult, error) {
	if err := o.checkImages(); err != nil {
		return nil, err
	}
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	release, err := o.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	simd.SetThreads(c.Threads)
	task, err := newRBMTask(ctx, c, o.Train)
	if err != nil {
		return nil, err
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, err
	}
	out, err := runTask(ctx, task, c, c.loop(c.Recipe, settings, task.Samples(), o), o)
	if out == nil {
		return nil, err
	}
	r := &RBMResult{
		Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
		Recipe: c.Recipe, Hidden: c.Hidden, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.net); err != nil {
		return nil, err
	}
	if err := task.measure(ctx, r, o.Test); stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, writeResult(o.Dir, r)
}

// EvalRBM measures a finished run again, on a test set; trainSet is the one that the run was trained on, and no other. It
// writes nothing.
func EvalRBM(ctx context.Context, dir string, trainSet, testSet *data.Images) (*RBMResult, error) {
	c, err := ReadRBMConfig(filepath.Join(dir, ConfigFile), DefaultRBM())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &RBMResult{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	if err := checkOwn(dir, trainSet); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	task, err := newRBMTask(ctx, c, trainSet)
	if err != nil {
		return nil, err
	}
	if err := nn.Load(filepath.Join(dir, ModelFile), task.net); err != nil {
		return nil, err
	}
	if err := train.LoadState(dir, task); err != nil {
		return nil, err
	}
	r.Run = dir
	return r, task.measure(ctx, r, testSet)
}

// measure brackets log Z and looks at what the machine draws.
func (t *rbmTask) measure(ctx context.Context, r *RBMResult, testSet *data.Images) error {
	rng, chains := train.Rand(t.c.Seed, "measure", 0), annealChains
	if t.c.Hidden <= exactUnits {
		chains = annealSmall
	}
	forward, err := t.anneal(ctx, t.c.Annealing, chains, rng)
	if err != nil {
		return err
	}
	v, p, err := t.draws(ctx, chains, settleSweeps, false, rng)
	if err != nil {
		return err
	}
	backward, err := energy.AnnealRBMBack(ctx, rng, t.rbm, t.base, sampler.Ladder(t.c.Annealing), v)
	if err != nil {
		return err
	}
	r.Forward, r.Backward = logPartition(forward), logPartition(backward)
	logZ := forward.LogZ
	if r.Exact = nil; t.c.Hidden <= exactUnits {
		exact, err := t.rbm.LogPartition()
		if err != nil {
			return err
		}
		r.Exact = &LogPartition{LogZ: measure.Number(exact)}
		logZ = exact
	}
	test, err := t.meanEnergy(ctx, testSet)
	if err != nil {
		return err
	}
	training, err := t.meanEnergy(ctx, t.set)
	if err != nil {
		return err
	}
	r.TestLog, r.TrainLog, r.TestLeast = measure.Number(-test-logZ), measure.Number(-training-logZ), measure.Number(-test-backward.LogZ)
	least := min(r.TestLog, r.TestLeast)
	if r.Exact != nil {
		least = r.TestLog
	}
	e, err := t.diagnose(ctx, testSet, likelihoodLost.Of(-float64(least)), math.NaN())
	if err != nil {
		return err
	}
	r.Take(e)
	r.Pictures = RBMPictures{Chains: p[:min(len(p), shownEach*testSet.Size())], Filters: t.filters(shownEach)}
	_, r.Pictures.FromNoise, err = t.draws(ctx, shownEach, fromNoiseRuns, true, rng)
	return err
}

// likelihoodLost is the error of a machine.
var likelihoodLost = measure.Quantity{Key: "nll", Name: "Negative log-likelihood", Unit: measure.Nat, Note: "a picture, with the greater estimate of log Z"}

func logPartition(e sampler.Estimate) LogPartition {
	return LogPartition{measure.Number(e.LogZ), measure.Number(e.StdErr), measure.Number(e.Size)}
}
