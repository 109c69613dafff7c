package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var unary = []Operator{
	ofFloats("Ceil", 6, function{of: math.Ceil, vectors: simd.Ceil[float32]}), ofFloats("Floor", 6, function{of: math.Floor, vectors: simd.Floor[float32]}),
	ofFloats("Round", 11, function{of: math.RoundToEven, vectors: simd.Round[float32]}),
	ofFloats("Sqrt", 6, function{of: math.Sqrt, vectors: simd.Sqrt[float32], by: bySqrt}),
	ofFloats("Reciprocal", 6, function{of: func(x float64) float64 { return 1 / x }, vectors: func(dst, x []float32) { simd.DivInto(dst, 1, x) }, by: byReciprocal}),
	ofFloats("Exp", 6, function{of: math.Exp, vectors: simd.Exp[float32], by: byExp}), ofFloats("Log", 6, function{of: math.Log, vectors: simd.Log[float32], by: byLog}),
	ofFloats("Sin", 7, function{of: math.Sin, by: bySin}), ofFloats("Cos", 7, function{of: math.Cos, by: byCos}), ofFloats("Tan", 7, function{of: math.Tan, by: byTan}),
	ofFloats("Asin", 7, function{of: math.Asin, by: byAsin}), ofFloats("Acos", 7, function{of: math.Acos, by: byAcos}), ofFloats("Atan", 7, function{of: math.Atan, by: byAtan}),
	ofFloats("Sinh", 9, function{of: math.Sinh, by: bySinh}), ofFloats("Cosh", 9, function{of: math.Cosh, by: byCosh}),
	ofFloats("Tanh", 6, function{of: math.Tanh, vectors: simd.Tanh[float32], by: byTanh}),
	ofFloats("Asinh", 9, function{of: math.Asinh, by: byAsinh}), ofFloats("Acosh", 9, function{of: math.Acosh, by: byAcosh}), ofFloats("Atanh", 9, function{of: math.Atanh, by: byAtanh}),
	ofFloats("Erf", 9, function{of: math.Erf, vectors: simd.Erf[float32], by: byErf}),
	ofNumbers("Abs", 6, absolute), ofNumbers("Neg", 6, negative), ofNumbers("Sign", 9, sign), ofNumbers("Relu", 6, relu),
	{Name: "BitwiseNot", Since: 18, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: stateless(complements)},
	{Name: "Not", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: stateless(func(kind format.DataType) (mapped, format.DataType) {
		if kind != format.Bool {
			return nil, kind
		}
		return each(func(x bool) bool { return !x }), kind
	})},
	{Name: "IsNaN", Since: 9, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: stateless(func(kind format.DataType) (mapped, format.DataType) {
		return tests(kind, func(x float64) bool { return x != x })
	})},
	{Name: "IsInf", Since: 10, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeIsInf},
	{Name: "Identity", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return identity{}, nil }},
}

// identity gives its input.
type identity struct{}

func (identity) Run(c *Call) error { return c.Share(0, c.In[0], c.In[0].Shape...) }

// maps makes the function of an operand of one kind, and says what kind its result has. It gives nil where it has no meaning.
type maps func(kind format.DataType) (mapped, format.DataType)

// stateless makes the kernels of an operator without attributes.
func stateless(f maps) func(*Node) (Kernel, error) {
	return func(*Node) (Kernel, error) { return &mapKernel{maps: f}, nil }
}

// mapKernel computes an elementwise function of one tensor.
type mapKernel struct {
	maps
	in, out format.DataType
	f       mapped
	by      derivative
	back    reaches
}

func (k *mapKernel) Run(c *Call) error {
	x := c.In[0]
	f, err := k.get(x.Kind)
	if err != nil {
		return err
	}
	out, err := c.Result(0, k.out, x.Shape...)
	if err != nil {
		return err
	}
	f.apply(out, x)
	return nil
}

// get gives the function of a kind.
func (k *mapKernel) get(kind format.DataType) (mapped, error) {
	if k.f == nil || k.in != kind {
		k.in = kind
		if k.f, k.out = k.maps(kind); k.f == nil {
			return nil, notFor(kind)
		}
	}
	return k.f, nil
}

