package lattice

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
)

// exact sums energies without rounding: enough bits for the greatest that are allowed beside
// the least.
func exact() *big.Float { return new(big.Float).SetPrec(2400) }

func leastOf(energies []*big.Float) *big.Float {
	return slices.MinFunc(energies, (*big.Float).Cmp)
}

// shares returns exp(F − E) of paths whose energies are exact, and F.
func shares(energies []*big.Float) (p []float64, free float64) {
	if len(energies) == 0 {
		return nil, math.Inf(1)
	}
	least := leastOf(energies)
	sum := 0.0
	for _, e := range energies {
		above, _ := exact().Sub(e, least).Float64()
		p = append(p, math.Exp(-above))
		sum += p[len(p)-1]
	}
	for i := range p {
		p[i] /= sum
	}
	free, _ = exact().Sub(least, exact().SetFloat64(math.Log(sum))).Float64()
	return p, free
}

// scenery is a family of energies of columns: those of a variable's states, of the pairs of two
// variables, or of the arcs between two layers of a graph.
type scenery struct {
	name   string
	column func(rng *rand.Rand, x []float64, most float64)
}

// sceneries are large in every way that hides small differences.
var sceneries = []scenery{
	{"mild", func(rng *rand.Rand, x []float64, _ float64) { normals(rng, x, 3) }},
	{"in common", func(rng *rand.Rand, x []float64, most float64) {
		normals(rng, x, 3)
		if rng.IntN(2) == 0 { // all alike, as a column that is masked
			fill(x, anySize(rng, most))
		}
	}},
	{"some masked", func(rng *rand.Rand, x []float64, most float64) {
		normals(rng, x, 3)
		for i := range x {
			if rng.IntN(3) == 0 {
				x[i] = math.Abs(anySize(rng, most))
			}
		}
	}},
	{"wild", func(rng *rand.Rand, x []float64, most float64) {
		normals(rng, x, math.Abs(anySize(rng, most))/10)
	}},
	{"all scales", func(rng *rand.Rand, x []float64, most float64) {
		for i := range x {
			x[i] = anySize(rng, most)
		}
	}},
	{"ties", func(rng *rand.Rand, x []float64, most float64) {
		unit := math.Ldexp(1, int(math.Log2(most))-8)
		for i := range x {
			x[i] = unit * float64(rng.IntN(3)-1)
		}
	}},
	{"ties of a size and mild", func(rng *rand.Rand, x []float64, most float64) {
		normals(rng, x, 1)
		for i := range x {
			if rng.IntN(3) > 0 {
				x[i] = math.Copysign(most, x[i]) // that cancel along a path
			}
		}
	}},
}

func normals(rng *rand.Rand, x []float64, scale float64) {
	for i := range x {
		x[i] = scale * rng.NormFloat64()
	}
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

// anySize is a number of any size up to most, of either sign.
func anySize(rng *rand.Rand, most float64) float64 {
	x := math.Pow(10, rng.Float64()*math.Log10(most))
	return math.Copysign(x, rng.Float64()-0.5)
}

// eachScenery runs f over every family and up to every size of energies that T allows.
func eachScenery[T tensor.Float](t *testing.T, f func(t *testing.T, rng *rand.Rand, most float64, draw func(n int) []T)) {
	bound := limitsOf[T]().energy
	for _, s := range sceneries {
		for _, most := range []float64{1e3, 1e9, 1e14, 1e17, 1e20, 1e28, 1e100, 1e298} {
			if most > bound {
				continue
			}
			t.Run(fmt.Sprintf("%T/%s/%v", T(0), s.name, most), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(40, 41))
				for range 60 {
					f(t, rng, most, func(n int) []T {
						x, out := make([]float64, n), make([]T, n)
						s.column(rng, x, most)
						for i, v := range x {
							out[i] = T(v)
							if rng.IntN(20) == 0 {
								out[i] = T(math.Inf(1))
							}
						}
						return out
					})
				}
			})
		}
	}
}

// tolerances are how far shares may be from those of exact energies, and their sums from 1.
func tolerances[T tensor.Float]() (share, sum float64) {
	if narrowType[T]() {
		return 1e-5, 1e-5
	}
	return 1e-11, 1e-12
}

// TestSharesAtExtremeEnergies: whatever energies are allowed, the shares of each variable's
// states and of its pairs sum to 1, and they are those of the paths' exact energies. Draws
// follow them, and the best paths are those of the least exact energies.
func TestSharesAtExtremeEnergies(t *testing.T) {
	sharesOfChains[float64](t)
	sharesOfChains[float32](t)
}

