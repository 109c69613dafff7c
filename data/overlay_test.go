package data

import (
	"math/rand/v2"
	"testing"
)

// TestOverlay: every picture with a mark is there, by its own pixel, and no other; one to most of them; each number of them comes.
func TestOverlay(t *testing.T) {
	const labels, most = 5, 3
	set := &Images{N: 20, H: 1, W: 20, Pixels: make([]byte, 20*20), Labels: make([]byte, 20)}
	for i := range set.N {
		set.Pixels[i*20+i], set.Labels[i] = byte(100+i), byte(i%labels)
	}
	rng, counts := rand.New(rand.NewPCG(1, 1)), map[int]int{}
	dst, marks := make([]float32, 20), make([]float32, labels)
	for trial := range 300 {
		sample := trial % set.N
		set.Overlay(dst, marks, sample, most, rng)
		n, of := 0, make([]int, labels)
		for i, v := range dst {
			if v != 0 {
				of[set.Labels[i]]++
				n++
			}
			if v != 0 && v != float32(100+i)/255 {
				t.Fatalf("pixel %d is %v", i, v)
			}
		}
		for y, mark := range marks {
			if float32(of[y]) != mark {
				t.Fatalf("label %d is there %d times with the mark %v", y, of[y], mark)
			}
		}
		if dst[sample] == 0 {
			t.Fatalf("sample %d is not there", sample)
		}
		counts[n]++
	}
	if len(counts) != most || counts[1] == 0 || counts[most] == 0 {
		t.Errorf("pictures by the number that lie over one another: %v; there must be 1 to %d", counts, most)
	}
}
