package functional

import (
	"math"
	"slices"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

// TestInvariance: the mean does not change when samples are permuted or all repeated,
// labels can be renamed, and most functionals do not see the energy's zero.
func TestInvariance(t *testing.T) {
	for _, s := range settings(t, 5) {
		rng := generator(8)
		b := draw(rng, s.f, 64, 5, 2)
		loss, grad := b.eval(t, s.f)
		permuted(t, s, b, append(rng.Perm(64), rng.Perm(64)...), loss, grad)
		if s.f.Statistic().Cost == nil {
			renamed(t, s, b, rng.Perm(5), loss)
		}
		shifted(t, s, b, loss)
	}
}

// permuted evaluates the samples in an order in which each comes twice.
func permuted(t *testing.T, s setting, b batch, order []int, loss, grad []float64) {
	t.Helper()
	again := batch{k: 5}
	for _, i := range order {
		again.energies = append(again.energies, b.energies[i*5:(i+1)*5]...)
		again.target = append(again.target, b.target[i])
	}
	loss2, grad2 := again.eval(t, s.f)
	for at, i := range order {
		if loss2[at] != loss[i] || !slices.Equal(grad2[at*5:(at+1)*5], grad[i*5:(i+1)*5]) {
			t.Fatalf("%s: a sample's loss depends on its place or neighbours", s.name)
		}
	}
	if a, b := simd.Sum(loss)/64, simd.Sum(loss2)/128; apart(a, b, 1e-300) > 1e-13 {
		t.Errorf("%s: mean %v, with samples permuted and repeated %v", s.name, a, b)
	}
}

// renamed gives label y the name names[y].
func renamed(t *testing.T, s setting, b batch, names []int, loss []float64) {
	t.Helper()
	other := batch{5, make([]float64, len(b.energies)), make([]int, len(b.target))}
	for i, y := range b.target {
		for y, n := range names {
			other.energies[i*5+n] = b.energies[i*5+y]
		}
		other.target[i] = names[y]
	}
	loss2, _ := other.eval(t, s.f)
	for i := range loss {
		if apart(loss[i], loss2[i], 1e-300) > 1e-13 {
			t.Fatalf("%s: loss %v, with labels renamed %v", s.name, loss[i], loss2[i])
		}
	}
}

// shifted adds a constant to all energies.
func shifted(t *testing.T, s setting, b batch, loss []float64) {
	t.Helper()
	moved := batch{5, make([]float64, len(b.energies)), b.target}
	simd.AddScalar(moved.energies, b.energies, 4)
	loss2, _ := moved.eval(t, s.f)
	same := true
	for i := range loss {
		same = same && apart(loss[i], loss2[i], 1e-2) < 1e-11
	}
	if blind := s.f.Statistic().Relative || s.f.Statistic().Kind == CostSum || s.f.Statistic().Kind == CostMax; same != blind {
		t.Errorf("%s: unchanged by a shift of all energies: %v; it should be %v", s.name, same, blind)
	}
}

func TestLimits(t *testing.T) {
	rng := generator(9)
	for _, k := range []int{2, 3, 10} {
		for _, scale := range []float64{1e-3, 1, 1e4} {
			b := draw(rng, Perceptron{}, 200, k, scale)
			perceptron, _ := b.eval(t, Perceptron{})
			for _, beta := range []float64{1e-3, 1, 1e3, 1e9} {
				nll, _ := b.eval(t, NLL{beta})
				mee, _ := b.eval(t, MEE{beta})
				for i := range nll {
					// β → ∞: 0 ≤ NLL − perceptron ≤ log(K)/β.
					if d := nll[i] - perceptron[i]; d < -1e-12*scale || d > (1+1e-9)*math.Log(float64(k))/beta+1e-12*scale {
						t.Fatalf("K %d, scale %g, β %g: NLL − perceptron loss = %v", k, scale, beta, d)
					}
					// MEE is 1 − exp(−β·NLL) whatever β.
					if want := -math.Expm1(-beta * nll[i]); apart(mee[i], want, 1e-300) > 1e-9 {
						t.Fatalf("K %d, scale %g, β %g: MEE %v, from NLL %v", k, scale, beta, mee[i], want)
					}
				}
				hot, _ := b.eval(t, MEE{1e15})
				for i := range hot {
					if want := math.Ceil(min(1, perceptron[i])); hot[i] != want && scale == 1e4 {
						t.Fatalf("β → ∞: MEE %v where the perceptron loss is %v", hot[i], perceptron[i])
					}
				}
			}
		}
	}
	// β → 0: NLL less log(K)/β is E⁺ less the mean energy.
	b := draw(rng, NLL{}, 100, 8, 1)
	nll, _ := b.eval(t, NLL{1e-6})
	for i, y := range b.target {
		row := b.energies[i*8 : (i+1)*8]
		if want := row[y] - simd.Sum(row)/8; math.Abs(nll[i]-math.Log(8)*1e6-want) > 1e-5 {
			t.Fatalf("β → 0: %v, want %v", nll[i]-math.Log(8)*1e6, want)
		}
	}
}

// TestEqualities holds pairs of functionals that must be one, values and derivatives.
func TestEqualities(t *testing.T) {
	ones := [][]float64{{0, 1.5, 1.5, 1.5}, {1.5, 0, 1.5, 1.5}, {1.5, 1.5, 0, 1.5}, {1.5, 1.5, 1.5, 0}}
	for _, c := range []struct {
		name string
		k    int
		a, b Functional
	}{
		{"two labels: NLL is log", 2, NLL{1}, Log{}},
		{"two labels: MEE is MCE", 2, MEE{1}, MCE{}},
		{"two labels: perceptron is hinge without a margin", 2, Perceptron{}, Hinge{Margin: 0}},
		{"two labels: perceptron is LVQ2 without a cap", 2, Perceptron{}, LVQ2{Cap: 1e9}},
		{"two labels: margin_cost is hinge", 2, MarginCost{Margin: 0.7}, Hinge{Margin: 0.7}},
		{"margin_cost_max is hinge", 6, MarginCostMax{Margin: 0.7}, Hinge{Margin: 0.7}},
		{"a constant cost is a margin", 4, MarginCost{Cost: ones}, MarginCost{Margin: 1.5}},
		{"a constant cost is a margin", 4, MarginCostMax{Cost: ones}, Hinge{Margin: 1.5}},
	} {
		for _, scale := range []float64{1e-2, 1, 100, 1e4} {
			b := draw(generator(10), c.a, 300, c.k, scale)
			lossA, gradA := b.eval(t, c.a)
			lossB, gradB := b.eval(t, c.b)
			for i := range lossA {
				if apart(lossA[i], lossB[i], 1e-300) > 1e-12 {
					t.Fatalf("%s, scale %g: %v and %v", c.name, scale, lossA[i], lossB[i])
				}
			}
			for i := range gradA {
				if apart(gradA[i], gradB[i], 1e-300) > 1e-11 {
					t.Fatalf("%s, scale %g: derivatives %v and %v", c.name, scale, gradA[i], gradB[i])
				}
			}
		}
	}
}

func TestTiesAndKinks(t *testing.T) {
	inf := math.Inf(1)
	third := 1. / 3
	for _, c := range []struct {
		f    Functional
		row  []float64
		t    int
		loss float64
		grad []float64
	}{
		{Energy{}, []float64{3, 1, 2}, 2, 2, []float64{0, 0, 1}},
		{Perceptron{}, []float64{1, 1, 2}, 1, 0, []float64{0, 0, 0}}, // the correct one is a minimum
		{Perceptron{}, []float64{1, 1, 2}, 2, 1, []float64{-1, 0, 1}},
		{Perceptron{}, []float64{5, 5, 5}, 2, 0, []float64{0, 0, 0}},
		{Hinge{Margin: 1}, []float64{5, 5, 5}, 0, 1, []float64{1, -1, 0}},
		{Hinge{Margin: 1}, []float64{5, 5, 5}, 1, 1, []float64{-1, 1, 0}},
		{Hinge{Margin: 1}, []float64{5, 5, 5}, 2, 1, []float64{-1, 0, 1}},
		{Hinge{Margin: 1}, []float64{7, 3, 2, 3}, 2, 0, []float64{0, -1, 1, 0}}, // at the corner
		{Hinge{Margin: 1}, []float64{inf, inf, 2}, 2, 0, []float64{0, 0, 0}},
		{MarginCost{Margin: 1}, []float64{2, 3, 2.5}, 0, 0.5, []float64{1, 0, -1}}, // label 1 at the corner
		{MarginCost{Margin: 1}, []float64{2, 2, 2}, 1, 2, []float64{-1, 2, -1}},
		{MarginCostMax{Margin: 1}, []float64{2, 3, 4}, 0, 0, []float64{1, -1, 0}}, // at the corner
		{MarginCostMax{Margin: 1}, []float64{2, 3.5, 4}, 0, 0, []float64{0, 0, 0}},
		{MarginCostMax{Margin: 1}, []float64{2, 2, 2}, 1, 1, []float64{-1, 1, 0}},
		{MarginCostMax{Margin: 1}, []float64{2, inf, inf}, 0, 0, []float64{0, 0, 0}},
		{MarginCostMax{Cost: [][]float64{{0, 1, 9}, {1, 0, 1}, {9, 1, 0}}}, []float64{2, 2, 4}, 0, 7, []float64{1, 0, -1}},
		{NLL{1}, []float64{5, 5, 5}, 0, math.Log(3), []float64{2 * third, -third, -third}},
		{NLL{4}, []float64{5, 5, 5}, 0, math.Log(3) / 4, []float64{2 * third, -third, -third}},
		{NLL{1}, []float64{5, inf, 5}, 0, math.Ln2, []float64{0.5, 0, -0.5}},
		{NLL{1}, []float64{inf, inf, 5}, 2, 0, []float64{0, 0, 0}},
		{MEE{1}, []float64{5, 5, inf}, 1, 0.5, []float64{-0.25, 0.25, 0}},
		{MEE{2}, []float64{5, 5, inf}, 1, 0.5, []float64{-0.5, 0.5, 0}},
		{SquareSquare{Margin: 1}, []float64{2, 0.5, 0.5}, 0, 4.25, []float64{4, -1, 0}},
	} {
		loss, grad := batch{len(c.row), c.row, []int{c.t}}.eval(t, c.f)
		if math.Abs(loss[0]-c.loss) > 1e-15*c.loss {
			t.Errorf("%#v: loss of %v for %d is %v, want %v", c.f, c.row, c.t, loss[0], c.loss)
		}
		for i := range grad {
			if math.Abs(grad[i]-c.grad[i]) > 1e-15 {
				t.Errorf("%#v: derivatives at %v for %d are %v, want %v", c.f, c.row, c.t, grad, c.grad)
				break
			}
		}
	}
}

// TestSmallLossesKeepTheirDigits is where E⁺ − F by subtraction would give 0.
func TestSmallLossesKeepTheirDigits(t *testing.T) {
	for _, e := range []float64{0, 1e4, -1e4} {
		for _, gap := range []float64{1, 10, 40, 600} {
			b := batch{3, []float64{e + gap, e, e + gap}, []int{1}}
			want := 2 * math.Exp(-gap)
			loss, grad := b.eval(t, NLL{})
			if apart(loss[0], math.Log1p(want), 1e-320) > 1e-14 || apart(grad[1], want/(1+want), 1e-320) > 1e-14 {
				t.Errorf("NLL at gap %v above %v: %v, derivative %v; want about %v", gap, e, loss[0], grad[1], want)
			}
			loss, grad = b.eval(t, MEE{})
			if apart(loss[0], want/(1+want), 1e-320) > 1e-14 || apart(grad[1], want/(1+want)/(1+want), 1e-320) > 1e-14 {
				t.Errorf("MEE at gap %v above %v: %v, derivative %v; want about %v", gap, e, loss[0], grad[1], want)
			}
		}
	}
}
