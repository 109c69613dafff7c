package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// large is a batch of chains as a tagger has them.
func large[T tensor.Float](states int, shared bool, n int) *Chains[T] {
	rng := rand.New(rand.NewPCG(1, uint64(states)))
	c := &Chains[T]{States: []int{states}}
	steps, pairs := 0, 0
	for i := range n {
		c.Lengths = append(c.Lengths, 1+(i*7)%40)
		steps += c.Lengths[i]
		pairs += c.Lengths[i] - 1
	}
	if shared {
		pairs = 1
	}
	for range steps * states {
		c.Unary = append(c.Unary, T(4*rng.NormFloat64()))
	}
	for range pairs * states * states {
		c.Pair = append(c.Pair, T(rng.NormFloat64()))
	}
	return c
}

// logsAlone solves as where probabilities are never sure.
func logsAlone[T tensor.Float](c *Chains[T]) (f []float64, unary, pair []T) {
	var s Solver[T]
	f, unary, pair = make([]float64, len(c.Lengths)), make([]T, len(c.Unary)), make([]T, len(c.Pair))
	if err := s.begin(c); err != nil {
		panic(err)
	}
	s.unary, s.pair, s.derive = unary, pair, true
	s.clearGroups()
	for i := range f {
		f[i] = s.freeLogs(s.workers[0], i, 0, 1)
	}
	for i, v := range s.groups[0].direct {
		pair[i] = T(v)
	}
	return f, unary, pair
}

func TestProbabilitiesAgreeWithLogarithms(t *testing.T) {
	for _, shared := range []bool{false, true} {
		checkAgree(t, large[float64](45, shared, 9), 1e-12, 1e-12)
		checkAgree(t, large[float32](45, shared, 9), 1e-6, 2e-5)
		checkAgree(t, large[float32](3, shared, 40), 1e-6, 2e-5)

		// Energies far apart, of states or of pairs: probabilities underflow.
		for _, by := range []struct{ unary, pair float32 }{{40, 1}, {1, 3}, {20, 20}} {
			c := large[float32](11, shared, 20)
			for i := range c.Unary {
				c.Unary[i] *= by.unary
			}
			for i := range c.Pair {
				c.Pair[i] *= by.pair
			}
			checkAgree(t, c, 1e-6, 1e-3)
		}
	}
}

func checkAgree[T tensor.Float](t *testing.T, c *Chains[T], epsF, eps float64) {
	t.Helper()
	f, unary, pair := logsAlone(c)
	gotF, gotU, gotP := make([]float64, len(f)), make([]T, len(unary)), make([]T, len(pair))
	var s Solver[T]
	if err := s.Marginals(gotF, gotU, gotP, nil, c); err != nil {
		t.Fatal(err)
	}
	for i := range f {
		if !near(f[i], gotF[i], epsF) {
			t.Errorf("%T chain %d: free energy %v, in logarithms %v", c, i, gotF[i], f[i])
		}
	}
	for _, x := range []struct{ a, b []T }{{unary, gotU}, {pair, gotP}} {
		for i, v := range x.a {
			if !near(float64(v), float64(x.b[i]), eps) {
				t.Fatalf("%T element %d: %v, in logarithms %v", c, i, x.b[i], v)
			}
		}
	}
}

// A path that is the only one, though each step of it is far worse than what leads
// nowhere: its small numbers must not be lost.
func TestWhatLeadsNowhereDoesNotCount(t *testing.T) {
	inf := float32(math.Inf(1))
	c := &Chains[float32]{
		Lengths: []int{6}, States: []int{2},
		Unary: []float32{0, 50, 0, 50, 0, 50, 0, 50, 0, 50, inf, 50},
		Pair:  []float32{0, inf, inf, 0},
	}
	checkFree(t, c, 1e-6)
	checkMarginals(t, c, []float32{1}, 1e-6)
	for i, j := 0, 11; i < j; i, j = i+1, j-1 { // and backwards
		c.Unary[i], c.Unary[j] = c.Unary[j], c.Unary[i]
	}
	checkFree(t, c, 1e-6)
	checkMarginals(t, c, []float32{1}, 1e-6)
}

func TestResultsDoNotDependOnThreads(t *testing.T) {
	defer simd.SetThreads(0)
	var firstPaths string
	for _, n := range []int{1, 2, 5} {
		simd.SetThreads(n)
		c := large[float32](7, true, 30)
		var s Solver[float32]
		draw := make([]int, sum(c.Lengths))
		if err := s.Sample(draw, rand.New(rand.NewPCG(1, 2)), c); err != nil {
			t.Fatal(err)
		}
		best, err := s.KBest(3, c)
		if err != nil {
			t.Fatal(err)
		}
		counts, err := s.Counts(c)
		if err != nil {
			t.Fatal(err)
		}
		paths := fmt.Sprint(draw, best, counts)
		if firstPaths == "" {
			firstPaths = paths
		}
		if firstPaths != paths {
			t.Errorf("%d threads give other paths", n)
		}
	}
	for _, shared := range []bool{false, true} {
		c := large[float32](20, shared, 50)
		var first []float32
		for _, n := range []int{1, 2, 5} {
			simd.SetThreads(n)
			var s Solver[float32]
			f, all := make([]float64, len(c.Lengths)), make([]float32, len(c.Unary)+len(c.Pair))
			if err := s.Marginals(f, all[:len(c.Unary)], all[len(c.Unary):], nil, c); err != nil {
				t.Fatal(err)
			}
			for _, v := range f {
				all = append(all, float32(v))
			}
			if first == nil {
				first = all
			}
			if !slices.Equal(first, all) {
				t.Errorf("%d threads give other bits", n)
			}
		}
	}
}

