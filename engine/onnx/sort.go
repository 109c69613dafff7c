package onnx

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/format"
)

// sorted gives the nodes so that each comes after those whose results it takes, in the file's order where that leaves a choice. The format asks for such
// an order, and not every file has it.
func (s *scope) sorted(nodes []*format.Node) ([]*format.Node, error) {
	producer := map[string]int{}
	for i, n := range nodes {
		for _, name := range n.Outputs {
			if name == "" {
				continue
			}
			if j, ok := producer[name]; ok {
				return nil, fmt.Errorf("%s and %s both compute %q", s.title(nodes[j]), s.title(n), name)
			}
			producer[name] = i
		}
	}
	o := &ordering{nodes: nodes, producer: producer, state: make([]uint8, len(nodes))}
	for i := range nodes {
		if !o.visit(i) {
			return nil, fmt.Errorf("%s: its results are needed for its own inputs", s.title(nodes[o.circle]))
		}
	}
	return o.order, nil
}

type ordering struct {
	nodes    []*format.Node
	producer map[string]int
	state    []uint8 // 0 new, 1 waits for its inputs, 2 in order
	order    []*format.Node
	circle   int
}

// visit puts the nodes that node first needs and then the node itself in order, without recursion: a file may be one long chain.
func (o *ordering) visit(first int) bool {
	type pending struct {
		node  int
		needs []string
	}
	if o.state[first] == 2 {
		return true
	}
	o.state[first] = 1
	stack := []pending{{first, needs(o.nodes[first])}}
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if len(top.needs) == 0 {
			o.state[top.node] = 2
			o.order = append(o.order, o.nodes[top.node])
			stack = stack[:len(stack)-1]
			continue
		}
		name := top.needs[0]
		top.needs = top.needs[1:]
		i, ok := o.producer[name]
		if !ok || o.state[i] == 2 {
			continue
		}
		if o.state[i] == 1 {
			o.circle = i
			return false
		}
		o.state[i] = 1
		stack = append(stack, pending{i, needs(o.nodes[i])})
	}
	return true
}

// needs lists the names that a node takes, those that the graphs inside it take from outside included.
func needs(n *format.Node) []string {
	var names []string
	for _, in := range n.Inputs {
		if in != "" {
			names = append(names, in)
		}
	}
	for _, a := range n.Attributes {
		if a.Graph != nil {
			names = append(names, free(a.Graph)...)
		}
		for _, g := range a.Graphs {
			names = append(names, free(g)...)
		}
	}
	return names
}

// free lists the names that a graph takes from the graphs around it.
func free(g *format.Graph) []string {
	own := map[string]bool{}
	for _, in := range g.Inputs {
		own[in.Name] = true
	}
	for _, t := range g.Initializers {
		own[t.Name] = true
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			own[name] = true
		}
	}
	var names []string
	add := func(name string) {
		if !own[name] {
			own[name] = true
			names = append(names, name)
		}
	}
	for _, n := range g.Nodes {
		for _, name := range needs(n) {
			add(name)
		}
	}
	for _, out := range g.Outputs {
		add(out.Name)
	}
	return names
}
