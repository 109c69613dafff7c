package sampler

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// gaussian has the density of a normal with a precision matrix, row-major.
type gaussian[T tensor.Float] struct {
	mean      []float64
	precision []float64
}

func (g gaussian[T]) Dim() int { return len(g.mean) }

func (g gaussian[T]) Energies(energy []float64, grad, y []T) {
	d := len(g.mean)
	for i := range energy {
		energy[i] = 0
		for a := range d {
			var sum float64
			for b := range d {
				sum += g.precision[a*d+b] * (float64(y[i*d+b]) - g.mean[b])
			}
			energy[i] += 0.5 * sum * (float64(y[i*d+a]) - g.mean[a])
			if grad != nil {
				grad[i*d+a] = T(sum)
			}
		}
	}
}

// unit is the standard normal in d dimensions.
func unit[T tensor.Float](d int) gaussian[T] {
	g := gaussian[T]{mean: make([]float64, d), precision: make([]float64, d*d)}
	for i := range d {
		g.precision[i*d+i] = 1
	}
	return g
}

// line is a target over one number.
type line func(y float64) (energy, slope float64)

func (line) Dim() int { return 1 }

func (f line) Energies(energy []float64, grad, y []float64) {
	for i, v := range y {
		e, slope := f(v)
		energy[i] = e
		if grad != nil {
			grad[i] = slope
		}
	}
}

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 11)) }

func start[T tensor.Float](rng *rand.Rand, n int) []T {
	y := make([]T, n)
	for i := range y {
		y[i] = T(rng.NormFloat64())
	}
	return y
}

