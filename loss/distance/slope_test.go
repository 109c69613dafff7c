package distance_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/loss/distance"
)

// The derivative says how to move a row so that it comes nearer.
func ExampleSlope() {
	m := distance.Measure{Kind: distance.Squared}
	x, y := []float64{1, 2}, []float64{4, 6}
	dx, dy := make([]float64, 2), make([]float64, 2)
	d := distance.Between(m, x, y)
	distance.Slope(m, dx, dy, x, y, d, 1)
	for i := range x {
		x[i] -= 0.1 * dx[i]
	}
	fmt.Println(d, dx, dy, distance.Between(m, x, y))
	// Output: 25 [-6 -8] [6 8] 16
}

// everyMeasure has each kind, as rows are and divided by their lengths.
func everyMeasure() (all []distance.Measure) {
	for _, k := range append(slices.Clone(distance.Kinds), "") {
		powers := []float64{0}
		if k == distance.Lp {
			powers = []float64{1, 1.5, 2, 3, math.Inf(1)}
		}
		for _, p := range powers {
			all = append(all, distance.Measure{Kind: k, P: p})
			if k != distance.Cosine {
				all = append(all, distance.Measure{Kind: k, P: p, Normalize: true})
			}
		}
	}
	return all
}

// TestSlope holds the derivatives of every measure against finite differences: of rows of ordinary length, of
// one that is near the other, and of one that is shorter than what lengths are divided by at least. They are
// added to what is there.
func TestSlope(t *testing.T) {
	for _, m := range everyMeasure() {
		for _, far := range []float64{1, 1e-3} {
			x := []float64{1, -2, 0.5, 0.75}
			y := []float64{1 + 0.5*far, -2 - 0.8*far, 0.5 + 1.9*far, 0.75 - 0.25*far}
			checkSlope(t, m, x, y, 1e-6*far)
		}
		if m.Normalize || m.Kind == distance.Cosine {
			checkSlope(t, m, []float64{3e-13, 1e-13}, []float64{1, -2}, 1e-18)
		}
	}
}

func checkSlope(t *testing.T, m distance.Measure, x, y []float64, h float64) {
	t.Helper()
	const up = -1.5
	d := distance.Between(m, x, y)
	dx, dy := slices.Repeat([]float64{0.25}, len(x)), slices.Repeat([]float64{0.25}, len(y))
	distance.Slope(m, dx, dy, x, y, d, up)
	for which, row := range [][]float64{x, y} {
		h := h
		if which == 1 {
			h = max(h, 1e-9) // y is never the short one
		}
		for i, v := range row {
			row[i] = v + h
			right := distance.Between(m, x, y)
			row[i] = v - h
			left := distance.Between(m, x, y)
			row[i] = v
			want := up * (right - left) / (2 * h)
			if got := [][]float64{dx, dy}[which][i] - 0.25; !(math.Abs(got-want) <= 1e-5*(1+math.Abs(want))) {
				t.Errorf("%+v of %v and %v: derivative %d by row %d is %v; differences say %v", m, x, y, i, which, got, want)
			}
		}
	}
}

// TestSlopeKinks: at equal rows, at equal greatest differences, and at a row of zeros.
func TestSlopeKinks(t *testing.T) {
	inf := distance.Measure{Kind: distance.Lp, P: math.Inf(1)}
	for _, c := range []struct {
		m            distance.Measure
		x, y, dx, dy []float64
	}{
		{distance.Measure{}, []float64{1, 2}, []float64{1, 2}, []float64{0, 0}, []float64{0, 0}},
		{distance.Measure{Normalize: true}, []float64{3, 4}, []float64{3, 4}, []float64{0, 0}, []float64{0, 0}},
		{distance.Measure{Kind: distance.Lp, P: 1}, []float64{1, 2}, []float64{1, 3}, []float64{0, -1}, []float64{0, 1}},
		{inf, []float64{1, 2}, []float64{4, -1}, []float64{-0.5, 0.5}, []float64{0.5, -0.5}},
		{distance.Measure{Kind: distance.Cosine}, []float64{0, 0}, []float64{1, 0}, []float64{-1e12, 0}, []float64{0, 0}},
		{distance.Measure{Kind: distance.Dot, Normalize: true}, []float64{0, 0}, []float64{1, 0}, []float64{-1e12, 0}, []float64{0, 0}},
	} {
		dx, dy := make([]float64, len(c.x)), make([]float64, len(c.y))
		distance.Slope(c.m, dx, dy, c.x, c.y, distance.Between(c.m, c.x, c.y), 1)
		if !slices.Equal(dx, c.dx) || !slices.Equal(dy, c.dy) {
			t.Errorf("%+v of %v and %v: derivatives %v and %v; they must be %v and %v", c.m, c.x, c.y, dx, dy, c.dx, c.dy)
		}
	}
}
