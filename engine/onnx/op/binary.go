package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var binary = []Operator{
	floatPairOperator("Add", 7, add), floatPairOperator("Sub", 7, sub),
	floatPairOperator("Mul", 7, mul), floatPairOperator("Div", 7, div),
	{Name: "Mod", Since: 10, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: mod},
	{Name: "Pow", Since: 7, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &power{}, nil }},
	{Name: "PRelu", Since: 7, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: makePRelu},
	{Name: "BitShift", Since: 11, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: bitShift},
	pairOperator("BitwiseAnd", 18, arithmetic(bitAnd)), pairOperator("BitwiseOr", 18, arithmetic(bitOr)), pairOperator("BitwiseXor", 18, arithmetic(bitXor)),
	pairOperator("And", 7, logic(func(a, b bool) bool { return a && b })),
	pairOperator("Or", 7, logic(func(a, b bool) bool { return a || b })),
	pairOperator("Xor", 7, logic(func(a, b bool) bool { return a != b })),
	pairOperator("Equal", 7, comparison(equal)),
	pairOperator("Greater", 7, comparison(greater)), pairOperator("Less", 7, comparison(less)),
	pairOperator("GreaterOrEqual", 12, comparison(notLess)), pairOperator("LessOrEqual", 12, comparison(notGreater)),
}

// pairs makes the function of two operands of one type of memory, and says what type its result has. It gives nil where it has no meaning.
type pairs func(kind format.DataType) (zipped, format.DataType)

// pairOperator is an operator of two tensors of one type, which broadcast.
func pairOperator(name string, since int, f pairs) Operator {
	return Operator{Name: name, Since: since, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) {
		return &pairKernel{pairs: f}, nil
	}}
}

// floatPairOperator is a pairOperator that has derivatives.
func floatPairOperator(name string, since int, o pairOp) Operator {
	return Operator{Name: name, Since: since, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) {
		return &pairKernel{pairs: arithmetic(o), by: derivativesOf(o)}, nil
	}}
}

// pairKernel computes an elementwise function of two tensors of one type.
type pairKernel struct {
	pairs
	memo   pairMemo
	shapes pairShape
	by     *pairDerivative // nil for none
	back   reaches
}

func (k *pairKernel) Run(c *Call) error {
	a, b := c.In[0], c.In[1]
	if a.Kind != b.Kind {
		return fmt.Errorf("inputs are %s and %s, must be of one type", a, b)
	}
	f, kind, err := k.memo.get(k.pairs, a.Kind)
	if err != nil {
		return err
	}
	shape, err := k.shapes.of(a.Shape, b.Shape)
	if err != nil {
		return err
	}
	out, err := c.Result(0, kind, shape...)
	if err != nil {
		return err
	}
	f.zip(out, a, b)
	return nil
}

// pairMemo keeps the function of the type that it saw last.
type pairMemo struct {
	in, out format.DataType
	f       zipped
}

func (m *pairMemo) get(f pairs, kind format.DataType) (zipped, format.DataType, error) {
	if m.f == nil || m.in != kind {
		m.in = kind
		if m.f, m.out = f(kind); m.f == nil {
			return nil, 0, notFor(kind)
		}
	}
	return m.f, m.out, nil
}

func notFor(k format.DataType) error { return fmt.Errorf("is not for tensors of %s", k) }

// pairOp names an elementwise function of two numbers.
type pairOp int

const (
	add pairOp = iota
	sub
	mul
	div
	greatest
	least
	modulo    // with the sign of the divisor
	remainder // with the sign of the dividend
	bitAnd
	bitOr
	bitXor
	shiftLeft
	shiftRight
)

// arithmetic gives the functions whose result has the type of the operands.
func arithmetic(o pairOp) pairs {
	return func(kind format.DataType) (zipped, format.DataType) {
		switch value.MemoryOf(kind) {
		case value.F32:
			if f := vectors[o]; f != nil {
				return &zipper[float32, float32, float32]{f: f}, kind
			}
			return zipperOf(floatPair[float32](o)), kind
		case value.F64:
			return zipperOf(floatPair[float64](o)), kind
		case value.I8:
			return zipperOf(integerPair[int8](o)), kind
		case value.I16:
			return zipperOf(integerPair[int16](o)), kind
		case value.I32:
			return zipperOf(integerPair[int32](o)), kind
		case value.I64:
			return zipperOf(integerPair[int64](o)), kind
		case value.U8:
			return zipperOf(integerPair[uint8](o)), kind
		case value.U16:
			return zipperOf(integerPair[uint16](o)), kind
		case value.U32:
			return zipperOf(integerPair[uint32](o)), kind
		case value.U64:
			return zipperOf(integerPair[uint64](o)), kind
		}
		return nil, kind
	}
}

