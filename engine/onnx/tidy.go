package onnx

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// uses lists the slots that a step reads: its inputs, and what the graphs inside it take from around.
func (st *step) uses() []int {
	var slots []int
	for _, i := range st.in {
		if i != absent {
			slots = append(slots, i)
		}
	}
	for _, g := range st.graphs {
		for _, c := range g.captures {
			slots = append(slots, c.outer)
		}
	}
	return slots
}

// tidy drops the steps and the constants that no output needs, and notes when each value is needed last.
func (p *program) tidy() {
	needed := make([]bool, len(p.constant))
	for _, i := range p.outputs {
		if i != absent {
			needed[i] = true
		}
	}
	kept := make([]bool, len(p.steps))
	for i := len(p.steps) - 1; i >= 0; i-- {
		st := &p.steps[i]
		for _, out := range st.out {
			kept[i] = kept[i] || out != absent && needed[out]
		}
		if !kept[i] {
			continue
		}
		for _, slot := range st.uses() {
			if !needed[slot] {
				needed[slot] = true
				if p.constant[slot] == nil {
					st.last = append(st.last, slot)
				}
			}
		}
		for _, out := range st.out {
			if out != absent && !needed[out] {
				st.last = append(st.last, out)
			}
		}
	}
	steps := p.steps[:0]
	for i := range p.steps {
		if kept[i] {
			steps = append(steps, p.steps[i])
		}
	}
	clear(p.steps[len(steps):])
	p.steps = steps
	for i := range p.constant {
		if !needed[i] {
			p.constant[i] = nil
		}
	}
}

// folded is the greatest size of a result, in bytes, that is computed when a model is loaded rather than in each run.
const folded = 64 << 20

// fold runs a step whose inputs never change, once for all. It gives nil where the step must be left to the run: one that draws, whose graphs look around, whose result
// is large, or that fails, which a run may never come to.
func (s *scope) fold(st *step, outputs int) []*value.Value {
	if st.random {
		return nil
	}
	in := make([]*value.Value, len(st.in))
	for i, slot := range st.in {
		if slot == absent {
			continue
		}
		if in[i] = s.program.constant[slot]; in[i] == nil {
			return nil
		}
	}
	for _, g := range st.graphs {
		if len(g.captures) > 0 {
			return nil
		}
	}
	alone := &program{name: "constants", steps: []step{*st}, folding: true} // whose outputs have no slots
	f := newFrame(alone, folded, nil)
	c := &f.calls[0]
	c.In, c.Out = in, make([]*value.Value, outputs)
	if err := compute(st.kernel, c); err != nil || slices.Contains(c.Out, nil) && outputs == 1 {
		return nil
	}
	return c.Out
}

// random tells whether a step of a graph draws.
func (p *program) random() bool {
	return slices.ContainsFunc(p.steps, func(st step) bool { return st.random })
}
