package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// randomGraph has arcs in topological order, though its nodes' numbers are not.
func randomGraph(rng *rand.Rand, nodes, arcs int, scale, forbid float64) *Graph[float64] {
	order := rng.Perm(nodes)
	place := make([]int, nodes)
	for i, n := range order {
		place[n] = i
	}
	swap := func(node, at int) {
		other := order[at]
		order[at], order[place[node]] = node, other
		place[other], place[node] = place[node], at
	}
	swap(0, 0)
	swap(nodes-1, nodes-1)
	g := &Graph[float64]{Nodes: nodes}
	for at := range max(nodes-1, 0) {
		for range arcs {
			e := scale * rng.NormFloat64()
			if rng.Float64() < forbid {
				e = math.Inf(1)
			}
			g.From = append(g.From, order[at])
			g.To = append(g.To, order[at+1+rng.IntN(nodes-1-at)])
			g.Energy = append(g.Energy, e)
		}
	}
	return g
}

// eachPath calls visit with the arcs of every path of a graph, and its energy.
func eachPath(g *Graph[float64], visit func(arcs []int, energy float64)) {
	var walk func(node int, arcs []int, e float64)
	walk = func(node int, arcs []int, e float64) {
		if node == g.Nodes-1 {
			visit(arcs, e)
			return
		}
		for a, from := range g.From {
			if from == node {
				walk(g.To[a], append(arcs, a), e+g.Energy[a])
			}
		}
	}
	walk(0, nil, 0)
}

func TestGraphsAgreeWithAllPaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var s GraphSolver[float64]
	possible := 0
	for n := range 400 {
		g := randomGraph(rng, 1+n%9, 1+n%3, []float64{1, 500}[n%2], []float64{0, 0.3}[n/2%2])
		var sum, cost logSum
		want, shares, costs := brute{least: math.Inf(1)}, make([]float64, len(g.Energy)), make([]float64, len(g.Energy))
		for i := range costs {
			costs[i] = rng.Float64()
		}
		eachPath(g, func(arcs []int, e float64) {
			if math.IsInf(e, 1) {
				return
			}
			want.count++
			want.least = min(want.least, e)
			sum.add(double{hi: -e})
			c := 0.0
			for _, a := range arcs {
				c += costs[a]
			}
			if c > 0 {
				cost.add(double{hi: math.Log(c) - e})
			}
		})
		eachPath(g, func(arcs []int, e float64) {
			for _, a := range arcs {
				shares[a] += math.Exp(-e - sum.log().float())
			}
		})
		got := make([]float64, len(g.Energy))
		free, err := s.FreeEnergy(got, g)
		if err != nil || !near(free, -sum.log().float(), 1e-12) {
			t.Fatalf("%+v: free energy %v, want %v (%v)", g, free, -sum.log().float(), err)
		}
		least, path, err := s.Minimum(nil, g)
		if err != nil || !near(least, want.least, 1e-12) {
			t.Fatalf("%+v: minimum %v, want %v (%v)", g, least, want.least, err)
		}
		checkPath(t, g, path, least)
		for a := range shares {
			if want.count > 0 && !near(got[a], shares[a], 1e-10) || want.count == 0 && got[a] != 0 {
				t.Fatalf("%+v: share %d is %v, want %v", g, a, got[a], shares[a])
			}
		}
		count, err := s.Count(g)
		if err != nil || count.Int64() != int64(want.count) {
			t.Fatalf("%+v: %v paths, want %d (%v)", g, count, want.count, err)
		}
		mean, err := s.ExpectedCost(costs, g)
		if wantMean := math.Exp(cost.log().less(sum.log())); err != nil || want.count > 0 && !near(mean, wantMean, 1e-9) || want.count == 0 && !math.IsNaN(mean) {
			t.Fatalf("%+v: expected cost %v, want %v (%v)", g, mean, wantMean, err)
		}
		if want.count > 0 {
			possible++
		}
	}
	if possible < 200 || possible == 400 {
		t.Errorf("%d of 400 graphs have a path", possible)
	}
}

func checkPath(t *testing.T, g *Graph[float64], arcs []int, energy float64) {
	t.Helper()
	if math.IsInf(energy, 1) {
		if len(arcs) > 0 {
			t.Fatalf("%+v: no path is possible, but it is %v", g, arcs)
		}
		return
	}
	node, e := 0, 0.0
	for _, a := range arcs {
		if g.From[a] != node {
			t.Fatalf("%+v: %v is not a path", g, arcs)
		}
		node = g.To[a]
		e += g.Energy[a]
	}
	if node != g.Nodes-1 || !near(e, energy, 1e-12) {
		t.Fatalf("%+v: path %v ends at node %d with energy %v, not %v", g, arcs, node, e, energy)
	}
}

func TestGraphKBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	var s GraphSolver[float64]
	for n := range 100 {
		g := randomGraph(rng, 2+n%7, 1+n%3, 1, 0.1)
		for a := range g.Energy {
			g.Energy[a] = math.Round(2 * g.Energy[a]) // ties
		}
		var energies []float64
		eachPath(g, func(_ []int, e float64) {
			if !math.IsInf(e, 1) {
				energies = append(energies, e)
			}
		})
		for _, k := range []int{1, 3, 10000} {
			best, err := s.KBest(k, g)
			if err != nil || len(best) != min(k, len(energies)) {
				t.Fatalf("%d paths of %d (%v)", len(best), len(energies), err)
			}
			seen := map[string]bool{}
			for i, p := range best {
				checkPath(t, g, p.Steps, p.Energy)
				if i > 0 && p.Energy < best[i-1].Energy {
					t.Fatal("not in order")
				}
				better := 0
				for _, e := range energies {
					if e < p.Energy {
						better++
					}
				}
				if better > i {
					t.Fatalf("path %d has energy %v, but %d are better", i, p.Energy, better)
				}
				key := fmt.Sprint(p.Steps)
				if seen[key] {
					t.Fatalf("path %v comes twice", p.Steps)
				}
				seen[key] = true
			}
		}
	}
}

func TestGraphSamples(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	g := randomGraph(rng, 6, 3, 1, 0.1)
	var s GraphSolver[float64]
	free, err := s.FreeEnergy(nil, g)
	if err != nil || Impossible(free) {
		t.Fatal(free, err)
	}
	const n = 40000
	all, err := s.Sample(n, rng, g)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]float64{}
	for _, p := range all {
		counts[fmt.Sprint(p)]++
	}
	paths := 0
	eachPath(g, func(arcs []int, e float64) {
		paths++
		p := math.Exp(free - e)
		if got := counts[fmt.Sprint(arcs)] / n; math.Abs(got-p) > 5*math.Sqrt(p*(1-p)/n) {
			t.Errorf("%v is drawn with %v, want %v", arcs, got, p)
		}
	})
	if paths < 5 {
		t.Errorf("only %d paths", paths)
	}
}

// The factor graph of the tutorial: E = Ea(X, Z₁) + Eb(X, Z₁, Z₂) + Ec(Z₂, Y₁) + Ed(Y₁, Y₂).
// Of its 24 configurations each costs four factors by brute force; a trellis needs each
// of the factors' 2 + 4 + 4 + 6 values once. Source: [lecun2006], section 7.2.
func TestFactorGraphOfTheTutorial(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	sizes := []int{2, 2, 2, 3} // Z₁, Z₂, Y₁, Y₂
	tables := make([][]float64, 4)
	for f := range tables {
		tables[f] = make([]float64, 6)
		for i := range tables[f] {
			tables[f][i] = rng.NormFloat64()
		}
	}
	evaluations := 0
	factor := func(f, left, right int) float64 { // Ea has no left neighbour
		evaluations++
		return tables[f][left*sizes[f]+right]
	}

	least, best, configurations := math.Inf(1), [4]int{}, 0
	for z1 := range 2 {
		for z2 := range 2 {
			for y1 := range 2 {
				for y2 := range 3 {
					configurations++
					if e := factor(0, 0, z1) + factor(1, z1, z2) + factor(2, z2, y1) + factor(3, y1, y2); e < least {
						least, best = e, [4]int{z1, z2, y1, y2}
					}
				}
			}
		}
	}
	if configurations != 24 || evaluations != 96 {
		t.Errorf("brute force: %d configurations, %d evaluations; want 24 and 96", configurations, evaluations)
	}

	evaluations = 0
	c := &Chains[float64]{Lengths: []int{4}, States: sizes, Unary: make([]float64, 9)}
	for z1 := range 2 {
		c.Unary[z1] = factor(0, 0, z1)
	}
	for f := 1; f < 4; f++ {
		for left := range sizes[f-1] {
			for right := range sizes[f] {
				c.Pair = append(c.Pair, factor(f, left, right))
			}
		}
	}
	if evaluations != 16 {
		t.Errorf("trellis: %d evaluations, want 16", evaluations)
	}
	var s Solver[float64]
	got, path := make([]float64, 1), make([]int, 4)
	if err := s.Minima(got, path, nil, c); err != nil {
		t.Fatal(err)
	}
	if !near(got[0], least, 1e-15) || [4]int(path) != best {
		t.Errorf("trellis: %v at %v; brute force: %v at %v", got[0], path, least, best)
	}
}
