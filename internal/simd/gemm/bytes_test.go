package gemm

import (
	"math"
	"math/rand/v2"
	"testing"
)

func checkBytes[Q uint8 | int8](t *testing.T, b Bytes) {
	levels[float32](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 10))
		for n := range 70 {
			x, sums := make([]float32, n), make([]int32, n)
			for i := range x {
				x[i] = []float32{float32(rng.NormFloat64() * 100), float32(rng.IntN(600)-300) / 2, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e30}[min(rng.IntN(12), 5)]
				sums[i] = int32(rng.Uint32()) >> rng.IntN(32)
			}
			out := make([]Q, 2*n+1)
			out[2*n] = 77
			FromNumbers(b, out[:n], x, 0.5)
			FromSums(b, out[n:2*n], sums, 0.25)
			for i, got := range out[:2*n] {
				v := 2 * float64(x[i%n])
				if i >= n {
					v = float64(float32(sums[i-n]) * 0.25)
				}
				want := math.RoundToEven(max(float64(b.Low-b.Zero), min(float64(b.High-b.Zero), v))) + float64(b.Zero)
				if v != v {
					want = float64(b.Low)
				}
				if float64(got) != want {
					t.Fatalf("%+v, %d: %v becomes %d, must be %v", b, i, v, got, want)
				}
			}
			if out[2*n] != 77 {
				t.Fatalf("%d bytes: written behind the end", n)
			}
		}
	})
}

func TestBytes(t *testing.T) {
	for _, zero := range []float32{0, 3, 255} {
		checkBytes[uint8](t, Bytes{0, 255, zero})
	}
	for _, zero := range []float32{-128, -5, 0, 127} {
		checkBytes[int8](t, Bytes{-128, 127, zero})
	}
}
