package op

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// onFloats computes for the two types that floats are kept as.
func onFloats(v *value.Value, f32, f64 func() error) error {
	switch v.Memory() {
	case value.F32:
		return f32()
	case value.F64:
		return f64()
	}
	return notFor(v.Kind)
}

// floatsAs gives the elements of a float tensor as T: its memory, or a converted copy.
func floatsAs[T simd.Float](v *value.Value) ([]T, error) {
	switch v.Memory() {
	case value.F32:
		return convertTo[T](value.Data[float32](v)), nil
	case value.F64:
		return convertTo[T](value.Data[float64](v)), nil
	}
	return nil, notFor(v.Kind)
}

func convertTo[T, S simd.Float](x []S) []T {
	if same, ok := any(x).([]T); ok {
		return same
	}
	y := make([]T, len(x))
	for i, e := range x {
		y[i] = T(e)
	}
	return y
}

// vector gives the elements of a float tensor of shape [n] as T; name is for the error.
func vector[T simd.Float](v *value.Value, name string, n int) ([]T, error) {
	if len(v.Shape) != 1 || v.Shape[0] != n {
		return nil, fmt.Errorf("%s is %s, must have shape [%d]", name, v, n)
	}
	x, err := floatsAs[T](v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return x, nil
}

// task is work that simd.Run cuts up.
type task func(i int)

// Do calls t.
func (t task) Do(i, _ int) { t(i) }

// portion is the number of elements that one task of inParts works on, or more where an item has more.
const portion = 1 << 15

// inParts calls f for stretches [from, to) that cover 0 to n−1, on all workers. An item has size elements, which alone decide the stretches.
func inParts(n, size int, f func(from, to int)) {
	each := max(1, portion/max(1, size))
	if n <= each {
		if n > 0 {
			f(0, n)
		}
		return
	}
	simd.Run((n+each-1)/each, task(func(i int) {
		f(i*each, min(n, (i+1)*each))
	}))
}

// scratchLimit bounds the elements of what a kernel keeps beside its results, against files that claim sizes without having them.
const scratchLimit = 1 << 28

// stretch writes src, of a shape that broadcasts to another, over all of dst, which has that.
func stretch[T value.Element](dst []T, shape []int, src []T, from []int) {
	if len(dst) == 0 {
		return
	}
	w := newWalk(shape, from)
	for i := range w.runs() {
		row, at := dst[i*w.run:(i+1)*w.run], w.offset(0, i)
		if w.moves[0] {
			copy(row, src[at:])
			continue
		}
		for j := range row {
			row[j] = src[at]
		}
	}
}
