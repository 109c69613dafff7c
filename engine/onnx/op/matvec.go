package op

import "github.com/energo-ml/energo/internal/simd"

// matVec multiplies a matrix by a vector, y = A·x or, of a matrix that is stored the other way, y = Aᵀ·x. gemm would first copy the matrix to its panels, which takes
// longer than the product itself.
type matVec struct {
	a, x, y []float32
	trans   bool // A is [len(x), len(y)]
}

// A task makes vectorElements products or so, and of a transposed matrix, which is read by lines, at least vectorLine elements of y.
const (
	vectorElements = 1 << 17
	vectorLine     = 1 << 10
)

// run computes y on all workers.
func (v *matVec) run() {
	rows := v.rows()
	simd.Run((len(v.y)+rows-1)/rows, v)
	v.a, v.x, v.y = nil, nil, nil
}

// all computes y in one go.
func (v *matVec) all() {
	for task := range (len(v.y) + v.rows() - 1) / v.rows() {
		v.Do(task, 0)
	}
}

// rows is the number of elements of y that are one task.
func (v *matVec) rows() int {
	least := 64
	if v.trans {
		least = vectorLine
	}
	return max(least, vectorElements/len(v.x))
}

// Do computes the elements of a task.
func (v *matVec) Do(task, _ int) {
	rows, n, k := v.rows(), len(v.y), len(v.x)
	first, end := task*rows, min((task+1)*rows, n)
	y := v.y[first:end]
	if !v.trans {
		for i := range y {
			y[i] = float32(simd.Dot(v.a[(first+i)*k:(first+i+1)*k], v.x))
		}
		return
	}
	clear(y)
	for i, e := range v.x {
		simd.AXPY(y, e, v.a[i*n+first:i*n+end])
	}
}
