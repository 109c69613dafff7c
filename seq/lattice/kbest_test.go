package lattice

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// Ways are the same to the last bit, and in the same order, as by insertion with exact
// energies, ties and all.
func TestKBestIsThatOfInsertion(t *testing.T) {
	same := func(k int, got, want []Path) {
		t.Helper()
		if !slices.EqualFunc(got, want, func(a, b Path) bool { return a.Energy == b.Energy && slices.Equal(a.Steps, b.Steps) }) {
			t.Fatalf("the best %d are %v, want %v", k, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(17, 18))
	var s GraphSolver[float64]
	var chains Solver[float64]
	for n := range 300 {
		ties := func(x []float64) { // or else sums of two that are exact, as graphOf makes them
			unit := math.Ldexp(1, -40*(n%2))
			for i := range x {
				x[i] = unit * math.Round(x[i]/unit)
			}
		}
		g := randomGraph(rng, 1+n%23, 1+n%4, 1, 0.1)
		ties(g.Energy)
		c := kinds[[]int{1, 5}[n/2%2]].batch(rng, []int{n % 7, 3, 0, n % 4}, 4)
		ties(c.Unary)
		ties(c.Pair)
		for _, k := range []int{1, 2, 9, 200} {
			got, err := s.KBest(k, g)
			if err != nil {
				t.Fatal(err)
			}
			same(k, got, kBestByInsertion(k, g))
			all, err := chains.KBest(k, c)
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range all {
				g, states := graphOf(c, i)
				want := kBestByInsertion(k, g)
				for j, p := range want { // from arcs to states
					for t, a := range p.Steps {
						p.Steps[t] = states[g.To[a]]
					}
					want[j].Steps = p.Steps[:c.Lengths[i]]
				}
				same(k, got, want)
			}
		}
	}
}

// A second way is computed only where it is needed.
func TestKBestIsLazy(t *testing.T) {
	const k, length = 1000, 50
	c := kinds[4].batch(rand.New(rand.NewPCG(1, 5)), []int{length}, 10)
	var s Solver[float64]
	best, err := s.KBest(k, c)
	if err != nil || len(best[0]) != k {
		t.Fatal(len(best[0]), err)
	}
	ways, nodes := 0, 0
	for _, w := range s.workers {
		for _, n := range w.search.nodes {
			ways, nodes = ways+len(n.ways), nodes+1
		}
	}
	if most := nodes + k*length/2; nodes != 10*length+2 || ways > most {
		t.Errorf("%d ways to %d nodes; want %d at most", ways, nodes, most)
	}
}

// The chains of a batch are laid out once for all, not once for each.
func TestPathsOfABatchTakeLinearMemory(t *testing.T) {
	allocated := func(n int) uint64 {
		c := &Chains[float64]{Lengths: slices.Repeat([]int{5}, n), States: []int{2}, Unary: make([]float64, 10*n), Pair: make([]float64, 4)}
		var s Solver[float64]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := s.KBest(2, c); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Counts(c); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if few, many := allocated(100), allocated(1000); many > 15*few {
		t.Errorf("%d bytes for 100 chains, %d for 1000", few, many)
	}
}

func BenchmarkKBest(b *testing.B) {
	for _, bench := range []struct {
		name                 string
		k, n, length, states int
	}{
		{"one", 1000, 1, 200, 10},
		{"batch", 2, 2000, 10, 5},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := kinds[4].batch(rand.New(rand.NewPCG(1, 5)), slices.Repeat([]int{bench.length}, bench.n), bench.states)
			var s Solver[float64]
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.KBest(bench.k, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
