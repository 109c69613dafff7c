package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
)

func TestFreeEnergiesAreThoseOfAllPaths(t *testing.T) {
	eachBatch(t, func(t *testing.T, _ *rand.Rand, c *Chains[float64]) {
		checkFree(t, c, 1e-12)
		checkFree(t, narrow(c), 1e-5)
	})
}

func checkFree[T tensor.Float](t *testing.T, c *Chains[T], eps float64) {
	t.Helper()
	var s Solver[T]
	f := make([]float64, len(c.Lengths))
	if err := s.FreeEnergies(f, c); err != nil {
		t.Fatal(err)
	}
	for i := range f {
		want := enumerate(c, i)
		if !near(f[i], want.free, eps) {
			t.Errorf("%T lengths %v states %v chain %d: free energy %v, want %v", c, c.Lengths, c.States, i, f[i], want.free)
		}
		if Impossible(f[i]) != (want.count == 0) {
			t.Errorf("chain %d: impossible is %v with %d paths", i, Impossible(f[i]), want.count)
		}
	}
}

func TestMarginalsAreTheSharesOfPaths(t *testing.T) {
	eachBatch(t, func(t *testing.T, rng *rand.Rand, c *Chains[float64]) {
		if huge(c) {
			return
		}
		up := make([]float64, len(c.Lengths))
		for i := range up {
			up[i] = rng.NormFloat64()
		}
		checkMarginals(t, c, up, 1e-11)
		up32 := make([]float32, len(up))
		for i, v := range up {
			up32[i] = float32(v)
		}
		checkMarginals(t, narrow(c), up32, 3e-5)
	})
}

func checkMarginals[T tensor.Float](t *testing.T, c *Chains[T], up []T, eps float64) {
	t.Helper()
	unary, pair := make([]float64, len(c.Unary)), make([]float64, len(c.Pair))
	var s Solver[T]
	if err := s.begin(c); err != nil {
		t.Fatal(err)
	}
	for i := range c.Lengths {
		free, vars := enumerate(c, i).free, s.chain(i)
		each(c, i, func(path []int, e float64) {
			if math.IsInf(e, 1) {
				return
			}
			p := float64(up[i]) * math.Exp(free-e)
			for t, v := range vars {
				unary[v.unary+path[t]] += p
				if t > 0 {
					pair[v.pair+path[t-1]*v.states+path[t]] += p
				}
			}
		})
	}
	gotU, gotP, f := make([]T, len(c.Unary)), make([]T, len(c.Pair)), make([]float64, len(c.Lengths))
	for i := range gotU {
		gotU[i] = T(math.NaN()) // all must be written
	}
	for i := range gotP {
		gotP[i] = T(math.NaN())
	}
	if err := s.Marginals(f, gotU, gotP, up, c); err != nil {
		t.Fatal(err)
	}
	for i, v := range gotU {
		if !near(float64(v), unary[i], eps) {
			t.Fatalf("%T lengths %v states %v: unary[%d] is %v, want %v", c, c.Lengths, c.States, i, v, unary[i])
		}
	}
	for i, v := range gotP {
		if !near(float64(v), pair[i], eps*float64(1+len(c.Lengths))) {
			t.Fatalf("%T lengths %v states %v: pair[%d] is %v, want %v", c, c.Lengths, c.States, i, v, pair[i])
		}
	}
}

func TestMarginalsAreDerivatives(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, k := range []kind{kinds[0], kinds[4], kinds[5]} {
		c := k.batch(rng, []int{7, 1, 4}, 4)
		var s Solver[float64]
		f, unary, pair := make([]float64, 3), make([]float64, len(c.Unary)), make([]float64, len(c.Pair))
		if err := s.Marginals(f, unary, pair, nil, c); err != nil {
			t.Fatal(err)
		}
		total := func() (sum float64) {
			if err := s.FreeEnergies(f, c); err != nil {
				t.Fatal(err)
			}
			for _, v := range f {
				if !Impossible(v) {
					sum += v
				}
			}
			return sum
		}
		for _, x := range []struct{ x, d []float64 }{{c.Unary, unary}, {c.Pair, pair}} {
			for i, v := range x.x {
				const h = 1e-5
				x.x[i] = v + h
				hi := total()
				x.x[i] = v - h
				lo := total()
				x.x[i] = v
				if want := (hi - lo) / (2 * h); !math.IsInf(v, 1) && !near(x.d[i], want, 1e-8) {
					t.Errorf("%s: derivative %d is %v, by differences %v", k.name, i, x.d[i], want)
				}
			}
		}
	}
}

func TestMinimaAreThoseOfAllPaths(t *testing.T) {
	eachBatch(t, func(t *testing.T, rng *rand.Rand, c *Chains[float64]) {
		checkMinima(t, c, nil, 1e-12)
		checkMinima(t, narrow(c), nil, 1e-5)
		cost := make([]float64, len(c.Unary))
		for i := range cost {
			cost[i] = 2 * rng.Float64()
		}
		checkMinima(t, c, cost, 1e-12)
	})
}

