package functional

import (
	"math"
	"slices"
	"testing"
)

// TestDerivatives holds grad against central differences of loss, over sizes of the
// energies from 1e-3 to 1e4.
func TestDerivatives(t *testing.T) {
	for _, s := range settings(t, 5) {
		for _, scale := range []float64{1e-3, 0.1, 1, 30, 1e4} {
			rng, n := generator(4), 20
			if *long {
				n = 2000
			}
			b := draw(rng, s.f, n, 5, scale)
			loss, grad := b.eval(t, s.f)
			left := 0
			for at, x := range b.energies {
				i, j := at/b.k, at%b.k
				row := batch{b.k, b.energies[i*b.k : (i+1)*b.k], b.target[i : i+1]}
				around := func(v float64) (float64, float64, float64) {
					row.energies[j] = v
					defer func() { row.energies[j] = x }()
					l, g := row.eval(t, s.f)
					return l[0], g[j], v
				}
				h := 1e-4 * min(scale, 1/(1+s.f.Statistic().Beta), math.Abs(x))
				_, gUp, _ := around(x + 2*h)
				_, gDown, _ := around(x - 2*h)
				size := 1e-300
				for _, g := range slices.Concat(grad[i*b.k:(i+1)*b.k], []float64{gUp, gDown}) {
					size = max(size, math.Abs(g))
				}
				if max(math.Abs(gUp-grad[at]), math.Abs(gDown-grad[at])) > 0.02*size {
					continue // a kink lies between
				}
				left++
				up, _, high := around(x + h)
				down, _, low := around(x - h)
				numeric := (up - down) / (high - low)
				tol := 1e-6*size + 4e-16*math.Abs(loss[i])/h
				if s.f.Statistic().Kind != None {
					tol += 4e-16 * scale / h * size
				}
				if math.Abs(numeric-grad[at]) > tol {
					t.Fatalf("%s, scale %g: row %v, target %d: derivative by E[%d] is %v, finite differences %v ± %v",
						s.name, scale, row.energies, b.target[i], j, grad[at], numeric, tol)
				}
			}
			if left < len(b.energies)/2 {
				t.Errorf("%s, scale %g: only %d of %d points away from kinks", s.name, scale, left, len(b.energies))
			}
		}
	}
}

// brute computes a statistic as its definition says.
func brute(s Statistic, row []float64, t int) float64 {
	least, offending, sum, wrong, costs, worst := math.Inf(1), math.Inf(1), 0.0, 0.0, 0.0, 0.0
	for y, v := range row {
		least = min(least, v)
		sum += math.Exp(-s.Beta * v)
		if y == t {
			continue
		}
		offending = min(offending, v)
		wrong += math.Exp(-s.Beta * v)
		c := s.Margin
		if s.Cost != nil {
			c = s.Cost[t][y]
		}
		costs += max(0, row[t]-v+c)
		worst = max(worst, row[t]-v+c)
	}
	return [...]float64{0, least, offending, -math.Log(sum) / s.Beta, costs, worst, -math.Log(wrong) / s.Beta}[s.Kind]
}

// TestAgainstDefinition computes each loss, and each statistic, as written.
func TestAgainstDefinition(t *testing.T) {
	for _, s := range settings(t, 7) {
		for _, k := range []int{2, 7, 33} {
			if s.f.Statistic().Cost != nil && k != 7 {
				continue
			}
			stat := s.f.Statistic()
			b := draw(generator(5), s.f, 40, k, 1/max(1, stat.Beta))
			loss, _ := b.eval(t, s.f)
			stats := make([]float64, len(loss))
			var e LabelEvaluator[float64]
			if err := e.Statistic(stat, b.energies, k, b.target, stats, nil); err != nil {
				t.Fatal(err)
			}
			for i, y := range b.target {
				row := b.energies[i*k : (i+1)*k]
				if want := brute(stat, row, y); apart(stats[i], want, 1e-2) > 1e-12 {
					t.Fatalf("%s: statistic of %v for %d is %v, want %v", s.name, row, y, stats[i], want)
				}
				if want, _, _ := s.f.Eval(row[y], brute(stat, row, y)); apart(loss[i], want, 1e-2) > 1e-12 {
					t.Fatalf("%s: loss of %v for %d is %v, want %v", s.name, row, y, loss[i], want)
				}
			}
		}
	}
}

// TestStatisticDerivatives chains ∂q/∂E⁺ and ∂q/∂s by hand; that is what answer spaces
// do that have no fused path.
func TestStatisticDerivatives(t *testing.T) {
	for _, s := range settings(t, 6) {
		for _, scale := range []float64{0.01, 1, 100} {
			b := draw(generator(6), s.f, 50, 6, scale)
			loss, grad := b.eval(t, s.f)
			stat, ds := make([]float64, len(loss)), make([]float64, len(grad))
			var e LabelEvaluator[float64]
			if err := e.Statistic(s.f.Statistic(), b.energies, b.k, b.target, stat, ds); err != nil {
				t.Fatal(err)
			}
			for i, y := range b.target {
				q, dc, do := s.f.Eval(b.energies[i*b.k+y], stat[i])
				if apart(q, loss[i], 1+scale) > 1e-11 {
					t.Fatalf("%s: composed loss %v, fused %v", s.name, q, loss[i])
				}
				for j := range b.k {
					want := do * ds[i*b.k+j]
					if j == y {
						want += dc
					}
					if apart(want, grad[i*b.k+j], math.Abs(dc)+math.Abs(do)+1e-300) > 1e-11 {
						t.Fatalf("%s: composed derivative %v, fused %v", s.name, want, grad[i*b.k+j])
					}
				}
			}
		}
	}
}

func TestFloat32AgreesWithFloat64(t *testing.T) {
	for _, s := range settings(t, 10) {
		for _, scale := range []float64{1e-3, 1, 30, 1e4} {
			b := draw(generator(7), s.f, 100, 10, scale)
			loss, grad := b.eval(t, s.f)
			loss32, grad32 := make([]float32, len(loss)), make([]float32, len(grad))
			if err := Labels(s.f, convert[float32](b.energies), b.k, b.target, loss32, grad32); err != nil {
				t.Fatal(err)
			}
			for i := range loss {
				if apart(loss[i], float64(loss32[i]), 1e-30) > 2e-5 {
					t.Fatalf("%s, scale %g: loss %v in float64, %v in float32", s.name, scale, loss[i], loss32[i])
				}
			}
			for i := range grad {
				if apart(grad[i], float64(grad32[i]), 1e-30) > 2e-5 {
					t.Fatalf("%s, scale %g: derivative %v in float64, %v in float32", s.name, scale, grad[i], grad32[i])
				}
			}
		}
	}
}