func sharesOfChains[T tensor.Float](t *testing.T) {
	var s Solver[T]
	eachScenery(t, func(t *testing.T, rng *rand.Rand, most float64, draw func(n int) []T) {
		k, length, shared := 1+rng.IntN(4), 1+rng.IntN(5), rng.IntN(3) == 0
		c := &Chains[T]{Lengths: []int{length}, States: []int{k}}
		for v := range length {
			c.Unary = append(c.Unary, draw(k)...)
			if v > 0 && !shared || v == 0 && shared {
				c.Pair = append(c.Pair, draw(k*k)...)
			}
		}
		unary, pair, free := make([]T, len(c.Unary)), make([]T, len(c.Pair)), make([]float64, 1)
		if err := s.Marginals(free, unary, pair, nil, c); err != nil {
			t.Fatal(err)
		}
		energies, paths := exactPaths(c)
		wantU, wantP, want := exactShares(c, energies, paths)
		eps, epsSum := tolerances[T]()
		if !near(free[0], want, eps) {
			t.Fatalf("%+v: free energy %v, want %v", c, free[0], want)
		}
		compare(t, c, "unary", unary, wantU, eps)
		compare(t, c, "pair", pair, wantP, eps*float64(length))
		if Impossible(want) {
			return
		}
		for v := range length {
			sumsTo(t, c, unary[v*k:(v+1)*k], 1, epsSum)
			if v > 0 && !shared {
				sumsTo(t, c, pair[(v-1)*k*k:v*k*k], 1, epsSum)
			}
		}
		if shared {
			sumsTo(t, c, pair, float64(length-1), epsSum*float64(length))
		}
		path := make([]int, length)
		if err := s.Sample(path, rng, c); err != nil {
			t.Fatal(err)
		}
		for v, y := range path {
			if wantU[v*k+y] < 1e-12 {
				t.Fatalf("%+v: state %d of variable %d is drawn, whose share is %v", c, y, v, wantU[v*k+y])
			}
		}
		best, err := s.KBest(3, c)
		if err != nil {
			t.Fatal(err)
		}
		slack := 1e-31 * most * float64(length)
		bestOf(t, c, best[0], energies, 3, slack, func(steps []int) *big.Float {
			return energies[slices.IndexFunc(paths, func(p []int) bool { return slices.Equal(p, steps) })]
		})
	})
}

// bestOf checks that paths, whose exact energies energyOf tells, are the k best of all, within
// a slack and what their energies are rounded by.
func bestOf(t *testing.T, of any, paths []Path, all []*big.Float, k int, slack float64, energyOf func(steps []int) *big.Float) {
	t.Helper()
	all = slices.Clone(all)
	slices.SortFunc(all, (*big.Float).Cmp)
	if len(paths) != min(len(all), k) {
		t.Fatalf("%+v: %d paths are best of %d", of, len(paths), len(all))
	}
	for i, p := range paths {
		e := energyOf(p.Steps)
		above, _ := exact().Sub(e, all[i]).Float64()
		if rounded, _ := e.Float64(); !near(p.Energy, rounded, 1e-15) || !(math.Abs(above) <= 1e-12+slack) {
			t.Fatalf("%+v: best path %d, %v, has the energy %v and not %v; it is %v above", of, i, p.Steps, p.Energy, rounded, above)
		}
	}
}

// exactPaths returns the paths of finite energy of the one chain of a batch.
func exactPaths[T tensor.Float](c *Chains[T]) (energies []*big.Float, paths [][]int) {
	var s Solver[T]
	if err := s.begin(c); err != nil {
		panic(err)
	}
	vars := s.chain(0)
	each(c, 0, func(path []int, e float64) {
		if math.IsInf(e, 1) {
			return
		}
		sum := exact()
		for t, v := range vars {
			sum.Add(sum, exact().SetFloat64(float64(c.Unary[v.unary+path[t]])))
			if t > 0 {
				sum.Add(sum, exact().SetFloat64(float64(c.Pair[v.pair+path[t-1]*v.states+path[t]])))
			}
		}
		energies, paths = append(energies, sum), append(paths, slices.Clone(path))
	})
	return energies, paths
}

// exactShares adds up the shares of paths.
func exactShares[T tensor.Float](c *Chains[T], energies []*big.Float, paths [][]int) (unary, pair []float64, free float64) {
	unary, pair = make([]float64, len(c.Unary)), make([]float64, len(c.Pair))
	var s Solver[T]
	if err := s.begin(c); err != nil {
		panic(err)
	}
	p, free := shares(energies)
	for i, path := range paths {
		for t, v := range s.chain(0) {
			unary[v.unary+path[t]] += p[i]
			if t > 0 {
				pair[v.pair+path[t-1]*v.states+path[t]] += p[i]
			}
		}
	}
	return unary, pair, free
}

