package tensor

import (
	"fmt"
	"slices"
	"strings"
)

// Reshape returns a view of t with another shape of the same number of elements.
// One dimension may be −1: it takes what the others leave. It panics if the numbers
// differ.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	shape = slices.Clone(shape)
	if i := slices.Index(shape, -1); i >= 0 {
		shape[i] = 1
		if n, err := volume(shape); err == nil && n > 0 && t.Len()%n == 0 {
			shape[i] = t.Len() / n
		}
	}
	if n, err := volume(shape); err != nil || n != t.Len() {
		panic(fmt.Sprintf("tensor: reshape of %v to %v", t.shape, shape))
	}
	return &Tensor{dtype: t.dtype, shape: shape, f32: t.f32, f64: t.f64}
}

// Rows returns the view of t that holds indices lo to hi−1 of the first axis. It
// panics if t is a scalar or the range does not lie in it.
func (t *Tensor) Rows(lo, hi int) *Tensor {
	if len(t.shape) == 0 || lo < 0 || hi < lo || hi > t.shape[0] {
		panic(fmt.Sprintf("tensor: rows %d to %d of shape %v", lo, hi, t.shape))
	}
	shape := slices.Clone(t.shape)
	shape[0] = hi - lo
	return t.part(lo, hi, shape)
}

// Row returns the view of t that holds index i of the first axis, without that axis.
func (t *Tensor) Row(i int) *Tensor {
	if len(t.shape) == 0 || i < 0 || i >= t.shape[0] {
		panic(fmt.Sprintf("tensor: row %d of shape %v", i, t.shape))
	}
	return t.part(i, i+1, slices.Clone(t.shape[1:]))
}

// part returns the view of rows lo to hi−1 with the given shape. Its capacity ends
// where the view does, so that resizing it never writes into its source.
func (t *Tensor) part(lo, hi int, shape []int) *Tensor {
	row := 1
	for _, d := range t.shape[1:] {
		row *= d
	}
	lo, hi = lo*row, hi*row
	v := &Tensor{dtype: t.dtype, shape: shape}
	if t.dtype == Float64 {
		v.f64 = t.f64[lo:hi:hi]
	} else {
		v.f32 = t.f32[lo:hi:hi]
	}
	return v
}

// Clone returns a copy with memory of its own.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{
		dtype: t.dtype, shape: slices.Clone(t.shape),
		f32: slices.Clone(t.f32), f64: slices.Clone(t.f64),
	}
}

// Convert returns a copy with elements of type dt, rounded to nearest.
func (t *Tensor) Convert(dt DType) *Tensor {
	if dt == t.dtype {
		return t.Clone()
	}
	c := New(dt, t.shape...)
	for i, v := range t.f32 {
		c.f64[i] = float64(v)
	}
	for i, v := range t.f64 {
		c.f32[i] = float32(v)
	}
	return c
}

// At returns one element. It panics if the index does not lie in the shape.
func (t *Tensor) At(index ...int) float64 {
	i := t.offset(index)
	if t.dtype == Float64 {
		return t.f64[i]
	}
	return float64(t.f32[i])
}

// Set sets one element. It panics if the index does not lie in the shape.
func (t *Tensor) Set(v float64, index ...int) {
	i := t.offset(index)
	if t.dtype == Float64 {
		t.f64[i] = v
	} else {
		t.f32[i] = float32(v)
	}
}

func (t *Tensor) offset(index []int) int {
	at, ok := 0, len(index) == len(t.shape)
	for axis := 0; ok && axis < len(index); axis++ {
		ok = 0 <= index[axis] && index[axis] < t.shape[axis]
		at = at*t.shape[axis] + index[axis]
	}
	if !ok {
		panic(fmt.Sprintf("tensor: index %v of shape %v", slices.Clone(index), t.shape))
	}
	return at
}

// shown is how many elements String prints before it says how many follow.
const shown = 16

// String returns type, shape and the first elements: "float32[2 3] 1 2 3 4 5 6".
func (t *Tensor) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v%v", t.dtype, t.shape)
	for i := range min(t.Len(), shown) {
		if t.dtype == Float64 {
			fmt.Fprintf(&b, " %v", t.f64[i])
		} else {
			fmt.Fprintf(&b, " %v", t.f32[i])
		}
	}
	if n := t.Len() - shown; n > 0 {
		fmt.Fprintf(&b, " … and %d more", n)
	}
	return b.String()
}
