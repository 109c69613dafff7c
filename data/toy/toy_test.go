package toy

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestToys: each density integrates to 1, and its draws fall where it says, cell by cell.
func TestToys(t *testing.T) {
	const n, cells, low, high = 40000, 16, -5.0, 5.0
	for _, name := range Names() {
		toy, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		const fine = 10 // points of quadrature a side in each cell
		h := (high - low) / cells / fine
		var share [cells][cells]float64
		total := 0.0
		for i := range cells * fine {
			for j := range cells * fine {
				p := h * h * math.Exp(toy.LogDensity(low+(float64(i)+0.5)*h, low+(float64(j)+0.5)*h))
				share[i/fine][j/fine] += p
				total += p
			}
		}
		if math.Abs(total-1) > 2e-3 {
			t.Errorf("%s: the density integrates to %v", name, total)
		}
		draws := make([]float32, 2*n)
		toy.Draw(rand.New(rand.NewPCG(1, 1)), draws)
		var count [cells][cells]float64
		outside := 0
		for i := range n {
			a, b := int((float64(draws[2*i])-low)/(high-low)*cells), int((float64(draws[2*i+1])-low)/(high-low)*cells)
			if a < 0 || b < 0 || a >= cells || b >= cells {
				outside++
				continue
			}
			count[a][b]++
		}
		if outside > n/1000 {
			t.Errorf("%s: %d of %d draws lie far outside", name, outside, n)
		}
		for a := range cells {
			for b := range cells {
				want := n * share[a][b]
				if math.Abs(count[a][b]-want) > 5*math.Sqrt(want)+0.004*want+3 {
					t.Errorf("%s: %v draws in cell %d,%d; the density says %.0f", name, count[a][b], a, b, want)
				}
			}
		}
	}
	if _, err := New("swissroll"); err == nil {
		t.Error("an unknown name is taken")
	}
}
