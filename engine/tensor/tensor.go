// Package tensor holds dense row-major arrays of float32 or float64, reads and
// writes them as safetensors, and reads the files of PyTorch's torch.save.
package tensor

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// DType is the element type of a Tensor.
type DType uint8

const (
	Float32 DType = iota
	Float64
)

func (d DType) String() string {
	if d == Float64 {
		return "float64"
	}
	return "float32"
}

// Tensor is a dense row-major array. A tensor of rank 0 is a scalar.
// Views made by Reshape, Rows and Row share the memory of their source.
type Tensor struct {
	dtype DType
	shape []int
	f32   []float32
	f64   []float64

	stored string // see Stored
}

// Stored is the element type that the tensor had in the file that it was read from, as safetensors names it: F16, BF16, I64 and so on; "" for others.
func (t *Tensor) Stored() string { return t.stored }

// New returns a tensor of zeros. It panics if a dimension is negative.
func New(dt DType, shape ...int) *Tensor {
	t := &Tensor{dtype: dt}
	t.Resize(shape...)
	return t
}

// FromFloat32 wraps data, which it shares, in a tensor of the given shape.
func FromFloat32(data []float32, shape ...int) (*Tensor, error) {
	if n, err := volume(shape); err != nil || n != len(data) {
		return nil, fmt.Errorf("tensor: shape %v does not hold %d elements", shape, len(data))
	}
	return &Tensor{dtype: Float32, shape: slices.Clone(shape), f32: data}, nil
}

// FromFloat64 wraps data, which it shares, in a tensor of the given shape.
func FromFloat64(data []float64, shape ...int) (*Tensor, error) {
	if n, err := volume(shape); err != nil || n != len(data) {
		return nil, fmt.Errorf("tensor: shape %v does not hold %d elements", shape, len(data))
	}
	return &Tensor{dtype: Float64, shape: slices.Clone(shape), f64: data}, nil
}

func volume(shape []int) (int, error) {
	n := 1
	for i, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("tensor: dimension %d is %d, must not be negative", i, d)
		}
		if d > 0 && n > math.MaxInt/d {
			return 0, fmt.Errorf("tensor: shape %v has more elements than an int counts", slices.Clone(shape))
		}
		n *= d
	}
	return n, nil
}

// DType returns the element type.
func (t *Tensor) DType() DType { return t.dtype }

// Shape returns the dimensions. The caller must not change them.
func (t *Tensor) Shape() []int { return t.shape }

// Rank returns the number of dimensions.
func (t *Tensor) Rank() int { return len(t.shape) }

// Dim returns dimension i; a negative i counts from the last.
func (t *Tensor) Dim(i int) int {
	if i < 0 {
		i += len(t.shape)
	}
	return t.shape[i]
}

// Len returns the number of elements.
func (t *Tensor) Len() int {
	if t.dtype == Float64 {
		return len(t.f64)
	}
	return len(t.f32)
}

// Float32s returns the elements, shared; nil if the tensor holds float64.
func (t *Tensor) Float32s() []float32 { return t.f32 }

// Float64s returns the elements, shared; nil if the tensor holds float32.
func (t *Tensor) Float64s() []float64 { return t.f64 }

// Data returns the elements, shared; T must be the tensor's element type.
func Data[T Float](t *Tensor) []T {
	var z T
	switch any(z).(type) {
	case float32:
		if t.dtype == Float32 {
			return any(t.f32).([]T)
		}
	case float64:
		if t.dtype == Float64 {
			return any(t.f64).([]T)
		}
	}
	panic(fmt.Sprintf("tensor: Data[%T] of a %v tensor", z, t.dtype))
}

// Resize gives t a new shape, keeping its memory where that is large enough.
// The elements are undefined afterwards, but for a grown tensor, which is zero.
func (t *Tensor) Resize(shape ...int) {
	n, err := volume(shape)
	if err != nil {
		panic(err)
	}
	t.shape = append(t.shape[:0], shape...)
	if t.dtype == Float64 {
		t.f64 = scratch.Sized(t.f64, n)
		return
	}
	t.f32 = scratch.Sized(t.f32, n)
}

// Fill sets every element to v.
func (t *Tensor) Fill(v float64) {
	simd.Fill(t.f32, float32(v))
	simd.Fill(t.f64, v)
}

// CopyFrom copies the elements of src, which must have t's type and length.
func (t *Tensor) CopyFrom(src *Tensor) {
	if t.dtype != src.dtype || t.Len() != src.Len() {
		panic(fmt.Sprintf("tensor: copy of %v %v into %v %v", src.dtype, src.shape, t.dtype, t.shape))
	}
	copy(t.f32, src.f32)
	copy(t.f64, src.f64)
}
