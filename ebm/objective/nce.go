package objective

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Noise is a known density with exact draws, such as sampler.Normal and sampler.Uniform.
type Noise[T tensor.Float] interface {
	sampler.Target[T]
	Draw(rng *rand.Rand, y []T)
	LogPartition() float64
}

// NCE is noise-contrastive estimation: the energy, with a number c that learns to be
// log Z, tells the data from as many draws ȳ of a known noise q.
//
//	mean softplus(−G(y)) + mean softplus(G(ȳ))   G(y) = −E(y) − c − log q(y)
//
// At its minimum p = exp(−E − c) is the data's density, normalised. The noise must cover
// the data; it is best where it looks like it. The tape may hold c as any parameter: see
// Params.
//
// Source: [gutmann2010].
type NCE[T tensor.Float] struct {
	Noise Noise[T]
	LogZ  *autodiff.Param // [1]

	points *tensor.Tensor // [2B, D]
	noise  []float64
	grad   nceGrad[T]
}

// NewNCE returns the objective for a noise, with log Z at 0.
func NewNCE[T tensor.Float](noise Noise[T]) *NCE[T] {
	dt := tensor.Float32
	if _, ok := any(T(0)).(float64); ok {
		dt = tensor.Float64
	}
	return &NCE[T]{Noise: noise, LogZ: &autodiff.Param{Name: "log_z", Value: tensor.New(dt, 1), NoDecay: true}}
}

// Params returns what is trained besides the surface's parameters.
func (o *NCE[T]) Params() []*autodiff.Param { return []*autodiff.Param{o.LogZ} }

// Record implements Objective.
func (o *NCE[T]) Record(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error) {
	if err := o.check(tape, s, y); err != nil {
		return nil, err
	}
	b, d := y.Dim(0), s.Dim()
	if o.points == nil {
		o.points = tensor.New(tape.DType())
	}
	o.points.Resize(2*b, d)
	points := tensor.Data[T](o.points)
	copy(points, tensor.Data[T](y))
	o.Noise.Draw(rng, points[b*d:])
	o.noise = scratch.Sized(o.noise, 2*b)
	o.Noise.Energies(o.noise, nil, points)
	e := s.Energy(nil, tape.Const(o.points))
	if err := checkFinite("nce", tensor.Data[T](e.Value)); err != nil {
		return nil, err
	}
	return o.record(e, tape.Param(o.LogZ)), nil
}

func (o *NCE[T]) check(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor) error {
	const name = "nce"
	switch {
	case o.Noise == nil:
		return missing(name, "Noise")
	case o.LogZ == nil || o.LogZ.Value == nil:
		return missing(name, "LogZ")
	}
	if err := checkArguments[T](name, tape, s, y); err != nil {
		return err
	}
	if d := o.Noise.Dim(); d != s.Dim() {
		return fmt.Errorf("objective: %s: the noise has %d numbers, the surface %d", name, d, s.Dim())
	}
	return nil
}

func (o *NCE[T]) record(e, c *autodiff.Var) *autodiff.Var {
	g := &o.grad
	n := len(o.noise)
	g.d, g.dc = scratch.Sized(g.d, n), 0
	share := 2 / float64(n)
	logZ, base := float64(tensor.Data[T](c.Value)[0]), o.Noise.LogPartition()
	var value float64
	for i, v := range tensor.Data[T](e.Value) {
		// The noise has its own energies: log q = −noise − base. A point that the noise
		// cannot draw is the data's without doubt: its G is +Inf, softplus and slope are 0.
		x := -(o.noise[i] + base - float64(v) - logZ) // −G
		sign := -1.0                                  // dG/dE, dG/dc
		if i >= n/2 {
			x, sign = -x, 1
		}
		value += share * softplus(x)
		d := -sign * share * sigmoid(x)
		g.d[i] = T(d)
		g.dc += d
	}
	g.out = e.Tape().Custom(g, []*autodiff.Var{e, c})
	tensor.Data[T](g.out.Value)[0] = T(value)
	return g.out
}

// nceGrad holds the derivatives of a recorded NCE.
type nceGrad[T tensor.Float] struct {
	out *autodiff.Var
	d   []T
	dc  float64
}

// Backward implements autodiff.Op.
func (g *nceGrad[T]) Backward(out *autodiff.Var, in []*autodiff.Var) {
	if out != g.out {
		panic("objective: recorded again before Backward; use one objective for each")
	}
	up := tensor.Data[T](out.Grad())[0]
	if in[0].Needs() {
		simd.AXPY(tensor.Data[T](in[0].AddGrad()), up, g.d)
	}
	if in[1].Needs() {
		tensor.Data[T](in[1].AddGrad())[0] += up * T(g.dc)
	}
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
