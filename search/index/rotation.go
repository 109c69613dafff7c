package index

import (
	"math"
	"math/bits"
)

// rotationRounds is how often signs are flipped and coordinates mixed.
const rotationRounds = 4

// A rotation is a fixed one that looks random: coordinates of what it returns are near a normal distribution, whatever the
// vector. In each round the signs of some coordinates flip, by a sequence that only the round decides, and then a Hadamard
// transform mixes as many of the coordinates as the largest power of two has: the first ones, and in the next round the last ones.
// Where that is not all, the halves of the vector are mixed after each round.
type rotation struct {
	dim, window int
	flips       [rotationRounds][]float32 // 1 or −1
}

// newRotation is of vectors of dim coordinates, which is at least 1. It must never change: codes on disk depend on it.
func newRotation(dim int) *rotation {
	r := &rotation{dim: dim, window: 1 << (bits.Len(uint(dim)) - 1)}
	state := uint64(0)
	for k := range r.flips {
		r.flips[k] = make([]float32, dim)
		for i := range r.flips[k] {
			// SplitMix64.
			state += 0x9e3779b97f4a7c15
			z := state
			z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
			z = (z ^ z>>27) * 0x94d049bb133111eb
			r.flips[k][i] = 1 - 2*float32((z^z>>31)>>63)
		}
	}
	return r
}

// apply rotates v in place.
func (r *rotation) apply(v []float32) {
	for k, flips := range r.flips {
		for i, s := range flips {
			v[i] *= s
		}
		window := v[:r.window]
		if k%2 == 1 {
			window = v[r.dim-r.window:]
		}
		hadamard(window)
		if r.window < r.dim {
			mixHalves(v)
		}
	}
}

// mixHalves turns each coordinate of the first half and its fellow in the second by 45 degrees.
func mixHalves(v []float32) {
	a, b := v[:len(v)/2], v[len(v)/2:][:len(v)/2]
	for i, x := range a {
		a[i], b[i] = (x+b[i])*math.Sqrt2/2, (x-b[i])*math.Sqrt2/2
	}
}

// hadamard is the orthonormal transform of a power of two of coordinates. Two of its steps, of halves of one size and of the double, are
// made at once: the same additions, with half the reads and writes.
func hadamard(v []float32) {
	scale := float32(1 / math.Sqrt(float64(len(v))))
	half := 1
	if len(v) >= 4 {
		for rest := v; len(rest) >= 4; rest = rest[4:] {
			rest[0], rest[1], rest[2], rest[3] = hadamard4(rest[0], rest[1], rest[2], rest[3])
		}
		half = 4
	}
	for ; 4*half <= len(v); half *= 4 {
		for rest := v; len(rest) >= 4*half; rest = rest[4*half:] {
			a := rest[:half]
			b, c, d := rest[half:][:len(a)], rest[2*half:][:len(a)], rest[3*half:][:len(a)]
			for i := range a {
				a[i], b[i], c[i], d[i] = hadamard4(a[i], b[i], c[i], d[i])
			}
		}
	}
	if half < len(v) {
		a := v[:half]
		b := v[half:][:len(a)]
		for i, x := range a {
			a[i], b[i] = x+b[i], x-b[i]
		}
	}
	for i := range v {
		v[i] *= scale
	}
}

func hadamard4(a, b, c, d float32) (float32, float32, float32, float32) {
	a, b, c, d = a+b, a-b, c+d, c-d
	return a + c, b + d, a - c, b - d
}
