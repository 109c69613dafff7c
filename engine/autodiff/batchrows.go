package autodiff

import (
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// BatchNorm of [B, C], where a channel's elements do not lie side by side: row by row.

func rowMoments[T tensor.Float](v *Var) {
	x, rows, c := values[T](v.in[0]), v.norm.n, v.norm.c
	variance, hat, mean := batchMemory[T](v)
	share := 1 / T(rows)
	simd.SumRows(mean, x, rows, c, false)
	simd.Scale(mean, mean, -share)
	simd.AddRow(hat, x, mean, rows, c)
	simd.Scale(mean, mean, -1)
	y := values[T](v) // not needed yet
	simd.Square(y, hat)
	simd.SumRows(variance, y, rows, c, false)
	simd.Scale(variance, variance, share)
}

func rowForward[T tensor.Float](v *Var) {
	x, y, rows, c := values[T](v.in[0]), values[T](v), v.norm.n, v.norm.c
	inverse, hat, mean := batchMemory[T](v)
	gain, bias := factor[T](v, v.norm.gain), factor[T](v, v.norm.bias)
	if !v.norm.batch { // rowMoments has done this
		simd.Scale(mean, mean, -1)
		simd.AddRow(hat, x, mean, rows, c)
	}
	for r := range rows {
		hat := hat[r*c : (r+1)*c]
		simd.Mul(hat, hat, inverse)
		affine(y[r*c:(r+1)*c], hat, gain, bias, 0, 1)
	}
}

func rowBack[T tensor.Float](v *Var) {
	if v.in[0].needs {
		rowInput[T](v)
	}
	batchFactors[T](v)
}

// rowInput is channelInput of all channels.
func rowInput[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	dy, rows, c := upstream[T](v), v.norm.n, v.norm.c
	inverse, hat, rest := normMemory[T](v, c)
	mean, slope, slant, d := rest[:c], rest[c:2*c], rest[2*c:3*c], rest[3*c:]
	affine(slant, inverse, factor[T](v, v.norm.gain), nil, 0, 1)
	if v.norm.batch {
		simd.SumRows(mean, dy, rows, c, false)
		simd.Scale(mean, mean, -1/T(rows))
		simd.Mul(d, dy, hat)
		simd.SumRows(slope, d, rows, c, false)
		simd.Scale(slope, slope, -1/T(rows))
	}
	for r := range rows {
		d, dy := d[r*c:(r+1)*c], dy[r*c:(r+1)*c]
		if v.norm.batch {
			simd.Add(d, dy, mean)
			simd.MulAdd(d, slope, hat[r*c:(r+1)*c])
			dy = d
		}
		if add {
			simd.MulAdd(g[r*c:(r+1)*c], dy, slant)
		} else {
			simd.Mul(g[r*c:(r+1)*c], dy, slant)
		}
	}
}
