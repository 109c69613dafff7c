package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// axisWithin counts a negative axis from the end.
func axisWithin(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		if rank == 0 {
			return 0, fmt.Errorf("axis is %d, and a scalar has none", axis)
		}
		return 0, fmt.Errorf("axis is %d, must be %d to %d for rank %d", axis, -rank, rank-1, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// axesWithin counts negative axes from the end, and refuses those that stand twice.
func axesWithin(axes []int, rank int) ([]int, error) {
	out := make([]int, len(axes))
	for i, a := range axes {
		a, err := axisWithin(a, rank)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out[:i], a) {
			return nil, fmt.Errorf("axis %d stands twice in %v", a, axes)
		}
		out[i] = a
	}
	return out, nil
}

// indexWithin counts a negative index from the end of a dimension of n.
func indexWithin(i int64, n int) (int, error) {
	if i < -int64(n) || i >= int64(n) {
		return 0, fmt.Errorf("index is %d, must be %d to %d", i, -n, n-1)
	}
	if i < 0 {
		i += int64(n)
	}
	return int(i), nil
}

// listOf gives the elements of a tensor of integers with at most one dimension, as axes and sizes are.
func listOf(v *value.Value, what string) ([]int, error) {
	if len(v.Shape) > 1 {
		return nil, fmt.Errorf("%s are %s, must be a list", what, v)
	}
	x, err := value.Integers(v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	list := make([]int, len(x))
	for i, e := range x {
		list[i] = int(e)
	}
	return list, nil
}

// scalarOf gives the one element of a tensor of integers.
func scalarOf(v *value.Value, what string) (int, error) {
	if v.Len() != 1 {
		return 0, fmt.Errorf("%s is %s, must be one element", what, v)
	}
	x, err := value.Integers(v)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return int(x[0]), nil
}

// oneNumber gives the one element of a tensor of numbers as float64.
func oneNumber(v *value.Value, what string) (float64, error) {
	if v.Len() != 1 {
		return 0, fmt.Errorf("%s is %s, must be one element", what, v)
	}
	switch v.Memory() {
	case value.F32:
		return float64(value.Data[float32](v)[0]), nil
	case value.F64:
		return value.Data[float64](v)[0], nil
	case value.U64:
		return float64(value.Data[uint64](v)[0]), nil
	}
	x, err := value.Integers(v)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return float64(x[0]), nil
}

// times multiplies two sizes that are not negative.
func times(a, b int) (int, error) {
	if a > 0 && b > math.MaxInt/a {
		return 0, fmt.Errorf("a size of %d times %d is more than an int counts", a, b)
	}
	return a * b, nil
}

// insideOut cuts a shape at an axis: how many there are above it, and how many elements below.
func insideOut(shape []int, axis int) (outer, inner int) {
	return volume(shape[:axis]), volume(shape[axis+1:])
}
