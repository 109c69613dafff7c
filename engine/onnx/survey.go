package onnx

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/op"
)

// Survey says what a file holds, whether it can run or not.
type Survey struct {
	Nodes      int     // those of graphs inside nodes and of functions included
	Parameters int     // numbers in initializers and constants
	Operators  []Count // by number, most first
	Problems   []error // what keeps the model from being loaded, one for each operator
}

// Count is how often an operator stands in a model.
type Count struct {
	Domain, Op string
	Nodes      int
}

// Look surveys a file.
func Look(f *format.Model) *Survey {
	s := &surveyor{counts: map[[2]string]int{}, problem: map[[2]string]bool{}, functions: map[string]bool{}}
	for _, fn := range f.Functions {
		s.functions[functionKey(fn.Domain, fn.Name, fn.Overload)] = true
	}
	opsets := opsetsOf(f.Opsets)
	if v := opsets[""]; v > op.Newest {
		s.Problems = append(s.Problems, fmt.Errorf("opset %d is newer than %d, the newest here", v, op.Newest))
	}
	if f.Graph != nil {
		s.graph(f.Graph, opsets)
	}
	for _, fn := range f.Functions {
		own := opsetsOf(fn.Opsets)
		for domain, version := range opsets {
			if _, ok := own[domain]; !ok {
				own[domain] = version
			}
		}
		s.nodes(fn.Nodes, own)
	}
	for k, n := range s.counts {
		s.Operators = append(s.Operators, Count{k[0], k[1], n})
	}
	slices.SortFunc(s.Operators, func(a, b Count) int {
		return cmp.Or(b.Nodes-a.Nodes, cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Op, b.Op))
	})
	return &s.Survey
}

type surveyor struct {
	Survey
	counts    map[[2]string]int
	problem   map[[2]string]bool
	functions map[string]bool
}

func (s *surveyor) graph(g *format.Graph, opsets map[string]int) {
	for _, t := range g.Initializers {
		s.count(t)
	}
	s.nodes(g.Nodes, opsets)
}

func (s *surveyor) count(t *format.Tensor) {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	s.Parameters += n
}

func (s *surveyor) nodes(nodes []*format.Node, opsets map[string]int) {
	for _, n := range nodes {
		s.Nodes++
		k := [2]string{n.Domain, n.Op}
		s.counts[k]++
		for _, a := range n.Attributes {
			if n.Op == "Constant" && a.Tensor != nil {
				s.count(a.Tensor)
			}
			if a.Graph != nil {
				s.graph(a.Graph, opsets)
			}
			for _, g := range a.Graphs {
				s.graph(g, opsets)
			}
		}
		if s.problem[k] || s.functions[functionKey(n.Domain, n.Op, n.Overload)] {
			continue
		}
		if _, err := op.Lookup(n.Domain, n.Op, opsets[n.Domain]); err != nil {
			s.problem[k] = true
			s.Problems = append(s.Problems, fmt.Errorf("%s: %w", title(n, opsets), err))
		}
	}
}
