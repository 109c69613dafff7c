package data

import (
	"math/rand/v2"
)

// A Line is a picture of something to be read from left to right, or what sounds look like
// as one: H rows of W columns, of which time goes along the columns.
type Line struct {
	H, W   int
	Pixels []float32 // H·W, row by row
	Target []int     // the tokens to be read
}

// Strips joins pictures of digits to strips of handwriting, unsegmented: neighbours may stand apart,
// touch or overlap, and each stands a little higher or lower than the last.
type Strips struct {
	Digits            *Images
	Shortest, Longest int  // how many digits, each number as likely
	Jitter            bool // also shift, turn and scale each digit, as Images.Jittered does
}

// What strips look like, in pixels.
const (
	StripHeight = 32
	stripEdge   = 4  // before the first digit and behind the last, at most
	stripNear   = -3 // between the ink of neighbours, at least
	stripFar    = 9  // … at most
	stripInk    = 0.2
)

// Draw draws a strip whose tokens are the digits' labels. If first is not negative, it
// is the picture that the strip begins with.
func (s *Strips) Draw(rng *rand.Rand, first int) Line {
	n := s.Shortest + rng.IntN(s.Longest-s.Shortest+1)
	side := s.Digits.H
	width := 2*stripEdge + n*(s.Digits.W+stripFar)
	canvas := make([]float32, StripHeight*width)
	digit := make([]float32, s.Digits.Size())
	l := Line{H: StripHeight}
	x := rng.IntN(stripEdge + 1)
	for k := range n {
		i := rng.IntN(s.Digits.N)
		if k == 0 && first >= 0 {
			i = first
		}
		if s.Jitter {
			s.Digits.Jittered(digit, []int{i}, rng)
		} else {
			s.Digits.Batch(digit, []int{i})
		}
		lo, hi := inked(digit, s.Digits.W)
		if k > 0 {
			x = max(0, x+stripNear+rng.IntN(stripFar-stripNear+1))
		}
		y := rng.IntN(StripHeight - side + 1)
		for row := range side {
			to := canvas[(y+row)*width:][:width]
			for c, v := range digit[row*s.Digits.W+lo : row*s.Digits.W+hi] {
				to[x+c] = max(to[x+c], v)
			}
		}
		x += hi - lo
		l.Target = append(l.Target, int(s.Digits.Labels[i]))
	}
	l.W = x + rng.IntN(stripEdge+1)
	for row := range StripHeight {
		l.Pixels = append(l.Pixels, canvas[row*width:row*width+l.W]...)
	}
	return l
}

// inked returns the first column with ink and the one behind the last; all of them where
// there is none.
func inked(x []float32, w int) (lo, hi int) {
	lo, hi = w, 0
	for i, v := range x {
		if v > stripInk {
			lo, hi = min(lo, i%w), max(hi, i%w+1)
		}
	}
	if lo >= hi {
		return 0, w
	}
	return lo, hi
}
