package recipe

import (
	"math"
)

// filmFrames is how many times a surface is looked at while it is trained.
const filmFrames = 40

// frameSteps returns after how many steps of training frames are taken: at the start, at
// the end, and more often while much changes.
func frameSteps(steps int) map[int]bool {
	at := map[int]bool{}
	for k := range filmFrames {
		share := float64(k) / (filmFrames - 1)
		at[int(math.Round(float64(steps)*share*share))] = true
	}
	return at
}

// even returns n places from lo to hi.
func even(n int, lo, hi float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = lo + (hi-lo)*float64(i)/float64(n-1)
	}
	return x
}

// narrowed returns energies in single precision.
func narrowed(e []float64) []float32 {
	out := make([]float32, len(e))
	for i, v := range e {
		out[i] = float32(v)
	}
	return out
}
