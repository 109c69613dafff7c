package data

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// TestSpread: any number of samples from the front has the classes in proportion.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SliceOfN(rapid.IntRange(0, 4), 1, 200).Draw(t, "labels")
		order := Spread(labels, rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "seed"))))
		total, seen := map[int]int{}, map[int]int{}
		for _, y := range labels {
			total[y]++
		}
		there := map[int]bool{}
		for k, i := range order {
			there[i] = true
			seen[labels[i]]++
			for y, n := range total {
				if want := float64(k+1) * float64(n) / float64(len(labels)); math.Abs(float64(seen[y])-want) > 3 {
					t.Fatalf("of the first %d samples, %d have label %d, of which there are %d of %d", k+1, seen[y], y, n, len(labels))
				}
			}
		}
		if len(there) != len(labels) {
			t.Fatalf("%d of %d samples are there", len(there), len(labels))
		}
	})
}
