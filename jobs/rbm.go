package jobs

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// rbmJob trains restricted Boltzmann machines over pictures in black and white.
var rbmJob = job.Job{
	Name: "rbm", Folder: "rbm", Short: "Train a restricted Boltzmann machine, and bracket its partition function",
	Long: `Trains a restricted Boltzmann machine over pictures in black and white by contrastive divergence, with
chains that persist (PCD) or, with --chains 0, that start from the data (CD-k). The chains move by Gibbs
sampling.

In the end log Z is estimated by annealed importance sampling, forwards from the machine without weights and
backwards from the machine's own draws, which brackets it; up to 20 hidden units it is also computed exactly.
With it come the log-likelihoods of training and test pictures in nat. The run's folder is as that of train
digits, with sheets of draws and of the hidden units' weights under plots/.

The data is MNIST, or any MNIST-like set of four IDX files (--data).`,
	Examples: []string{"", "--hidden 20", "--chains 0 --k 25"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Epochs, t.Batch, t.Optimizer, t.LR, t.WeightDecay, t.EMA = 30, 100, "sgd", 0.01, 1e-3, 0.999
		return &RBM{Hidden: 500, K: 1, Chains: 200, Annealing: 5000, Training: t}
	},
}

// RBM is the settings of the job rbm.
type RBM struct {
	Labelled
	Hidden     int  // units
	K          int  // Gibbs sweeps in a step of training
	Chains     int  // that persist (PCD); 0: start from the data (CD-k)
	Stochastic bool // pixels are 1 with the probability that is their grey; else where that is above a half
	Annealing  int  // temperatures of the estimates of log Z in the end
	job.Training
}

func (c *RBM) Options() option.List {
	return append(option.List{
		c.Labelled.option(),
		option.New(&c.Hidden, "hidden", "hidden units", option.Whole(1, widest)),
		option.New(&c.K, "k", "Gibbs sweeps in a step of training", option.Whole(1, 10000)),
		option.New(&c.Chains, "chains", "chains that persist; 0 lets them start from the data (CD-k)", option.Whole(0, 1<<16)),
		option.New(&c.Stochastic, "stochastic", "make pixels 1 with the probability that is their grey, anew each time, instead of a threshold"),
		option.New(&c.Annealing, "annealing", "temperatures of the estimates of log Z in the end", option.Whole(10, 1<<20)),
	}, c.Training.Options()...)
}

func (c *RBM) Folder() string { return "rbm" }

func (c *RBM) Open(ctx context.Context, env job.Env) (job.Model, error) {
	sets, err := c.shownSets(ctx, env, &c.Training)
	if err != nil {
		return nil, err
	}
	rbm := energy.NewRBM[float32](sets.set.Size(), c.Hidden, train.Rand(c.Seed, "init", 0))
	t := &rbmTask{
		pictureSurface: newPictureSurface(machine{rbm}, rbm, sets.set.H, sets.set.W, "a restricted Boltzmann machine"),
		shownSets:      sets, c: c, rbm: rbm, base: c.logOdds(sets.set), batch: tensor.New(tensor.Float32), other: tensor.New(tensor.Float32),
	}
	t.subject.Terms = pictureTerms("free energies", measure.Nat)
	copy(rbm.B.Value.Float32s(), t.base)
	if c.Chains > 0 {
		t.chains = tensor.New(tensor.Float32, c.Chains, sets.set.Size())
		v := t.chains.Float32s()
		t.rbm.VisibleGiven(v, make([]float32, c.Chains*c.Hidden))
		t.gibbs.Flip(train.Rand(c.Seed, "chains", 0), v)
	}
	return t, nil
}

// Load implements job.Model: the chains come with the weights.
func (t *rbmTask) Load(dir string) error { return t.loadWithState(dir, t) }

// What is measured in the end.
const (
	exactUnits   = 20 // hidden units whose states are enumerated
	annealChains = 200
)

// Measure implements job.Model: it brackets log Z. The error is the negative log-likelihood of the test pictures, by the exact
// log Z or, of more hidden units, by the greater of its estimates.
func (t *rbmTask) Measure(ctx context.Context) (*job.Measures, error) {
	rng, chains := train.Rand(t.c.Seed, "measure", 0), annealChains
	if t.c.Hidden <= exactUnits {
		chains = annealSmall
	}
	forward, err := t.anneal(ctx, t.c.Annealing, chains, rng)
	if err != nil {
		return nil, err
	}
	v, p, err := t.draws(ctx, chains, settleSweeps, false, rng)
	if err != nil {
		return nil, err
	}
	backward, err := energy.AnnealRBMBack(ctx, rng, t.rbm, t.base, sampler.Ladder(t.c.Annealing), v)
	if err != nil {
		return nil, err
	}
	exact, logZ, greater := math.NaN(), forward.LogZ, max(forward.LogZ, backward.LogZ)
	if t.c.Hidden <= exactUnits {
		if exact, err = t.rbm.LogPartition(); err != nil {
			return nil, err
		}
		logZ, greater = exact, exact
	}
	test, err := t.meanEnergy(ctx, t.test)
	if err != nil {
		return nil, err
	}
	training, err := t.meanEnergy(ctx, t.set)
	if err != nil {
		return nil, err
	}
	e, err := t.diagnose(ctx, t.test, likelihoodLost.Of(test+greater), math.NaN())
	if err != nil {
		return nil, err
	}
	return &job.Measures{
		Evaluation: e, Tables: []measure.Table{logPartitions(forward, backward, exact)},
		Figures: append(logLikelihoods(-test-logZ, -test-backward.LogZ, -training-logZ), bracket.Of(backward.LogZ-forward.LogZ)),
		Write:   func(ctx context.Context, dir string) error { return t.write(ctx, dir, p, rng) },
	}, nil
}

