package recipe

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/lattice"
)

func TestChainLossesHaveTheirGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for _, name := range []string{"nll", "perceptron", "hinge"} {
		for _, states := range [][]int{{3}, {2, 3, 1, 4, 2, 2}} {
			l := chainLoss{name: name, margin: 0.7}
			c := &lattice.Chains[float32]{Lengths: []int{4, 2}, States: states}
			unary, pair := 18, 9
			if len(states) > 1 {
				unary, pair = 14, 2*3+3*1+1*4+2*2
			}
			for range unary {
				c.Unary = append(c.Unary, float32(rng.NormFloat64()))
			}
			for range pair {
				c.Pair = append(c.Pair, float32(rng.NormFloat64()))
			}
			gold := []int{1, 2, 0, 1, 0, 1}
			value := func() float64 {
				v, err := l.eval(c, gold)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			value()
			du, dp := append([]float32{}, l.unary...), append([]float32{}, l.pair...)
			moved := 0
			for _, x := range []struct{ x, d []float32 }{{c.Unary, du}, {c.Pair, dp}} {
				for i, e := range x.x {
					const h = 1e-3
					x.x[i] = e + h
					hi := value()
					x.x[i] = e - h
					lo := value()
					x.x[i] = e
					if want := (hi - lo) / (2 * h); math.Abs(float64(x.d[i])-want) > 2e-3 {
						t.Errorf("%s %v: derivative %d is %v, by differences %v", name, states, i, x.d[i], want)
					}
					if x.d[i] != 0 {
						moved++
					}
				}
			}
			if moved == 0 {
				t.Errorf("%s %v: nothing is pushed", name, states)
			}
		}
	}
}

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