// TestSharesOfManyStates: the shares of variables of hundreds of states sum to 1, too.
func TestSharesOfManyStates(t *testing.T) {
	for _, shared := range []bool{false, true} {
		sharesOfMany[float64](t, shared)
		sharesOfMany[float32](t, shared)
	}
}

func sharesOfMany[T tensor.Float](t *testing.T, shared bool) {
	const k = 300
	c := large[T](k, shared, 4)
	for i := range c.Unary[:len(c.Unary)/3] {
		c.Unary[i] *= 100
	}
	var s Solver[T]
	unary, pair, free := make([]T, len(c.Unary)), make([]T, len(c.Pair)), make([]float64, len(c.Lengths))
	if err := s.Marginals(free, unary, pair, nil, c); err != nil {
		t.Fatal(err)
	}
	_, eps := tolerances[T]()
	sums := func(x []T, n int) {
		for at := 0; at < len(x); at += n {
			if got := total(x[at : at+n]); !(math.Abs(got-1) <= eps) {
				t.Errorf("%T: shares from %d on sum to %v", c, at, got)
			}
		}
	}
	sums(unary, k)
	if !shared {
		sums(pair, k*k)
	}
}

// TestMinimaBesideLargeEnergies: an energy that all states or pairs have in common hides
// nothing from Viterbi's algorithm, in float32 either, with costs and without.
func TestMinimaBesideLargeEnergies(t *testing.T) {
	minimaInCommon[float64](t, 1e-12)
	minimaInCommon[float32](t, 1e-4)
}

func minimaInCommon[T tensor.Float](t *testing.T, eps float64) {
	rng := rand.New(rand.NewPCG(42, 43))
	var s Solver[T]
	for n := range 600 {
		k, length := 1+rng.IntN(4), 1+rng.IntN(5)
		if n%10 == 0 {
			k, length = 18, 2 // through the vector kernels
		}
		shared := n%3 == 0
		c := &Chains[T]{Lengths: []int{length}, States: []int{k}}
		var cost []T
		column := func(n int) (x []T) {
			large := rng.IntN(2) == 0
			for range n {
				v := T(3 * rng.NormFloat64())
				if large {
					v = T(limitsOf[T]().energy)
				}
				x = append(x, v)
			}
			return x
		}
		for v := range length {
			c.Unary = append(c.Unary, column(k)...)
			if v > 0 && !shared || v == 0 && shared {
				c.Pair = append(c.Pair, column(k*k)...)
			}
			for range k {
				cost = append(cost, T(rng.NormFloat64()))
			}
		}
		energies, paths := exactPaths(c)
		for _, cost := range [][]T{nil, cost} {
			path := make([]int, length)
			if err := s.Minima(make([]float64, 1), path, cost, c); err != nil {
				t.Fatal(err)
			}
			augmented := make([]*big.Float, len(energies))
			for i, e := range energies {
				augmented[i] = exact().Set(e)
				for v, y := range paths[i] {
					if cost != nil {
						augmented[i].Sub(augmented[i], exact().SetFloat64(float64(cost[v*k+y])))
					}
				}
			}
			at := slices.IndexFunc(paths, func(p []int) bool { return slices.Equal(p, path) })
			if above, _ := exact().Sub(augmented[at], leastOf(augmented)).Float64(); above > eps {
				t.Fatalf("%+v, costs %v: path %v is %v above the least", c, cost, path, above)
			}
		}
	}
}

func compare[T tensor.Float](t *testing.T, of any, name string, got []T, want []float64, eps float64) {
	t.Helper()
	for i, v := range got {
		if !near(float64(v), want[i], eps) {
			t.Fatalf("%+v: %s[%d] is %v, want %v (of %v)", of, name, i, v, want[i], got)
		}
	}
}

func sumsTo[T tensor.Float](t *testing.T, of any, x []T, want, eps float64) {
	t.Helper()
	if got := total(x); !(math.Abs(got-want) <= eps) {
		t.Fatalf("%+v: shares %v sum to %v, want %v", of, x, got, want)
	}
}

// TestSharesOfGraphsAtExtremeEnergies: the same of the arcs of graphs, whose shares sum to 1
// over each cut: that of the arcs from some first nodes to the others.
func TestSharesOfGraphsAtExtremeEnergies(t *testing.T) {
	sharesOfGraphs[float64](t)
	sharesOfGraphs[float32](t)
}

