package energy

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// AnnealRBM estimates the log partition function by annealed importance sampling from the
// machine without weights whose visible biases are base, through the machines
//
//	log p*(v) = (1−β)·v·base + β·v·b + Σⱼ log(1 + exp(β(cⱼ + Wⱼ·v)))
//
// with a Gibbs sweep at each β. base nil stands for the machine's own b; the log-odds of
// the data's pixels are better. LogZ is on average too low, and StdErr its spread.
//
// Errors: betas that do not rise from 0 to 1; fewer than 2 chains; a base of another length,
// or with a bias that is not finite, since a unit that is always or never on leaves out
// others of the machine's states.
// Source: [salakhutdinov2008].
func AnnealRBM[T tensor.Float](ctx context.Context, rng *rand.Rand, r *RBM[T], base []T, betas []float64, chains int) (sampler.Estimate, error) {
	a, err := newAnnealedRBM(r, base, betas, chains)
	if err != nil {
		return sampler.Estimate{}, err
	}
	v := make([]T, chains*r.Visible())
	a.VisibleGiven(v, make([]T, chains*r.Hidden())) // at β = 0, where the hidden units do not matter
	a.gibbs.Flip(rng, v)
	weights, err := a.walk(ctx, rng, betas, v)
	if err != nil {
		return sampler.Estimate{}, err
	}
	e := sampler.Average(weights)
	e.LogZ += a.baseLogPartition()
	return e, nil
}

// AnnealRBMBack walks the other way, from draws v [chains, visible] of the machine itself,
// such as a long run of Gibbs sampling, to the machine without weights. If the draws are
// exact its LogZ is on average too high: it and AnnealRBM bracket the truth. Chains that
// have not mixed make it too low.
//
// Source: [burda2015].
func AnnealRBMBack[T tensor.Float](ctx context.Context, rng *rand.Rand, r *RBM[T], base []T, betas []float64, v []T) (sampler.Estimate, error) {
	a, err := newAnnealedRBM(r, base, betas, len(v)/r.Visible())
	if err != nil {
		return sampler.Estimate{}, err
	}
	back := slices.Clone(betas)
	slices.Reverse(back)
	weights, err := a.walk(ctx, rng, back, slices.Clone(v))
	if err != nil {
		return sampler.Estimate{}, err
	}
	e := sampler.Average(weights)
	e.LogZ = a.baseLogPartition() - e.LogZ
	return e, nil
}

// annealedRBM is the machine between one without weights (β = 0) and r (β = 1).
type annealedRBM[T tensor.Float] struct {
	rbm       *RBM[T]
	base, own []T
	beta      float64
	gibbs     sampler.Gibbs[T]
	hidden    []T
}

func newAnnealedRBM[T tensor.Float](r *RBM[T], base []T, betas []float64, chains int) (*annealedRBM[T], error) {
	if err := sampler.CheckBetas(betas, chains); err != nil {
		return nil, err
	}
	own := data[T](r.B.Value)
	if base == nil {
		base = own
	}
	if len(base) != len(own) {
		return nil, fmt.Errorf("energy: annealing: %d base biases for %d visible units", len(base), len(own))
	}
	for i, v := range base {
		if v-v != 0 {
			return nil, fmt.Errorf("energy: annealing: base[%d] is %v; it must be finite, so that the unit is on and off", i, v)
		}
	}
	return &annealedRBM[T]{rbm: r, base: base, own: own}, nil
}

// baseLogPartition is log Z of the machine without weights.
func (a *annealedRBM[T]) baseLogPartition() float64 {
	z := float64(a.Hidden()) * math.Ln2
	for _, v := range a.base {
		z += softplus(float64(v))
	}
	return z
}

// walk goes through the betas from the first on and returns each chain's log weight, or the context's error once that
// has ended.
func (a *annealedRBM[T]) walk(ctx context.Context, rng *rand.Rand, betas []float64, v []T) ([]float64, error) {
	chains := len(v) / a.Visible()
	weights, before, after := make([]float64, chains), make([]float64, chains), make([]float64, chains)
	a.beta = betas[0]
	for i := 1; i < len(betas); i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a.logDensity(before, v)
		a.beta = betas[i]
		a.logDensity(after, v)
		for j := range weights {
			weights[j] += after[j] - before[j]
		}
		if i+1 < len(betas) {
			a.gibbs.Step(rng, a, v, nil)
		}
	}
	return weights, nil
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func (a *annealedRBM[T]) Visible() int { return a.rbm.Visible() }
func (a *annealedRBM[T]) Hidden() int  { return a.rbm.Hidden() }

func (a *annealedRBM[T]) HiddenGiven(p, v []T) {
	a.rbm.fields(p, v, T(a.beta))
	simd.Sigmoid(p, p)
}

func (a *annealedRBM[T]) VisibleGiven(p, h []T) {
	k, m := a.Visible(), a.Hidden()
	n := len(h) / m
	gemm.Mul(false, false, n, k, m, h, m, data[T](a.rbm.W.Value), k, 0, p, k)
	simd.Scale(p, p, T(a.beta))
	for i := range n {
		row := p[i*k : (i+1)*k]
		simd.AXPY(row, T(1-a.beta), a.base)
		simd.AXPY(row, T(a.beta), a.own)
	}
	simd.Sigmoid(p, p)
}

// logDensity writes log p*(v) of each row, hidden units summed out.
func (a *annealedRBM[T]) logDensity(dst []float64, v []T) {
	k, m := a.Visible(), a.Hidden()
	if len(a.hidden) != len(dst)*m {
		a.hidden = make([]T, len(dst)*m)
	}
	a.rbm.fields(a.hidden, v, T(a.beta))
	simd.Softplus(a.hidden, a.hidden)
	for i := range dst {
		row := v[i*k : (i+1)*k]
		dst[i] = (1-a.beta)*simd.Dot(row, a.base) + a.beta*simd.Dot(row, a.own) + simd.Sum(a.hidden[i*m:(i+1)*m])
	}
}
