package trellis

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// scores is a source of [frames][labels + 1] scores that collects the shares, too.
type scores[F simd.Float] struct {
	x      []F
	labels int
	share  []F
	frames []int
}

func (s *scores[F]) Frame(dst []F, t int) bool {
	copy(dst, s.x[t*(s.labels+1):])
	return true
}

func (s *scores[F]) Share(t int, labels []F, blanks, sum F) {
	s.frames = append(s.frames, t)
	s.share = append(append(s.share, labels...), blanks, sum)
}

// TestKeep: with and without all rows kept, results have the same bits; shares come from
// the last frame to the first and make up their sum.
func TestKeep(t *testing.T) {
	testKeep[float32](t)
	testKeep[float64](t)
}

func testKeep[F simd.Float](t *testing.T) {
	for _, frames := range []int{1, 255, 256, 257, 700, 1024, 2600} {
		r := rand.New(rand.NewPCG(1, uint64(frames)))
		labels := make([]int, min(frames, 90))
		for i := range labels {
			labels[i] = i % 7
		}
		s := &scores[F]{labels: len(labels)}
		for range frames * (len(labels) + 1) {
			s.x = append(s.x, F(-20*r.ExpFloat64()))
		}
		var whole CTC[F]
		p, status := whole.Forward(labels, frames, s)
		if status != OK || !whole.whole {
			t.Fatalf("%d frames: status %v, all kept: %v", frames, status, whole.whole)
		}
		whole.Backward(s)
		thrifty := CTC[F]{Keep: 1}
		again := &scores[F]{x: s.x, labels: s.labels}
		q, status := thrifty.Forward(labels, frames, again)
		if status != OK || thrifty.whole || p != q {
			t.Fatalf("%d frames: status %v, all kept: %v, %v and %v", frames, status, thrifty.whole, p, q)
		}
		thrifty.Backward(again)
		if !slices.Equal(s.share, again.share) {
			t.Errorf("%d frames: the shares differ", frames)
		}
		row := len(labels) + 2
		for i, frame := range s.frames {
			part := s.share[i*row : (i+1)*row]
			sum := 0.0
			for _, v := range part[:row-1] {
				sum += float64(v)
			}
			if frame != frames-1-i || math.Abs(sum-float64(part[row-1])) > 1e-5*sum || sum < 0.9 || sum > 4 {
				t.Fatalf("share %d is of frame %d, adds up to %v, says %v", i, frame, sum, part[row-1])
			}
		}
	}
}

// TestStatus: impossible, not to be used, and too far apart for float32.
func TestStatus(t *testing.T) {
	var c CTC[float32]
	far := &scores[float32]{x: []float32{-1e6, 0, 0, -1e6}, labels: 1}
	if _, s := c.Forward([]int{1}, 2, far); s != Range {
		t.Errorf("scores of −1e6 have status %v", s)
	}
	none := &scores[float32]{x: []float32{float32(math.Inf(-1)), 0}, labels: 1}
	if p, s := c.Forward([]int{1}, 1, none); s != Impossible || !math.IsInf(p, -1) {
		t.Errorf("an impossible label has %v, status %v", p, s)
	}
	if p, s := c.Forward([]int{1, 1}, 2, &scores[float32]{x: make([]float32, 6), labels: 2}); s != Impossible {
		t.Errorf("a repeat without room has %v, status %v", p, s)
	}
	bad := &scores[float32]{x: []float32{float32(math.NaN()), 0}, labels: 1}
	if p, s := c.Forward([]int{1}, 1, bad); s != NaN || !math.IsNaN(p) {
		t.Errorf("a NaN has %v, status %v", p, s)
	}
	if p, s := c.Forward(nil, 0, bad); s != OK || p != 0 {
		t.Errorf("no labels in no frames have %v, status %v", p, s)
	}
}

// TestSpread: states that are far behind and do not count are no reason for float64.
func TestSpread(t *testing.T) {
	const frames, labels = 3000, 600
	sure := &scores[float32]{labels: labels}
	wide := &scores[float64]{labels: labels}
	y := make([]int, labels)
	for i := range y {
		y[i] = i % 5
	}
	r := rand.New(rand.NewPCG(3, 1))
	for at := range frames {
		for i := range labels + 1 {
			v := -5000 - 10*r.Float64()
			if at%5 < 3 && i == at/5 || at%5 >= 3 && i == labels {
				v = -0.01
			}
			sure.x, wide.x = append(sure.x, float32(v)), append(wide.x, float64(float32(v)))
		}
	}
	var c CTC[float32]
	got, status := c.Forward(y, frames, sure)
	if status != OK || !c.suspect {
		t.Fatalf("status %v, suspect: %v", status, c.suspect)
	}
	var d CTC[float64]
	if want, s := d.Forward(y, frames, wide); s != OK || math.Abs(got-want) > 1e-5*math.Abs(want) {
		t.Errorf("%v; it should be %v", got, want)
	}
	c.Backward(sure)
	d.Backward(wide)
	for i, v := range wide.share {
		if math.Abs(float64(sure.share[i])-v) > 1e-4 {
			t.Fatalf("share %d is %v; it should be %v", i, sure.share[i], v)
		}
	}
}
