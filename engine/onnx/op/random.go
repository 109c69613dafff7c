package op

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// ONNX does not say which numbers are drawn, even for a given seed. Each node has a generator of its own, PCG, which begins with the node's seed when the model is loaded and
// continues from run to run. A node without a seed begins with its name, so that a model always draws the same.
var random = []Operator{
	{Name: "Dropout", Since: 7, In: [2]int{1, 1}, Out: [2]int{1, 2}, Make: makeDropout},
	{Name: "Dropout", Since: 10, In: [2]int{1, 1}, Out: [2]int{1, 2}, Make: makeDropout},
	{Name: "Dropout", Since: 12, In: [2]int{1, 3}, Out: [2]int{1, 2}, Random: true, Make: makeDropout},
	{Name: "Bernoulli", Since: 15, In: [2]int{1, 1}, Out: [2]int{1, 1}, Random: true, Make: makeBernoulli},
	{Name: "Multinomial", Since: 7, In: [2]int{1, 1}, Out: [2]int{1, 1}, Random: true, Make: makeMultinomial},
	draws("RandomNormal", normal, false), draws("RandomNormalLike", normal, true),
	draws("RandomUniform", uniform, false), draws("RandomUniformLike", uniform, true),
}

// generator gives a node's generator. The attribute is read by seed.
func generator(n *Node, seed func() uint64) *rand.Rand {
	if n.Has("seed") {
		return rand.New(rand.NewPCG(seed(), 1))
	}
	h := fnv.New64a()
	h.Write([]byte(n.Name)) // never fails
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

// ofFloat gives the generator of a node whose seed is a float.
func ofFloat(n *Node) *rand.Rand {
	return generator(n, func() uint64 { return uint64(math.Float32bits(n.Float("seed", 0))) })
}

// fill computes every element in order, as float64; integers are cut off, and bool is what is not 0.
func fill(v *value.Value, f func(i int) float64) {
	switch v.Memory() {
	case value.F32:
		fillOf(value.Data[float32](v), f)
	case value.F64:
		fillOf(value.Data[float64](v), f)
	case value.I8:
		fillOf(value.Data[int8](v), f)
	case value.I16:
		fillOf(value.Data[int16](v), f)
	case value.I32:
		fillOf(value.Data[int32](v), f)
	case value.I64:
		fillOf(value.Data[int64](v), f)
	case value.U8:
		fillOf(value.Data[uint8](v), f)
	case value.U16:
		fillOf(value.Data[uint16](v), f)
	case value.U32:
		fillOf(value.Data[uint32](v), f)
	case value.U64:
		fillOf(value.Data[uint64](v), f)
	default:
		for i, b := 0, value.Data[bool](v); i < len(b); i++ {
			b[i] = f(i) != 0
		}
	}
}

func fillOf[T value.Number](x []T, f func(i int) float64) {
	for i := range x {
		x[i] = fromFloat[T](f(i))
	}
}

// draw gives numbers of a distribution.
type draw struct {
	next  func() float64
	kind  format.DataType // Undefined: that of the input
	shape []int
	like  bool // the shape is that of the input
}

func normal(n *Node, g *rand.Rand) func() float64 {
	mean, scale := float64(n.Float("mean", 0)), float64(n.Float("scale", 1))
	return func() float64 { return mean + float64(scale*g.NormFloat64()) }
}

func uniform(n *Node, g *rand.Rand) func() float64 {
	low, high := float64(n.Float("low", 0)), float64(n.Float("high", 1))
	return func() float64 { return low + float64((high-low)*g.Float64()) }
}

func draws(name string, distribution func(*Node, *rand.Rand) func() float64, like bool) Operator {
	inputs := 0
	if like {
		inputs = 1
	}
	return Operator{Name: name, Since: 1, In: [2]int{inputs, inputs}, Out: [2]int{1, 1}, Random: true, Make: func(n *Node) (Kernel, error) {
		k := &draw{next: distribution(n, ofFloat(n)), like: like}
		if !like {
			if !n.Has("shape") {
				return nil, fmt.Errorf(`attribute "shape" is missing`)
			}
			k.shape, k.kind = n.Ints("shape"), format.Float
		}
		if n.Has("dtype") {
			k.kind = n.Kind("dtype", format.Float)
		}
		if m := value.MemoryOf(k.kind); k.kind != format.Undefined && m != value.F32 && m != value.F64 {
			return nil, fmt.Errorf(`attribute "dtype" is %s, must be a float`, k.kind)
		}
		return k, nil
	}}
}

func (k *draw) Run(c *Call) error {
	shape, kind := k.shape, k.kind
	if k.like {
		shape = c.In[0].Shape
		if kind == format.Undefined {
			kind = c.In[0].Kind
		}
	}
	if m := value.MemoryOf(kind); m != value.F32 && m != value.F64 {
		return notFor(kind)
	}
	out, err := c.Result(0, kind, shape...)
	if err != nil {
		return err
	}
	fill(out, func(int) float64 { return k.next() })
	return nil
}

// bernoulli gives 1 with the probability that its input says, else 0.
type bernoulli struct {
	g    *rand.Rand
	kind format.DataType // Undefined: that of the input
}

func makeBernoulli(n *Node) (Kernel, error) {
	k := &bernoulli{g: ofFloat(n)}
	if n.Has("dtype") {
		k.kind = n.Kind("dtype", format.Float)
	}
	return k, nil
}

func (k *bernoulli) Run(c *Call) error {
	x, kind := c.In[0], k.kind
	if kind == format.Undefined {
		kind = x.Kind
	}
	p, err := float64s(x)
	if err != nil {
		return err
	}
	out, err := c.Result(0, kind, x.Shape...)
	if err != nil {
		return err
	}
	i := -1
	fill(out, func(int) float64 {
		i++
		return one[float64](k.g.Float64() < p[i])
	})
	return nil
}

// float64s gives the elements of a tensor of floats.
func float64s(v *value.Value) ([]float64, error) {
	switch v.Memory() {
	case value.F64:
		return value.Data[float64](v), nil
	case value.F32:
		y := make([]float64, v.Len())
		plain(y, value.Data[float32](v))
		return y, nil
	}
	return nil, notFor(v.Kind)
}

// multinomial draws classes by the logarithms of their probabilities, which need not sum to 1, for each row of its input.
type multinomial struct {
	g      *rand.Rand
	kind   format.DataType
	sample int
}

func makeMultinomial(n *Node) (Kernel, error) {
	k := &multinomial{ofFloat(n), n.Kind("dtype", format.Int32), n.Int("sample_size", 1)}
	if k.kind != format.Int32 && k.kind != format.Int64 {
		return nil, fmt.Errorf(`attribute "dtype" is %s, must be int32 or int64`, k.kind)
	}
	if k.sample < 1 {
		return nil, fmt.Errorf(`attribute "sample_size" is %d, must be at least 1`, k.sample)
	}
	return k, nil
}

func (k *multinomial) Run(c *Call) error {
	x := c.In[0]
	if len(x.Shape) != 2 || x.Shape[1] == 0 {
		return fmt.Errorf("input 0 is %s, must have rows of classes", x)
	}
	logits, err := float64s(x)
	if err != nil {
		return err
	}
	out, err := c.Result(0, k.kind, x.Shape[0], k.sample)
	if err != nil {
		return err
	}
	classes := x.Shape[1]
	sums := make([]float64, classes)
	i := 0
	fill(out, func(int) float64 {
		if i%k.sample == 0 {
			cumulate(sums, logits[i/k.sample*classes:][:classes])
		}
		i++
		at, _ := slices.BinarySearch(sums, k.g.Float64()*sums[classes-1])
		return float64(min(at, classes-1))
	})
	return nil
}

// cumulate writes the running sums of the exponentials, up to a factor.
func cumulate(sums, logits []float64) {
	top, sum := slices.Max(logits), 0.0
	for i, x := range logits {
		sum += math.Exp(x - top)
		sums[i] = sum
	}
}

// dropout passes its input on. In training it drops elements with a probability and divides the others by that of staying.
type dropout struct {
	g         *rand.Rand
	floatMask bool
}

func makeDropout(n *Node) (Kernel, error) {
	k := &dropout{floatMask: n.Op.Since < 10}
	if n.Op.Since < 12 {
		n.Float("ratio", 0.5) // of training, which there was no way to ask for
		return k, nil
	}
	k.g = generator(n, func() uint64 { return uint64(n.Int("seed", 0)) })
	return k, nil
}

func (k *dropout) Run(c *Call) error {
	x := c.In[0]
	ratio, training, err := k.mode(c)
	if err != nil {
		return err
	}
	if training {
		return k.drop(c, ratio)
	}
	if c.Needs(1) {
		kind := format.Bool
		if k.floatMask {
			kind = x.Kind
		}
		mask, err := c.Result(1, kind, x.Shape...)
		if err != nil {
			return err
		}
		fill(mask, func(int) float64 { return 1 })
	}
	return c.Share(0, x, x.Shape...)
}

// mode gives the probability of dropping an element, and tells whether any are dropped.
func (k *dropout) mode(c *Call) (ratio float64, training bool, err error) {
	ratio = 0.5
	if v := c.Input(1); v != nil {
		if ratio, err = oneNumber(v, "the ratio"); err != nil {
			return 0, false, err
		}
	}
	if v := c.Input(2); v != nil {
		if v.Kind != format.Bool || v.Len() != 1 {
			return 0, false, fmt.Errorf("input 2 is %s, must be one truth value", v)
		}
		training = value.Data[bool](v)[0]
	}
	if !(ratio >= 0 && ratio < 1) {
		return 0, false, fmt.Errorf("input 1, the ratio, is %v, must be in [0, 1)", ratio)
	}
	return ratio, training && ratio > 0, nil
}

func (k *dropout) drop(c *Call, ratio float64) error {
	x := c.In[0]
	from, err := float64s(x)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	mask := make([]bool, len(from))
	for i := range mask {
		mask[i] = k.g.Float64() >= ratio
	}
	i := -1
	fill(out, func(int) float64 {
		i++
		if !mask[i] {
			return 0
		}
		return from[i] / (1 - ratio)
	})
	if !c.Needs(1) {
		return nil
	}
	m, err := c.Result(1, format.Bool, x.Shape...)
	if err != nil {
		return err
	}
	copy(value.Data[bool](m), mask)
	return nil
}
