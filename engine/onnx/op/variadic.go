package op

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var variadics = []Operator{
	ofMany("Max", 6, greatest, false), ofMany("Min", 6, least, false),
	ofMany("Sum", 6, add, false), ofMany("Mean", 6, add, true),
	{Name: "Where", Since: 9, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &where{}, nil }},
}

// ofMany is an operator of one or more tensors of one type, which broadcast.
func ofMany(name string, since int, o pairOp, mean bool) Operator {
	return Operator{Name: name, Since: since, In: [2]int{1, Many}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		for i, is := range n.Inputs {
			if !is {
				return nil, fmt.Errorf("input %d is missing", i)
			}
		}
		return &variadic{op: o, of: arithmetic(o), steps: make([]pairMemo, len(n.Inputs)-1), mean: mean}, nil
	}}
}

// variadic combines its inputs from the first to the last.
type variadic struct {
	op    pairOp
	of    pairs
	steps []pairMemo
	mean  bool
	back  reaches
}

func (k *variadic) Run(c *Call) error {
	first := c.In[0]
	if m := first.Memory(); m == value.Bool || k.mean && m != value.F32 && m != value.F64 {
		return notFor(first.Kind)
	}
	if len(c.In) == 1 {
		return c.Share(0, first, first.Shape...)
	}
	shapes := make([][]int, len(c.In))
	for i, v := range c.In {
		if v.Kind != first.Kind {
			return fmt.Errorf("inputs 0 and %d are %s and %s, must be of one type", i, first, v)
		}
		shapes[i] = v.Shape
	}
	shape, err := broadcastShape(shapes...)
	if err != nil {
		return err
	}
	out, err := c.Result(0, first.Kind, shape...)
	if err != nil {
		return err
	}
	left := first
	for i := range k.steps {
		f, _, err := k.steps[i].get(k.of, first.Kind)
		if err != nil {
			return err
		}
		f.zip(out, left, c.In[i+1])
		left = out
	}
	if k.mean {
		share(out, len(c.In))
	}
	return nil
}

// share divides floats by n.
func share(v *value.Value, n int) {
	if v.Memory() == value.F32 {
		simd.DivScalar(value.Data[float32](v), value.Data[float32](v), float32(n))
		return
	}
	simd.DivScalar(value.Data[float64](v), value.Data[float64](v), float64(n))
}

// where takes elements of its second input where the first is true, else of the third.
type where struct {
	f      chooser
	kind   format.DataType
	back32 [2]choice[uint32] // of the gradients of the two operands
	back64 [2]choice[uint64]
}

func (k *where) Run(c *Call) error {
	cond, x, y := c.In[0], c.In[1], c.In[2]
	if cond.Kind != format.Bool {
		return fmt.Errorf("input 0 is %s, must be bool", cond)
	}
	if x.Kind != y.Kind {
		return fmt.Errorf("inputs 1 and 2 are %s and %s, must be of one type", x, y)
	}
	if k.f == nil || k.kind != x.Kind {
		k.kind, k.f = x.Kind, chooserOf(x.Memory())
	}
	shape, err := broadcastShape(cond.Shape, x.Shape, y.Shape)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	k.f.choose(out, cond, x, y)
	return nil
}

type chooser interface {
	choose(out, cond, x, y *value.Value)
}

func chooserOf(m value.Memory) chooser {
	switch m.Size() {
	case 1:
		return &choice[uint8]{}
	case 2:
		return &choice[uint16]{}
	case 4:
		return &choice[uint32]{}
	}
	return &choice[uint64]{}
}

type choice[T word] struct {
	cond      []bool
	dst, x, y []T
	walker
}

func (k *choice[T]) choose(out, cond, x, y *value.Value) {
	if out.Len() == 0 {
		return
	}
	k.dst, k.cond, k.x, k.y = value.Bits[T](out), value.Data[bool](cond), value.Bits[T](x), value.Bits[T](y)
	simd.Run(k.over(out, cond, x, y).tasks(), k)
	k.dst, k.cond, k.x, k.y = nil, nil, nil, nil
}

// Do computes a task.
func (k *choice[T]) Do(task, _ int) {
	w := k.walk
	first, end, lo, hi := w.task(task)
	for i := first; i < end; i++ {
		c, cEnd := w.span(0, i, lo, hi)
		x, xEnd := w.span(1, i, lo, hi)
		y, yEnd := w.span(2, i, lo, hi)
		choose(k.dst[i*w.run+lo:i*w.run+hi], k.cond[c:cEnd], k.x[x:xEnd], k.y[y:yEnd])
	}
}

// choose computes a part of a run, of whose operands each has as many elements as dst, or one.
func choose[T word](dst []T, cond []bool, x, y []T) {
	if len(cond) != len(dst) {
		from := y
		if cond[0] {
			from = x
		}
		if len(from) == len(dst) {
			copy(dst, from)
			return
		}
		for i := range dst {
			dst[i] = from[0]
		}
		return
	}
	i, j, xStep, yStep := 0, 0, min(1, len(x)-1), min(1, len(y)-1)
	for k, yes := range cond {
		// Without a branch, which would be mispredicted.
		dst[k] = y[j] ^ (x[i]^y[j])&-one[T](yes)
		i, j = i+xStep, j+yStep
	}
}
