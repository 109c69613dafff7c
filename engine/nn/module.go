// Package nn holds network layers and initialisers. Names, shapes and defaults are
// PyTorch's, so that weights travel both ways.
//
// Layers are made with float32 parameters; Cast makes a module float64 for checks.
// A layer records its operations on the tape of its input and keeps nothing of a
// batch, so that one layer may stand in several places. A module serves one
// goroutine at a time.
package nn

import (
	"fmt"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// Module is a part of a network: something with parameters that maps a batch to a batch.
type Module interface {
	// Forward records the module's operations on x's tape.
	Forward(x *autodiff.Var) *autodiff.Var
	// Params returns the parameters in a fixed order, frozen ones included. A
	// container prefixes its children's names when it is made, so that names are
	// PyTorch's: "0.weight", "features.3.bias".
	Params() []*autodiff.Param
}

// Prefix puts prefix and a dot before the names of m's parameters and returns m. A
// parameter that stands in m twice is renamed once.
func Prefix[M Module](prefix string, m M) M {
	for _, p := range unique(m.Params()) {
		p.Name = prefix + "." + p.Name
	}
	return m
}

// Cast gives m's parameters elements of type dt, in new tensors, and drops their
// gradients. Their values are rounded if dt is float32.
func Cast(m Module, dt tensor.DType) {
	for _, p := range unique(m.Params()) {
		p.Value, p.Grad = p.Value.Convert(dt), nil
	}
}

// unique drops the parameters that were there before, of layers that stand in
// several places.
func unique(params []*autodiff.Param) []*autodiff.Param {
	seen := make(map[*autodiff.Param]bool, len(params))
	kept := make([]*autodiff.Param, 0, len(params))
	for _, p := range params {
		if !seen[p] {
			seen[p] = true
			kept = append(kept, p)
		}
	}
	return kept
}

// newParam returns a parameter of zeros.
func newParam(name string, shape ...int) *autodiff.Param {
	for _, d := range shape {
		if d <= 0 {
			panic(fmt.Sprintf("nn: a %q of shape %v: every dimension must be positive", name, shape))
		}
	}
	return &autodiff.Param{Name: name, Value: tensor.New(tensor.Float32, shape...)}
}

// newVector returns a parameter that weight decay leaves alone, filled with v: a
// bias, a norm's scale.
func newVector(name string, v float64, shape ...int) *autodiff.Param {
	p := newParam(name, shape...)
	p.NoDecay = true
	p.Value.Fill(v)
	return p
}

// newBuffer returns a vector that no optimiser changes, filled with v.
func newBuffer(name string, v float64, n int) *autodiff.Param {
	p := newVector(name, v, n)
	p.Frozen = true
	return p
}

// present lists those parameters of a layer that are not nil.
func present(params ...*autodiff.Param) (all []*autodiff.Param) {
	for _, p := range params {
		if p != nil {
			all = append(all, p)
		}
	}
	return all
}

// optional records a parameter, nil if there is none.
func optional(t *autodiff.Tape, p *autodiff.Param) *autodiff.Var {
	if p == nil {
		return nil
	}
	return t.Param(p)
}
