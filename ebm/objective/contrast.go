package objective

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Contrast is contrastive divergence: the data is pushed down, and as many points that
// the chains drew are pushed up.
//
//	mean E(y) − mean E(ȳ) + EnergyL2·(mean E(y)² + mean E(ȳ)²)
//
// With exact draws ȳ its gradient is that of the negative log-likelihood. The chains
// decide what it is called: CD-k where they start from the data, PCD with a buffer. The
// value is no likelihood; it hovers around 0 while training goes well. EnergyL2 ties down
// the energies' level, which the first two terms leave free, and bounds their slopes.
//
// Source: [hinton2002], [tieleman2008], [du2019] for EnergyL2.
type Contrast[T tensor.Float] struct {
	Chains   *sampler.Chains[T]
	EnergyL2 float64

	Correct, Other float64 // mean energies of the data and of the draws, of the last batch

	slopes *energy.Slopes[T]
	of     energy.Surface
	both   *tensor.Tensor
	grad   frozen[T]
}

// Record implements Objective.
func (c *Contrast[T]) Record(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error) {
	if err := c.check(tape, s, y); err != nil {
		return nil, err
	}
	c.slopes = slopesOf(c.slopes, &c.of, s)
	b, d := y.Dim(0), s.Dim()
	if c.both == nil {
		c.both = tensor.New(tape.DType())
	}
	c.both.Resize(2*b, d)
	points := tensor.Data[T](c.both)
	copy(points, tensor.Data[T](y))
	c.Chains.Draw(rng, c.slopes, points[:b*d], points[b*d:])
	return c.record(s.Energy(nil, tape.Const(c.both)))
}

// State implements Stateful: the chains of the buffer, if there is one.
func (c *Contrast[T]) State() []tensor.Named {
	if c.Chains == nil || c.Chains.Buffer == nil {
		return nil
	}
	b := c.Chains.Buffer
	var chains *tensor.Tensor
	var err error
	switch y := any(b.Y).(type) {
	case []float32:
		chains, err = tensor.FromFloat32(y, b.Len(), b.Dim)
	case []float64:
		chains, err = tensor.FromFloat64(y, b.Len(), b.Dim)
	}
	if err != nil {
		panic(err) // a length that NewBuffer does not make
	}
	return []tensor.Named{{Name: "chains", Tensor: chains}}
}

func (c *Contrast[T]) check(tape *autodiff.Tape, s energy.Surface, y *tensor.Tensor) error {
	const name = "contrast"
	switch {
	case c.Chains == nil:
		return missing(name, "Chains")
	case c.Chains.Sampler == nil && c.Chains.Steps > 0:
		return missing(name, "Chains.Sampler")
	case c.Chains.Buffer != nil && c.Chains.Buffer.Restart > 0 && c.Chains.Fresh == nil:
		return missing(name, "Chains.Fresh, which a Buffer with Restart needs,")
	case !(c.EnergyL2 >= 0 && c.EnergyL2 <= math.MaxFloat64):
		return outOfRange(name, "EnergyL2", c.EnergyL2, "a finite number from 0 on")
	}
	return checkArguments[T](name, tape, s, y)
}

// record records the contrast of energies whose first half is the data's.
func (c *Contrast[T]) record(e *autodiff.Var) (*autodiff.Var, error) {
	energies := tensor.Data[T](e.Value)
	if err := checkFinite("contrast", energies); err != nil {
		return nil, err
	}
	b := len(energies) / 2
	c.Correct, c.Other = simd.Sum(energies[:b])/float64(b), simd.Sum(energies[b:])/float64(b)
	c.grad.d = scratch.Sized(c.grad.d, 2*b)
	share := 1 / float64(b)
	for i, v := range energies {
		sign := 1.0
		if i >= b {
			sign = -1
		}
		c.grad.d[i] = T(share * (sign + 2*c.EnergyL2*float64(v)))
	}
	return c.grad.record(e, c.Correct-c.Other+c.EnergyL2*share*simd.SumSquares(energies)), nil
}