func checkMinima[T tensor.Float](t *testing.T, c *Chains[T], cost []T, eps float64) {
	t.Helper()
	var s Solver[T]
	e, paths := make([]float64, len(c.Lengths)), make([]int, 0)
	for range sum(c.Lengths) {
		paths = append(paths, -2)
	}
	if err := s.Minima(e, paths, cost, c); err != nil {
		t.Fatal(err)
	}
	augmented := *c
	if cost != nil {
		augmented.Unary = slices.Clone(c.Unary)
		for i := range cost {
			augmented.Unary[i] -= cost[i]
		}
	}
	for i := range e {
		want := enumerate(&augmented, i)
		if !near(e[i], want.least, eps) {
			t.Fatalf("%T lengths %v states %v chain %d: minimum %v, want %v", c, c.Lengths, c.States, i, e[i], want.least)
		}
		if err := s.begin(&augmented); err != nil {
			t.Fatal(err)
		}
		path := paths[s.chains[i]:s.chains[i+1]]
		if Impossible(e[i]) {
			if slices.ContainsFunc(path, func(y int) bool { return y != -1 }) {
				t.Fatalf("chain %d: no path is possible, but it is %v", i, path)
			}
			continue
		}
		if got := s.energy(s.chain(i), path); !near(got, e[i], eps) {
			t.Fatalf("chain %d: path %v has energy %v, not %v", i, path, got, e[i])
		}
	}
}

func TestEqualMinimaTakeTheFirst(t *testing.T) {
	for _, k := range []int{2, 5, 40} {
		c := &Chains[float32]{Lengths: []int{4}, States: []int{k}, Unary: make([]float32, 4*k), Pair: make([]float32, k*k)}
		var s Solver[float32]
		paths := []int{9, 9, 9, 9}
		if err := s.Minima(make([]float64, 1), paths, nil, c); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(paths, make([]int, 4)) {
			t.Errorf("%d states: %v", k, paths)
		}
	}
}

func TestKBestAndCountAreThoseOfAllPaths(t *testing.T) {
	eachBatch(t, func(t *testing.T, _ *rand.Rand, c *Chains[float64]) {
		var s Solver[float64]
		counts, err := s.Counts(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []int{1, 2, 7, 5000} {
			best, err := s.KBest(k, c)
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.Lengths {
				want := enumerate(c, i)
				if counts[i].Int64() != int64(want.count) {
					t.Fatalf("%v paths, want %d", counts[i], want.count)
				}
				checkBest(t, c, i, best[i], want.energies[:min(k, want.count)])
			}
		}
	})
}

func checkBest(t *testing.T, c *Chains[float64], chain int, best []Path, want []float64) {
	t.Helper()
	if len(best) != len(want) {
		t.Fatalf("%d paths, want %d", len(best), len(want))
	}
	var s Solver[float64]
	if err := s.begin(c); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, p := range best {
		if !near(p.Energy, want[i], 1e-12) {
			t.Fatalf("best %d has energy %v, want %v", i, p.Energy, want[i])
		}
		if got := s.energy(s.chain(chain), p.Steps); !near(got, p.Energy, 1e-12) {
			t.Fatalf("best %d, %v, has energy %v, not %v", i, p.Steps, got, p.Energy)
		}
		key := fmt.Sprint(p.Steps)
		if seen[key] {
			t.Fatalf("%v comes twice", p.Steps)
		}
		seen[key] = true
	}
}

func TestSamplesFollowTheShares(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	c := kinds[3].batch(rng, []int{3, 0, 2}, 3)
	c.Unary[1], c.Pair[5] = math.Inf(1), math.Inf(1)
	const n = 40000
	counts := map[string]float64{}
	paths := make([]int, 5)
	var s Solver[float64]
	for range n {
		if err := s.Sample(paths, rng, c); err != nil {
			t.Fatal(err)
		}
		counts[fmt.Sprint(paths[:3])]++
		counts[fmt.Sprint(paths[3:])]++
	}
	for _, i := range []int{0, 2} {
		b := enumerate(c, i)
		if b.count < 2 {
			t.Fatalf("only %d paths to draw from", b.count)
		}
		each(c, i, func(path []int, e float64) {
			p := math.Exp(b.free - e)
			if got := counts[fmt.Sprint(path)] / n; math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/n) {
				t.Errorf("%v is drawn with %v, want %v", path, got, p)
			}
		})
	}
}

func TestExpectedCostIsTheMean(t *testing.T) {
	eachBatch(t, func(t *testing.T, rng *rand.Rand, c *Chains[float64]) {
		if huge(c) {
			return
		}
		cost := make([]float64, len(c.Unary))
		for i := range cost {
			cost[i] = rng.NormFloat64()
		}
		var s Solver[float64]
		got := make([]float64, len(c.Lengths))
		if err := s.ExpectedCost(got, cost, c); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			b, want := enumerate(c, i), 0.0
			each(c, i, func(path []int, e float64) {
				for t, v := range s.chain(i) {
					if !math.IsInf(e, 1) {
						want += math.Exp(b.free-e) * cost[v.unary+path[t]]
					}
				}
			})
			if b.count == 0 {
				want = math.NaN()
			}
			if !near(got[i], want, 1e-10) && !(math.IsNaN(got[i]) && math.IsNaN(want)) {
				t.Fatalf("chain %d: %v, want %v", i, got[i], want)
			}
		}
	})
}
