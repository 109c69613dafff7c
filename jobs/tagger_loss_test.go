package jobs

import (
	"testing"

	"github.com/energo-ml/energo/seq/lattice"
	"github.com/energo-ml/energo/seq/tag"
)

// TestTaggerMargins: the margin of a sentence is kept where it has no loss: by each wrong tag of margin_cost_max.
func TestTaggerMargins(t *testing.T) {
	// Two places of two states; the right ones have energy 0, the others 1.5.
	c := &lattice.Chains[float32]{Lengths: []int{2}, States: []int{2}, Unary: []float32{0, 1.5, 0, 1.5}, Pair: make([]float32, 4)}
	for _, x := range []struct {
		name   string
		margin float64
		keeps  bool
	}{{"hinge", 1.25, true}, {"hinge", 1.75, false}, {"margin_cost_max", 1.25, true}, {"margin_cost_max", 1.75, false}} {
		s := tinyTagger("features", x.name)
		s.Margin = x.margin
		f, err := s.make()
		if err != nil {
			t.Fatal(err)
		}
		l := tag.Loss{Functional: f}
		stats, err := l.Stats(c, []int{0, 0})
		if err != nil || stats.Gap() != 1.5 || stats.Places != 2 || stats.Spread != 0.75 {
			t.Errorf("%s: %+v, %v", x.name, stats, err)
		}
		if s.subject(f).Keeps(stats) != x.keeps {
			t.Errorf("%s with margin %v: kept is %v", x.name, x.margin, !x.keeps)
		}
	}
}
