package functional

import (
	"math"
	"testing"
)

// TestFormulaDerivatives holds dCorrect and dOther against central differences.
func TestFormulaDerivatives(t *testing.T) {
	for _, s := range settings(t, 4) {
		rng, left := generator(2), 0
		const points = 300
		for range points {
			scale := math.Pow(10, 6*rng.Float64()-3)
			b := draw(rng, s.f, 1, 2, scale)
			c, o := b.energies[0], b.energies[1]
			loss, dc, do := s.f.Eval(c, o)
			h := 1e-4 * min(scale, 1/(1+s.f.Statistic().Beta), math.Abs(o))
			if kinked(s.f, c, o, 2*h, dc, do) {
				continue
			}
			left++
			for _, side := range []struct {
				name     string
				dc, do   float64
				analytic float64
			}{{"dCorrect", h, 0, dc}, {"dOther", 0, h, do}} {
				up, _, _ := s.f.Eval(c+side.dc, o+side.do)
				down, _, _ := s.f.Eval(c-side.dc, o-side.do)
				width := (c + side.dc) - (c - side.dc) + (o + side.do) - (o - side.do)
				numeric := (up - down) / width
				if tol := 1e-6*(math.Abs(dc)+math.Abs(do)) + 4e-16*(math.Abs(loss)+scale)/h*(1+math.Abs(dc)+math.Abs(do)); math.Abs(numeric-side.analytic) > tol {
					t.Fatalf("%s: Eval(%v, %v): %s is %v, finite differences %v ± %v", s.name, c, o, side.name, side.analytic, numeric, tol)
				}
			}
		}
		if left < points/2 {
			t.Errorf("%s: only %d of %d points away from kinks", s.name, left, points)
		}
	}
}

// kinked reports whether a derivative jumps within h of a point.
func kinked(f Functional, c, o, h, dc, do float64) bool {
	size := math.Abs(dc) + math.Abs(do)
	for _, p := range [][2]float64{{c + h, o}, {c - h, o}, {c, o + h}, {c, o - h}} {
		_, c2, o2 := f.Eval(p[0], p[1])
		if jump := math.Abs(c2-dc) + math.Abs(o2-do); jump > 0.02*(size+math.Abs(c2)+math.Abs(o2)) {
			return true
		}
	}
	return false
}

// TestRelativeFormulasTakeTheDifference holds Statistic.Relative to its word.
func TestRelativeFormulasTakeTheDifference(t *testing.T) {
	for _, s := range settings(t, 4) {
		rng, differs := generator(3), false
		for range 200 {
			b := draw(rng, s.f, 1, 2, 3)
			c, o := b.energies[0], b.energies[1]
			loss, dc, do := s.f.Eval(c, o)
			moved, dc2, do2 := s.f.Eval(c-o, 0)
			same := apart(loss, moved, 1e-300) < 1e-12 && dc == dc2 && do == do2
			if s.f.Statistic().Relative && (!same || dc != -do) {
				t.Fatalf("%s: Eval(%v, %v) = %v %v %v, Eval(%v, 0) = %v %v %v", s.name, c, o, loss, dc, do, c-o, moved, dc2, do2)
			}
			differs = differs || !same
		}
		if !s.f.Statistic().Relative && !differs {
			t.Errorf("%s seems to take E⁺ − s alone, and does not say so", s.name)
		}
	}
}

func TestFormulaKinks(t *testing.T) {
	for _, c := range []struct {
		f              Functional
		correct, other float64
		want           [3]float64
	}{
		{Hinge{Margin: 1}, 2, 3, [3]float64{0, 1, -1}},
		{Hinge{Margin: 1}, 2, 3.5, [3]float64{0, 0, 0}},
		{Hinge{Margin: 0}, 2, 2, [3]float64{0, 1, -1}},
		{LVQ2{}, 2, 2, [3]float64{0, 1, -1}},
		{LVQ2{}, 3, 2, [3]float64{1, 1, -1}},
		{LVQ2{}, 3.5, 2, [3]float64{1, 0, 0}},
		{LVQ2{}, 1.5, 2, [3]float64{0, 0, 0}},
		{LVQ2{Cap: 2}, 3.5, 2, [3]float64{1.5, 1, -1}},
		{LVQ2{Delta: 0.5}, 2, 2, [3]float64{0, 1, -1}},
		{LVQ2{Delta: 0.5}, 3, 2, [3]float64{1, 1, -1.5}},
		{LVQ2{Delta: 0.5}, 0, 0, [3]float64{0, 0, 0}},
		{LVQ2{Delta: 0.5}, 1, 0, [3]float64{1, 0, 0}},
		{LVQ2{Delta: 0.5}, 1, math.Inf(1), [3]float64{0, 0, 0}},
		{SquareSquare{Margin: 2}, 3, 2, [3]float64{9, 6, 0}},
		{SquareSquare{Margin: 2}, 3, 1.5, [3]float64{9.25, 6, -1}},
		{SquareSquareMisprint{Margin: 2}, 3, 1.5, [3]float64{8.75, 6, 1}},
		{SquareExp{}, 0, 0, [3]float64{1, 0, -1}},
		{Log{}, 5, 5, [3]float64{math.Ln2, 0.5, -0.5}},
		{MCE{}, 5, 5, [3]float64{0.5, 0.25, -0.25}},
		// Answers that are all masked.
		{Hinge{Margin: 1}, 2, math.Inf(1), [3]float64{0, 0, 0}},
		{Log{}, 2, math.Inf(1), [3]float64{0, 0, 0}},
		{LVQ2{}, 2, math.Inf(1), [3]float64{0, 0, 0}},
		{MCE{}, 2, math.Inf(1), [3]float64{0, 0, 0}},
		{SquareSquare{Margin: 1}, 2, math.Inf(1), [3]float64{4, 4, 0}},
		{SquareExp{}, 2, math.Inf(1), [3]float64{4, 4, 0}},
	} {
		var got [3]float64
		got[0], got[1], got[2] = c.f.Eval(c.correct, c.other)
		if got != c.want {
			t.Errorf("%#v: Eval(%v, %v) = %v, want %v", c.f, c.correct, c.other, got, c.want)
		}
	}
}

func TestNaNGivesNaN(t *testing.T) {
	for _, s := range settings(t, 4) {
		if kind := s.f.Statistic().Kind; kind != CostSum && kind != CostMax {
			if loss, _, _ := s.f.Eval(math.NaN(), 1); !math.IsNaN(loss) {
				t.Errorf("%s: Eval(NaN, 1) = %v", s.name, loss)
			}
		}
		if s.f.Statistic().Kind != None {
			if loss, _, _ := s.f.Eval(1, math.NaN()); !math.IsNaN(loss) {
				t.Errorf("%s: Eval(1, NaN) = %v", s.name, loss)
			}
		}
	}
}
