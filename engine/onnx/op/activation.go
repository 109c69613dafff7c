package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var activations = []Operator{
	ofFloats("Sigmoid", 6, function{of: sigmoid, vectors: simd.Sigmoid[float32], by: bySigmoid}),
	ofFloats("Softplus", 1, function{of: softplus, vectors: simd.Softplus[float32], by: bySoftplus}),
	ofFloats("Softsign", 1, function{of: func(x float64) float64 { return softsign(x) }, by: bySoftsign}),
	ofFloats("Mish", 18, function{of: func(x float64) float64 { return x * math.Tanh(softplus(x)) }, vectors: mish, twice: true, by: byMish}),
	ofFloats("HardSwish", 14, function{of: func(x float64) float64 { return x * max(0, min(1, x/6+0.5)) }, vectors: simd.HardSwish[float32], by: byHardSwish}),
	activation("LeakyRelu", 6, makeLeakyRelu), activation("ThresholdedRelu", 10, makeThresholdedRelu),
	activation("Elu", 6, makeElu), activation("Selu", 6, makeSelu), activation("Celu", 12, makeCelu),
	activation("HardSigmoid", 6, makeHardSigmoid), activation("Swish", 24, makeSwish), activation("Shrink", 9, makeShrink),
	activation("Gelu", 20, makeGelu),
	{Name: "Clip", Since: 6, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeClip},
	{Name: "Clip", Since: 11, In: [2]int{1, 3}, Out: [2]int{1, 1}, Make: makeClip},
	{Name: "SwiGLU", Since: 28, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: makeSwiGLU},
	{Domain: Microsoft, Name: "Gelu", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: fromAttributes(func(*Node) function { return gelu })},
	{Domain: Microsoft, Name: "QuickGelu", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: fromAttributes(func(n *Node) function {
		return swish(n.Float("alpha", 1.702))
	})},
	{Domain: Microsoft, Name: "BiasGelu", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &biased{of: *gelu.kernel()}, nil }},
	{Domain: Microsoft, Name: "FastGelu", Since: 1, In: [2]int{1, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &biased{of: *geluByTanh.kernel()}, nil }},
}

// activation is an operator on floats whose function depends on attributes.
func activation(name string, since int, f func(*Node) function) Operator {
	return Operator{Name: name, Since: since, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: fromAttributes(f)}
}

func fromAttributes(f func(*Node) function) func(*Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) { return f(n).kernel(), nil }
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func softsign(x float64) float64 {
	if math.IsInf(x, 0) {
		return math.Copysign(1, x)
	}
	return x / (1 + math.Abs(x))
}

// mish is x·tanh(softplus x).
func mish(dst, x []float32) {
	simd.Softplus(dst, x)
	simd.Tanh(dst, dst)
	simd.Mul(dst, dst, x)
}

func makeLeakyRelu(n *Node) function {
	alpha := n.Float("alpha", 0.01)
	return function{of: func(x float64) float64 {
		if x > 0 {
			return x
		}
		return float64(alpha) * x
	}, vectors: func(dst, x []float32) { simd.LeakyReLU(dst, x, alpha) }, by: byLeakyRelu(alpha)}
}

func makeThresholdedRelu(n *Node) function {
	alpha := float64(n.Float("alpha", 1))
	return function{of: func(x float64) float64 {
		if x > alpha || x != x {
			return x
		}
		return 0
	}, by: byThreshold(alpha)}
}

// exponential is x for x > 0, else scale·(e^(x/width) − 1), all times gamma.
func exponential(gamma, scale, width float32) function {
	return function{of: func(x float64) float64 {
		if x > 0 {
			return float64(gamma) * x
		}
		return float64(gamma) * float64(scale) * math.Expm1(x/float64(width))
	}, vectors: func(dst, x []float32) {
		if width != 1 {
			simd.Scale(dst, x, 1/width)
			x = dst
		}
		simd.ELU(dst, x, scale/width)
		if gamma*width != 1 {
			simd.Scale(dst, dst, gamma*width)
		}
	}, by: byExponential(gamma, scale, width)}
}