func TestChainsOfABatchAreOnTheirOwn(t *testing.T) {
	c := large[float32](7, true, 30)
	f := make([]float64, len(c.Lengths))
	var s Solver[float32]
	if err := s.FreeEnergies(f, c); err != nil {
		t.Fatal(err)
	}
	at := 0
	for i, n := range c.Lengths {
		one := &Chains[float32]{Lengths: []int{n}, States: c.States, Unary: c.Unary[at : at+7*n], Pair: c.Pair}
		at += 7 * n
		got := make([]float64, 1)
		if err := s.FreeEnergies(got, one); err != nil || got[0] != f[i] {
			t.Errorf("chain %d alone has %v, in the batch %v (%v)", i, got[0], f[i], err)
		}
	}
}

func TestWarmSolversDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c := large[float32](20, true, 20)
	var s Solver[float32]
	f, unary, pair := make([]float64, len(c.Lengths)), make([]float32, len(c.Unary)), make([]float32, len(c.Pair))
	paths := make([]int, len(c.Unary)/20)
	rng := rand.New(rand.NewPCG(1, 1))
	if n := testing.AllocsPerRun(5, func() {
		_ = s.Marginals(f, unary, pair, nil, c)
		_ = s.Minima(f, paths, unary, c)
		_ = s.Sample(paths, rng, c)
		_ = s.AddPaths(unary, pair, paths, nil, c)
	}); n != 0 {
		t.Errorf("chains: %v allocations", n)
	}
	g := randomGraphOf32(rng)
	arcs, path := make([]float32, len(g.Energy)), make([]int, 0, g.Nodes)
	var gs GraphSolver[float32]
	if n := testing.AllocsPerRun(5, func() {
		_, _ = gs.FreeEnergy(arcs, g)
		_, path, _ = gs.Minimum(path[:0], g)
	}); n != 0 {
		t.Errorf("graphs: %v allocations", n)
	}
}

func randomGraphOf32(rng *rand.Rand) *Graph[float32] {
	g := randomGraph(rng, 20, 3, 1, 0)
	out := &Graph[float32]{Nodes: g.Nodes, From: g.From, To: g.To}
	for _, e := range g.Energy {
		out.Energy = append(out.Energy, float32(e))
	}
	return out
}

func TestPathsAndTheirDerivatives(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, k := range []kind{kinds[0], kinds[4]} {
		c := k.batch(rng, []int{3, 1, 2}, 3)
		paths := []int{0, 0, 0, 0, 0, 0}
		var s Solver[float64]
		e, again := make([]float64, 3), make([]float64, 3)
		if err := s.Energies(e, paths, c); err != nil {
			t.Fatal(err)
		}
		unary, pair := make([]float64, len(c.Unary)), make([]float64, len(c.Pair))
		up := []float64{1, 2, 3}
		if err := s.AddPaths(unary, pair, paths, up, c); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct{ x, d []float64 }{{c.Unary, unary}, {c.Pair, pair}} {
			for i := range x.x {
				x.x[i]++ // energies are linear
				if err := s.Energies(again, paths, c); err != nil {
					t.Fatal(err)
				}
				x.x[i]--
				var want float64
				for j := range e {
					want += up[j] * (again[j] - e[j])
				}
				if !near(x.d[i], want, 1e-12) {
					t.Errorf("%s: derivative %d is %v, want %v", k.name, i, x.d[i], want)
				}
			}
		}
	}
}

func BenchmarkMarginals(b *testing.B) {
	for _, bench := range []struct {
		name   string
		states int
		shared bool
	}{{"shared45", 45, true}, {"shared190", 190, true}, {"own5", 5, false}} {
		b.Run(bench.name, func(b *testing.B) {
			c := large[float32](bench.states, bench.shared, 50)
			var s Solver[float32]
			f, unary, pair := make([]float64, len(c.Lengths)), make([]float32, len(c.Unary)), make([]float32, len(c.Pair))
			for b.Loop() {
				if err := s.Marginals(f, unary, pair, nil, c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sum(c.Lengths)), "ns/step")
		})
	}
}

// BenchmarkMarginalsInLogarithms is of energies too far apart for probabilities.
func BenchmarkMarginalsInLogarithms(b *testing.B) {
	c := large[float64](20, false, 10)
	for i := range c.Pair {
		c.Pair[i] *= 1000
	}
	var s Solver[float64]
	f, unary, pair := make([]float64, len(c.Lengths)), make([]float64, len(c.Unary)), make([]float64, len(c.Pair))
	for b.Loop() {
		if err := s.Marginals(f, unary, pair, nil, c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sum(c.Lengths)), "ns/step")
}

func BenchmarkGraph(b *testing.B) {
	g := randomGraph(rand.New(rand.NewPCG(1, 2)), 2000, 5, 1, 0)
	arcs := make([]float64, len(g.Energy))
	var s GraphSolver[float64]
	for b.Loop() {
		if _, err := s.FreeEnergy(arcs, g); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(arcs)), "ns/arc")
}

func BenchmarkMinima(b *testing.B) {
	c := large[float32](190, true, 50)
	var s Solver[float32]
	f := make([]float64, len(c.Lengths))
	for b.Loop() {
		if err := s.Minima(f, nil, nil, c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*sum(c.Lengths)), "ns/step")
}
