package simd

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"
)

var long = flag.Bool("long", false, "run the exhaustive checks too")

// atLevels runs f as a subtest at every level that this machine has.
func atLevels(t *testing.T, f func(t *testing.T)) {
	for l := Generic; l <= Best(); l++ {
		t.Run(l.String(), func(t *testing.T) {
			defer Use(Use(l))
			f(t)
		})
	}
}

func rng(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// guarded returns a slice of n elements, offset elements into its memory, between guard
// values, and a check that those are untouched.
func guarded[T Float](n, offset int) (x []T, intact func() bool) {
	const guard = 12345
	memory := make([]T, offset+n+40)
	for i := range memory {
		memory[i] = guard
	}
	x = memory[offset+20:][:n:n]
	clear(x)
	return x, func() bool {
		for _, v := range memory[:offset+20] {
			if v != guard {
				return false
			}
		}
		for _, v := range memory[offset+20+n:] {
			if v != guard {
				return false
			}
		}
		return true
	}
}

func normals[T Float](r *rand.Rand, x []T) []T {
	for i := range x {
		x[i] = T(r.NormFloat64())
	}
	return x
}

// ulps returns how far got is from want in units in the last place of T at want: 0 if
// both are NaN or the same infinity, +Inf if only one is.
func ulps[T Float](got T, want float64) float64 {
	rounded := T(want)
	switch {
	case math.IsNaN(want) || got != got:
		if math.IsNaN(want) && got != got {
			return 0
		}
		return math.Inf(1)
	case got == rounded:
		return 0
	case math.IsInf(float64(got), 0) || math.IsInf(float64(rounded), 0):
		top := T(math.MaxFloat32) // the neighbour of an infinity
		if float64(top) == math.Abs(float64(got)) || float64(top) == math.Abs(float64(rounded)) {
			return 1
		}
		return math.Inf(1)
	}
	return math.Abs(float64(got)-want) / unit[T](want)
}

// unit is the distance between neighbours of T near x.
func unit[T Float](x float64) float64 {
	precision, least := 24, -149
	if _, ok := any(T(0)).(float64); ok {
		precision, least = 53, -1074
	}
	if x == 0 {
		return math.Ldexp(1, least)
	}
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-precision, least))
}