func makeElu(n *Node) function { return exponential(1, n.Float("alpha", 1), 1) }

func makeSelu(n *Node) function {
	return exponential(n.Float("gamma", 1.0507009873554804934193349852946), n.Float("alpha", 1.6732632423543772848170429916717), 1)
}

func makeCelu(n *Node) function {
	alpha := n.Float("alpha", 1)
	return exponential(1, alpha, alpha)
}

func makeHardSigmoid(n *Node) function {
	alpha, beta := n.Float("alpha", 0.2), n.Float("beta", 0.5)
	return function{of: func(x float64) float64 {
		return max(0, min(1, float64(alpha)*x+float64(beta)))
	}, vectors: func(dst, x []float32) {
		simd.Scale(dst, x, alpha)
		simd.AddScalar(dst, dst, beta)
		simd.AtMost(dst, dst, 1)
		simd.AtLeast(dst, dst, 0)
	}, by: byHardSigmoid(alpha)}
}

// swish is x·σ(alpha·x).
func swish(alpha float32) function {
	return function{of: func(x float64) float64 { return x * sigmoid(float64(alpha)*x) }, twice: alpha != 1, vectors: func(dst, x []float32) {
		if alpha == 1 {
			simd.SiLU(dst, x)
			return
		}
		simd.Scale(dst, x, alpha)
		simd.Sigmoid(dst, dst)
		simd.Mul(dst, dst, x)
	}, by: bySwish(alpha)}
}

func makeSwish(n *Node) function { return swish(n.Float("alpha", 1)) }

func makeShrink(n *Node) function {
	bias, lambda := float64(n.Float("bias", 0)), float64(n.Float("lambd", 0.5))
	return function{of: func(x float64) float64 {
		switch {
		case x < -lambda:
			return x + bias
		case x > lambda:
			return x - bias
		case x != x:
			return x
		}
		return 0
	}, by: byShrink(lambda)}
}

// gelu is x·Φ(x), Φ the normal distribution function.
var gelu = function{of: func(x float64) float64 { return x * math.Erfc(-x/math.Sqrt2) / 2 }, vectors: simd.GELU[float32], by: byGelu}

// geluByTanh is x·(1 + tanh u)/2 = x·σ(2u) with u = √(2/π)·(x + 0.044715·x³).
var geluByTanh = function{
	of:      func(x float64) float64 { return x * sigmoid(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)) },
	vectors: simd.GELUTanh[float32],
	by:      byGeluByTanh,
}

func makeGelu(n *Node) function {
	if n.Text("approximate", "none", "none", "tanh") == "tanh" {
		return geluByTanh
	}
	return gelu
}

// biased computes f(x + bias), of com.microsoft's BiasGelu and FastGelu. The bias is a row, and may be missing.
type biased struct {
	of   mapKernel
	plus pairMemo
	sum  *value.Value
}

func (k *biased) Run(c *Call) error {
	x, bias := c.In[0], c.Input(1)
	if bias == nil {
		return k.of.Run(c)
	}
	if bias.Kind != x.Kind || len(bias.Shape) != 1 || broadcastsTo(bias.Shape, x.Shape) != nil {
		return fmt.Errorf("input 1 is %s, must be a row of %s", bias, x)
	}
	sum, _, err := k.plus.get(arithmetic(add), x.Kind)
	if err != nil {
		return err
	}
	f, err := k.of.get(x.Kind)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	if k.sum == nil || k.sum.Kind != x.Kind || !slices.Equal(k.sum.Shape, x.Shape) {
		if k.sum, err = value.New(x.Kind, x.Shape...); err != nil {
			return err
		}
	}
	sum.zip(k.sum, x, bias)
	f.apply(out, k.sum)
	return nil
}