func mustState[T tensor.Float](t *testing.T, target Target[T], y []T) *State[T] {
	t.Helper()
	s, err := NewState(target, y)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// moments returns the mean and the variance of f over all draws, and the standard error
// of the mean by the effective size.
func moments[T tensor.Float](d *Draws[T], f func(y []T) float64) (mean, variance, stderr float64) {
	trace := d.Trace(f)
	n := 0.0
	for _, c := range trace {
		for _, v := range c {
			mean += v
			variance += v * v
			n++
		}
	}
	mean /= n
	variance = variance/n - mean*mean
	return mean, variance, math.Sqrt(variance / EffectiveSize(trace))
}

// TestGaussianMoments: MALA and HMC, warmed up, have a correlated Gaussian's moments
// within 5 standard errors, in both element types.
func TestGaussianMoments(t *testing.T) {
	t.Run("float64", func(t *testing.T) { gaussianMoments[float64](t) })
	t.Run("float32", func(t *testing.T) { gaussianMoments[float32](t) })
}

func gaussianMoments[T tensor.Float](t *testing.T) {
	// Precision of covariance [[2, 0.9], [0.9, 0.5]]: determinant 0.19.
	target := gaussian[T]{mean: []float64{3, -1}, precision: []float64{0.5 / 0.19, -0.9 / 0.19, -0.9 / 0.19, 2 / 0.19}}
	for name, sampler := range map[string]Tunable[T]{
		"MALA": &MALA[T]{StepSize: 0.1},
		"HMC":  &HMC[T]{StepSize: 0.1, Leapfrogs: 8, Jitter: 0.3},
	} {
		rng := seeded(1)
		s := mustState[T](t, target, start[T](rng, 2*256))
		if err := WarmUp(rng, target, s, sampler, 600); err != nil {
			t.Fatal(err)
		}
		d := Draw(context.Background(), rng, target, s, sampler, 400, 10, 0)
		if math.Abs(d.Accepted-sampler.BestRate()) > 0.1 {
			t.Errorf("%s: acceptance %.3f; the warm-up aims at %.3f", name, d.Accepted, sampler.BestRate())
		}
		for _, c := range []struct {
			what string
			f    func(y []T) float64
			want float64
		}{
			{"mean 0", func(y []T) float64 { return float64(y[0]) }, 3},
			{"mean 1", func(y []T) float64 { return float64(y[1]) }, -1},
			{"var 0", func(y []T) float64 { return math.Pow(float64(y[0])-3, 2) }, 2},
			{"var 1", func(y []T) float64 { return math.Pow(float64(y[1])+1, 2) }, 0.5},
			{"cov", func(y []T) float64 { return (float64(y[0]) - 3) * (float64(y[1]) + 1) }, 0.9},
		} {
			got, _, se := moments(d, c.f)
			if se > 0.05*max(1, math.Abs(c.want)) || math.Abs(got-c.want) > 5*se {
				t.Errorf("%s: %s is %.4f ± %.4f; it should be %v", name, c.what, got, se, c.want)
			}
		}
		if r := SplitRHat(d.Coordinate(0)); !(r < 1.02) {
			t.Errorf("%s: R̂ is %v", name, r)
		}
	}
}

// TestLangevinBias: on a standard normal the law of unadjusted Langevin has the variance
// 1/(1 − ε/2), exactly.
func TestLangevinBias(t *testing.T) {
	const eps = 0.4
	target := unit[float64](3)
	rng := seeded(2)
	s := mustState[float64](t, target, start[float64](rng, 3*512))
	l := NewLangevin[float64](eps)
	Draw(context.Background(), rng, target, s, l, 1, 50, 0)
	d := Draw(context.Background(), rng, target, s, l, 300, 1, 0)
	got, _, se := moments(d, func(y []float64) float64 { return y[1] * y[1] })
	if want := 1 / (1 - eps/2); math.Abs(got-want) > 5*se || se > 0.02 {
		t.Errorf("variance %.4f ± %.4f; it should be %.4f", got, se, want)
	}
}

// TestDetailedBalance: from draws of the target itself, a step goes from any cell to any
// other as often as back, and leaves the cells' shares as they are.
func TestDetailedBalance(t *testing.T) {
	// A lopsided double well; the cells are cut at these points.
	well := line(func(y float64) (float64, float64) { return y*y*y*y/4 - y*y + 0.4*y, y*y*y - 2*y + 0.4 })
	cuts := []float64{-1.6, -1.2, -0.6, 0.2, 0.9, 1.4}
	cell := func(y float64) int {
		i := 0
		for i < len(cuts) && y > cuts[i] {
			i++
		}
		return i
	}
	const n = 400_000
	rng := seeded(3)
	exact := make([]float64, 0, n)
	for len(exact) < n { // by rejection: the density is below e^{1.7} everywhere
		y := rng.Float64()*8 - 4
		if e, _ := well(y); rng.Float64() < math.Exp(-e-1.7) {
			exact = append(exact, y)
		}
	}
	for name, sampler := range map[string]Sampler[float64]{
		"MALA": &MALA[float64]{StepSize: 0.35},
		"HMC":  &HMC[float64]{StepSize: 0.5, Leapfrogs: 4, Jitter: 0.2},
	} {
		s := mustState[float64](t, well, exact)
		info := sampler.Step(seeded(4), well, s)
		if info.Accepted > 0.97 || info.Accepted < 0.2 {
			t.Errorf("%s: acceptance %.3f tests little", name, info.Accepted)
		}
		var flow [7][7]float64
		for i := range exact {
			flow[cell(exact[i])][cell(s.Y[i])]++
		}
		for a := range 7 {
			for b := range a {
				there, back := flow[a][b], flow[b][a]
				if sd := math.Sqrt(there + back); sd > 0 && math.Abs(there-back) > 5*sd {
					t.Errorf("%s: %v go from cell %d to %d, %v back", name, there, a, b, back)
				}
			}
		}
	}
}

// TestTempering: two wells far apart that one chain never leaves are visited in the
// right shares.
func TestTempering(t *testing.T) {
	// 0.3·N(−6, 1) + 0.7·N(6, 1).
	wells := line(func(y float64) (float64, float64) {
		a, b := math.Log(0.3)-(y+6)*(y+6)/2, math.Log(0.7)-(y-6)*(y-6)/2
		top := max(a, b)
		total := math.Exp(a-top) + math.Exp(b-top)
		p := math.Exp(a-top) / total
		return -top - math.Log(total), p*(y+6) + (1-p)*(y-6)
	})
	right := func(y []float64) float64 {
		if y[0] > 0 {
			return 1
		}
		return 0
	}
	rng := seeded(5)
	temper, err := NewTempering[float64](&HMC[float64]{StepSize: 0.7, Leapfrogs: 5, Jitter: 0.2}, 8, 0.02)
	if err != nil {
		t.Fatal(err)
	}
	s, err := temper.NewState(wells, make([]float64, 64))
	if err != nil {
		t.Fatal(err)
	}
	Draw[float64](context.Background(), rng, wells, s, temper, 1, 200, 64)
	d := Draw[float64](context.Background(), rng, wells, s, temper, 1500, 1, 64)
	got, _, se := moments(d, right)
	if math.Abs(got-0.7) > 5*se || se > 0.03 {
		t.Errorf("share of the right well: %.3f ± %.3f; it should be 0.7", got, se)
	}
	check := make([]float64, s.N())
	temper.over(wells, 64).Energies(check, nil, s.Y)
	for i := range check {
		if math.Abs(check[i]-s.Energy[i]) > 1e-9*(1+math.Abs(check[i])) {
			t.Fatalf("after trades, the energy of row %d is %v; it should be %v", i, s.Energy[i], check[i])
		}
	}
}

// TestSameBits: results depend on the seed alone.
func TestSameBits(t *testing.T) {
	target := unit[float32](5)
	run := func(threads int) []float32 {
		simd.SetThreads(threads)
		defer simd.SetThreads(0)
		rng := seeded(6)
		s := mustState[float32](t, target, start[float32](rng, 5*3000))
		for _, sampler := range []Sampler[float32]{
			NewLangevin[float32](0.1), &MALA[float32]{StepSize: 0.2}, &HMC[float32]{StepSize: 0.2, Leapfrogs: 3},
		} {
			for range 3 {
				sampler.Step(rng, target, s)
			}
		}
		return s.Y
	}
	want := run(1)
	for _, threads := range []int{2, 5} {
		for i, v := range run(threads) {
			if v != want[i] {
				t.Fatalf("with %d workers, number %d is %v; with one %v", threads, i, v, want[i])
			}
		}
	}
}

// TestNonFinite: a cliff of NaN and infinite energies is never entered.
func TestNonFinite(t *testing.T) {
	cliff := line(func(y float64) (float64, float64) {
		switch {
		case y > 2:
			return math.NaN(), math.NaN()
		case y < -2:
			return math.Inf(1), math.Inf(1)
		}
		return y * y / 2, y
	})
	for name, sampler := range map[string]Sampler[float64]{
		"MALA": &MALA[float64]{StepSize: 0.8}, "HMC": &HMC[float64]{StepSize: 1.2, Leapfrogs: 2},
	} {
		rng := seeded(7)
		s := mustState[float64](t, cliff, make([]float64, 200))
		d := Draw[float64](context.Background(), rng, cliff, s, sampler, 200, 1, 0)
		if d.Diverged == 0 {
			t.Errorf("%s: nothing diverged", name)
		}
		// The variance of a standard normal cut off at ±2.
		got, _, se := moments(d, func(y []float64) float64 { return y[0] * y[0] })
		if math.Abs(got-0.77374) > 5*se {
			t.Errorf("%s: variance %.4f ± %.4f; it should be 0.7737", name, got, se)
		}
	}
	if _, err := NewState[float64](cliff, []float64{0, 3}); err == nil {
		t.Error("a start of infinite energy is taken")
	}
}

// TestShortRun: clipped gradients and the box.
func TestShortRun(t *testing.T) {
	steep := line(func(y float64) (float64, float64) { return 1000 * y, 1000 })
	s := mustState[float64](t, steep, []float64{0.5})
	l := &Langevin[float64]{StepSize: 1, Clip: 0.03, Low: -0.04, High: 1}
	l.Step(seeded(8), steep, s)
	if math.Abs(s.Y[0]-0.47) > 1e-12 {
		t.Errorf("one step goes to %v; the clipped gradient leads to 0.47", s.Y[0])
	}
	for range 40 {
		l.Step(seeded(8), steep, s)
	}
	if s.Y[0] != -0.04 {
		t.Errorf("the end is %v; the box ends at -0.04", s.Y[0])
	}
}

// TestDiagnose holds the diagnostics against what is known of an AR(1) process.
func TestDiagnose(t *testing.T) {
	const phi, n = 0.8, 20000
	rng := seeded(9)
	chains := make([][]float64, 4)
	for i := range chains {
		x := rng.NormFloat64() / math.Sqrt(1-phi*phi)
		for range n {
			chains[i] = append(chains[i], x)
			x = phi*x + rng.NormFloat64()
		}
	}
	want := 4 * n * (1 - phi) / (1 + phi)
	if got := EffectiveSize(chains); math.Abs(got/want-1) > 0.1 {
		t.Errorf("effective size %.0f; it should be near %.0f", got, want)
	}
	if r := SplitRHat(chains); math.Abs(r-1) > 0.005 {
		t.Errorf("R̂ of one law is %v", r)
	}
	for i := range chains[0] {
		chains[0][i] += 3
	}
	if r := SplitRHat(chains); r < 1.1 {
		t.Errorf("R̂ of chains that disagree is %v", r)
	}
	if !math.IsNaN(SplitRHat([][]float64{{1, 2, 3}})) || !math.IsNaN(EffectiveSize(nil)) {
		t.Error("too few draws have diagnostics")
	}
}

// TestDiagnosticsOfNothing: chains that never moved, that hold what is no number, or whose
// spread has no square, are not praised but have no diagnostics.
func TestDiagnosticsOfNothing(t *testing.T) {
	const n = 1000
	nan, inf := math.NaN(), math.Inf(1)
	same := func(v float64) []float64 { return slices.Repeat([]float64{v}, n) }
	draws := func(scale float64) []float64 {
		x := make([]float64, n+1) // of an odd number, no half has the middle one
		rng := seeded(12)
		for i := range x {
			x[i] = scale * rng.NormFloat64()
		}
		return x
	}
	with := func(at int, v float64) []float64 {
		x := draws(1)
		x[at] = v
		return x
	}
	for name, chains := range map[string][][]float64{
		"equal":                   {same(1)},
		"equal but for rounding":  {same(0.1), same(0.1)},
		"equal, apart":            {same(0.1), same(0.3)},
		"one that never moves":    {draws(1), slices.Repeat([]float64{0}, n+1), draws(1)},
		"all NaN":                 {same(nan)},
		"one NaN":                 {with(500, nan)},
		"a NaN at the end":        {draws(1), with(n, nan)},
		"infinite":                {with(3, inf), draws(1)},
		"infinite, the other way": {with(3, -inf)},
		"too large":               {draws(1e200)},
		"too small":               {draws(1e-200)},
		"none":                    {},
		"three draws":             {{1, 2, 3}},
		"of two lengths":          {draws(1), draws(1)[1:]},
	} {
		if ess, r := EffectiveSize(chains), SplitRHat(chains); !math.IsNaN(ess) || !math.IsNaN(r) {
			t.Errorf("%s: effective size %v, R̂ %v; both must be NaN", name, ess, r)
		}
	}
	if ess, r := EffectiveSize([][]float64{draws(1e100)}), SplitRHat([][]float64{draws(1e-100)}); !(ess > 500 && r > 0.99 && r < 1.01) {
		t.Errorf("large draws have the effective size %v, small ones R̂ = %v", ess, r)
	}

	well := unit[float64](1)
	s := mustState[float64](t, well, []float64{0.5})
	d := Draw[float64](context.Background(), seeded(13), well, s, &HMC[float64]{StepSize: 1e6, Leapfrogs: 3}, n, 1, 0)
	if ess := EffectiveSize(d.Coordinate(0)); d.Accepted > 0 || !math.IsNaN(ess) {
		t.Errorf("a chain that accepts %v has the effective size %v", d.Accepted, ess)
	}
}

// TestNoGarbage: warm steps allocate nothing.
func TestNoGarbage(t *testing.T) {
	target := Target[float32](unit[float32](4))
	rng := seeded(10)
	s := mustState[float32](t, target, start[float32](rng, 4*100))
	for name, sampler := range map[string]Sampler[float32]{
		"Langevin": NewLangevin[float32](0.1), "MALA": &MALA[float32]{StepSize: 0.1}, "HMC": &HMC[float32]{StepSize: 0.1, Leapfrogs: 3},
	} {
		sampler.Step(rng, target, s)
		if n := testing.AllocsPerRun(20, func() { sampler.Step(rng, target, s) }); n > 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}
