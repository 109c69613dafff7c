package loss_test

import (
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
)

// TestFunctions holds the functions that are PyTorch's classes with the default options against their formulas,
// and their gradients against finite differences.
func TestFunctions(t *testing.T) {
	x, y, z := []float64{0.5, -1, 2, 0.25}, []float64{1.5, 0.75, -0.5, -2}, []float64{0.7, 1.2, 0.9, 2.5}
	signs, classes, d := []float64{1, -1, -1, 1}, []int{1, 0}, loss.Dims{Batch: 2, Classes: 2}
	layer := loss.Linear[float64]{Weight: []float64{0.5, -0.25, 1, 0.75}, Bias: []float64{0.1, -0.2}}
	near := func(a, b []float64) float64 {
		return math.Hypot(a[0]-b[0]+1e-6, a[1]-b[1]+1e-6)
	}
	triplets := func(far func(a, b []float64) float64) float64 {
		return (max(0, 1+far(x[:2], y[:2])-far(x[:2], z[:2])) + max(0, 1+far(x[2:], y[2:])-far(x[2:], z[2:]))) / 2
	}
	entropy := func(scores []float64, y int) float64 {
		return math.Log(math.Exp(scores[0])+math.Exp(scores[1])) - scores[y]
	}
	through := func(x []float64) []float64 {
		w, b := layer.Weight, layer.Bias
		return []float64{w[0]*x[0] + w[1]*x[1] + b[0], w[2]*x[0] + w[3]*x[1] + b[1]}
	}
	gaussian := 0.0
	for i := range x {
		gaussian += (math.Log(z[i]) + (x[i]-y[i])*(x[i]-y[i])/z[i]) / 2 / 4
	}
	for name, c := range map[string]struct {
		eval func(dx []float64) (float64, error)
		want float64
	}{
		"GaussianNLLLoss": {func(dx []float64) (float64, error) { return loss.GaussianNLLLoss(x, y, z, dx, nil) }, gaussian},
		"MarginRankingLoss": {
			func(dx []float64) (float64, error) { return loss.MarginRankingLoss(x, y, signs, dx, nil) },
			(max(0, y[0]-x[0]) + max(0, x[1]-y[1]) + max(0, x[2]-y[2]) + max(0, y[3]-x[3])) / 4,
		},
		"NLLLoss": {func(dx []float64) (float64, error) { return loss.NLLLoss(x, d, classes, dx) }, -(x[1] + x[2]) / 2},
		"LinearCrossEntropyLoss": {
			func(dx []float64) (float64, error) {
				return loss.LinearCrossEntropyLoss(x, layer, 2, classes, dx, loss.Linear[float64]{})
			},
			(entropy(through(x[:2]), 1) + entropy(through(x[2:]), 0)) / 2,
		},
		"TripletMarginLoss": {
			func(dx []float64) (float64, error) { return loss.TripletMarginLoss(x, y, z, 2, dx, nil, nil) }, triplets(near),
		},
		"TripletMarginWithDistanceLoss": {
			func(dx []float64) (float64, error) {
				return loss.TripletMarginWithDistanceLoss(loss.Measured[float64]{Measure: distance.Measure{Kind: distance.Dot}}, x, y, z, 2, dx, nil, nil)
			},
			triplets(func(a, b []float64) float64 { return -a[0]*b[0] - a[1]*b[1] }),
		},
	} {
		dx := make([]float64, len(x))
		v, err := c.eval(dx)
		if err != nil || !(math.Abs(v-c.want) <= 1e-12*(1+math.Abs(c.want))) {
			t.Errorf("%s is %v, %v; by its formula %v", name, v, err, c.want)
		}
		for i, old := range x {
			const h = 1e-6
			x[i] = old + h
			right, _ := c.eval(nil)
			x[i] = old - h
			left, _ := c.eval(nil)
			x[i] = old
			if slope := (right - left) / (2 * h); !(math.Abs(dx[i]-slope) <= 1e-8) {
				t.Errorf("%s: derivative %d is %v; differences say %v", name, i, dx[i], slope)
			}
		}
	}
}

// TestAdaptiveProbabilities: the logarithms of all classes' probabilities are the losses of each class, they add
// up to 1, and the likeliest class is predicted.
func TestAdaptiveProbabilities(t *testing.T) {
	const n, dim = 3, 2
	l := loss.AdaptiveLogSoftmaxWithLoss[float64]{Classes: 6, Cutoffs: []int{2, 4}}
	p := &loss.Adaptive[float64]{
		Head: loss.Linear[float64]{Weight: []float64{1, -1, 0.5, 2, -1, 0.25, 1.5, 1}, Bias: []float64{0.1, 0.2, -0.3, 0}},
		Tails: []loss.AdaptiveTail[float64]{
			{Project: []float64{1, -0.5}, Out: []float64{2, -1}},
			{Project: []float64{0.5, 3}, Out: []float64{-2, 1.5}},
		},
	}
	x := []float64{1, 2, -3, 0.5, 0.25, -1}
	all, likeliest := make([]float64, n*l.Classes), make([]int, n)
	must(t, l.LogProb(all, x, n, p))
	must(t, l.Predict(likeliest, x, p))
	for i := range n {
		row, total := all[i*l.Classes:][:l.Classes], 0.0
		for y, v := range row {
			one := make([]float64, 1)
			must(t, l.Each(one, nil, x[i*dim:][:dim], []int{y}, p, nil, nil))
			if !(math.Abs(one[0]+v) <= 1e-12*(1+math.Abs(v))) {
				t.Errorf("sample %d: log p of class %d is %v, its loss %v", i, y, v, one[0])
			}
			total += math.Exp(v)
		}
		if !(math.Abs(total-1) <= 1e-12) {
			t.Errorf("sample %d: the probabilities add up to %v", i, total)
		}
		if want := slices.Index(row, slices.Max(row)); likeliest[i] != want {
			t.Errorf("sample %d: predicted is %d; the likeliest class is %d", i, likeliest[i], want)
		}
	}
	if err := l.LogProb(all[1:], x, n, p); err == nil {
		t.Error("a result that is too short is taken")
	}
}
