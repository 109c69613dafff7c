package optim

import (
	"math"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// Adam is Adam [kingma2015], as torch.optim.Adam. At a parameter's step t = 1, 2, …,
//
//	d = g + WeightDecay·w
//	m = β₁m + (1 − β₁)d
//	v = β₂v + (1 − β₂)d²
//	w = w − lr·m̂/(√v̂ + Eps)      m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)
//
// AMSGrad takes the greatest v so far for v [reddi2018]. The state is "exp_avg" (m),
// "exp_avg_sq" (v) and, with AMSGrad, "max_exp_avg_sq".
//
// Extremes: a finite d beyond ±√max, of the greatest number of the element type (1.8e19
// in float32), counts as ±√max. So d² does not overflow: v stays finite and falls again,
// where PyTorch's is +Inf for ever and the weight never moves again. With Eps zero, a
// weight whose gradients were all 0 becomes NaN, as PyTorch's.
//
// Errors: Beta1 or Beta2 outside [0, 1), Eps or WeightDecay below 0, all but Zero; NaN.
type Adam struct {
	Beta1       float64 // 0 means 0.9; Zero, no averaging of d
	Beta2       float64 // 0 means 0.999; Zero, no averaging of d²
	Eps         float64 // 0 means 1e-8; Zero, nothing is added
	WeightDecay float64 // of the regulariser WeightDecay/2·‖w‖²
	AMSGrad     bool

	history history
}

// AdamW is Adam with weight decay apart from the gradient [loshchilov2019], as
// torch.optim.AdamW: as Adam without decay, after
//
//	w = w − lr·WeightDecay·w
//
// PyTorch's default for WeightDecay is 0.01; here 0 means none. Extremes and errors are
// Adam's.
type AdamW struct {
	Beta1       float64 // 0 means 0.9; Zero, no averaging of g
	Beta2       float64 // 0 means 0.999; Zero, no averaging of g²
	Eps         float64 // 0 means 1e-8; Zero, nothing is added
	WeightDecay float64
	AMSGrad     bool

	history history
}

var (
	adamKinds = []string{"exp_avg", "exp_avg_sq"}
	amsKinds  = []string{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
)

func kindsOfAdam(ams bool) []string {
	if ams {
		return amsKinds
	}
	return adamKinds
}

// options returns the settings with their defaults, or an error that names one.
func (o *Adam) options() (simd.AdamOptions, error) {
	return adamOptions("Adam", simd.AdamOptions{Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps, WeightDecay: o.WeightDecay})
}

func (o *AdamW) options() (simd.AdamOptions, error) {
	return adamOptions("AdamW", simd.AdamOptions{Beta1: o.Beta1, Beta2: o.Beta2, Eps: o.Eps, WeightDecay: o.WeightDecay, Decoupled: true})
}

func adamOptions(name string, o simd.AdamOptions) (simd.AdamOptions, error) {
	c := checker{of: name}
	o.Beta1 = orDefault(o.Beta1, 0.9)
	o.Beta2 = orDefault(o.Beta2, 0.999)
	o.Eps = orDefault(o.Eps, 1e-8)
	c.fraction("Beta1", o.Beta1)
	c.fraction("Beta2", o.Beta2)
	c.notNegative("Eps", o.Eps)
	c.notNegative("WeightDecay", o.WeightDecay)
	return o, c.err
}

// Step implements Optimizer.
func (o *Adam) Step(params []*autodiff.Param, lr float64) {
	options, err := o.options()
	must(err)
	o.history.adam(params, lr, options, o.AMSGrad)
}

// Step implements Optimizer.
func (o *AdamW) Step(params []*autodiff.Param, lr float64) {
	options, err := o.options()
	must(err)
	o.history.adam(params, lr, options, o.AMSGrad)
}

func (h *history) adam(params []*autodiff.Param, lr float64, o simd.AdamOptions, ams bool) {
	kinds := kindsOfAdam(ams)
	h.begin(params, kinds)
	o.LR = lr
	for _, p := range params {
		if still(p) {
			continue
		}
		s := h.step(p, kinds)
		o := o
		o.Correction1 = 1 - math.Pow(o.Beta1, float64(s.steps))
		o.Correction2 = 1 - math.Pow(o.Beta2, float64(s.steps))
		if p.NoDecay {
			o.WeightDecay = 0
		}
		if p.Value.DType() == tensor.Float64 {
			adamStep[float64](p, s, o)
		} else {
			adamStep[float32](p, s, o)
		}
	}
}

func adamStep[T tensor.Float](p *autodiff.Param, s *slot, o simd.AdamOptions) {
	w, g := tensor.Data[T](p.Value), tensor.Data[T](p.Grad)
	m, v := tensor.Data[T](s.buf[0]), tensor.Data[T](s.buf[1])
	if s.buf[2] == nil {
		simd.Adam(w, g, m, v, o)
	} else {
		amsGrad(w, g, m, v, tensor.Data[T](s.buf[2]), o)
	}
}

// amsGrad is simd.Adam with the greatest v so far, top, instead of v.
func amsGrad[T tensor.Float](w, g, m, v, top []T, o simd.AdamOptions) {
	keep, decay := T(1), T(o.WeightDecay)
	if o.Decoupled {
		keep, decay = T(1-float64(o.LR*o.WeightDecay)), 0
	}
	beta1, fresh1, beta2, fresh2 := T(o.Beta1), T(1-o.Beta1), T(o.Beta2), T(1-o.Beta2)
	step, root, eps := T(o.LR/o.Correction1), T(1/math.Sqrt(o.Correction2)), T(o.Eps)
	for i, d := range g {
		d = simd.Squarable(d + decay*w[i])
		m[i] = beta1*m[i] + fresh1*d
		v[i] = beta2*v[i] + fresh2*(d*d)
		top[i] = max(top[i], v[i])
		w[i] = T(w[i]*keep) - T(step*(m[i]/(T(math.Sqrt(float64(top[i])))*root+eps)))
	}
}

// State implements Optimizer.
func (o *Adam) State() []tensor.Named { return o.history.state(kindsOfAdam(o.AMSGrad)) }

// Restore implements Optimizer.
func (o *Adam) Restore(state []tensor.Named) error {
	return o.history.restore(state, kindsOfAdam(o.AMSGrad))
}

// Prepare implements Optimizer.
func (o *Adam) Prepare(params []*autodiff.Param) error {
	if _, err := o.options(); err != nil {
		return err
	}
	return o.history.prepare(params, kindsOfAdam(o.AMSGrad))
}

// State implements Optimizer.
func (o *AdamW) State() []tensor.Named { return o.history.state(kindsOfAdam(o.AMSGrad)) }

// Restore implements Optimizer.
func (o *AdamW) Restore(state []tensor.Named) error {
	return o.history.restore(state, kindsOfAdam(o.AMSGrad))
}

// Prepare implements Optimizer.
func (o *AdamW) Prepare(params []*autodiff.Param) error {
	if _, err := o.options(); err != nil {
		return err
	}
	return o.history.prepare(params, kindsOfAdam(o.AMSGrad))
}
