package surface

import (
	"reflect"
	"testing"
)

// aReel is one with everything in its frames, and two of them.
func aReel() (*Reel, []Frame) {
	film := Film{Name: "plane", OverY: true, X: []float64{0, 1}, Y: []float64{0, 1}, Data: [][2]float64{{0, 0.5}, {1, 0.5}}, Search: &Search{How: "by hand", Answers: []float64{0, 1}, Ball: 0.25}}
	return NewReel(film, Layout{Points: 1, Pairs: 2, Down: 2, Rivals: 4, Epochs: 1, Steps: 7}), []Frame{
		{
			Energy: []float32{1, 2, 3, 4}, Points: [][2]float64{{5, 6}}, Correct: []float32{7, 8}, Other: []float32{9, 10},
			Down: []float32{0.5, 0.25}, Rivals: [][2]float64{{0, 0}, {0, 1}, {1, 0}, {1, 1}}, Up: []float32{-0.25, -0.25, -0.125, -0.125},
		},
		{
			Step: 7, Energy: []float32{4, 3, 2, 1}, Points: [][2]float64{{0, 1}}, Correct: []float32{2, 3}, Other: []float32{4, 5},
			Down: []float32{0, 0.25}, Rivals: [][2]float64{{0, 1}, {0, 0}, {1, 1}, {1, 0}}, Up: []float32{0, 0, -0.25, 0},
		},
	}
}

// TestReel: what is taken comes back, also through the state into another reel, and no more frames than there is room for.
func TestReel(t *testing.T) {
	r, frames := aReel()
	if n := len(r.Taken().Frames); n != 0 {
		t.Errorf("%d frames before any was taken", n)
	}
	for _, f := range append(frames, Frame{Energy: []float32{9, 9, 9, 9}}) {
		r.Take(f)
	}
	again, _ := aReel()
	for i, s := range r.State() {
		again.State()[i].Tensor.CopyFrom(s.Tensor)
	}
	for _, reel := range []*Reel{r, again} {
		if got := reel.Taken(); !reflect.DeepEqual(got.Frames, frames) || got.Name != "plane" {
			t.Errorf("taken %+v, want %+v", got.Frames, frames)
		}
	}
}
