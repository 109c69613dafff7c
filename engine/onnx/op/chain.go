package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// stage is an elementwise function of one tensor that a kernel computes on its own result, part by part, while that is in the cache.
type stage struct {
	f32  func(x []float32)          // of float32, in place
	all  func(x *value.Value) error // of a whole tensor of any kind, in place
	rank int                        // the least rank of the result

	clamp *gemm.Clamp[float32] // where f32 only keeps results within bounds, which kernels can do before they store them; else nil
}

// stageOf gives what a node does to one of its inputs, nil where it needs more than that: an activation, Clip between numbers that never change, and arithmetic with such a number.
func stageOf(next *Node, input int) (*stage, error) {
	k, err := next.Kernel()
	if err != nil {
		return nil, err
	}
	switch k := k.(type) {
	case *mapKernel:
		s := k.stage()
		if s != nil && next.Op.Domain == "" && next.Op.Name == "Relu" {
			s.clamp = &gemm.Clamp[float32]{Low: 0, High: float32(math.Inf(1))}
		}
		return s, nil
	case *clip:
		return k.stage(next), nil
	case *pairKernel:
		return numberStage(next, input), nil
	}
	return nil, nil
}

func (k *mapKernel) stage() *stage {
	m := k.vectors()
	if m == nil || m.twice {
		return nil
	}
	return &stage{f32: func(x []float32) { m.f(x, x) }, all: func(x *value.Value) error {
		f, err := k.get(x.Kind)
		if err == nil {
			f.apply(x, x)
		}
		return err
	}}
}

// vectors gives the function of float32, nil where its result is of another type.
func (k *mapKernel) vectors() *mapper[float32, float32] {
	f, _ := k.maps(format.Float)
	m, _ := f.(*mapper[float32, float32])
	return m
}

func (k *clip) stage(n *Node) *stage {
	var bounds [2]*value.Value
	for i := range bounds {
		if !n.HasInput(i + 1) {
			continue
		}
		if bounds[i] = n.Constant(i + 1); !isNumber(bounds[i]) {
			return nil
		}
	}
	c := newClipper32()
	c.bound(k, bounds[0], bounds[1])
	var clamp *gemm.Clamp[float32]
	if c.low == c.low && c.high == c.high { // all is NaN where a bound is
		clamp = &gemm.Clamp[float32]{Low: c.low, High: c.high}
	}
	return &stage{clamp: clamp, f32: func(x []float32) { c.f(x, x) }, all: func(x *value.Value) error {
		if x.Kind != format.Float && (bounds[0] != nil || bounds[1] != nil) {
			return fmt.Errorf("the bounds are float, must be one element of %s", x.Kind)
		}
		f := clipperOf(x.Memory())
		if f == nil {
			return notFor(x.Kind)
		}
		f.bound(k, bounds[0], bounds[1])
		f.apply(x, x)
		return nil
	}}
}

// isNumber tells whether v is one float32 that never changes.
func isNumber(v *value.Value) bool { return v != nil && v.Kind == format.Float && v.Len() == 1 }

var namedPairs = map[string]pairOp{"Add": add, "Sub": sub, "Mul": mul, "Div": div}

func numberStage(n *Node, input int) *stage {
	o, ok := namedPairs[n.Op.Name]
	if !ok || n.Op.Domain != "" || len(n.Inputs) != 2 {
		return nil
	}
	v := n.Constant(1 - input)
	if !isNumber(v) {
		return nil
	}
	f, number := vectors[o], []float32{value.Data[float32](v)[0]}
	s := &stage{rank: len(v.Shape), f32: func(x []float32) { f(x, x, number) }}
	if input == 1 {
		s.f32 = func(x []float32) { f(x, number, x) }
	}
	s.all = func(x *value.Value) error {
		if x.Kind != format.Float {
			return fmt.Errorf("inputs are %s and %s, must be of one type", x, v)
		}
		s.f32(value.Data[float32](x))
		return nil
	}
	return s
}

// chain is an elementwise kernel of one input or of two, with the stages that follow. Of float32 all is done in one pass; of other kinds one after the other, each result
// rounded to its kind.
type chain struct {
	one    *mapKernel
	two    *pairKernel
	stages []*stage
	rank   int
	over   mapper[float32, float32]
	zipped zipper[float32, float32, float32]
	shape  []int
}

// Fuse lets the next node's function follow.
func (k *mapKernel) Fuse(next *Node, input int) (Kernel, error) {
	m := k.vectors()
	if m == nil {
		return nil, nil
	}
	c := &chain{one: k}
	c.over.f = func(dst, x []float32) {
		m.f(dst, x)
		c.follow(dst)
	}
	return c.Fuse(next, input)
}

// Fuse lets the next node's function follow.
func (k *pairKernel) Fuse(next *Node, input int) (Kernel, error) {
	f, _ := k.pairs(format.Float)
	z, _ := f.(*zipper[float32, float32, float32])
	if z == nil {
		return nil, nil
	}
	c := &chain{two: k}
	c.zipped.f = func(dst, a, b []float32) {
		z.f(dst, a, b)
		c.follow(dst)
	}
	return c.Fuse(next, input)
}

// Fuse lets the next node's function follow the others.
func (k *chain) Fuse(next *Node, input int) (Kernel, error) {
	s, err := stageOf(next, input)
	if s == nil || err != nil {
		return nil, err
	}
	k.stages, k.rank = append(k.stages, s), max(k.rank, s.rank)
	return k, nil
}

func (k *chain) follow(x []float32) {
	for _, s := range k.stages {
		s.f32(x)
	}
}

func (k *chain) Run(c *Call) error {
	shape := c.In[0].Shape
	if k.two != nil {
		var err error
		if shape, err = k.two.shapes.of(shape, c.In[1].Shape); err != nil {
			return err
		}
	}
	k.shape = k.shape[:0]
	for range k.rank - len(shape) {
		k.shape = append(k.shape, 1)
	}
	k.shape = append(k.shape, shape...)
	kind := c.In[0].Kind
	if kind != format.Float || k.two != nil && c.In[1].Kind != kind {
		return k.apart(c)
	}
	out, err := c.Result(0, kind, k.shape...)
	if err != nil {
		return err
	}
	if k.two != nil {
		k.zipped.zip(out, c.In[0], c.In[1])
	} else {
		k.over.apply(out, c.In[0])
	}
	return nil
}

// apart computes the first function and then the stages, over the whole tensor each.
func (k *chain) apart(c *Call) error {
	out, err := c.Result(0, c.In[0].Kind, k.shape...)
	if err != nil {
		return err
	}
	if k.two != nil {
		if c.In[1].Kind != out.Kind {
			return fmt.Errorf("inputs are %s and %s, must be of one type", c.In[0], c.In[1])
		}
		f, _, err := k.two.memo.get(k.two.pairs, out.Kind)
		if err != nil {
			return err
		}
		f.zip(out, c.In[0], c.In[1])
	} else {
		f, err := k.one.get(out.Kind)
		if err != nil {
			return err
		}
		f.apply(out, c.In[0])
	}
	for _, s := range k.stages {
		if value.Narrow(out.Kind) {
			value.Round(out.Kind, value.Data[float32](out))
		}
		if err := s.all(out); err != nil {
			return err
		}
	}
	return nil
}
