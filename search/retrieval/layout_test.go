package retrieval

import (
	"context"
	"errors"
	"slices"
	"testing"
)

// On the plane, the nearest of a vector is nearly always of its own cluster, and the same vectors give the same places.
func TestLayoutKeepsClusters(t *testing.T) {
	const n, dim, classes = 240, 12, 6
	x, labels := blobs(n, dim, classes, 0.2)
	places, err := Layout(t.Context(), x, dim)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i := range n {
		best, at := float32(0), -1
		for j := range n {
			dx, dy := places[2*i]-places[2*j], places[2*i+1]-places[2*j+1]
			if d := dx*dx + dy*dy; j != i && (at < 0 || d < best) {
				best, at = d, j
			}
		}
		if labels[at] == labels[i] {
			right++
		}
	}
	if right < n*95/100 {
		t.Errorf("%d of %d vectors have a nearest one of their cluster", right, n)
	}
	again, err := Layout(t.Context(), x, dim)
	if err != nil || !slices.Equal(again, places) {
		t.Errorf("the same vectors have other places: %v", err)
	}
}

func TestLayoutOfFew(t *testing.T) {
	for n := 1; n <= 5; n++ {
		x := make([]float32, 3*n) // all alike
		places, err := Layout(t.Context(), x, 3)
		if err != nil || len(places) != 2*n {
			t.Fatalf("%d vectors: %d numbers, %v", n, len(places), err)
		}
		for _, v := range places {
			if v != v || v-v != 0 {
				t.Errorf("%d vectors: %v", n, places)
			}
		}
	}
}

func TestLayoutErrors(t *testing.T) {
	if _, err := Layout(t.Context(), make([]float32, 7), 3); err == nil {
		t.Error("7 numbers are rows of 3")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Layout(ctx, make([]float32, 30), 3); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
}
