package op

import (
	"errors"
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/value"
)

var joins = []Operator{
	{Name: "Concat", Since: 4, In: [2]int{1, Many}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		if !n.Has("axis") {
			return nil, errors.New("attribute \"axis\" is missing")
		}
		return &concat{axis: n.Int("axis", 0)}, nil
	}},
	{Name: "Split", Since: 2, In: [2]int{1, 1}, Out: [2]int{1, Many}, Make: func(n *Node) (Kernel, error) {
		return &split{axis: n.Int("axis", 0), parts: len(n.Outputs), sizes: n.Ints("split")}, nil
	}},
	{Name: "Split", Since: 13, In: [2]int{1, 2}, Out: [2]int{1, Many}, Make: func(n *Node) (Kernel, error) {
		return &split{axis: n.Int("axis", 0), parts: len(n.Outputs)}, nil
	}},
	{Name: "Split", Since: 18, In: [2]int{1, 2}, Out: [2]int{1, Many}, Make: splitByNumber},
}

type concat struct {
	axis   int
	shape  []int
	region grid
}

func (k *concat) Run(c *Call) error {
	first := c.In[0]
	axis, err := axisWithin(k.axis, len(first.Shape))
	if err != nil {
		return err
	}
	k.shape = append(k.shape[:0], first.Shape...)
	for i, v := range c.In[1:] {
		if v == nil {
			return fmt.Errorf("input %d is missing", i+1)
		}
		if v.Kind != first.Kind || len(v.Shape) != len(first.Shape) {
			return fmt.Errorf("inputs 0 and %d are %s and %s, must be of one type and rank", i+1, first, v)
		}
		for j, d := range v.Shape {
			switch {
			case j == axis:
				k.shape[j] += d
			case d != first.Shape[j]:
				return fmt.Errorf("inputs 0 and %d are %s and %s, must differ in dimension %d alone", i+1, first, v, axis)
			}
		}
	}
	out, err := c.Result(0, first.Kind, k.shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	outer, inner := insideOut(k.shape, axis)
	row, at := k.shape[axis]*inner, 0
	for _, v := range c.In {
		n := v.Shape[axis] * inner
		k.region.reset()
		k.region.add(outer, row, n)
		k.region.add(n, 1, 1)
		k.region.copy(out, at, v, 0)
		at += n
	}
	return nil
}

type split struct {
	axis, parts int
	sizes       []int // nil for parts that are alike
	uneven      bool  // where the parts cannot be alike, the last is smaller
	region      grid
}

func splitByNumber(n *Node) (Kernel, error) {
	k := &split{axis: n.Int("axis", 0), parts: len(n.Outputs), uneven: n.Has("num_outputs")}
	if k.uneven == n.HasInput(1) {
		return nil, errors.New("must have either the sizes as an input or the attribute \"num_outputs\"")
	}
	if p := n.Int("num_outputs", k.parts); p != k.parts {
		return nil, fmt.Errorf("num_outputs is %d, and the node has %d outputs", p, k.parts)
	}
	return k, nil
}

func (k *split) Run(c *Call) error {
	x := c.In[0]
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	sizes, err := k.cut(x.Shape[axis], c.Input(1))
	if err != nil {
		return fmt.Errorf("dimension %d of %s: %w", axis, x, err)
	}
	outer, inner := insideOut(x.Shape, axis)
	shape := append([]int(nil), x.Shape...)
	row, from := x.Shape[axis]*inner, 0
	for i, n := range sizes {
		if c.Needs(i) {
			shape[axis] = n
			out, err := c.Result(i, x.Kind, shape...)
			if err != nil {
				return err
			}
			if out.Len() > 0 {
				k.region.reset()
				k.region.add(outer, n*inner, row)
				k.region.add(n*inner, 1, 1)
				k.region.copy(out, 0, x, from)
			}
		}
		from += n * inner
	}
	return nil
}

// cut gives the sizes of the parts of a dimension of n.
func (k *split) cut(n int, input *value.Value) ([]int, error) {
	sizes := k.sizes
	if input != nil {
		var err error
		if sizes, err = listOf(input, "the sizes"); err != nil {
			return nil, err
		}
	}
	if sizes == nil {
		part := (n + k.parts - 1) / k.parts
		if n%k.parts != 0 && (!k.uneven || (k.parts-1)*part > n) {
			return nil, fmt.Errorf("%d do not make %d parts", n, k.parts)
		}
		for i := range k.parts {
			sizes = append(sizes, min(part, n-i*part))
		}
		return sizes, nil
	}
	if len(sizes) != k.parts {
		return nil, fmt.Errorf("has %d sizes for %d outputs", len(sizes), k.parts)
	}
	sum := 0
	for _, s := range sizes {
		if s < 0 || s > n-sum {
			return nil, fmt.Errorf("the sizes are %v, must be 0 or more and have the sum %d", sizes, n)
		}
		sum += s
	}
	if sum != n {
		return nil, fmt.Errorf("the sizes are %v, must have the sum %d", sizes, n)
	}
	return sizes, nil
}
