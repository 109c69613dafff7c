package op

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

func TestCastOfFloatsToIntegers(t *testing.T) {
	x := row(1.9, -1.9, 300, -300, 1e20, -1e20, nan, inf, -inf)
	for _, want := range []*value.Value{
		row[int8](1, -1, 127, -128, 127, -128, 0, 127, -128),
		row[uint8](1, 0, 255, 0, 255, 0, 0, 255, 0),
		row[int32](1, -1, 300, -300, math.MaxInt32, math.MinInt32, 0, math.MaxInt32, math.MinInt32),
		row[int64](1, -1, 300, -300, math.MaxInt64, math.MinInt64, 0, math.MaxInt64, math.MinInt64),
		row[uint64](1, 0, 300, 0, math.MaxUint64, 0, 0, math.MaxUint64, 0),
		row(true, true, true, true, true, true, true, true, true),
	} {
		same(t, run(t, "Cast", 13, attributes("to", want.Kind), x), want, 0)
		same(t, run(t, "CastLike", 15, nil, x, want), want, 0)
	}
	same(t, run(t, "Cast", 6, attributes("to", format.Bool), row(0, float32(math.Copysign(0, -1)), 1e-30)), row(false, false, true), 0)
}

func TestCastOfIntegers(t *testing.T) {
	x := row[int16](200, -1, 256, 5)
	same(t, run(t, "Cast", 13, attributes("to", format.Int8), x), row[int8](-56, -1, 0, 5), 0)
	same(t, run(t, "Cast", 13, attributes("to", format.Uint64), x), row[uint64](200, math.MaxUint64, 256, 5), 0)
	same(t, run(t, "Cast", 13, attributes("to", format.Double), x), row[float64](200, -1, 256, 5), 0)
	same(t, run(t, "Cast", 13, attributes("to", format.Bool), x), row(true, true, true, true), 0)
	same(t, run(t, "Cast", 21, attributes("to", format.Int4), x), arrayOf[int8](format.Int4, []int{4}, -8, -1, 0, 5), 0)
	same(t, run(t, "Cast", 25, attributes("to", format.Uint2), x), arrayOf[uint8](format.Uint2, []int{4}, 0, 3, 0, 1), 0)
	same(t, run(t, "Cast", 13, attributes("to", format.Float), row(true, false)), row[float32](1, 0), 0)
	same(t, run(t, "Cast", 13, attributes("to", format.Int64), row(true, false)), row[int64](1, 0), 0)
}

// TestCastRoundsOnce: by way of float32, 1 + 2⁻¹¹ + 2⁻³⁰ would be a tie, and become 1.
func TestCastRoundsOnce(t *testing.T) {
	x := row(1+0x1p-11+0x1p-30, 1+0x1p-11, 65520-0x1p-30, 1e300, -1e300, math.NaN())
	want := arrayOf(format.Float16, []int{6}, 1+0x1p-10, 1, 65504, inf, -inf, nan)
	same(t, run(t, "Cast", 13, attributes("to", format.Float16), x), want, 0)
	same(t, run(t, "Cast", 13, attributes("to", format.BFloat16), row[int64](1<<40+1<<32+1)), arrayOf(format.BFloat16, []int{1}, float32(1<<40+1<<33)), 0)
}

func TestCastSaturates(t *testing.T) {
	x := row(1e6, -1e6, inf, 3.3)
	same(t, run(t, "Cast", 19, attributes("to", format.Float8E4M3FN), x), arrayOf[float32](format.Float8E4M3FN, []int{4}, 448, -448, 448, 3.25), 0)
	same(t, run(t, "Cast", 19, attributes("to", format.Float8E4M3FN, "saturate", 0), x), arrayOf(format.Float8E4M3FN, []int{4}, nan, nan, nan, 3.25), 0)
	same(t, run(t, "Cast", 19, attributes("to", format.Float8E5M2, "saturate", 0), x), arrayOf(format.Float8E5M2, []int{4}, inf, -inf, inf, 3.5), 0)
	refuses(t, `attribute "saturate" is not known to it`, "Cast", 13, attributes("to", format.Float, "saturate", 0), x)
}

func TestCastToPowersOfTwo(t *testing.T) {
	x := row(0, 1, 1.2, 1.5, 1.6, inf, nan, 1e-45)
	least, most := float32(0x1p-127), float32(0x1p127)
	for mode, want := range map[string][]float32{
		"up":      {least, 1, 2, 2, 2, most, nan, least},
		"down":    {least, 1, 1, 1, 1, most, nan, least},
		"nearest": {least, 1, 1, 2, 2, most, nan, least},
	} {
		same(t, run(t, "Cast", 24, attributes("to", format.Float8E8M0, "round_mode", mode), x), arrayOf(format.Float8E8M0, []int{8}, want...), 0)
	}
	want := arrayOf(format.Float8E8M0, []int{8}, nan, 1, 1, 2, 2, nan, nan, least)
	same(t, run(t, "Cast", 24, attributes("to", format.Float8E8M0, "round_mode", "nearest", "saturate", 0), x), want, 0)
	refuses(t, `must be one of ["up" "down" "nearest"]`, "Cast", 24, attributes("to", format.Float, "round_mode", "odd"), x)
}

func TestCastNeedsATypeThatIsThere(t *testing.T) {
	refuses(t, `attribute "to" is missing`, "Cast", 13, nil, row[float32](1))
	refuses(t, `attribute "to" is string, which is not supported`, "Cast", 13, attributes("to", format.String), row[float32](1))
}

func TestBitCast(t *testing.T) {
	same(t, run(t, "BitCast", 26, attributes("to", format.Int32), row[float32](1, -2)), row[int32](0x3f800000, -0x40000000), 0)
	same(t, run(t, "BitCast", 26, attributes("to", format.Uint16), arrayOf[float32](format.Float16, []int{2}, 1, -2)), row[uint16](0x3c00, 0xc000), 0)
	same(t, run(t, "BitCast", 26, attributes("to", format.Uint8), row(true, false)), row[uint8](1, 0), 0)
	same(t, run(t, "BitCast", 26, attributes("to", format.Double), row[int64](0x3ff0000000000000)), row[float64](1), 0)
	refuses(t, "double has 64", "BitCast", 26, attributes("to", format.Double), row[float32](1))
}