// makeSwiGLU makes SwiGLU: x·σ(alpha·x)·y of two tensors of one shape.
func makeSwiGLU(n *Node) (Kernel, error) {
	return &gated{of: *swish(n.Float("alpha", 1)).kernel()}, nil
}

// gated computes f(x)·y.
type gated struct {
	of    mapKernel
	times pairMemo
}

func (k *gated) Run(c *Call) error {
	x, y := c.In[0], c.In[1]
	if x.Kind != y.Kind || !slices.Equal(x.Shape, y.Shape) {
		return fmt.Errorf("inputs are %s and %s, must be alike", x, y)
	}
	product, _, err := k.times.get(arithmetic(mul), x.Kind)
	if err != nil {
		return err
	}
	f, err := k.of.get(x.Kind)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	f.apply(out, x)
	product.zip(out, out, y)
	return nil
}

// makeClip makes Clip: min(high, max(x, low)), so that x is high where low is above it. NaN stays NaN. The bounds are attributes before version 11, then inputs, which may
// be missing: x is not bounded there.
func makeClip(n *Node) (Kernel, error) {
	k := &clip{low: math.Inf(-1), high: math.Inf(1)}
	if n.Op.Since < 11 {
		k.low, k.high = float64(n.Float("min", float32(k.low))), float64(n.Float("max", float32(k.high)))
	}
	return k, nil
}

type clip struct {
	low, high float64 // of attributes
	f         clipped
	kind      format.DataType
	back      reaches
}

// clipped holds elements within bounds.
type clipped interface {
	mapped
	bound(k *clip, low, high *value.Value) // from the inputs, or where they are nil from the attributes
}

func (k *clip) Run(c *Call) error {
	x := c.In[0]
	if k.f == nil || k.kind != x.Kind {
		k.kind = x.Kind
		if k.f = clipperOf(x.Memory()); k.f == nil {
			return notFor(x.Kind)
		}
	}
	for i := 1; i <= 2; i++ {
		if b := c.Input(i); b != nil && (b.Kind != x.Kind || b.Len() != 1) {
			return fmt.Errorf("input %d is %s, must be one element of %s", i, b, x.Kind)
		}
	}
	k.f.bound(k, c.Input(1), c.Input(2))
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	k.f.apply(out, x)
	return nil
}

type clipper[T value.Number] struct {
	mapper[T, T]
	low, high T
}

func clipperFor[T value.Number]() clipped {
	c := &clipper[T]{}
	c.f = c.clip
	return c
}

func (p *clipper[T]) bound(k *clip, low, high *value.Value) {
	p.low, p.high = fromFloat[T](k.low), fromFloat[T](k.high)
	if low != nil {
		p.low = value.Data[T](low)[0]
	}
	if high != nil {
		p.high = value.Data[T](high)[0]
	}
}

func (p *clipper[T]) clip(dst, x []T) {
	low, high := p.low, p.high
	for i, e := range x {
		dst[i] = min(high, max(e, low))
	}
}

func newClipper32() *clipper[float32] {
	c := &clipper[float32]{}
	c.f = func(dst, x []float32) {
		atLeast(dst, x, c.low)
		atMost(dst, dst, c.high)
	}
	return c
}

func clipperOf(m value.Memory) clipped {
	switch m {
	case value.F32:
		return newClipper32()
	case value.F64:
		return clipperFor[float64]()
	case value.I8:
		return clipperFor[int8]()
	case value.I16:
		return clipperFor[int16]()
	case value.I32:
		return clipperFor[int32]()
	case value.I64:
		return clipperFor[int64]()
	case value.U8:
		return clipperFor[uint8]()
	case value.U16:
		return clipperFor[uint16]()
	case value.U32:
		return clipperFor[uint32]()
	case value.U64:
		return clipperFor[uint64]()
	}
	return nil
}
