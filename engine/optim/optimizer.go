// Package optim changes parameters along their gradients: optimisers that equal
// PyTorch's, schedules of the step size, clipping, penalties and weight averaging.
//
// A step of training is
//
//	zero the gradients, run Backward
//	penalty := optim.L1(params, lambda)        // optional
//	norm := optim.ClipNorm(params, 1)          // optional
//	opt.Step(params, lr*schedule.At(step, total))
//	average.Update(params)                     // optional
//
// Frozen parameters, and those that no gradient has reached (Grad is nil), stay as
// they are; NoDecay parameters take no weight decay and no penalty. Nothing here
// allocates once every parameter has had its first step.
package optim

import (
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// Optimizer is a rule of descent with what it remembers of each parameter. States name
// parameters, so one optimiser takes one parameter of each name: a second one, of another
// network, is refused. Two networks have an optimiser each, or names with prefixes
// (nn.Prefix).
type Optimizer interface {
	// Step changes the parameters along their gradients. It panics where Prepare
	// reports an error.
	Step(params []*autodiff.Param, lr float64)

	// State returns what the optimiser remembers, in the order in which it met the
	// parameters: "step", a float64 with the number of calls of Step, and tensors named
	// as PyTorch's with the parameter's name behind ("momentum.0.weight",
	// "exp_avg.0.weight"). A parameter that has had another number of steps than "step"
	// says has its own, "step.0.weight". The tensors share the optimiser's memory.
	State() []tensor.Named

	// Restore takes back what State returned, copying it, so that the next Step is
	// what it would have been. An error names what is missing, unknown, there twice or
	// does not fit together, and leaves the optimiser as it was.
	Restore(state []tensor.Named) error

	// Prepare makes the memory that Step will need for params. It reports settings out of
	// their range and two parameters of one name. After Restore it also reports what does
	// not fit params: a parameter without its state, state of another shape or type, state
	// that no parameter has. The first Step does it otherwise.
	Prepare(params []*autodiff.Param) error
}

var (
	_ Optimizer = (*SGD)(nil)
	_ Optimizer = (*Adam)(nil)
	_ Optimizer = (*AdamW)(nil)
)

// still reports whether p stays as it is in this step.
func still(p *autodiff.Param) bool { return p.Frozen || p.Grad == nil }
