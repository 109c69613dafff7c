package value

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
)

// narrow describes a float of fewer than 32 bits: its mantissa and exponent, and what it has for what does not fit.
type narrow struct {
	bits, mantissa, bias int
	inf                  bool // the highest exponent is for infinities and NaN, as IEEE 754 has it
	unsigned             bool // no sign and no zero: powers of two alone
	negativeZeroIsNaN    bool // the "UZ" forms
	nan                  bool // has a NaN
}

var narrows = map[format.DataType]narrow{
	format.Float16:        {bits: 16, mantissa: 10, bias: 15, inf: true, nan: true},
	format.BFloat16:       {bits: 16, mantissa: 7, bias: 127, inf: true, nan: true},
	format.Float8E4M3FN:   {bits: 8, mantissa: 3, bias: 7, nan: true},
	format.Float8E4M3FNUZ: {bits: 8, mantissa: 3, bias: 8, nan: true, negativeZeroIsNaN: true},
	format.Float8E5M2:     {bits: 8, mantissa: 2, bias: 15, inf: true, nan: true},
	format.Float8E5M2FNUZ: {bits: 8, mantissa: 2, bias: 16, nan: true, negativeZeroIsNaN: true},
	format.Float4E2M1:     {bits: 4, mantissa: 1, bias: 1},
	format.Float8E8M0:     {bits: 8, mantissa: 0, bias: 127, unsigned: true, nan: true},
}

// Narrow tells whether elements of kind are kept in a wider type than they have, and are to be rounded.
func Narrow(kind format.DataType) bool {
	_, ok := narrows[kind]
	return ok
}

// Precision is the distance of 1 from the next number of a float kind that is kept in a wider type; 0 for other kinds.
func Precision(kind format.DataType) float64 {
	f, ok := narrows[kind]
	if !ok {
		return 0
	}
	return math.Ldexp(1, -f.mantissa)
}

// decode gives the number that a pattern of bits means.
func (f narrow) decode(b uint32) float32 {
	if f.unsigned {
		if b == 1<<f.bits-1 {
			return float32(math.NaN())
		}
		return float32(math.Ldexp(1, int(b)-f.bias))
	}
	sign := b >> (f.bits - 1)
	e := int(b>>f.mantissa) & (1<<(f.bits-1-f.mantissa) - 1)
	m := b & (1<<f.mantissa - 1)
	top := 1<<(f.bits-1-f.mantissa) - 1
	var x float64
	switch {
	case f.negativeZeroIsNaN && sign == 1 && e == 0 && m == 0:
		return float32(math.NaN())
	case f.inf && e == top && m == 0:
		x = math.Inf(1)
	case f.inf && e == top, f.nan && !f.inf && !f.negativeZeroIsNaN && e == top && m == 1<<f.mantissa-1:
		return float32(math.NaN())
	case e == 0:
		x = math.Ldexp(float64(m), 1-f.bias-f.mantissa)
	default:
		x = math.Ldexp(float64(m|1<<f.mantissa), e-f.bias-f.mantissa)
	}
	if sign == 1 {
		x = -x
	}
	return float32(x)
}

// largest is the greatest finite number.
func (f narrow) largest() float64 {
	top := 1<<(f.bits-1-f.mantissa) - 1
	m := 1<<f.mantissa - 1
	switch {
	case f.inf:
		top--
	case f.nan && !f.negativeZeroIsNaN:
		m-- // the last pattern is NaN
	}
	return math.Ldexp(float64(m|1<<f.mantissa), top-f.bias-f.mantissa)
}

// encode gives the pattern nearest to x, ties to even. Beyond the largest number it saturates, or gives infinity or else NaN.
func (f narrow) encode(x float32, saturate bool) uint32 {
	if f.unsigned {
		return f.encodePower(x)
	}
	sign := uint32(0)
	if math.Signbit(float64(x)) {
		sign = 1 << (f.bits - 1)
	}
	a := math.Abs(float64(x))
	top := uint32(1<<(f.bits-1-f.mantissa) - 1)
	if a != a {
		return f.notANumber(sign)
	}
	if math.IsInf(a, 0) && f.inf && (!saturate || f.bits == 16) {
		return sign | top<<f.mantissa
	}
	_, e := math.Frexp(a) // a is in [2^(e-1), 2^e)
	e = max(e-1, 1-f.bias)
	units := math.RoundToEven(math.Ldexp(a, f.mantissa-e)) // in units of the last place
	if a > f.largest() && (math.IsInf(a, 0) || math.Ldexp(units, e-f.mantissa) > f.largest()) {
		switch {
		case saturate && f.bits < 16, !f.nan:
			return sign | f.finite()
		case f.inf:
			return sign | top<<f.mantissa
		}
		return f.notANumber(sign)
	}
	if units == 0 {
		if f.negativeZeroIsNaN {
			return 0
		}
		return sign
	}
	// An overflow of the mantissa carries into the exponent, and a number below the least exponent has its field 0, in one sum.
	return sign | (uint32(e+f.bias-1)<<f.mantissa + uint32(units))
}

// finite is the pattern of the largest number.
func (f narrow) finite() uint32 {
	b := uint32(1<<(f.bits-1) - 1)
	switch {
	case f.inf:
		b -= 1 << f.mantissa
	case f.nan && !f.negativeZeroIsNaN:
		b--
	}
	return b
}

func (f narrow) notANumber(sign uint32) uint32 {
	switch {
	case f.negativeZeroIsNaN:
		return 1 << (f.bits - 1)
	case f.inf:
		top := uint32(1<<(f.bits-1-f.mantissa) - 1)
		return sign | top<<f.mantissa | 1<<(f.mantissa-1)
	case f.nan:
		return sign | (1<<(f.bits-1) - 1)
	}
	return 1 << (f.bits - 1) // there is no NaN: the ONNX project's tests have −0
}

// encodePower is the power of two at or below x, rounded up from half-way on; the sign is lost, 0 and less than the least are the least.
func (f narrow) encodePower(x float32) uint32 {
	a := math.Abs(float64(x))
	if a != a || math.IsInf(a, 0) {
		return 1<<f.bits - 1
	}
	if a == 0 {
		return 0
	}
	frac, e := math.Frexp(a)
	e--
	if frac >= 0.75 {
		e++
	}
	return uint32(min(max(e+f.bias, 0), 1<<f.bits-2))
}

// Round rounds x, which is kept as float32, to the precision of kind, to nearest with ties to even, as a computation of that precision would.
// What is too large becomes infinite, or NaN where kind has no infinity.
func Round(kind format.DataType, x []float32) { RoundTo(kind, x, false) }

// RoundTo is Round; with saturate the 8-bit kinds give their largest number for what is too large.
func RoundTo(kind format.DataType, x []float32, saturate bool) {
	f, ok := narrows[kind]
	if !ok {
		return
	}
	for i, e := range x {
		x[i] = f.decode(f.encode(e, saturate))
	}
}
