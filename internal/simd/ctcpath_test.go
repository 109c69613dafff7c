package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCTCPath: every level takes states through frames to the same bits and steps, in blocks of any
// number, with ties and states that cannot be reached.
func TestCTCPath(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for _, n := range []int{0, 8, 16, 24, 64, 104} {
		for range 20 {
			draw := func() float64 {
				if r.IntN(6) == 0 {
					return math.Inf(-1)
				}
				return float64(-r.IntN(4)) // many ties
			}
			blanks, labels, skip, row := make([]float64, n), make([]float64, n+1), make([]float64, n), make([]float32, n)
			labels[0] = draw()
			for i := range n {
				blanks[i], labels[i+1], row[i] = draw(), draw(), float32(draw())
				if r.IntN(3) == 0 {
					skip[i] = math.Inf(-1)
				}
			}
			blank := draw()
			var want string
			for l := Generic; l <= Best(); l++ {
				b, fineB := guarded[float64](n, 0)
				lab, fineL := guarded[float64](n+1, 0)
				steps, fineS := guardedBytes(n / 8 * 3)
				copy(b, blanks)
				copy(lab, labels)
				before := Use(l)
				CTCPath(steps, b, lab, row, skip, blank)
				Use(before)
				got := fmt.Sprint(b, lab, steps)
				if l == Generic {
					want = got
				}
				if got != want {
					t.Fatalf("%v, %d states:\n%s\nplain Go:\n%s", l, n, got, want)
				}
				if !fineB() || !fineL() || !fineS() {
					t.Fatalf("%v, %d states: it wrote beyond its arrays", l, n)
				}
			}
		}
	}
}

// guardedBytes returns n bytes, and whether those around them are untouched.
func guardedBytes(n int) (x []byte, fine func() bool) {
	all := slices.Repeat([]byte{0xa5}, n+64)
	return all[32 : 32+n : 32+n], func() bool {
		return !slices.ContainsFunc(slices.Concat(all[:32], all[32+n:]), func(b byte) bool { return b != 0xa5 })
	}
}

func BenchmarkCTCPath(b *testing.B) {
	const n = 40_000
	blanks, labels, skip, row, steps := make([]float64, n), make([]float64, n+1), make([]float64, n), make([]float32, n), make([]byte, n/8*3)
	for l := Generic; l <= Best(); l++ {
		b.Run(l.String(), func(b *testing.B) {
			defer Use(Use(l))
			for b.Loop() {
				CTCPath(steps, blanks, labels, row, skip, -0.1)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/state")
		})
	}
}
