package simd

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// The functions of this file take x as rows × cols, row-major, cols at least 1. Vector
// kernels add up a row's exponentials in float32, one sum a lane; plain Go in float64.

// SoftmaxRows computes dst[r,c] = exp(x[r,c] − max_r)/Σ_c exp(x[r,c] − max_r). An
// entry −Inf gives 0; a row of only −Inf, or with +Inf or NaN, gives NaN.
func SoftmaxRows[T Float](dst, x []T, rows, cols int) {
	checkRows(len(x), len(dst), rows, cols, cols)
	overRows(tableOf[T]().softmax, dst, x, rows, cols, cols)
}

// LogSoftmaxRows computes dst[r,c] = x[r,c] − ln Σ_c exp(x[r,c]). An entry −Inf gives
// −Inf; a row of only −Inf, or with +Inf or NaN, gives NaN.
func LogSoftmaxRows[T Float](dst, x []T, rows, cols int) {
	checkRows(len(x), len(dst), rows, cols, cols)
	overRows(tableOf[T]().logSoftmax, dst, x, rows, cols, cols)
}

// LogSumExpRows computes dst[r] = ln Σ_c exp(x[r,c]): −Inf for a row of only −Inf,
// +Inf for a row with +Inf, NaN for a row with NaN.
func LogSumExpRows[T Float](dst, x []T, rows, cols int) {
	checkRows(len(x), len(dst), rows, cols, 1)
	overRows(tableOf[T]().logSumExp, dst, x, rows, cols, 1)
}

// AddRow computes dst[r,c] = x[r,c] + bias[c].
func AddRow[T Float](dst, x, bias []T, rows, cols int) {
	checkRows(len(x), len(dst), rows, cols, cols)
	sameLength("bias", "a row", len(bias), cols)
	run := tableOf[T]().addRow
	step := max(1, lightChunk/cols)
	if rows <= 2*step {
		run(dst, x, bias, rows, cols)
		return
	}
	free := &jobsOf[T]().addRows
	j := free.get()
	*j = addRowJob[T]{run, dst, x, bias, rows, cols, step}
	Run((rows+step-1)/step, j)
	*j = addRowJob[T]{}
	free.put(j)
}

// SumRows computes dst[c] = Σ_r x[r,c], or adds that to dst[c] if add is set. Sums are
// taken in float64, over fixed runs of rows that are then added in order.
func SumRows[T Float](dst, x []T, rows, cols int, add bool) {
	checkRows(len(x), rows*len(dst), rows, cols, cols)
	sameLength("dst", "a row", len(dst), cols)
	step := max(1, reduceChunk/cols)
	tasks := (rows + step - 1) / step
	free := &jobsOf[T]().sumRows
	j := free.get()
	*j = sumRowsJob[T]{tableOf[T]().sumRows, x, scratch.Sized(j.partial, tasks*cols), rows, cols, step}
	Run(tasks, j)
	for c := range dst {
		var s float64
		for t := range tasks {
			s += j.partial[t*cols+c]
		}
		if add {
			s += float64(dst[c])
		}
		dst[c] = T(s)
	}
	*j = sumRowsJob[T]{partial: j.partial}
	free.put(j)
}

// checkRows panics unless x has rows·cols elements and dst rows·out.
func checkRows(x, dst, rows, cols, out int) {
	if cols < 1 || rows < 0 || x != rows*cols || dst != rows*out {
		panic(fmt.Sprintf("simd: %d rows of %d columns: x has %d elements, dst %d of %d", rows, cols, x, dst, rows*out))
	}
}

// A rowsJob applies run to runs of step rows; dst has out elements a row.
type rowsJob[T Float] struct {
	run                   func(dst, x []T, rows, cols int)
	dst, x                []T
	rows, cols, out, step int
}

func (j *rowsJob[T]) Do(task, _ int) {
	lo := task * j.step
	hi := min(lo+j.step, j.rows)
	j.run(j.dst[lo*j.out:hi*j.out], j.x[lo*j.cols:hi*j.cols], hi-lo, j.cols)
}

func overRows[T Float](run func(dst, x []T, rows, cols int), dst, x []T, rows, cols, out int) {
	step := max(1, heavyChunk/cols)
	if rows <= 2*step {
		run(dst, x, rows, cols)
		return
	}
	free := &jobsOf[T]().rows
	j := free.get()
	*j = rowsJob[T]{run, dst, x, rows, cols, out, step}
	Run((rows+step-1)/step, j)
	*j = rowsJob[T]{}
	free.put(j)
}

type addRowJob[T Float] struct {
	run              func(dst, x, bias []T, rows, cols int)
	dst, x, bias     []T
	rows, cols, step int
}

func (j *addRowJob[T]) Do(task, _ int) {
	lo := task * j.step
	hi := min(lo+j.step, j.rows)
	j.run(j.dst[lo*j.cols:hi*j.cols], j.x[lo*j.cols:hi*j.cols], j.bias, hi-lo, j.cols)
}

// A sumRowsJob sums runs of step rows, each into its own row of partial.
type sumRowsJob[T Float] struct {
	run              func(dst []float64, x []T, rows, cols int)
	x                []T
	partial          []float64
	rows, cols, step int
}

func (j *sumRowsJob[T]) Do(task, _ int) {
	lo := task * j.step
	hi := min(lo+j.step, j.rows)
	j.run(j.partial[task*j.cols:(task+1)*j.cols], j.x[lo*j.cols:hi*j.cols], hi-lo, j.cols)
}

func softmaxRows[T Float](dst, x []T, rows, cols int) {
	for r := range rows {
		row, out := x[r*cols:(r+1)*cols], dst[r*cols:(r+1)*cols]
		top := maximum(row, nil)
		var total float64
		for _, v := range row {
			total += math.Exp(float64(v) - top)
		}
		for c, v := range row {
			out[c] = T(math.Exp(float64(v)-top) / total)
		}
	}
}

func logSoftmaxRows[T Float](dst, x []T, rows, cols int) {
	for r := range rows {
		row, out := x[r*cols:(r+1)*cols], dst[r*cols:(r+1)*cols]
		top := maximum(row, nil)
		var total float64
		for _, v := range row {
			total += math.Exp(float64(v) - top)
		}
		total = math.Log(total)
		for c, v := range row {
			out[c] = T(float64(v) - top - total)
		}
	}
}

func logSumExpRows[T Float](dst, x []T, rows, cols int) {
	for r := range rows {
		row := x[r*cols : (r+1)*cols]
		top := maximum(row, nil)
		if math.IsInf(top, 0) {
			top = 0 // the sum is then 0 or +Inf, and its logarithm right
		}
		var total float64
		for _, v := range row {
			total += math.Exp(float64(v) - top)
		}
		dst[r] = T(top + math.Log(total))
	}
}

func addRow[T Float](dst, x, bias []T, rows, cols int) {
	for r := range rows {
		row, out := x[r*cols:(r+1)*cols], dst[r*cols:(r+1)*cols]
		for c, b := range bias {
			out[c] = row[c] + b
		}
	}
}

func sumRows[T Float](dst []float64, x []T, rows, cols int) {
	clear(dst)
	for r := range rows {
		for c, v := range x[r*cols : (r+1)*cols] {
			dst[c] += float64(v)
		}
	}
}
