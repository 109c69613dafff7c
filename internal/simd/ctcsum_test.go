package simd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestCTCSum: every level takes states through frames to the same bits, in blocks of any number, with states of 0.
func TestCTCSum(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	for _, n := range []int{0, 8, 16, 24, 64, 104} {
		for range 20 {
			draw := func(n int) []float64 {
				x := make([]float64, n)
				for i := range x {
					if r.IntN(6) > 0 {
						x[i] = r.ExpFloat64()
					}
				}
				return x
			}
			blanks, labels, row, into, enter, follows, blank := draw(n), draw(n+1), draw(n), draw(n), draw(n), draw(n), r.Float64()
			want := ""
			for l := Generic; l <= Best(); l++ {
				b, fineB := guarded[float64](n, 0)
				lab, fineL := guarded[float64](n+1, 0)
				copy(b, blanks)
				copy(lab, labels)
				before := Use(l)
				CTCSum(b, lab, row, into, enter, follows, blank)
				Use(before)
				got := fmt.Sprint(b, lab)
				if l == Generic {
					want = got
				}
				if got != want || !fineB() || !fineL() {
					t.Fatalf("%v, %d states:\n%s\nplain Go:\n%s\nwithin the arrays: %v, %v", l, n, got, want, fineB(), fineL())
				}
			}
			b, lab := slices.Clone(blanks), slices.Clone(labels)
			CTCSum(b, lab, row, into, enter, follows, blank)
			for i := range n { // the formulas, by states that are as they were
				in := into[i] * labels[i]
				label := row[i] * (labels[i+1] + enter[i]*(blanks[i]+follows[i]*in))
				if b[i] != blank*(blanks[i]+in) || lab[i+1] != label {
					t.Fatalf("state %d is %v, %v; it is %v, %v", i, b[i], lab[i+1], blank*(blanks[i]+in), label)
				}
			}
		}
	}
}