func zipperOf[A, B, R value.Element](f func(a A, b B) R) zipped {
	if f == nil {
		return nil
	}
	return &zipper[A, B, R]{f: pairwise(f)}
}

// integer is what has bits and a remainder.
type integer interface {
	int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
}

// numberPair gives the functions that all numbers have in common.
func numberPair[T value.Number](o pairOp) func(a, b T) T {
	switch o {
	case add:
		return func(a, b T) T { return a + b }
	case sub:
		return func(a, b T) T { return a - b }
	case mul:
		return func(a, b T) T { return a * b }
	case greatest:
		return func(a, b T) T { return max(a, b) }
	case least:
		return func(a, b T) T { return min(a, b) }
	}
	return nil
}

func floatPair[T simd.Float](o pairOp) func(a, b T) T {
	switch o {
	case div:
		return func(a, b T) T { return a / b }
	case modulo:
		return func(a, b T) T { return T(floorMod(float64(a), float64(b))) }
	case remainder:
		return func(a, b T) T { return T(math.Mod(float64(a), float64(b))) }
	}
	return numberPair[T](o)
}

// floorMod is a − ⌊a/b⌋·b, which has the sign of b; NaN for b = 0 and for an infinite a.
func floorMod(a, b float64) float64 {
	m := math.Mod(a, b)
	switch {
	case m == 0:
		return math.Copysign(0, b)
	case (m < 0) != (b < 0):
		return m + b
	}
	return m
}

// integerPair gives the functions of integers, which wrap around. Division by 0, which ONNX leaves open, gives 0, and so do both remainders.
func integerPair[T integer](o pairOp) func(a, b T) T {
	switch o {
	case div: // truncates
		return func(a, b T) T {
			if b == 0 {
				return 0
			}
			return a / b
		}
	case modulo:
		return func(a, b T) T {
			if b == 0 {
				return 0
			}
			m := a % b
			if m != 0 && (m < 0) != (b < 0) {
				m += b
			}
			return m
		}
	case remainder:
		return func(a, b T) T {
			if b == 0 {
				return 0
			}
			return a % b
		}
	case bitAnd:
		return func(a, b T) T { return a & b }
	case bitOr:
		return func(a, b T) T { return a | b }
	case bitXor:
		return func(a, b T) T { return a ^ b }
	case shiftLeft: // all bits leave for a count that is negative or at least the width
		return func(a, b T) T {
			if b < 0 {
				return 0
			}
			return a << uint64(b)
		}
	case shiftRight: // fills with the sign
		return func(a, b T) T {
			n := uint64(b)
			if b < 0 {
				n = 64
			}
			return a >> n
		}
	}
	return numberPair[T](o)
}

// vectors holds the functions that have vector kernels.
var vectors = map[pairOp]func(dst, a, b []float32){
	add: stretching(simd.Add[float32], simd.AddScalar[float32], func(dst []float32, a float32, b []float32) { simd.AddScalar(dst, b, a) }),
	sub: stretching(simd.Sub[float32], func(dst, a []float32, b float32) { simd.AddScalar(dst, a, -b) }, simd.SubFrom[float32]),
	mul: stretching(simd.Mul[float32], simd.Scale[float32], func(dst []float32, a float32, b []float32) { simd.Scale(dst, b, a) }),
	div: stretching(simd.Div[float32], simd.DivScalar[float32], simd.DivInto[float32]),

	greatest: stretching(simd.Greater[float32], atLeast, func(dst []float32, a float32, b []float32) { atLeast(dst, b, a) }),
	least:    stretching(simd.Lesser[float32], atMost, func(dst []float32, a float32, b []float32) { atMost(dst, b, a) }),
}

// stretching makes a run's function of one of two vectors, and of those where one operand is a number.
func stretching(both func(dst, a, b []float32), right func(dst, a []float32, b float32), left func(dst []float32, a float32, b []float32)) func(dst, a, b []float32) {
	return func(dst, a, b []float32) {
		switch {
		case len(a) == len(dst) && len(b) == len(dst):
			both(dst, a, b)
		case len(a) == len(dst):
			right(dst, a, b[0])
		case len(b) == len(dst):
			left(dst, a[0], b)
		default:
			both(dst[:1], a, b)
			simd.Fill(dst[1:], dst[0])
		}
	}
}

// atLeast computes max(x, a); all is NaN where a is.
func atLeast(dst, x []float32, a float32) {
	if a != a {
		simd.Fill(dst, a)
		return
	}
	simd.AtLeast(dst, x, a)
}

// atMost computes min(x, a); all is NaN where a is.
func atMost(dst, x []float32, a float32) {
	if a != a {
		simd.Fill(dst, a)
		return
	}
	simd.AtMost(dst, x, a)
}