// bracket is what the two estimates of log Z leave open.
var bracket = measure.Quantity{Key: "log_z_bracket", Name: "Bracket of log Z", Unit: measure.Nat, Note: "backwards less forwards"}

// likelihoodLost is the error of a machine.
var likelihoodLost = measure.Quantity{Key: "nll", Name: "Negative log-likelihood", Unit: measure.Nat, Note: "a picture, with the greater estimate of log Z"}

// logLikelihoods are the figures of a machine.
func logLikelihoods(test, least, training float64) []measure.Figure {
	of := func(key, name, note string) measure.Quantity {
		return measure.Quantity{Key: key, Name: name, Unit: measure.Nat, Note: note}
	}
	return []measure.Figure{
		of("test_log_likelihood", "Log-likelihood", "a test picture").Of(test),
		of("test_log_likelihood_least", "Log-likelihood, least", "a test picture, with log Z from backwards").Of(least),
		of("train_log_likelihood", "Log-likelihood, training", "a training picture").Of(training),
	}
}

// logPartitions is the table of the estimates of log Z: annealing from the machine without weights, too low on average, and from
// the machine's own draws, too high on average. exact is NaN where it is not known.
func logPartitions(forward, backward sampler.Estimate, exact float64) measure.Table {
	t := measure.Table{Key: "log_partition", Name: "annealing", Columns: []measure.Quantity{
		{Key: "log_z", Name: "log Z", Unit: measure.Nat}, {Key: "std_err", Name: "Standard error", Unit: measure.Nat}, {Key: "effective_chains", Name: "Effective chains"},
	}}
	known := measure.Finite(exact)
	if known {
		t.Columns = append(t.Columns, measure.Quantity{Key: "off", Name: "Off", Unit: measure.Nat, Note: "less the exact log Z"})
	}
	add := func(name string, e sampler.Estimate) {
		values := []float64{e.LogZ, e.StdErr, e.Size}
		if known {
			values = append(values, e.LogZ-exact)
		}
		t.Add(name, values...)
	}
	add("forwards", forward)
	add("backwards", backward)
	if known {
		t.Add("exactly", exact)
	}
	return t
}

// write writes sheets of draws and of weights; chains are draws from where training left them.
func (t *rbmTask) write(ctx context.Context, dir string, chains []float32, rng *rand.Rand) error {
	_, noise, err := t.draws(ctx, shownEach, fromNoiseRuns, true, rng)
	if err != nil {
		return err
	}
	const columns = 20
	return report.WriteSheets(dir, []report.Sheet{
		sheet(t.test, columns, "chains", "Draws", "Probabilities of the pixels after a thousand Gibbs sweeps from where training left the chains.", chains[:min(len(chains), shownEach*t.test.Size())]),
		sheet(t.test, columns, "from-noise", "Draws from noise", "Probabilities of the pixels after two thousand Gibbs sweeps from noise.", noise),
		sheet(t.test, columns, "filters", "Weights of hidden units", "Each from its least to its greatest weight.", t.filters(shownEach)),
	})
}

// machine is a machine as a network that nn saves and loads.
type machine struct{ *energy.RBM[float32] }

// Forward implements nn.Module: the free energies.
func (m machine) Forward(x *autodiff.Var) *autodiff.Var { return m.Energy(nil, x) }

// logOdds are those of the pixels of a set in black and white, which the machine's visible units start from.
//
// Source: [hinton2012].
func (c *RBM) logOdds(set *data.Images) (base []float32) {
	y := pixelsOf(set)
	c.binary(y, train.Rand(c.Seed, "binary", 0))
	on := make([]float64, set.Size())
	for i, v := range y {
		on[i%len(on)] += float64(v)
	}
	for _, n := range on {
		p := (n + 1) / float64(set.N+2) // no pixel is always or never on
		base = append(base, float32(math.Log(p/(1-p))))
	}
	return base
}

// binary makes grey values 0 or 1.
func (c *RBM) binary(y []float32, rng *rand.Rand) {
	for i, v := range y {
		threshold := float32(0.5)
		if c.Stochastic {
			threshold = rng.Float32()
		}
		y[i] = 0
		if v > threshold {
			y[i] = 1
		}
	}
}

