package tabular

import (
	"math/rand/v2"
	"testing"
)

// TestPairs: every pair of a rank has the greater row first, none is of two groups or of equals, and drawn ones are among them.
func TestPairs(t *testing.T) {
	p := Rows{y: []float32{3, 1, 3, 2, 5, 5, 4}}
	p.order([]string{"a", "a", "a", "a", "b", "b", "c"})
	pairs, seen := p.whole(), map[[2]int]int{}
	for i := 0; i < len(pairs); i += 2 {
		seen[[2]int{pairs[i], pairs[i+1]}]++
	}
	want := [][2]int{{0, 1}, {2, 1}, {0, 3}, {2, 3}, {3, 1}}
	for _, w := range want {
		if seen[w] != 2 {
			t.Errorf("pair %v comes %d times; want 2, once for each row", w, seen[w])
		}
	}
	if len(seen) != len(want) || p.Samples() != 4 {
		t.Errorf("%v of %d samples; want %v of 4", seen, p.Samples(), want)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		drawn := p.drawn(nil, []int{rng.IntN(4)}, rng)
		if seen[[2]int(drawn)] == 0 {
			t.Fatalf("drew %v", drawn)
		}
	}
}
