package tag

import (
	"math"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// sparseTable is rows of weights, one row a feature and one column a tag, of which a step
// changes few. A row has one step size: AdaGrad's, by the sum of the squared norms of its
// gradients. Source: [duchi2011], [weinberger2009].
type sparseTable struct {
	cols    int
	weights []float32 // [rows, cols]
	// Averages are over the weights after each step: weights − lagged/steps, where
	// lagged is Σ (step − 1)·change. nil where there are none.
	lagged  []float32
	squares []float32 // [rows]; nil where the step size is the same for all
	tensors []tensor.Named
}

func newSparseTable(name string, rows, cols int, adaptive, averaged bool) *sparseTable {
	t := &sparseTable{cols: cols}
	add := func(part string, shape ...int) []float32 {
		x := tensor.New(tensor.Float32, shape...)
		t.tensors = append(t.tensors, tensor.Named{Name: name + "." + part, Tensor: x})
		return x.Float32s()
	}
	t.weights = add("weights", rows, cols)
	if averaged {
		t.lagged = add("lagged", rows, cols)
	}
	if adaptive {
		t.squares = add("squares", rows)
	}
	return t
}

// change steps a row against a gradient, whose squared norm is given, by its columns; nil
// stands for all. Weights count from step on, which begins at 1.
func (t *sparseTable) change(row int, grad []float32, columns []int32, square, lr, step float64) {
	if t.squares != nil {
		t.squares[row] += float32(square)
		lr /= math.Sqrt(float64(t.squares[row]) + smallSquare)
	}
	lo := row * t.cols
	w := t.weights[lo : lo+t.cols]
	rate, late := float32(-lr), float32(-lr*(step-1))
	if columns == nil {
		simd.AXPY(w, rate, grad)
		if t.lagged != nil {
			simd.AXPY(t.lagged[lo:lo+t.cols], late, grad)
		}
		return
	}
	for i, c := range columns {
		w[c] += rate * grad[i]
	}
	if t.lagged != nil {
		u := t.lagged[lo : lo+t.cols]
		for i, c := range columns {
			u[c] += late * grad[i]
		}
	}
}

// smallSquare keeps a first gradient that is almost nothing from a large step.
const smallSquare = 1e-2

// sum adds rows up into dst, by columns; nil stands for all. With back = 1/steps the
// weights are averages; with 0 they are as they stand.
func (t *sparseTable) sum(dst []float32, rows []uint32, columns []int32, back float32) {
	clear(dst)
	for _, r := range rows {
		lo := int(r) * t.cols
		t.add(dst, t.weights[lo:lo+t.cols], columns, 1)
		if back != 0 && t.lagged != nil {
			t.add(dst, t.lagged[lo:lo+t.cols], columns, -back)
		}
	}
}

func (t *sparseTable) add(dst, row []float32, columns []int32, by float32) {
	if columns == nil {
		simd.AXPY(dst, by, row)
		return
	}
	for i, c := range columns {
		dst[i] += by * row[c]
	}
}

// averaged writes the averages after a number of steps to dst.
func (t *sparseTable) averaged(dst []float32, steps float64) {
	copy(dst, t.weights)
	if t.lagged != nil && steps > 0 {
		simd.AXPY(dst, float32(-1/steps), t.lagged)
	}
}
