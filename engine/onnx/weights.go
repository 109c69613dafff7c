package onnx

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// weights are the float32 tensors of a model's own graph that training may change, by slot: initializers and constants of at least one dimension. Numbers without a dimension are parts of formulas.
type weights struct {
	list   []weight
	bySlot map[int]*value.Value
	fixed  map[string]bool // what is no weight, by name
}

type weight struct {
	name   string
	slot   int
	value  *value.Value
	users  []string // the names of the nodes that take it
	buffer bool     // statistics of a batch norm, which no derivative reaches
}

func newWeights(fixed []string) *weights {
	w := &weights{bySlot: map[int]*value.Value{}, fixed: map[string]bool{}}
	for _, name := range fixed {
		w.fixed[name] = true
	}
	return w
}

// at gives the weight of a slot, nil where there is none.
func (w *weights) at(slot int) *value.Value {
	if w == nil {
		return nil
	}
	return w.bySlot[slot]
}

// known gives the slot of an initializer or a constant.
func (p *program) known(name string, v *value.Value) int {
	if p.weights == nil || p.weights.fixed[name] || v.Kind != format.Float || len(v.Shape) == 0 || v.Len() == 0 {
		return p.slot(v)
	}
	slot := p.slot(nil)
	p.weights.list = append(p.weights.list, weight{name: name, slot: slot, value: v})
	p.weights.bySlot[slot] = v
	return slot
}

// settle makes constants of the weights through which no derivative of the output flows, such as the factors of a Resize, and marks the running statistics of batch norms.
func (p *program) settle() {
	flows, buffers := make([]bool, len(p.constant)), make([]bool, len(p.constant))
	for _, slot := range p.outputs {
		flows[slot] = true
	}
	for i := len(p.steps) - 1; i >= 0; i-- {
		st := &p.steps[i]
		if !anyOf(st.out, flows) {
			continue
		}
		for j, slot := range st.in {
			if slot == absent {
				continue
			}
			if _, ok := st.kernel.(op.Norming); ok && (j == 3 || j == 4) {
				buffers[slot] = true
			} else if !st.flat(j) {
				flows[slot] = true
			}
		}
		for _, g := range st.graphs {
			for _, c := range g.captures {
				flows[c.outer] = true
			}
		}
	}
	users := map[int][]string{}
	for i := range p.steps {
		for _, slot := range p.steps[i].in {
			if slot != absent && p.weights.at(slot) != nil {
				users[slot] = append(users[slot], p.steps[i].node.Name)
			}
		}
	}
	list := p.weights.list[:0]
	for _, w := range p.weights.list {
		w.users = users[w.slot]
		if w.buffer = buffers[w.slot] && !flows[w.slot]; w.buffer || flows[w.slot] {
			list = append(list, w)
			continue
		}
		p.constant[w.slot] = w.value
		delete(p.weights.bySlot, w.slot)
	}
	p.weights.list = list
}

// matches tells whether a pattern has the name of a weight or of a node that takes it: exporters name folded weights by numbers, and nodes by where they stand in the network.
func (w *weight) matches(pattern *regexp.Regexp) bool {
	return pattern.MatchString(w.name) || slices.ContainsFunc(w.users, pattern.MatchString)
}

// names lists the weights for people, with the nodes where they say more, the first of many.
func (w *weights) names() string {
	const most = 12
	var names []string
	for _, e := range w.list[:min(most, len(w.list))] {
		name := e.name
		if len(e.users) > 0 && e.users[0] != "" {
			name += " of node " + e.users[0]
		}
		names = append(names, name)
	}
	if len(w.list) > most {
		names = append(names, fmt.Sprintf("%d more", len(w.list)-most))
	}
	return strings.Join(names, ", ")
}

// flat tells whether no derivative reaches input j.
func (st *step) flat(j int) bool {
	if k, ok := st.kernel.(op.Still); ok && k.Still() {
		return true
	}
	return st.operator.Flat(j)
}

// anyOf tells whether one of the slots is marked.
func anyOf(slots []int, marked []bool) bool {
	for _, slot := range slots {
		if slot != absent && marked[slot] {
			return true
		}
	}
	return false
}

// differentiable refuses a step that a derivative must pass and cannot; active marks the slots that move.
func (p *program) differentiable(active []bool) error {
	for i := range p.steps {
		st := &p.steps[i]
		moves := false
		for j, slot := range st.in {
			moves = moves || slot != absent && active[slot] && !st.flat(j)
		}
		for _, g := range st.graphs {
			inner := make([]bool, len(g.constant))
			for _, slot := range g.inputs {
				inner[slot] = true
			}
			for _, c := range g.captures {
				inner[c.inner] = active[c.outer]
				moves = moves || active[c.outer]
			}
			if err := g.differentiable(inner); err != nil {
				return fmt.Errorf("%s: %w", st.title, err)
			}
		}
		if !moves {
			continue
		}
		if _, ok := st.kernel.(op.Differentiable); !ok {
			return fmt.Errorf("%s has no derivative", st.title)
		}
		for _, slot := range st.out {
			if slot != absent {
				active[slot] = true
			}
		}
	}
	return nil
}
