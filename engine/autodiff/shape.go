package autodiff

import (
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// Reshape returns x under another shape of the same number of elements; one
// dimension may be −1: it takes what the others leave. The result shares x's memory,
// and its gradient x's, so neither pass costs anything.
func Reshape(x *Var, shape ...int) *Var {
	var dims [8]int
	shape = append(dims[:0], shape...)
	if i := slices.Index(shape, -1); i >= 0 {
		shape[i] = 1
		if n := volume(shape); n > 0 {
			shape[i] = x.Value.Len() / n
		}
	}
	if volume(shape) != x.Value.Len() || (len(shape) > 0 && slices.Min(shape) < 0) {
		misuse("Reshape", "shape %v to %v", x.Shape(), append([]int{}, shape...)) // a copy, so that shape need not be on the heap
	}
	in := [1]*Var{x}
	v := x.tape.derived("Reshape", in[:])
	v.source = x
	v.Value = v.valueViews.of(x.Value, shape)
	return v
}

// Flatten joins all axes but the first: [B, ...] → [B, rest]. It shares memory as Reshape does.
func Flatten(x *Var) *Var {
	s := x.Shape()
	if len(s) == 0 {
		misuse("Flatten", "x is a scalar")
	}
	return Reshape(x, s[0], volume(s[1:]))
}

// Transpose turns a matrix [M, N] into [N, M].
func Transpose(x *Var) *Var {
	s := x.Shape()
	if len(s) != 2 {
		misuse("Transpose", "x has shape %v; it must be a matrix", s)
	}
	v := x.tape.result("Transpose", []*Var{x}, s[1], s[0])
	return v.record(transpose[float32], transpose[float64], transposeBack[float32], transposeBack[float64])
}

func transpose[T tensor.Float](v *Var) {
	s := v.in[0].Shape()
	transposed(values[T](v), values[T](v.in[0]), s[0], s[1], false)
}

func transposeBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	s := v.Shape()
	transposed(g, upstream[T](v), s[0], s[1], add)
}

// transposed computes dst[c, r] (+)= x[r, c], in blocks that stay in cache.
func transposed[T tensor.Float](dst, x []T, rows, cols int, add bool) {
	const block = 32
	for r0 := 0; r0 < rows; r0 += block {
		for c0 := 0; c0 < cols; c0 += block {
			for c := c0; c < min(c0+block, cols); c++ {
				for r := r0; r < min(r0+block, rows); r++ {
					if add {
						dst[c*rows+r] += x[r*cols+c]
					} else {
						dst[c*rows+r] = x[r*cols+c]
					}
				}
			}
		}
	}
}

// SwapFirstAxes exchanges the first two axes: [A, B, ...] → [B, A, ...].
func SwapFirstAxes(x *Var) *Var {
	s := x.Shape()
	if len(s) < 2 {
		misuse("SwapFirstAxes", "x has shape %v; it must have two axes or more", s)
	}
	var dims [8]int
	shape := append(dims[:0], s...)
	shape[0], shape[1] = s[1], s[0]
	v := x.tape.result("SwapFirstAxes", []*Var{x}, shape...)
	return v.record(swapFirstAxes[float32], swapFirstAxes[float64], swapFirstAxesBack[float32], swapFirstAxesBack[float64])
}

func swapFirstAxes[T tensor.Float](v *Var) {
	s := v.in[0].Shape()
	swapped(values[T](v), values[T](v.in[0]), s[0], s[1], false)
}

func swapFirstAxesBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	s := v.Shape()
	swapped(g, upstream[T](v), s[0], s[1], add)
}

// swapped computes dst[j, i, …] (+)= x[i, j, …] for x of rows by cols runs.
func swapped[T tensor.Float](dst, x []T, rows, cols int, add bool) {
	n := len(x) / max(rows*cols, 1)
	for i := range rows {
		for j := range cols {
			accumulate(dst[(j*rows+i)*n:][:n], x[(i*cols+j)*n:][:n], 1, add)
		}
	}
}

// Concat joins values along an axis, along which alone they may differ; a negative
// axis counts from the last.
func Concat(axis int, xs ...*Var) *Var {
	if len(xs) == 0 {
		misuse("Concat", "nothing to join")
	}
	axis = checkAxis("Concat", xs[0], axis)
	var dims [8]int
	shape := append(dims[:0], xs[0].Shape()...)
	for _, x := range xs[1:] {
		s := x.Shape()
		if len(s) != len(shape) || !slices.Equal(s[:axis], shape[:axis]) || !slices.Equal(s[axis+1:], shape[axis+1:]) {
			misuse("Concat", "shapes %v and %v along axis %d", xs[0].Shape(), s, axis)
		}
		shape[axis] += s[axis]
	}
	v := xs[0].tape.result("Concat", xs, shape...)
	v.ints[0], v.ints[1] = volume(shape[:axis]), volume(shape[axis:])
	return v.record(concat[float32], concat[float64], concatBack[float32], concatBack[float64])
}

