package jobs

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/train"
)

// rbmModel is a restricted Boltzmann machine over binary pictures, and how it is looked at.
type rbmModel struct {
	*pictureSurface
	c    *RBM
	rbm  *energy.RBM[float32]
	base []float32 // log-odds of the training pixels: where annealing starts
}

// machine is a machine as a network that nn saves and loads.
type machine struct{ *energy.RBM[float32] }

// Forward implements nn.Module: the free energies.
func (m machine) Forward(x *autodiff.Var) *autodiff.Var { return m.Energy(nil, x) }

// newRBMModel returns a machine whose visible units start from the training pixels'
// log-odds.
//
// Source: [hinton2012].
func newRBMModel(c *RBM, set *data.Images) (*rbmModel, error) {
	if set.H > maxSide || set.W > maxSide {
		return nil, fmt.Errorf("the pictures have %d×%d pixels; this recipe takes up to %d×%d", set.H, set.W, maxSide, maxSide)
	}
	m := &rbmModel{c: c, rbm: energy.NewRBM[float32](set.Size(), c.Hidden, train.Rand(c.Seed, "init", 0))}
	y, rng := pixelsOf(set), train.Rand(c.Seed, "binary", 0)
	c.binary(y, rng)
	on := make([]float64, set.Size())
	for i, v := range y {
		on[i%len(on)] += float64(v)
	}
	for _, n := range on {
		p := (n + 1) / float64(set.N+2) // no pixel is always or never on
		m.base = append(m.base, float32(math.Log(p/(1-p))))
	}
	copy(m.rbm.B.Value.Float32s(), m.base)
	m.pictureSurface = newPictureSurface(nn.Module(machine{m.rbm}), m.rbm, set.H, set.W, "a restricted Boltzmann machine")
	m.subject.Terms = pictureTerms("free energies", measure.Nat)
	return m, nil
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
func (m *rbmModel) anneal(ctx context.Context, betas, chains int, rng *rand.Rand) (sampler.Estimate, error) {
	return energy.AnnealRBM(ctx, rng, m.rbm, m.base, sampler.Ladder(betas), chains)
}

// rbmTask is the machine as train sees it.
type rbmTask struct {
	*rbmModel
	labelledSets
	chains *tensor.Tensor // [n, pixels]; nil where chains start from the data
	batch  *tensor.Tensor
	other  *tensor.Tensor // where chains that start from the data end
	gibbs  sampler.Gibbs[float32]
}

func newRBMTask(c *RBM, trainSet, testSet *data.Images) (*rbmTask, error) {
	sets, err := newLabelledSets(&c.Training, trainSet, testSet)
	if err != nil {
		return nil, err
	}
	model, err := newRBMModel(c, sets.set)
	if err != nil {
		return nil, err
	}
	t := &rbmTask{rbmModel: model, labelledSets: sets, batch: tensor.New(tensor.Float32), other: tensor.New(tensor.Float32)}
	if c.Chains > 0 {
		t.chains = tensor.New(tensor.Float32, c.Chains, trainSet.Size())
		rng := train.Rand(c.Seed, "chains", 0)
		v := t.chains.Float32s()
		model.rbm.VisibleGiven(v, make([]float32, c.Chains*c.Hidden))
		t.gibbs.Flip(rng, v)
	}
	return t, nil
}

// Params implements train.Task.
func (t *rbmTask) Params() []*autodiff.Param { return t.rbm.Params() }

// Scale implements job.Model.
func (t *rbmTask) Scale(spread measure.Number) { t.subject.Scale, t.scaled = spread, true }

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
		return t.diagnose(ctx, t.evaluated(), measure.Figure{}, math.NaN())
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
func (m *rbmModel) meanEnergy(ctx context.Context, set *data.Images) (float64, error) {
	e, err := m.energies(ctx, m.c.binaryOf(set))
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
func (m *rbmModel) filters(n int) []float32 {
	d := m.rbm.Visible()
	w := slices.Clone(m.rbm.W.Value.Float32s()[:min(n, m.rbm.Hidden())*d])
	for lo := 0; lo < len(w); lo += d {
		row := w[lo : lo+d]
		least, most := slices.Min(row), slices.Max(row)
		simd.AddScalar(row, row, -least)
		simd.Scale(row, row, 1/max(most-least, 1e-12))
	}
	return w
}
