package retrieval

import (
	"math"
	"testing"

	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// TestZeroRowsMeanTheSame: the cosine of a row of zeros with any is 0, and that of a row
// shorter than 1e-12 is as if it had that length: to losses, miners and figures alike.
func TestZeroRowsMeanTheSame(t *testing.T) {
	x := []float32{0, 0, 3, 4, 5e-13, 0, -1, 0.1, 0, 0, 0.5, -2, 2e-13, 1e-13, -3, -4}
	labels := []int{0, 0, 1, 1, 0, 1, 0, 1}
	const dim, n = 2, 8
	d := distance.Measure{Kind: distance.Cosine}
	want := func(i, j int) float64 {
		a, b, c, e := float64(x[2*i]), float64(x[2*i+1]), float64(x[2*j]), float64(x[2*j+1])
		return 1 - (a*c+b*e)/(max(math.Hypot(a, b), 1e-12)*max(math.Hypot(c, e), 1e-12))
	}
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-6 }
	var s pair.Strips[float32]
	if err := s.Set(d, x, x, dim); err != nil {
		t.Fatal(err)
	}
	strip, _ := s.At(0)
	var apart pair.Strips[float32]
	if err := apart.Set(d, x[:3*dim], append([]float32(nil), x...), dim); err != nil {
		t.Fatal(err)
	}
	some, _ := apart.At(0)
	for i := range n {
		for j := range n {
			row := [][]float32{x[i*dim:][:dim], x[j*dim:][:dim]}
			l := &loss.Contrastive[float32]{Distance: d, Power: 1, Over: loss.OverAll}
			v, err := l.Eval(append(append([]float32(nil), row[0]...), row[1]...), dim, []int{0, 0}, nil)
			if w := want(i, j); err != nil || !near(v, w) || !near(distance.Between(d, row[0], row[1]), w) || !near(float64(strip[i*n+j]), w) || i < 3 && !near(float64(some[i*n+j]), w) {
				t.Errorf("rows %d and %d: the loss is %v, %v, the distances %v and %v; by definition %v", i, j, v, err, distance.Between(d, row[0], row[1]), strip[i*n+j], w)
			}
			if (i == 0 || j == 4) && strip[i*n+j] != 1 {
				t.Errorf("rows %d and %d, one of zeros, have the distance %v", i, j, strip[i*n+j])
			}
		}
	}
	var mined pair.Triplets
	if _, err := (&pair.BatchHard[float32]{Distance: d}).Mine(&mined, x, dim, labels); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, a := range mined.Anchor {
		sum += max(0, 2+want(a, mined.Positive[i])-want(a, mined.Negative[i])) / float64(mined.Len())
	}
	l := &loss.BatchTriplet[float32]{Distance: d, Margin: 2, Over: loss.OverAll}
	if v, err := l.Eval(x, dim, labels, nil); err != nil || !near(v, sum) || mined.Len() != n {
		t.Errorf("the loss of the hardest triplets is %v, %v; of those that are mined %v", v, err, sum)
	}
	r, err := Evaluate(t.Context(), x, dim, labels, Options{Distance: d, Rand: seeded(1), Mistakes: n})
	if err != nil {
		t.Fatal(err)
	}
	right := 0.0
	for i := range n {
		best := -1
		for j := range n {
			if j != i && (best < 0 || want(i, j) < want(i, best)-1e-9) {
				best = j
			}
		}
		if labels[best] == labels[i] {
			right++
		}
	}
	if r.Precision1 != right/n || len(r.Mistakes) != n-int(right) {
		t.Errorf("precision@1 is %v; by definition %v", r.Precision1, right/n)
	}
}