// binaryOf returns the pictures of a set in black and white, always the same ones.
func (c *RBM) binaryOf(set *data.Images) []float32 {
	y := pixelsOf(set)
	c.binary(y, train.Rand(c.Seed, "binary pictures", 0))
	return y
}

// quickBetas and quickChains are the annealing that follows training.
const (
	quickBetas  = 500
	quickChains = 100
)

// anneal estimates log Z.
func (t *rbmTask) anneal(ctx context.Context, betas, chains int, rng *rand.Rand) (sampler.Estimate, error) {
	return energy.AnnealRBM(ctx, rng, t.rbm, t.base, sampler.Ladder(betas), chains)
}

// rbmTask is a restricted Boltzmann machine over binary pictures as train sees it.
type rbmTask struct {
	*pictureSurface
	shownSets
	c      *RBM
	rbm    *energy.RBM[float32]
	base   []float32      // log-odds of the training pixels: where annealing starts
	chains *tensor.Tensor // [n, pixels]; nil where chains start from the data
	batch  *tensor.Tensor
	other  *tensor.Tensor // where chains that start from the data end
	gibbs  sampler.Gibbs[float32]
}

// State implements train.Stateful: the chains.
func (t *rbmTask) State() []tensor.Named { return chainsState(t.chains) }

// Loss implements train.Task: the mean free energy of the data less that of the chains.
func (t *rbmTask) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	t.batch.Resize(len(b.Samples), t.set.Size())
	t.set.Batch(t.batch.Float32s(), b.Samples)
	t.c.binary(t.batch.Float32s(), b.Rand)
	other := t.chains
	if other == nil {
		other = t.other
		other.Resize(t.batch.Shape()...)
		other.CopyFrom(t.batch)
	}
	for range t.c.K {
		t.gibbs.Step(b.Rand, t.rbm, other.Float32s(), nil)
	}
	low := autodiff.Mean(t.rbm.Energy(nil, tape.Const(t.batch)))
	high := autodiff.Mean(t.rbm.Energy(nil, tape.Const(other)))
	return autodiff.Sub(low, high), nil
}

// Evaluate implements train.Task. The error is the negative log-likelihood in nat a
// picture. Of a quick annealing's estimates of log Z, forwards and backwards from the
// chains, it takes the greater: where one has failed it is too low, and would praise the
// weights that it fails on. Before training it looks at the energies alone.
func (t *rbmTask) Evaluate(ctx context.Context) (train.Evaluation, error) {
	if !t.scaled {
		return t.diagnose(ctx, t.evaluated(false), measure.Figure{}, math.NaN())
	}
	rng := train.Rand(t.c.Seed, "evaluate", 0)
	z, err := t.anneal(ctx, quickBetas, quickChains, rng)
	if err != nil {
		return train.Evaluation{}, err
	}
	logZ := z.LogZ
	if t.c.Chains > 1 {
		v := t.chains.Float32s()[:min(t.c.Chains, quickChains)*t.set.Size()]
		if z, err = energy.AnnealRBMBack(ctx, rng, t.rbm, t.base, sampler.Ladder(quickBetas), v); err != nil {
			return train.Evaluation{}, err
		}
		logZ = max(logZ, z.LogZ)
	}
	held, err := t.meanEnergy(ctx, t.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	return t.diagnose(ctx, t.held, likelihoodLost.Of(held+logZ), math.NaN())
}

// meanEnergy is the mean free energy of a set's pictures.
func (t *rbmTask) meanEnergy(ctx context.Context, set *data.Images) (float64, error) {
	e, err := t.energies(ctx, t.c.binaryOf(set))
	return measure.Mean(e), err
}

// draws moves chains on by sweeps, and returns them with the probabilities that their
// pixels were drawn from. They start from the persistent ones, taken in turn, or from noise.
func (t *rbmTask) draws(ctx context.Context, n, sweeps int, fromNoise bool, rng *rand.Rand) (v, p []float32, err error) {
	d := t.set.Size()
	v, p = make([]float32, n*d), make([]float32, n*d)
	switch {
	case fromNoise || t.chains == nil:
		for i := range v {
			v[i] = float32(rng.IntN(2))
		}
	default:
		for lo := 0; lo < len(v); {
			lo += copy(v[lo:], t.chains.Float32s())
		}
	}
	for range sweeps {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		t.gibbs.Step(rng, t.rbm, v, p)
	}
	return v, p, nil
}

// filters returns the hidden units' weights as pictures, each from its least to its greatest.
func (t *rbmTask) filters(n int) []float32 {
	d := t.rbm.Visible()
	w := slices.Clone(t.rbm.W.Value.Float32s()[:min(n, t.rbm.Hidden())*d])
	for lo := 0; lo < len(w); lo += d {
		row := w[lo : lo+d]
		least, most := slices.Min(row), slices.Max(row)
		simd.AddScalar(row, row, -least)
		simd.Scale(row, row, 1/max(most-least, 1e-12))
	}
	return w
}
