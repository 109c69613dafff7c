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
