package data

import (
	"math"
	"testing"
)

// TestVarianceIsExact: pictures that are all alike have none, whatever their pixels, and one bit of one picture is some.
func TestVarianceIsExact(t *testing.T) {
	set := Images{N: 999, H: 3, W: 3, Pixels: make([]byte, 9*999)}
	for value := range 256 {
		for i := range set.Pixels {
			set.Pixels[i] = byte(value + i%9)
		}
		if v := set.Variance(); v != 0 {
			t.Fatalf("pictures of %d have a variance of %v", value, v)
		}
	}
	set.Pixels[4]++
	if v, want := set.Variance(), (1-1./999)/(255*255); math.Abs(v-want) > 1e-12*want {
		t.Errorf("one bit gives a variance of %v, want %v", v, want)
	}
}
