package nn

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// Linear is the affine map y = x·Wᵀ + b, and an activation.
//
// Shapes: [..., in] → [..., out].
// Parameters: weight [out, in] and bias [out], both from U(−1/√in, 1/√in).
// PyTorch: nn.Linear.
type Linear struct {
	Weight     *autodiff.Param
	Bias       *autodiff.Param // nil for none
	Activation autodiff.Activation
}

// NewLinear returns a Linear layer. For one without a bias, set Bias to nil before
// the layer goes into a container.
func NewLinear(in, out int, rng *rand.Rand) *Linear {
	l := &Linear{Weight: newParam("weight", out, in), Bias: newVector("bias", 0, out)}
	initialise(l.Weight, l.Bias, rng)
	return l
}

// initialise is PyTorch's way for linear layers and convolutions: weight and bias
// from U(−1/√fan-in, 1/√fan-in).
func initialise(weight, bias *autodiff.Param, rng *rand.Rand) {
	KaimingUniform(weight.Value, LeakyReLUGain(sqrt5), rng)
	in, _ := fans(weight.Value)
	Uniform(bias.Value, 1/math.Sqrt(in), rng)
}

// sqrt5 is the slope with which PyTorch asks for weights: gain²·3 = 1.
var sqrt5 = math.Sqrt(5)

// Params implements Module.
func (l *Linear) Params() []*autodiff.Param { return present(l.Weight, l.Bias) }

// Forward implements Module.
func (l *Linear) Forward(x *autodiff.Var) *autodiff.Var { return forward(l, x) }

func (l *Linear) weight() *autodiff.Param         { return l.Weight }
func (l *Linear) bias() *autodiff.Param           { return l.Bias }
func (l *Linear) activation() autodiff.Activation { return l.Activation }

func (l *Linear) apply(x, w, b *autodiff.Var, act autodiff.Activation) *autodiff.Var {
	return autodiff.Linear(x, w, b, act)
}

// Weighted is a layer that applies one weight and a bias, and a fused activation:
// Linear, Conv1D, Conv2D. Sequential fuses the ReLU behind one into it, and
// SpectralNorm divides its weight.
type Weighted interface {
	Module
	weight() *autodiff.Param
	bias() *autodiff.Param // nil for none
	activation() autodiff.Activation
	apply(x, w, b *autodiff.Var, act autodiff.Activation) *autodiff.Var
}

var (
	_ Weighted = (*Linear)(nil)
	_ Weighted = (*Conv1D)(nil)
	_ Weighted = (*Conv2D)(nil)
)

// forward is Forward of a Weighted layer.
func forward(l Weighted, x *autodiff.Var) *autodiff.Var {
	return applyWeight(l, x, x.Tape().Param(l.weight()), l.activation())
}

// applyWeight applies l with a weight and an activation that need not be its own.
func applyWeight(l Weighted, x, w *autodiff.Var, act autodiff.Activation) *autodiff.Var {
	return l.apply(x, w, optional(x.Tape(), l.bias()), act)
}