func concat[T tensor.Float](v *Var) {
	y, at := values[T](v), 0
	outer, row := v.ints[0], v.ints[1]
	for _, x := range v.in {
		src := values[T](x)
		n := len(src) / max(outer, 1)
		for o := range outer {
			copy(y[o*row+at:][:n], src[o*n:])
		}
		at += n
	}
}

func concatBack[T tensor.Float](v *Var) {
	dy, at := upstream[T](v), 0
	outer, row := v.ints[0], v.ints[1]
	for _, x := range v.in {
		n := x.Value.Len() / max(outer, 1)
		if x.needs {
			g, add := gradient[T](x)
			for o := range outer {
				accumulate(g[o*n:(o+1)*n], dy[o*row+at:][:n], 1, add)
			}
		}
		at += n
	}
}

// Slice takes indices lo to hi−1 of one axis; a negative axis counts from the last.
func Slice(x *Var, axis, lo, hi int) *Var {
	axis = checkAxis("Slice", x, axis)
	s := x.Shape()
	if lo < 0 || hi < lo || hi > s[axis] {
		misuse("Slice", "%d to %d along axis %d of shape %v", lo, hi, axis, s)
	}
	var dims [8]int
	shape := append(dims[:0], s...)
	shape[axis] = hi - lo
	v := x.tape.result("Slice", []*Var{x}, shape...)
	inner := volume(s[axis+1:])
	v.ints = [8]int{volume(s[:axis]), (hi - lo) * inner, s[axis] * inner, lo * inner}
	return v.record(slice[float32], slice[float64], sliceBack[float32], sliceBack[float64])
}

func slice[T tensor.Float](v *Var) {
	y, x := values[T](v), values[T](v.in[0])
	outer, n, row, at := v.ints[0], v.ints[1], v.ints[2], v.ints[3]
	for o := range outer {
		copy(y[o*n:(o+1)*n], x[o*row+at:])
	}
}

func sliceBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	if !add {
		clear(g)
	}
	dy := upstream[T](v)
	outer, n, row, at := v.ints[0], v.ints[1], v.ints[2], v.ints[3]
	for o := range outer {
		accumulate(g[o*row+at:][:n], dy[o*n:(o+1)*n], 1, add)
	}
}

// RepeatRows repeats each row k times in a row: x₀ x₀ … x₁ x₁ …
//
// Shapes: x [B, ...] → [B·k, ...].
func RepeatRows(x *Var, k int) *Var {
	v := multiplied("RepeatRows", x, k)
	return v.record(repeatRows[float32], repeatRows[float64], repeatRowsBack[float32], repeatRowsBack[float64])
}

// TileRows repeats the whole block of rows b times: x₀ x₁ … x₀ x₁ …
//
// Shapes: x [K, ...] → [b·K, ...].
func TileRows(x *Var, b int) *Var {
	v := multiplied("TileRows", x, b)
	return v.record(tileRows[float32], tileRows[float64], tileRowsBack[float32], tileRowsBack[float64])
}

// multiplied returns a result with k times the rows of x.
func multiplied(op string, x *Var, k int) *Var {
	s := x.Shape()
	if len(s) == 0 || k < 0 {
		misuse(op, "%d times shape %v", k, s)
	}
	var dims [8]int
	shape := append(dims[:0], s...)
	shape[0] *= k
	v := x.tape.result(op, []*Var{x}, shape...)
	v.ints[0], v.ints[1], v.ints[2] = k, s[0], volume(s[1:])
	return v
}

func repeatRows[T tensor.Float](v *Var) {
	y, x := values[T](v), values[T](v.in[0])
	k, rows, n := v.ints[0], v.ints[1], v.ints[2]
	for r := range rows {
		for i := range k {
			copy(y[(r*k+i)*n:], x[r*n:(r+1)*n])
		}
	}
}

func repeatRowsBack[T tensor.Float](v *Var) {
	g, add := gradient[T](v.in[0])
	dy := upstream[T](v)
	k, rows, n := v.ints[0], v.ints[1], v.ints[2]
	if n == 0 {
		return
	}
	for r := range rows {
		simd.SumRows(g[r*n:(r+1)*n], dy[r*k*n:(r+1)*k*n], k, n, add)
	}
}

func tileRows[T tensor.Float](v *Var) {
	y, x := values[T](v), values[T](v.in[0])
	for i := range v.ints[0] {
		copy(y[i*len(x):], x)
	}
}

func tileRowsBack[T tensor.Float](v *Var) {
	if g, add := gradient[T](v.in[0]); len(g) > 0 {
		simd.SumRows(g, upstream[T](v), v.ints[0], len(g), add)
	}
}
