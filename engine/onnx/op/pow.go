package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// power computes Pow: x^y with the type of x, where y may be of another type. Floats are raised in float64. Of integers, an integer power wraps around, a negative one
// truncates towards 0 (and is 0 for x = 0), and a power of a float is saturated as Cast saturates.
type power struct {
	f        zipped
	from, by value.Memory
	shapes   pairShape
	back     reaches
}

func (k *power) Run(c *Call) error {
	x, y := c.In[0], c.In[1]
	if k.f == nil || k.from != x.Memory() || k.by != y.Memory() {
		k.from, k.by = x.Memory(), y.Memory()
		if k.f = powers(k.from, k.by); k.f == nil {
			return notFor(x.Kind)
		}
	}
	shape, err := k.shapes.of(x.Shape, y.Shape)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	k.f.zip(out, x, y)
	return nil
}

func powers(x, y value.Memory) zipped {
	switch x {
	case value.F32:
		if y == value.F32 {
			return &zipper[float32, float32, float32]{f: pow32}
		}
		return powerBy[float32](y)
	case value.F64:
		return powerBy[float64](y)
	case value.I32:
		return powerBy[int32](y)
	case value.I64:
		return powerBy[int64](y)
	}
	return nil
}

func powerBy[T value.Number](y value.Memory) zipped {
	switch y {
	case value.F32:
		return zipperOf(pow[T, float32])
	case value.F64:
		return zipperOf(pow[T, float64])
	case value.I8:
		return zipperOf(powInteger[T, int8])
	case value.I16:
		return zipperOf(powInteger[T, int16])
	case value.I32:
		return zipperOf(powInteger[T, int32])
	case value.I64:
		return zipperOf(powInteger[T, int64])
	case value.U8:
		return zipperOf(powInteger[T, uint8])
	case value.U16:
		return zipperOf(powInteger[T, uint16])
	case value.U32:
		return zipperOf(powInteger[T, uint32])
	case value.U64:
		return zipperOf(powInteger[T, uint64])
	}
	return nil
}

func pow[T value.Number, E simd.Float](x T, y E) T {
	return fromFloat[T](math.Pow(float64(x), float64(y)))
}

func powInteger[T value.Number, E integer](x T, y E) T {
	if isFloat[T]() {
		return fromFloat[T](math.Pow(float64(x), float64(y)))
	}
	if y < 0 {
		minus := T(0)
		minus--
		switch {
		case x == 1:
			return 1
		case x == minus && y%2 == 0:
			return 1
		case x == minus:
			return x
		}
		return 0
	}
	p := T(1)
	for n := uint64(y); n > 0; n >>= 1 {
		if n&1 == 1 {
			p *= x
		}
		x *= x
	}
	return p
}

var powOf = pairwise(pow[float32, float32])

// pow32 has the exponents that models have for constants: squares, roots, inverses.
func pow32(dst, x, y []float32) {
	if len(y) != 1 || len(x) != len(dst) {
		powOf(dst, x, y)
		return
	}
	switch y[0] {
	case 2:
		simd.Square(dst, x)
	case 1:
		copy(dst, x)
	case 0.5:
		for i, e := range x {
			dst[i] = float32(math.Sqrt(float64(e))) + 0 // of −0: 0
			if e < -math.MaxFloat32 {
				dst[i] = float32(math.Inf(1))
			}
		}
	case -1:
		for i, e := range x {
			dst[i] = 1 / e
		}
	default:
		powOf(dst, x, y)
	}
}
