package onnx

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// plan is what is known of runs with inputs of certain shapes: values that follow from those shapes alone, which need not be computed again. Exported models hold
// much arithmetic of that kind: the size of a picture, halved, joined with others, and so on.
type plan struct {
	shapes [][]int              // of the inputs
	steps  []int                // those that a run computes
	fixed  map[int]*value.Value // by slot
}

// plans is how many shapes of inputs a model remembers.
const plans = 16

// hoisted is the greatest size of a value, in bytes, that a plan keeps.
const hoisted = 1 << 20

// planner follows a first run with new shapes.
type planner struct {
	*plan
	known  []bool // by slot: the value follows from the inputs' shapes
	shaped []bool // by slot: the shape does
	kept   map[int]*value.Value
}

func (f *frame) newPlanner() *planner {
	p := f.program
	n := &planner{
		plan:  &plan{fixed: map[int]*value.Value{}},
		known: make([]bool, len(p.constant)), shaped: make([]bool, len(p.constant)), kept: map[int]*value.Value{},
	}
	for slot, v := range p.constant {
		n.known[slot], n.shaped[slot] = v != nil, v != nil
	}
	for _, slot := range p.inputs {
		n.shaped[slot] = true
		n.shapes = append(n.shapes, slices.Clone(f.slots[slot].Shape))
	}
	return n
}

// follow notes what step i, which has just run, says of its results. It is called before their memory is used again.
func (n *planner) follow(f *frame, i int) {
	st := &f.program.steps[i]
	known, shaped := !st.random, true
	for _, slot := range st.uses() {
		known = known && n.known[slot]
		shaped = shaped && n.shaped[slot]
	}
	if st.operator.OfShape() && shaped {
		known = !st.random
	}
	by, always := st.operator.ShapedBy(len(st.in))
	shaped = shaped && !always
	for _, j := range by {
		if j < len(st.in) && st.in[j] != absent {
			shaped = shaped && n.known[st.in[j]]
		}
	}
	for j, slot := range st.out {
		if slot == absent {
			continue
		}
		v := f.calls[i].Out[j]
		small := v.Len()*v.Memory().Size() <= hoisted
		n.known[slot], n.shaped[slot] = known && small, shaped || known
		if known && small {
			n.kept[slot] = v.Clone()
		}
	}
}

// finish settles which steps a run needs.
func (n *planner) finish(f *frame) *plan {
	for i := range f.program.steps {
		st := &f.program.steps[i]
		all := true
		for _, slot := range st.out {
			all = all && (slot == absent || n.known[slot])
		}
		if !all {
			n.steps = append(n.steps, i)
			continue
		}
		for _, slot := range st.out {
			if slot != absent {
				n.fixed[slot] = n.kept[slot]
			}
		}
	}
	return n.plan
}
