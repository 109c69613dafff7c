package functional

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
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
	least, offending, sum, costs, worst := math.Inf(1), math.Inf(1), 0.0, 0.0, 0.0
	for y, v := range row {
		least = min(least, v)
		sum += math.Exp(-s.Beta * v)
		if y == t {
			continue
		}
		offending = min(offending, v)
		c := s.Margin
		if s.Cost != nil {
			c = s.Cost[t][y]
		}
		costs += max(0, row[t]-v+c)
		worst = max(worst, row[t]-v+c)
	}
	return [...]float64{0, least, offending, -math.Log(sum) / s.Beta, costs, worst}[s.Kind]
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

// TestInvariance: the mean does not change when samples are permuted or all repeated,
// labels can be renamed, and most functionals do not see the energy's zero.
func TestInvariance(t *testing.T) {
	for _, s := range settings(t, 5) {
		rng := generator(8)
		b := draw(rng, s.f, 64, 5, 2)
		loss, grad := b.eval(t, s.f)

		order := append(rng.Perm(64), rng.Perm(64)...)
		again := batch{k: 5}
		for _, i := range order {
			again.energies = append(again.energies, b.energies[i*5:(i+1)*5]...)
			again.target = append(again.target, b.target[i])
		}
		loss2, grad2 := again.eval(t, s.f)
		for at, i := range order {
			if loss2[at] != loss[i] || !reflect.DeepEqual(grad2[at*5:(at+1)*5], grad[i*5:(i+1)*5]) {
				t.Fatalf("%s: a sample's loss depends on its place or neighbours", s.name)
			}
		}
		if a, b := simd.Sum(loss)/64, simd.Sum(loss2)/128; apart(a, b, 1e-300) > 1e-13 {
			t.Errorf("%s: mean %v, with samples permuted and repeated %v", s.name, a, b)
		}

		if s.f.Statistic().Cost == nil {
			renamed := batch{5, make([]float64, len(b.energies)), make([]int, 64)}
			names := rng.Perm(5)
			for i := range 64 {
				for y, n := range names {
					renamed.energies[i*5+n] = b.energies[i*5+y]
				}
				renamed.target[i] = names[b.target[i]]
			}
			loss3, _ := renamed.eval(t, s.f)
			for i := range loss {
				if apart(loss[i], loss3[i], 1e-300) > 1e-13 {
					t.Fatalf("%s: loss %v, with labels renamed %v", s.name, loss[i], loss3[i])
				}
			}
		}

		blind := s.f.Statistic().Relative || s.f.Statistic().Kind >= CostSum
		moved := batch{5, make([]float64, len(b.energies)), b.target}
		simd.AddScalar(moved.energies, b.energies, 4)
		loss4, _ := moved.eval(t, s.f)
		same := true
		for i := range loss {
			same = same && apart(loss[i], loss4[i], 1e-2) < 1e-11
		}
		if same != blind {
			t.Errorf("%s: unchanged by a shift of all energies: %v; it should be %v", s.name, same, blind)
		}
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
		{"two labels: perceptron is hinge without a margin", 2, Perceptron{}, Hinge{0}},
		{"two labels: perceptron is LVQ2 without a cap", 2, Perceptron{}, LVQ2{Cap: 1e9}},
		{"two labels: margin_cost is hinge", 2, MarginCost{Margin: 0.7}, Hinge{0.7}},
		{"margin_cost_max is hinge", 6, MarginCostMax{Margin: 0.7}, Hinge{0.7}},
		{"a constant cost is a margin", 4, MarginCost{Cost: ones}, MarginCost{Margin: 1.5}},
		{"a constant cost is a margin", 4, MarginCostMax{Cost: ones}, Hinge{1.5}},
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
		{Hinge{1}, []float64{5, 5, 5}, 0, 1, []float64{1, -1, 0}},
		{Hinge{1}, []float64{5, 5, 5}, 1, 1, []float64{-1, 1, 0}},
		{Hinge{1}, []float64{5, 5, 5}, 2, 1, []float64{-1, 0, 1}},
		{Hinge{1}, []float64{7, 3, 2, 3}, 2, 0, []float64{0, -1, 1, 0}}, // at the corner
		{Hinge{1}, []float64{inf, inf, 2}, 2, 0, []float64{0, 0, 0}},
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
		{SquareSquare{1}, []float64{2, 0.5, 0.5}, 0, 4.25, []float64{4, -1, 0}},
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

func TestErrors(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	good := []float64{1, 2, 3, 4, 5, 6}
	for _, c := range []struct {
		f          Functional
		energies   []float64
		k          int
		target     []int
		loss, grad []float64
		want       string
	}{
		{Hinge{1}, good, 1, []int{0}, nil, nil, "k is 1; there must be at least 2 labels"},
		{Hinge{1}, good, 3, []int{0}, nil, nil, "6 energies are not 1 rows of 3 labels"},
		{Hinge{1}, good, 4, []int{0}, nil, nil, "6 energies are not 1 rows of 4 labels"},
		{Hinge{1}, good, 3, []int{0, 3}, nil, nil, "target[1] is 3; it must be a label from 0 to 2"},
		{Hinge{1}, good, 3, []int{-1, 0}, nil, nil, "target[0] is -1"},
		{Hinge{1}, good, 3, []int{0, 1}, make([]float64, 3), nil, "loss has 3 elements; it must have 2"},
		{Hinge{1}, good, 3, []int{0, 1}, nil, make([]float64, 5), "grad has 5 elements; it must have 6"},
		{Hinge{1}, []float64{1, 2, 3, 4, nan, 6}, 3, []int{0, 0}, nil, nil, "hinge: the energy of label 1 of sample 1 is NaN; it must be a number"},
		{NLL{}, []float64{1, 2, -inf, 4, 5, 6}, 3, []int{0, 0}, nil, nil, "nll: the energy of label 2 of sample 0 is -Inf"},
		{Energy{}, []float64{1, 2, 3, 4, inf, 6}, 3, []int{0, 1}, nil, nil, "energy: the energy of label 1 of sample 1 is +Inf; it must be a number, since that label is the correct one"},
		{SquareSquare{1}, []float64{1, 2, 3, 4, 5, -6}, 3, []int{0, 1}, nil, nil, "square_square: the energy of label 2 of sample 1 is -6; it must be at least 0"},
		{SquareExp{}, []float64{-0.5, 2, 3, 4, 5, 6}, 3, []int{0, 1}, nil, nil, "square_exp: the energy of label 0 of sample 0 is -0.5"},
		{LVQ2{Delta: 1}, []float64{-0.5, 2, inf, 4, 5, 6}, 3, []int{0, 1}, nil, nil, "lvq2: the energy of label 0"},
		{NLL{-1}, good, 3, []int{0, 1}, nil, nil, "nll: beta is -1; it must be a number above 0"},
		{MEE{nan}, good, 3, []int{0, 1}, nil, nil, "beta is NaN"},
		{MarginCost{Margin: nan}, good, 3, []int{0, 1}, nil, nil, "margin is NaN"},
		{MarginCost{Cost: [][]float64{{0, 1}, {1, 0}}}, good, 3, []int{0, 1}, nil, nil, "margin_cost: cost has 2 rows"},
		{odd{}, good, 3, []int{0, 1}, nil, nil, "odd: a statistic of kind 6 is none that labels have"},
	} {
		err := Labels(c.f, c.energies, c.k, c.target, c.loss, c.grad)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v; it should say %q", c.f, err, c.want)
		}
		for _, v := range append(c.loss, c.grad...) {
			if v != 0 {
				t.Errorf("%v: something was written in spite of the error", c.f)
			}
		}
		var e *EnergyError
		if errors.As(err, &e) {
			if finite := !math.IsNaN(e.Value) && !math.IsInf(e.Value, 0); e.NonFinite() == finite {
				t.Errorf("NonFinite of %v is %v", e.Value, e.NonFinite())
			}
		}
	}
	// β that float32 cannot hold.
	if err := Labels(NLL{1e300}, []float32{1, 2}, 2, []int{0}, nil, nil); err == nil {
		t.Error("β = 1e300 passes in float32")
	}
	if err := Labels(Hinge{1}, []float64{}, 2, nil, nil, nil); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}

type odd struct{ Hinge }

func (odd) Name() string         { return "odd" }
func (odd) Statistic() Statistic { return Statistic{Kind: CostMax + 1} }

func TestStats(t *testing.T) {
	rng := generator(12)
	b := draw(rng, Hinge{}, 100, 6, 3)
	for i := range b.energies {
		b.energies[i] = math.Round(b.energies[i]) // ties
	}
	b.energies[7] = math.Inf(1)
	stats := make([]LabelStats, 100)
	if err := Stats(stats, b.energies, 6, b.target); err != nil {
		t.Fatal(err)
	}
	for i, s := range stats {
		row, n, sum, squares := b.energies[i*6:(i+1)*6], 0., 0., 0.
		least := -1
		for y, v := range row {
			if y != b.target[i] && (least < 0 || v < row[least]) {
				least = y
			}
			if !math.IsInf(v, 1) {
				n, sum, squares = n+1, sum+v, squares+v*v
			}
		}
		want := LabelStats{row[b.target[i]], row[least], least, math.Sqrt(squares/n - sum*sum/n/n)}
		if math.Abs(s.Spread-want.Spread) > 1e-6 {
			t.Errorf("spread of %v is %v, want %v", row, s.Spread, want.Spread)
		}
		want.Spread = s.Spread
		if s != want || s.Gap() != row[least]-row[b.target[i]] {
			t.Errorf("stats of %v for %d: %+v, want %+v", row, b.target[i], s, want)
		}
	}
	if err := Stats(stats[:3], b.energies, 6, b.target); err == nil {
		t.Error("a dst that is too short passes")
	}
	if err := Stats(stats[:0], b.energies, 7, b.target); err == nil {
		t.Error("lengths that do not fit pass")
	}
}

// TestWarmEvaluatorsDoNotAllocate covers batches that run on one core and on several.
func TestWarmEvaluatorsDoNotAllocate(t *testing.T) {
	for _, s := range settings(t, 10) {
		for _, n := range []int{16, 8192} {
			b := draw(generator(13), s.f, n, 10, 1)
			noAllocs(t, s, b, b.energies)
			noAllocs(t, s, b, convert[float32](b.energies))
		}
	}
}

func noAllocs[T simd.Float](t *testing.T, s setting, b batch, energies []T) {
	t.Helper()
	var e LabelEvaluator[T]
	loss, grad := make([]T, len(b.target)), make([]T, len(energies))
	stats, stat := make([]LabelStats, len(b.target)), s.f.Statistic()
	got := testing.AllocsPerRun(5, func() {
		err := e.Eval(s.f, energies, b.k, b.target, loss, grad)
		err2 := e.Statistic(stat, energies, b.k, b.target, loss, grad)
		err3 := Stats(stats, energies, b.k, b.target)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
	})
	if got != 0 {
		t.Errorf("%s, %T, %d samples: %v allocations", s.name, loss, len(b.target), got)
	}
}

func TestBitsDoNotDependOnThreads(t *testing.T) {
	defer simd.SetThreads(0)
	for _, s := range settings(t, 10) {
		b := draw(generator(14), s.f, 5000, 10, 2)
		simd.SetThreads(1)
		loss, grad := b.eval(t, s.f)
		simd.SetThreads(7)
		loss2, grad2 := b.eval(t, s.f)
		if !reflect.DeepEqual(loss, loss2) || !reflect.DeepEqual(grad, grad2) {
			t.Errorf("%s: other bits with other threads", s.name)
		}
	}
}

// FuzzLabels: any energies give an error, or a loss and derivatives that are numbers
// or too large for T.
func FuzzLabels(f *testing.F) {
	f.Add(uint64(1), 1.0, 2.0, 3.0)
	f.Add(uint64(2), math.Inf(1), 1e308, -1e308)
	f.Add(uint64(3), math.NaN(), 0.0, math.Copysign(0, -1))
	f.Add(uint64(4), 5e-324, 1e4, -1e4)
	all := settings(f, 3)
	f.Fuzz(func(t *testing.T, seed uint64, a, b, c float64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		pool := []float64{a, b, c, a + b, -c, 0, math.Inf(1), a * 1e-3}
		energies, target := make([]float64, 12), make([]int, 4)
		for i := range energies {
			energies[i] = pool[rng.IntN(len(pool))]
		}
		for i := range target {
			target[i] = rng.IntN(3)
		}
		s := all[rng.IntN(len(all))]
		if rng.IntN(2) == 0 {
			never(t, s, energies, target)
		} else {
			never(t, s, convert[float32](energies), target)
		}
	})
}

func never[T simd.Float](t *testing.T, s setting, energies []T, target []int) {
	loss, grad := make([]T, 4), make([]T, 12)
	if Labels(s.f, energies, 3, target, loss, grad) != nil {
		return
	}
	for i, v := range append(loss, grad...) {
		if math.IsNaN(float64(v)) {
			t.Errorf("%s: %v for %v gives NaN at %d: loss %v, derivatives %v", s.name, energies, target, i, loss, grad)
			return
		}
	}
}