// function is a function of a float, and what computes it on vectors where there is such a kernel.
type function struct {
	of      func(x float64) float64
	vectors func(dst, x []float32)
	twice   bool // vectors reads x after it has written to dst
	by      derivative
}

// kernel makes the kernel of an operand's function.
func (f function) kernel() *mapKernel { return &mapKernel{maps: f.maps, by: f.by} }

// ofFloats is an operator without attributes on floats.
func ofFloats(name string, since int, f function) Operator {
	return Operator{Name: name, Since: since, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return f.kernel(), nil }}
}

func (f function) maps(kind format.DataType) (mapped, format.DataType) {
	switch value.MemoryOf(kind) {
	case value.F32:
		if f.vectors != nil {
			return &mapper[float32, float32]{f: f.vectors, twice: f.twice}, kind
		}
		return each(func(x float32) float32 { return float32(f.of(float64(x))) }), kind
	case value.F64:
		return each(f.of), kind
	}
	return nil, kind
}

// tests gives a predicate of floats.
func tests(kind format.DataType, f func(x float64) bool) (mapped, format.DataType) {
	switch value.MemoryOf(kind) {
	case value.F32:
		return each(func(x float32) bool { return f(float64(x)) }), format.Bool
	case value.F64:
		return each(f), format.Bool
	}
	return nil, kind
}

func makeIsInf(n *Node) (Kernel, error) {
	low, high := n.Bool("detect_negative", true), n.Bool("detect_positive", true)
	return &mapKernel{maps: func(kind format.DataType) (mapped, format.DataType) {
		return tests(kind, func(x float64) bool { return low && math.IsInf(x, -1) || high && math.IsInf(x, 1) })
	}}, nil
}

// numberOp names a function of one number.
type numberOp int

const (
	absolute numberOp = iota
	negative
	sign
	relu
)

// ofNumbers is an operator without attributes on floats and integers, which wrap around.
func ofNumbers(name string, since int, o numberOp) Operator {
	return Operator{Name: name, Since: since, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) {
		return &mapKernel{maps: o.maps, by: byNumber[o]}, nil
	}}
}

func (o numberOp) maps(kind format.DataType) (mapped, format.DataType) {
	switch value.MemoryOf(kind) {
	case value.F32:
		switch o {
		case absolute:
			return &mapper[float32, float32]{f: simd.Abs[float32]}, kind
		case negative:
			return &mapper[float32, float32]{f: simd.Neg[float32]}, kind
		case relu:
			return &mapper[float32, float32]{f: simd.ReLU[float32]}, kind
		}
		return number[float32](o), kind
	case value.F64:
		return number[float64](o), kind
	case value.I8:
		return number[int8](o), kind
	case value.I16:
		return number[int16](o), kind
	case value.I32:
		return number[int32](o), kind
	case value.I64:
		return number[int64](o), kind
	case value.U8:
		return number[uint8](o), kind
	case value.U16:
		return number[uint16](o), kind
	case value.U32:
		return number[uint32](o), kind
	case value.U64:
		return number[uint64](o), kind
	}
	return nil, kind
}

func number[T value.Number](o numberOp) mapped {
	switch o {
	case absolute:
		return each(func(x T) T {
			if x <= 0 {
				return 0 - x // of −0: 0
			}
			return x
		})
	case negative:
		return each(func(x T) T { return -x })
	case sign:
		return each(func(x T) T {
			switch {
			case x > 0:
				return 1
			case x < 0:
				minus := T(1)
				return -minus
			}
			return x
		})
	}
	return each(func(x T) T { return max(x, 0) })
}

// complements inverts every bit of integers.
func complements(kind format.DataType) (mapped, format.DataType) {
	switch value.MemoryOf(kind) {
	case value.I8:
		return each(func(x int8) int8 { return ^x }), kind
	case value.I16:
		return each(func(x int16) int16 { return ^x }), kind
	case value.I32:
		return each(func(x int32) int32 { return ^x }), kind
	case value.I64:
		return each(func(x int64) int64 { return ^x }), kind
	case value.U8:
		return each(func(x uint8) uint8 { return ^x }), kind
	case value.U16:
		return each(func(x uint16) uint16 { return ^x }), kind
	case value.U32:
		return each(func(x uint32) uint32 { return ^x }), kind
	case value.U64:
		return each(func(x uint64) uint64 { return ^x }), kind
	}
	return nil, kind
}
