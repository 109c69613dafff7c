package inference

import (
	"errors"
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// sizes are those that are tried for free dimensions behind the first, in this order: some models take no small ones.
var sizes = []int{16, 64, 224, 1024, 1}

// maxTrial bounds the elements of an input that is made up.
const maxTrial = 1 << 22

// tolerance is how far a row's results may be from those of the row alone, of the largest number: kernels add up in another order.
const tolerance = 1e-4

// try runs the model on inputs of its own. It tells whether rows are independent: all inputs and outputs begin with a free dimension,
// and two batches give together what they give alone.
func (m *model) try() (independent bool, err error) {
	if len(m.Net.Inputs) == 0 {
		return false, nil
	}
	first := errors.New("its inputs are too large to be made up")
	for _, size := range sizes {
		err := m.trySize(size, &independent)
		if err == nil {
			return independent, nil
		}
		if size == sizes[0] {
			first = err
		}
	}
	return false, first
}

func (m *model) trySize(size int, independent *bool) error {
	rng := rand.New(rand.NewPCG(1, 2))
	one, err := m.trial(rng, 1, size)
	if err != nil || !m.free() || m.Batch == 1 {
		return err
	}
	two, err := m.trial(rng, 2, size)
	if err != nil {
		return nil // it takes one row alone
	}
	in, err := stacked([]*call{one, two}, 3)
	if err != nil {
		return err
	}
	*independent = m.Net.RunFunc(in, func(out []*value.Value) error { return sameRows(one.out, two.out, out) }) == nil
	return nil
}

// free tells whether all inputs and outputs begin with a free dimension.
func (m *model) free() bool {
	for _, ports := range [][]onnx.Port{m.Net.Inputs, m.Net.Outputs} {
		for _, p := range ports {
			if !p.Optional && (!p.HasShape || len(p.Shape) == 0 || p.Shape[0].Size >= 0) {
				return false
			}
		}
	}
	return true
}

// trial runs the model on made-up inputs.
func (m *model) trial(rng *rand.Rand, rows, size int) (*call, error) {
	c := &call{rows: rows, in: make([]*value.Value, len(m.Net.Inputs))}
	for i, p := range m.Net.Inputs {
		if p.Optional {
			continue
		}
		shape := make([]int, len(p.Shape))
		for d := range p.Shape {
			switch {
			case p.Shape[d].Size >= 0:
				shape[d] = int(p.Shape[d].Size)
			case d == 0:
				shape[d] = rows
			default:
				shape[d] = size
			}
		}
		if n, err := value.Volume(shape); err != nil || n > maxTrial {
			return nil, errors.New("its inputs are too large to be made up")
		}
		v, err := value.New(p.Kind, shape...)
		if err != nil {
			return nil, err
		}
		madeUp(rng, v)
		c.in[i] = v
	}
	err := m.Net.RunFunc(c.in, func(out []*value.Value) error { return split([]*call{c}, rows, out) })
	return c, err
}

// madeUp fills v: floats from −1 to 1, and 0 or 1 otherwise, which is a class or a token wherever there are two.
func madeUp(rng *rand.Rand, v *value.Value) {
	switch v.Memory() {
	case value.F32:
		for i, x := 0, value.Data[float32](v); i < len(x); i++ {
			x[i] = 2*rng.Float32() - 1
		}
		if value.Narrow(v.Kind) {
			value.Round(v.Kind, value.Data[float32](v))
		}
	case value.F64:
		for i, x := 0, value.Data[float64](v); i < len(x); i++ {
			x[i] = 2*rng.Float64() - 1
		}
	case value.I64:
		bits(rng, value.Data[int64](v))
	case value.I32:
		bits(rng, value.Data[int32](v))
	case value.I16:
		bits(rng, value.Data[int16](v))
	case value.I8:
		bits(rng, value.Data[int8](v))
	case value.U64:
		bits(rng, value.Data[uint64](v))
	case value.U32:
		bits(rng, value.Data[uint32](v))
	case value.U16:
		bits(rng, value.Data[uint16](v))
	case value.U8:
		bits(rng, value.Data[uint8](v))
	case value.Bool:
		for i, x := 0, value.Data[bool](v); i < len(x); i++ {
			x[i] = rng.IntN(2) == 1
		}
	}
}

func bits[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](rng *rand.Rand, x []T) {
	for i := range x {
		x[i] = T(rng.IntN(2))
	}
}

var errMixed = errors.New("rows are not independent")

// sameRows tells whether both is one followed by two.
func sameRows(one, two, both []*value.Value) error {
	for i, v := range both {
		a, b := one[i], two[i]
		if len(v.Shape) == 0 || len(a.Shape) == 0 || len(b.Shape) == 0 || a.Shape[0] != 1 || b.Shape[0] != 2 || v.Shape[0] != 3 || a.Len()+b.Len() != v.Len() {
			return errMixed
		}
		want, got := append(floats(a), floats(b)...), floats(v)
		largest := 0.0
		for _, x := range want {
			if !math.IsInf(x, 0) && !math.IsNaN(x) {
				largest = max(largest, math.Abs(x))
			}
		}
		for j, x := range want {
			y := got[j]
			if x != y && !(math.IsNaN(x) && math.IsNaN(y)) && !(math.Abs(x-y) <= largest*roundings(v.Kind)) {
				return errMixed
			}
		}
	}
	return nil
}

// roundings is the tolerance of a kind.
func roundings(kind format.DataType) float64 { return max(tolerance, 4*value.Precision(kind)) }

// floats gives the elements as numbers.
func floats(v *value.Value) []float64 {
	out := make([]float64, v.Len())
	number := func(i int) float64 { return 0 }
	switch v.Memory() {
	case value.F32:
		x := value.Data[float32](v)
		number = func(i int) float64 { return float64(x[i]) }
	case value.F64:
		x := value.Data[float64](v)
		number = func(i int) float64 { return x[i] }
	case value.Bool:
		x := value.Data[bool](v)
		number = func(i int) float64 {
			if x[i] {
				return 1
			}
			return 0
		}
	case value.U64:
		x := value.Data[uint64](v)
		number = func(i int) float64 { return float64(x[i]) }
	default:
		x, err := value.Integers(v)
		if err != nil {
			break
		}
		number = func(i int) float64 { return float64(x[i]) }
	}
	for i := range out {
		out[i] = number(i)
	}
	return out
}
