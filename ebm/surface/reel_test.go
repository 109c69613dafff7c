package surface

import (
	"reflect"
	"testing"
)

// TestReel: what is taken comes back, also through the state into another reel, and no more frames than there is room for.
func TestReel(t *testing.T) {
	film := Film{Name: "plane", X: []float64{0, 1}, Y: []float64{0, 1}}
	r := NewReel(film, 1, 2, 1, 7)
	frames := []Frame{
		{Energy: []float32{1, 2, 3, 4}, Points: [][2]float64{{5, 6}}, Correct: []float32{7, 8}, Other: []float32{9, 10}},
		{Step: 7, Energy: []float32{4, 3, 2, 1}, Points: [][2]float64{{0, 1}}, Correct: []float32{2, 3}, Other: []float32{4, 5}},
	}
	if n := len(r.Taken().Frames); n != 0 {
		t.Errorf("%d frames before any was taken", n)
	}
	for _, f := range append(frames, Frame{Energy: []float32{9, 9, 9, 9}}) {
		r.Take(f)
	}
	again := NewReel(film, 1, 2, 1, 7)
	for i, s := range r.State() {
		again.State()[i].Tensor.CopyFrom(s.Tensor)
	}
	for _, reel := range []*Reel{r, again} {
		if got := reel.Taken(); !reflect.DeepEqual(got.Frames, frames) || got.Name != "plane" {
			t.Errorf("taken %+v, want %+v", got.Frames, frames)
		}
	}
}
