package energy

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
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
type RBM[T tensor.Float] struct {
	W, B, C *autodiff.Param
}

// NewRBM returns a machine with weights drawn from N(0, 0.01²) and no biases.
func NewRBM[T tensor.Float](visible, hidden int, rng *rand.Rand) *RBM[T] {
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

// At returns the machine at a temperature: that of the energies E(v, h)/temperature, with weights and biases of its own.
func (r *RBM[T]) At(temperature float64) *RBM[T] {
	scaled := func(p *autodiff.Param) *autodiff.Param {
		to := &autodiff.Param{Name: p.Name, Value: tensor.New(p.Value.DType(), p.Value.Shape()...), NoDecay: p.NoDecay}
		simd.Scale(data[T](to.Value), data[T](p.Value), T(1/temperature))
		return to
	}
	return &RBM[T]{W: scaled(r.W), B: scaled(r.B), C: scaled(r.C)}
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
				if (lo+i)>>j&1 == 1 { // c may be −Inf, of a unit that is never on
					e += float64(c[j])
				}
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
