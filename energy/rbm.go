package energy

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
	"github.com/energo-ml/energo/sampler"
	"github.com/energo-ml/energo/tensor"
)

// RBM is the restricted Boltzmann machine over binary visible units v and hidden h,
//
//	E(v, h) = −v·b − h·c − hᵀW v,
//
// whose hidden units are summed out: as a Surface over v it is the free energy
//
//	F(v) = −v·b − Σⱼ log(1 + exp(cⱼ + Wⱼ·v)).
//
// Parameters: "weight" [hidden, visible], "visible_bias", "hidden_bias".
// Source: [smolensky1986], [hinton2002].
type RBM[T simd.Float] struct {
	W, B, C *autodiff.Param
}

// NewRBM returns a machine with weights drawn from N(0, 0.01²) and no biases.
func NewRBM[T simd.Float](visible, hidden int, rng *rand.Rand) *RBM[T] {
	if visible < 1 || hidden < 1 {
		panic(fmt.Sprintf("energy: NewRBM: %d visible and %d hidden units; there must be at least one of each", visible, hidden))
	}
	dt := dtype[T]()
	r := &RBM[T]{
		W: &autodiff.Param{Name: "weight", Value: tensor.New(dt, hidden, visible)},
		B: &autodiff.Param{Name: "visible_bias", Value: tensor.New(dt, visible), NoDecay: true},
		C: &autodiff.Param{Name: "hidden_bias", Value: tensor.New(dt, hidden), NoDecay: true},
	}
	for i, w := 0, data[T](r.W.Value); i < len(w); i++ {
		w[i] = T(0.01 * rng.NormFloat64())
	}
	return r
}

// Visible implements sampler.Bipartite.
func (r *RBM[T]) Visible() int { return r.W.Value.Dim(1) }

// Hidden implements sampler.Bipartite.
func (r *RBM[T]) Hidden() int { return r.W.Value.Dim(0) }

// Dim implements Surface.
func (r *RBM[T]) Dim() int { return r.Visible() }

// Params implements Surface.
func (r *RBM[T]) Params() []*autodiff.Param { return []*autodiff.Param{r.W, r.B, r.C} }

// Energy implements Surface: the free energies of v [B, visible].
func (r *RBM[T]) Energy(_, v *autodiff.Var) *autodiff.Var {
	t := v.Tape()
	b := autodiff.Reshape(t.Param(r.B), 1, r.Visible())
	linear := autodiff.Linear(v, b, nil, autodiff.Identity) // [B, 1]
	hidden := autodiff.SumLast(autodiff.Softplus(autodiff.Linear(v, t.Param(r.W), t.Param(r.C), autodiff.Identity)))
	return autodiff.Neg(autodiff.Add(autodiff.Reshape(linear, v.Shape()[0]), hidden))
}

// HiddenGiven implements sampler.Bipartite: σ(c + Wv).
func (r *RBM[T]) HiddenGiven(p, v []T) {
	r.fields(p, v, 1)
	simd.Sigmoid(p, p)
}

// fields writes beta·(c + Wv) of each row of v.
func (r *RBM[T]) fields(p, v []T, beta T) {
	k, m := r.Visible(), r.Hidden()
	n := len(v) / k
	gemm.Mul(false, true, n, m, k, v, k, data[T](r.W.Value), k, 0, p, m)
	simd.AddRow(p, p, data[T](r.C.Value), n, m)
	if beta != 1 {
		simd.Scale(p, p, beta)
	}
}

// VisibleGiven implements sampler.Bipartite: σ(b + hW).
func (r *RBM[T]) VisibleGiven(p, h []T) {
	r.visibleFields(p, h)
	simd.Sigmoid(p, p)
}

func (r *RBM[T]) visibleFields(p, h []T) {
	k, m := r.Visible(), r.Hidden()
	n := len(h) / m
	gemm.Mul(false, false, n, k, m, h, m, data[T](r.W.Value), k, 0, p, k)
	simd.AddRow(p, p, data[T](r.B.Value), n, k)
}

// maxExact is the greatest number of hidden units whose states are enumerated.
const maxExact = 25

// LogPartition is log Σ_v exp(−F(v)) by enumeration of the hidden states: exact, up to 25
// hidden units.
//
//	Z = Σ_h exp(h·c) Πᵢ (1 + exp(bᵢ + Σⱼ hⱼWⱼᵢ))
func (r *RBM[T]) LogPartition() (float64, error) {
	k, m := r.Visible(), r.Hidden()
	if m > maxExact {
		return 0, fmt.Errorf("energy: RBM: 2^%d hidden states are too many to enumerate; up to %d hidden units are, and annealing (AnnealRBM) takes any number", m, maxExact)
	}
	const block = 1024
	n := min(block, 1<<m)
	h, fields := make([]T, n*m), make([]T, n*k)
	c := data[T](r.C.Value)
	total := logSum{max: math.Inf(-1)}
	for lo := 0; lo < 1<<m; lo += n {
		for i := range n {
			for j := range m {
				h[i*m+j] = T((lo + i) >> j & 1)
			}
		}
		r.visibleFields(fields, h)
		simd.Softplus(fields, fields)
		for i := range n {
			e := simd.Sum(fields[i*k : (i+1)*k])
			for j := range m {
				e += float64(h[i*m+j]) * float64(c[j])
			}
			total.add(e)
		}
	}
	return total.log(), nil
}

// logSum adds up numbers whose logarithms are given.
type logSum struct{ max, sum float64 }

func (s *logSum) add(log float64) {
	if log > s.max {
		s.sum *= math.Exp(s.max - log)
		s.max = log
	}
	s.sum += math.Exp(log - s.max)
}

func (s *logSum) log() float64 { return s.max + math.Log(s.sum) }

// AnnealRBM estimates the log partition function by annealed importance sampling from the
// machine without weights whose visible biases are base, through the machines
//
//	log p*(v) = (1−β)·v·base + β·v·b + Σⱼ log(1 + exp(β(cⱼ + Wⱼ·v)))
//
// with a Gibbs sweep at each β. base nil stands for the machine's own b; the log-odds of
// the data's pixels are better. LogZ is on average too low, and StdErr its spread.
//
// Source: [salakhutdinov2008].
func AnnealRBM[T simd.Float](rng *rand.Rand, r *RBM[T], base []T, betas []float64, chains int) (sampler.Estimate, error) {
	if err := sampler.CheckBetas(betas, chains); err != nil {
		return sampler.Estimate{}, err
	}
	b := data[T](r.B.Value)
	if base == nil {
		base = b
	}
	if len(base) != len(b) {
		return sampler.Estimate{}, fmt.Errorf("energy: AnnealRBM: %d base biases for %d visible units", len(base), len(b))
	}
	a := &annealedRBM[T]{rbm: r, base: base, own: b, beta: betas[0]}
	v := make([]T, chains*len(b))
	a.VisibleGiven(v, make([]T, chains*r.Hidden()))
	a.gibbs.Flip(rng, v)
	weights := make([]float64, chains)
	before, after := make([]float64, chains), make([]float64, chains)
	for i := 1; i < len(betas); i++ {
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
	e := sampler.Average(weights)
	e.LogZ += float64(r.Hidden()) * math.Ln2
	for _, v := range base {
		e.LogZ += softplus(float64(v))
	}
	return e, nil
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

// annealedRBM is the machine between one without weights (β = 0) and r (β = 1).
type annealedRBM[T simd.Float] struct {
	rbm       *RBM[T]
	base, own []T
	beta      float64
	gibbs     sampler.Gibbs[T]
	hidden    []T
}

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
