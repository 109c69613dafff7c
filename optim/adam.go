package optim

import (
	"math"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/tensor"
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
type Adam struct {
	Beta1       float64 // 0 means 0.9; any value below 0 means 0, no averaging of d
	Beta2       float64 // 0 means 0.999
	Eps         float64 // 0 means 1e-8
	WeightDecay float64 // of the regulariser WeightDecay/2·‖w‖²
	AMSGrad     bool

	history history
}

// AdamW is Adam with weight decay apart from the gradient [loshchilov2019], as
// torch.optim.AdamW: as Adam without decay, after
//
//	w = w − lr·WeightDecay·w
//
// PyTorch's default for WeightDecay is 0.01; here 0 means none.
type AdamW struct {
	Beta1       float64 // 0 means 0.9; any value below 0 means 0, no averaging of g
	Beta2       float64 // 0 means 0.999
	Eps         float64 // 0 means 1e-8
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

// options returns the settings with their defaults filled in.
func options(beta1, beta2, eps, decay float64, decoupled bool) simd.AdamOptions {
	o := simd.AdamOptions{Beta1: beta1, Beta2: beta2, Eps: eps, WeightDecay: decay, Decoupled: decoupled}
	if beta1 == 0 {
		o.Beta1 = 0.9
	}
	o.Beta1 = max(o.Beta1, 0)
	if beta2 == 0 {
		o.Beta2 = 0.999
	}
	if eps == 0 {
		o.Eps = 1e-8
	}
	return o
}

// Step implements Optimizer.
func (o *Adam) Step(params []*autodiff.Param, lr float64) {
	o.history.adam(params, lr, options(o.Beta1, o.Beta2, o.Eps, o.WeightDecay, false), o.AMSGrad)
}

// Step implements Optimizer.
func (o *AdamW) Step(params []*autodiff.Param, lr float64) {
	o.history.adam(params, lr, options(o.Beta1, o.Beta2, o.Eps, o.WeightDecay, true), o.AMSGrad)
}

func (h *history) adam(params []*autodiff.Param, lr float64, o simd.AdamOptions, ams bool) {
	kinds := kindsOfAdam(ams)
	h.begin(params, kinds)
	o.LR = lr
	for _, p := range params {
		if still(p) {
			continue
		}
		s := h.slot(p, kinds)
		s.steps++
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

func adamStep[T simd.Float](p *autodiff.Param, s *slot, o simd.AdamOptions) {
	w, g := tensor.Data[T](p.Value), tensor.Data[T](p.Grad)
	m, v := tensor.Data[T](s.buf[0]), tensor.Data[T](s.buf[1])
	if s.buf[2] == nil {
		simd.Adam(w, g, m, v, o)
	} else {
		amsGrad(w, g, m, v, tensor.Data[T](s.buf[2]), o)
	}
}

// amsGrad is simd.Adam with the greatest v so far, top, in the place of v.
func amsGrad[T simd.Float](w, g, m, v, top []T, o simd.AdamOptions) {
	keep, decay := T(1), T(o.WeightDecay)
	if o.Decoupled {
		keep, decay = T(1-o.LR*o.WeightDecay), 0
	}
	beta1, fresh1, beta2, fresh2 := T(o.Beta1), T(1-o.Beta1), T(o.Beta2), T(1-o.Beta2)
	step, root, eps := T(o.LR/o.Correction1), T(1/math.Sqrt(o.Correction2)), T(o.Eps)
	for i, d := range g {
		d += decay * w[i]
		m[i] = beta1*m[i] + fresh1*d
		v[i] = beta2*v[i] + fresh2*(d*d)
		top[i] = max(top[i], v[i])
		w[i] = w[i]*keep - step*(m[i]/(T(math.Sqrt(float64(top[i])))*root+eps))
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
	return o.history.prepare(params, kindsOfAdam(o.AMSGrad))
}
