package nn

import (
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Criterion records a loss whose value and gradients are computed in one pass, such as
// those of package loss, as one operation of the tape. It is used again in the next step,
// and keeps its memory; use one for each loss of a step.
type Criterion struct {
	out   *autodiff.Var
	in    []*autodiff.Var
	grads []*tensor.Tensor
	eval  Grads // grads of the inputs that need them, else nil
}

// Grads is the memory of the gradients by a loss's inputs; nil where none is computed.
type Grads []*tensor.Tensor

// Float32s returns the memory of the gradient by input i, nil if none is computed.
func (g Grads) Float32s(i int) []float32 {
	if g[i] == nil {
		return nil
	}
	return g[i].Float32s()
}

// Float64s is Float32s for inputs in float64.
func (g Grads) Float64s(i int) []float64 {
	if g[i] == nil {
		return nil
	}
	return g[i].Float64s()
}

// Record records the loss that eval returns, a single number, and whose gradients by the
// inputs it writes. eval's error is returned as it is, and nothing is recorded then.
func (c *Criterion) Record(eval func(g Grads) (float64, error), in ...*autodiff.Var) (*autodiff.Var, error) {
	c.in, c.eval = append(c.in[:0], in...), c.eval[:0]
	for i, x := range in {
		if i == len(c.grads) {
			c.grads = append(c.grads, tensor.New(x.Value.DType()))
		}
		var g *tensor.Tensor
		if x.Needs() {
			if c.grads[i].DType() != x.Value.DType() {
				c.grads[i] = tensor.New(x.Value.DType())
			}
			c.grads[i].Resize(x.Shape()...)
			g = c.grads[i]
		}
		c.eval = append(c.eval, g)
	}
	value, err := eval(c.eval)
	if err != nil {
		return nil, err
	}
	c.out = in[0].Tape().Custom(c, c.in)
	if v := c.out.Value.Float64s(); v != nil {
		v[0] = value
	} else {
		c.out.Value.Float32s()[0] = float32(value)
	}
	return c.out, nil
}

// Backward implements autodiff.Op.
func (c *Criterion) Backward(out *autodiff.Var, in []*autodiff.Var) {
	if out != c.out {
		panic("nn: a Criterion recorded again before Backward; use one for each loss of a step")
	}
	for i, g := range c.eval {
		if g == nil {
			continue
		}
		if up := out.Grad().Float64s(); up != nil {
			simd.AXPY(in[i].AddGrad().Float64s(), up[0], g.Float64s())
		} else {
			simd.AXPY(in[i].AddGrad().Float32s(), out.Grad().Float32s()[0], g.Float32s())
		}
	}
}
