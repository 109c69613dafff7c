package tag

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The averages that a table keeps on the side are those of the weights after each step.
func TestSparseTableAverages(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	const rows, cols, steps = 5, 3, 40
	for _, adaptive := range []bool{false, true} {
		x := newSparseTable("x", rows, cols, adaptive, true)
		mean := make([]float64, rows*cols)
		for step := 1; step <= steps; step++ {
			row, columns := rng.IntN(rows), []int32(nil)
			if step%2 == 0 {
				columns = []int32{0, 2}
			}
			grad := []float32{float32(rng.NormFloat64()), float32(rng.NormFloat64()), float32(rng.NormFloat64())}
			if columns != nil {
				grad = grad[:2]
			}
			x.change(row, grad, columns, 1, 0.1, float64(step))
			for i, w := range x.weights {
				mean[i] += float64(w) / steps
			}
		}
		got, sum := make([]float32, rows*cols), make([]float32, cols)
		x.averaged(got, steps)
		for i, want := range mean {
			if math.Abs(float64(got[i])-want) > 1e-6 {
				t.Errorf("adaptive %v: average %d is %v, want %v", adaptive, i, got[i], want)
			}
		}
		x.sum(sum, []uint32{1, 4, 1}, nil, 1/float32(steps))
		part := make([]float32, 2)
		x.sum(part, []uint32{1, 4, 1}, []int32{0, 2}, 1/float32(steps))
		for c, v := range sum {
			if want := 2*mean[cols+c] + mean[4*cols+c]; math.Abs(float64(v)-want) > 1e-6 {
				t.Errorf("adaptive %v: sum %d is %v, want %v", adaptive, c, v, want)
			}
		}
		if math.Abs(float64(part[0]-sum[0])) > 1e-6 || math.Abs(float64(part[1]-sum[2])) > 1e-6 {
			t.Errorf("adaptive %v: by columns %v, all %v", adaptive, part, sum)
		}
	}
}
