package nn

import (
	"strconv"

	"github.com/energo-ml/energo/engine/autodiff"
)

// Sequential applies layers one after another. A ReLU behind a Linear layer or a
// convolution without an activation is computed with it, in one pass; names are as
// if it were not: "0.weight" is the first layer's, and the ReLU takes a number.
// PyTorch: nn.Sequential.
type Sequential struct {
	layers []Module
	steps  []step
}

// step is a layer, or one with the ReLU behind it.
type step struct {
	layer     Module
	rectified Weighted // not nil if the ReLU is fused
}

// NewSequential returns layers as one module and prefixes their parameters' names. A
// parameter that stands in several layers keeps its first place's name, as in PyTorch.
func NewSequential(layers ...Module) *Sequential {
	s := &Sequential{layers: layers}
	seen := map[*autodiff.Param]bool{}
	for i, l := range layers {
		for _, p := range l.Params() {
			if !seen[p] {
				seen[p] = true
				p.Name = strconv.Itoa(i) + "." + p.Name
			}
		}
	}
	for i := 0; i < len(layers); i++ {
		next := step{layer: layers[i]}
		if w, ok := layers[i].(Weighted); ok && i+1 < len(layers) && w.activation() == autodiff.Identity {
			if _, ok := layers[i+1].(ReLU); ok {
				next.rectified = w
				i++
			}
		}
		s.steps = append(s.steps, next)
	}
	return s
}

// Layers returns the layers, in order.
func (s *Sequential) Layers() []Module { return s.layers }

// Params implements Module.
func (s *Sequential) Params() (all []*autodiff.Param) {
	for _, l := range s.layers {
		all = append(all, l.Params()...)
	}
	return unique(all)
}

// Forward implements Module.
func (s *Sequential) Forward(x *autodiff.Var) *autodiff.Var {
	for _, step := range s.steps {
		if w := step.rectified; w != nil {
			x = applyWeight(w, x, x.Tape().Param(w.weight()), autodiff.Rectify)
		} else {
			x = step.layer.Forward(x)
		}
	}
	return x
}