func sharesOfGraphs[T tensor.Float](t *testing.T) {
	var s GraphSolver[T]
	eachScenery(t, func(t *testing.T, rng *rand.Rand, most float64, draw func(n int) []T) {
		g := layered(rng, draw)
		arcs := make([]T, len(g.Energy))
		free, err := s.FreeEnergy(arcs, g)
		if err != nil {
			t.Fatal(err)
		}
		var energies []*big.Float
		var paths [][]int
		cost := make([]T, len(g.Energy))
		for a := range cost {
			cost[a] = T(rng.NormFloat64())
		}
		pathsOf(g, func(arcs []int) {
			sum := exact()
			for _, a := range arcs {
				sum.Add(sum, exact().SetFloat64(float64(g.Energy[a])))
			}
			energies, paths = append(energies, sum), append(paths, append([]int(nil), arcs...))
		})
		p, want := shares(energies)
		if !near(free, want, 1e-12) {
			t.Fatalf("%+v: free energy %v, want %v", g, free, want)
		}
		wantArcs, wantCost := make([]float64, len(arcs)), 0.0
		for i, path := range paths {
			for _, a := range path {
				wantArcs[a] += p[i]
				wantCost += p[i] * float64(cost[a])
			}
		}
		eps, epsSum := tolerances[T]()
		eps += 1e-31 * most * float64(g.Nodes) // a node's sum has 32 digits
		compare(t, g, "arcs", arcs, wantArcs, eps)
		if Impossible(want) {
			return
		}
		if got, err := s.ExpectedCost(cost, g); err != nil || !near(got, wantCost, 10*eps) {
			t.Fatalf("%+v: expected cost %v, want %v (%v)", g, got, wantCost, err)
		}
		least, path, err := s.Minimum(nil, g)
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.KBest(3, g)
		if err != nil {
			t.Fatal(err)
		}
		slack := 1e-31 * most * float64(g.Nodes)
		energyOf := func(steps []int) *big.Float {
			return energies[slices.IndexFunc(paths, func(p []int) bool { return slices.Equal(p, steps) })]
		}
		bestOf(t, g, all, energies, 3, slack, energyOf)
		bestOf(t, g, []Path{{least, path}}, energies, 1, slack, energyOf)
		draws, err := s.Sample(3, rng, g)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range draws {
			for _, a := range path {
				if arcs[a] == 0 {
					t.Fatalf("%+v: arc %d is drawn, whose share is 0", g, a)
				}
			}
		}
		for cut := range g.Nodes - 1 {
			sum := 0.0
			for a, from := range g.From {
				if from <= cut && g.To[a] > cut {
					sum += float64(arcs[a])
				}
			}
			if !(math.Abs(sum-1) <= epsSum) {
				t.Fatalf("%+v: shares %v of the cut after node %d sum to %v", g, arcs, cut, sum)
			}
		}
	})
}

// layered is a graph of some layers of nodes, numbered in order, whose arcs lead to the next
// layer; some skip it, and some are double.
func layered[T tensor.Float](rng *rand.Rand, draw func(n int) []T) *Graph[T] {
	g := &Graph[T]{Nodes: 1}
	layers := [][]int{{0}}
	for range 1 + rng.IntN(4) {
		var layer []int
		for range 1 + rng.IntN(3) {
			layer = append(layer, g.Nodes)
			g.Nodes++
		}
		layers = append(layers, layer)
	}
	layers = append(layers, []int{g.Nodes})
	g.Nodes++
	for i, layer := range layers[:len(layers)-1] {
		var arcs [][2]int
		for _, from := range layer {
			for _, to := range layers[i+1] {
				for range 1 + rng.IntN(5)/4 {
					arcs = append(arcs, [2]int{from, to})
				}
			}
			if i+2 < len(layers) && rng.IntN(3) == 0 {
				arcs = append(arcs, [2]int{from, layers[i+2][0]})
			}
		}
		g.Energy = append(g.Energy, draw(len(arcs))...)
		for _, a := range arcs {
			g.From, g.To = append(g.From, a[0]), append(g.To, a[1])
		}
	}
	return g
}

// pathsOf calls visit with the arcs of every path of finite energy.
func pathsOf[T tensor.Float](g *Graph[T], visit func(arcs []int)) {
	var walk func(node int, arcs []int)
	walk = func(node int, arcs []int) {
		if node == g.Nodes-1 {
			visit(arcs)
			return
		}
		for a, from := range g.From {
			if from == node && !math.IsInf(float64(g.Energy[a]), 1) {
				walk(g.To[a], append(arcs, a))
			}
		}
	}
	walk(0, nil)
}
