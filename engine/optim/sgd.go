package optim

import (
	"math"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// SGD is stochastic gradient descent with momentum, as torch.optim.SGD:
//
//	d = g + WeightDecay·w
//	m = Momentum·m + (1 − Dampening)·d       m = d at a parameter's first step
//	w = w − lr·m                             w − lr·(d + Momentum·m) with Nesterov
//
// Without momentum, w = w − lr·d. WeightDecay is the regulariser
// R(w) = WeightDecay/2·‖w‖², whose value L2 gives. Its state is "momentum".
// The zero value is plain gradient descent.
//
// Errors: Momentum outside [0, 1]; WeightDecay below 0; Nesterov without Momentum or with
// Dampening, as in PyTorch; Dampening without Momentum, which it would be void of; NaN.
type SGD struct {
	Momentum    float64
	Dampening   float64
	Nesterov    bool
	WeightDecay float64

	history history
}

var (
	sgdKinds   = []string{"momentum"}
	plainKinds = []string{}
)

func (o *SGD) kinds() []string {
	if o.Momentum == 0 {
		return plainKinds
	}
	return sgdKinds
}

// check refuses settings that are out of range or contradict each other.
func (o *SGD) check() error {
	c := checker{of: "SGD"}
	c.hold("Momentum", o.Momentum, o.Momentum >= 0 && o.Momentum <= 1, "in [0, 1]")
	c.hold("Dampening", o.Dampening, !math.IsNaN(o.Dampening) && !math.IsInf(o.Dampening, 0), "finite")
	c.hold("Dampening", o.Dampening, o.Dampening == 0 || o.Momentum != 0, "0 without Momentum")
	c.hold("Dampening", o.Dampening, o.Dampening == 0 || !o.Nesterov, "0 with Nesterov")
	c.hold("Momentum", o.Momentum, o.Momentum != 0 || !o.Nesterov, "above 0 with Nesterov")
	c.notNegative("WeightDecay", o.WeightDecay)
	return c.err
}

// Step implements Optimizer.
func (o *SGD) Step(params []*autodiff.Param, lr float64) {
	must(o.check())
	kinds := o.kinds()
	o.history.begin(params, kinds)
	for _, p := range params {
		if still(p) {
			continue
		}
		s := o.history.step(p, kinds)
		options := simd.SGDOptions{
			LR: lr, Momentum: o.Momentum, Dampening: o.Dampening, Nesterov: o.Nesterov,
			First: s.steps == 1,
		}
		if !p.NoDecay {
			options.WeightDecay = o.WeightDecay
		}
		if p.Value.DType() == tensor.Float64 {
			sgdStep[float64](p, s, options)
		} else {
			sgdStep[float32](p, s, options)
		}
	}
}

func sgdStep[T tensor.Float](p *autodiff.Param, s *slot, o simd.SGDOptions) {
	var m []T
	if s.buf[0] != nil {
		m = tensor.Data[T](s.buf[0])
	}
	simd.SGD(tensor.Data[T](p.Value), tensor.Data[T](p.Grad), m, o)
}

// State implements Optimizer.
func (o *SGD) State() []tensor.Named { return o.history.state(o.kinds()) }

// Restore implements Optimizer.
func (o *SGD) Restore(state []tensor.Named) error { return o.history.restore(state, o.kinds()) }

// Prepare implements Optimizer.
func (o *SGD) Prepare(params []*autodiff.Param) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.history.prepare(params, o.kinds())
}
