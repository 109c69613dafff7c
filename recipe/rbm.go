package recipe

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/train"
)

// RBMResult is what a run came to, as result.json and the last line of --json have it.
// Log-likelihoods are in nat a picture.
type RBMResult struct {
	Run          string  `json:"run"`
	TestError    float64 `json:"test_error"` // negative log-likelihood of the test pictures, with the greater log Z
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	// Energy: the free energies of the test pictures, and of the same with their pixels shuffled.
	Energy     EnergyResult `json:"energy"`
	MarginKept float64      `json:"margin_kept"`
	Collapsed  bool         `json:"collapsed"`
	Why        string       `json:"why,omitempty"`
	Reason     string       `json:"reason"`
	BestEpoch  int          `json:"best_epoch"`
	Recipe     string       `json:"recipe"`
	Hidden     int          `json:"hidden"`
	Seed       uint64       `json:"seed"`

	Forward   LogPartition  `json:"forward"`         // annealing from the machine without weights: too low on average
	Backward  LogPartition  `json:"backward"`        // annealing from the machine's own draws: too high on average
	Exact     *LogPartition `json:"exact,omitempty"` // by enumeration, up to 20 hidden units
	TrainLog  float64       `json:"train_log_likelihood"`
	TestLog   float64       `json:"test_log_likelihood"`
	TestLeast float64       `json:"test_log_likelihood_least"` // with log Z from backwards

	Pictures RBMPictures `json:"-"`
}

// LogPartition is an estimate of log Z.
type LogPartition struct {
	LogZ   float64 `json:"log_z"`
	StdErr float64 `json:"std_err"`
	Size   float64 `json:"effective_chains"`
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
	task, err := newRBMTask(c, o.Train)
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
		Reason: out.Reason, BestEpoch: out.Best, Collapsed: out.Why != "", Why: out.Why,
		Recipe: c.Recipe, Hidden: c.Hidden, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.net); err != nil {
		return nil, err
	}
	if err := task.measure(r, o.Test); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return r, wholefile.Write(filepath.Join(o.Dir, ResultFile), append(text, '\n'))
}

// EvalRBM measures a finished run again, on a test set. It writes nothing.
func EvalRBM(dir string, trainSet, testSet *data.Images) (*RBMResult, error) {
	c, err := ReadRBMConfig(filepath.Join(dir, ConfigFile), DefaultRBM())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &RBMResult{}
	if err := readFinished(dir, r); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	task, err := newRBMTask(c, trainSet)
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
	return r, task.measure(r, testSet)
}

// measure brackets log Z and looks at what the machine draws.
func (t *rbmTask) measure(r *RBMResult, testSet *data.Images) error {
	d := t.diagnose(testSet)
	r.Energy = energyOf(d)
	r.MarginKept = d.MarginKept
	if d.Collapsed {
		r.Collapsed, r.Why = true, d.Why
	}
	rng, chains := train.Rand(t.c.Seed, "measure", 0), annealChains
	if t.c.Hidden <= exactUnits {
		chains = annealSmall
	}
	forward, err := t.anneal(t.c.Annealing, chains, rng)
	if err != nil {
		return err
	}
	v, p := t.draws(chains, settleSweeps, false, rng)
	backward, err := energy.AnnealRBMBack(rng, t.rbm, t.base, sampler.Ladder(t.c.Annealing), v)
	if err != nil {
		return err
	}
	r.Forward, r.Backward = logPartition(forward), logPartition(backward)
	logZ, test := forward.LogZ, t.meanEnergy(testSet)
	if r.Exact = nil; t.c.Hidden <= exactUnits {
		exact, err := t.rbm.LogPartition()
		if err != nil {
			return err
		}
		r.Exact = &LogPartition{LogZ: exact}
		logZ = exact
	}
	r.TestLog, r.TrainLog, r.TestLeast = -test-logZ, -t.meanEnergy(t.set)-logZ, -test-backward.LogZ
	r.TestError = -min(r.TestLog, r.TestLeast)
	if r.Exact != nil {
		r.TestError = -r.TestLog
	}
	r.Pictures = RBMPictures{Chains: p[:min(len(p), shownEach*testSet.Size())], Filters: t.filters(shownEach)}
	_, r.Pictures.FromNoise = t.draws(shownEach, fromNoiseRuns, true, rng)
	return nil
}

func logPartition(e sampler.Estimate) LogPartition { return LogPartition{e.LogZ, e.StdErr, e.Size} }