// mod makes Mod. ONNX before 28 leaves fmod = 0 open for floats; it has the divisor's sign there, too.
func mod(n *Node) (Kernel, error) {
	o := modulo
	if n.Bool("fmod", false) {
		o = remainder
	}
	return &pairKernel{pairs: arithmetic(o), by: derivativesOf(o)}, nil
}

func bitShift(n *Node) (Kernel, error) {
	o := shiftLeft
	if n.Text("direction", "", "LEFT", "RIGHT") == "RIGHT" {
		o = shiftRight
	}
	return &pairKernel{pairs: arithmetic(o)}, nil
}

// logic gives a function of truth values.
func logic(f func(a, b bool) bool) pairs {
	return func(kind format.DataType) (zipped, format.DataType) {
		if kind != format.Bool {
			return nil, kind
		}
		return zipperOf(f), kind
	}
}

// relation names a comparison.
type relation int

const (
	equal relation = iota
	greater
	less
	notLess
	notGreater
)

// comparison gives the functions from two numbers to a truth value. A comparison with NaN is false.
func comparison(r relation) pairs {
	return func(kind format.DataType) (zipped, format.DataType) {
		switch value.MemoryOf(kind) {
		case value.F32:
			return compare[float32](r), format.Bool
		case value.F64:
			return compare[float64](r), format.Bool
		case value.I8:
			return compare[int8](r), format.Bool
		case value.I16:
			return compare[int16](r), format.Bool
		case value.I32:
			return compare[int32](r), format.Bool
		case value.I64:
			return compare[int64](r), format.Bool
		case value.U8:
			return compare[uint8](r), format.Bool
		case value.U16:
			return compare[uint16](r), format.Bool
		case value.U32:
			return compare[uint32](r), format.Bool
		case value.U64:
			return compare[uint64](r), format.Bool
		case value.Bool:
			if r == equal {
				return zipperOf(func(a, b bool) bool { return a == b }), format.Bool
			}
		}
		return nil, kind
	}
}

func compare[T value.Number](r relation) zipped {
	return &zipper[T, T, bool]{f: func(dst []bool, a, b []T) {
		if len(a) == len(dst) && len(b) == 1 {
			compareTo(dst, a, b[0], r)
			return
		}
		i, j, aStep, bStep := 0, 0, min(1, len(a)-1), min(1, len(b)-1)
		for k := range dst {
			x, y := a[i], b[j]
			i, j = i+aStep, j+bStep
			switch r {
			case equal:
				dst[k] = x == y
			case greater:
				dst[k] = x > y
			case less:
				dst[k] = x < y
			case notLess:
				dst[k] = x >= y
			default:
				dst[k] = x <= y
			}
		}
	}}
}

// compareTo compares with one number, as models do most.
func compareTo[T value.Number](dst []bool, a []T, y T, r relation) {
	switch r {
	case equal:
		for i, x := range a {
			dst[i] = x == y
		}
	case greater:
		for i, x := range a {
			dst[i] = x > y
		}
	case less:
		for i, x := range a {
			dst[i] = x < y
		}
	case notLess:
		for i, x := range a {
			dst[i] = x >= y
		}
	default:
		for i, x := range a {
			dst[i] = x <= y
		}
	}
}

// makePRelu makes PRelu: x where x ≥ 0, else slope·x. The slope stretches to the shape of x, not the other way round.
func makePRelu(*Node) (Kernel, error) {
	return &oneWay{pair: pairKernel{by: byPRelu, pairs: func(kind format.DataType) (zipped, format.DataType) {
		switch value.MemoryOf(kind) {
		case value.F32:
			return &zipper[float32, float32, float32]{f: prelu32}, kind
		case value.F64:
			return zipperOf(prelu[float64]), kind
		case value.I32:
			return zipperOf(prelu[int32]), kind
		case value.I64:
			return zipperOf(prelu[int64]), kind
		case value.U32:
			return zipperOf(prelu[uint32]), kind
		case value.U64:
			return zipperOf(prelu[uint64]), kind
		}
		return nil, kind
	}}}, nil
}

// oneWay is a pairKernel whose result has the shape of its first input.
type oneWay struct{ pair pairKernel }

func (k *oneWay) Run(c *Call) error {
	if err := broadcastsTo(c.In[1].Shape, c.In[0].Shape); err != nil {
		return fmt.Errorf("input 1: %w", err)
	}
	return k.pair.Run(c)
}

func prelu[T value.Number](x, slope T) T {
	if x < 0 {
		return x * slope
	}
	return x
}

var preluOf = pairwise(prelu[float32])

func prelu32(dst, x, slope []float32) {
	if len(x) == len(dst) && len(slope) == 1 {
		simd.LeakyReLU(dst, x, slope[0])
		return
	}
	preluOf(dst, x, slope)
}
