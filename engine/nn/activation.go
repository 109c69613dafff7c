package nn

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
)

// ReLU is max(0, x), with derivative 0 at 0. Behind a Linear layer or a convolution,
// Sequential fuses it into that. PyTorch: nn.ReLU.
type ReLU struct{}

// LeakyReLU is x for x > 0, else Slope·x. PyTorch: nn.LeakyReLU(Slope), whose default
// slope is 0.01; here 0 means 0.
type LeakyReLU struct{ Slope float64 }

// Tanh is the hyperbolic tangent. PyTorch: nn.Tanh.
type Tanh struct{}

// Sigmoid is σ(x) = 1/(1 + exp(−x)). PyTorch: nn.Sigmoid.
type Sigmoid struct{}

// Softplus is log(1 + exp x). PyTorch: nn.Softplus, which is x itself above 20.
type Softplus struct{}

// SiLU is x·σ(x) [elfwing2018]. PyTorch: nn.SiLU.
type SiLU struct{}

// GELU is x·Φ(x), with the exact normal distribution function Φ [hendrycks2016].
// PyTorch: nn.GELU.
type GELU struct{}

// ELU is x for x > 0, else Alpha·(exp x − 1) [clevert2016]. PyTorch: nn.ELU(Alpha), whose default is 1;
// here 0 means 0.
type ELU struct{ Alpha float64 }

// HardSigmoid is min(max(x + 3, 0), 6)/6. PyTorch: nn.Hardsigmoid.
type HardSigmoid struct{}

// HardSwish is x·min(max(x + 3, 0), 6)/6 [howard2019]. PyTorch: nn.Hardswish.
type HardSwish struct{}

// Forward implements Module.
func (ReLU) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.ReLU(x) }

// Forward implements Module.
func (a LeakyReLU) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.LeakyReLU(x, a.Slope) }

// Forward implements Module.
func (Tanh) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.Tanh(x) }

// Forward implements Module.
func (Sigmoid) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.Sigmoid(x) }

// Forward implements Module.
func (Softplus) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.Softplus(x) }

// Forward implements Module.
func (SiLU) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.SiLU(x) }

// Forward implements Module.
func (GELU) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.GELU(x) }

// Forward implements Module.
func (a ELU) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.ELU(x, a.Alpha) }

// Forward implements Module.
func (HardSigmoid) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.HardSigmoid(x) }

// Forward implements Module.
func (HardSwish) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.HardSwish(x) }

// Params implements Module: there are none.
func (ELU) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (HardSigmoid) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (HardSwish) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (ReLU) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (LeakyReLU) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (Tanh) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (Sigmoid) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (Softplus) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (SiLU) Params() []*autodiff.Param { return nil }

// Params implements Module: there are none.
func (GELU) Params() []*autodiff.Param { return nil }

// Dropout sets each element to 0 with probability P and divides the others by 1 − P
// [srivastava2014]; on a tape that is not training it does nothing.
// PyTorch: nn.Dropout.
type Dropout struct {
	P   float64 // in [0, 1]
	rng *rand.Rand
}

// NewDropout returns a Dropout layer that draws from rng, which it keeps.
func NewDropout(p float64, rng *rand.Rand) *Dropout { return &Dropout{p, rng} }

// Forward implements Module.
func (d *Dropout) Forward(x *autodiff.Var) *autodiff.Var { return autodiff.Dropout(x, d.P, d.rng) }

// Params implements Module: there are none.
func (*Dropout) Params() []*autodiff.Param { return nil }
