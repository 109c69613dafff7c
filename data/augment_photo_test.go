package data

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPhotoJitter: a photograph's change is a part of it with other colours, the same for the same random numbers, and within [0, 1].
func TestPhotoJitter(t *testing.T) {
	const side = 32
	set := &Pictures{N: 1, C: 3, H: side, W: side, Pixels: make([]byte, 3*side*side)}
	for i := range set.Pixels { // brighter to the right, and red above blue
		set.Pixels[i] = byte(i%side*6 + 30*(2-i/(side*side)))
	}
	seen := func(seed uint64) []float32 {
		x := make([]float32, set.Size())
		set.Jittered(x, []int{0}, Jitter{Photo: true}, rand.New(rand.NewPCG(seed, 1)))
		return x
	}
	mirrored := 0
	for seed := range uint64(40) {
		x := seen(seed)
		if !slices.Equal(x, seen(seed)) {
			t.Fatal("the same random numbers give other pictures")
		}
		for i, v := range x {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("pixel %d is %v", i, v)
			}
		}
		middle := x[side*side/2:][:side]
		if middle[0] > middle[side-1] {
			mirrored++
		}
		for y := range side { // rows stay alike: nothing is turned
			for i, v := range x[y*side:][:side] {
				if d := v - x[i]; d > 1e-5 || d < -1e-5 {
					t.Fatalf("pixel %d of row %d is %v, of the first %v", i, y, v, x[i])
				}
			}
		}
	}
	if mirrored < 10 || mirrored > 30 {
		t.Errorf("%d of 40 are mirrored", mirrored)
	}
}
