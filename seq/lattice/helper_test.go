package lattice

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
)

// each calls visit with every path of a chain and its energy, in lexical order.
func each[T tensor.Float](c *Chains[T], chain int, visit func(path []int, energy float64)) {
	var s Solver[T]
	if err := s.begin(c); err != nil {
		panic(err)
	}
	vars := s.chain(chain)
	path := make([]int, len(vars))
	for {
		visit(path, s.energy(vars, path))
		t := len(vars) - 1
		for ; t >= 0; t-- {
			if path[t]++; path[t] < vars[t].states {
				break
			}
			path[t] = 0
		}
		if t < 0 {
			return
		}
	}
}

// brute is what enumeration says of a chain.
type brute struct {
	free, least float64
	count       int
	energies    []float64 // finite ones, ascending
}

func enumerate[T tensor.Float](c *Chains[T], chain int) brute {
	b := brute{least: math.Inf(1)}
	var sum logSum
	each(c, chain, func(_ []int, e float64) {
		if math.IsInf(e, 1) {
			return
		}
		sum.add(double{hi: -e})
		b.least = min(b.least, e)
		b.count++
		b.energies = append(b.energies, e)
	})
	b.free = -sum.log().float()
	slices.Sort(b.energies)
	return b
}

// kind is a family of batches.
type kind struct {
	name    string
	scale   float64 // of the energies
	forbid  float64 // share of the energies that are +Inf
	uniform bool    // one number of states
	shared  bool    // one Pair for all
}

var kinds = []kind{
	{"ragged", 1, 0, false, false},
	{"ragged/forbidden", 1, 0.3, false, false},
	{"ragged/large", 2000, 0.1, false, false},
	{"uniform", 1, 0, true, false},
	{"shared", 2, 0, true, true},
	{"shared/forbidden", 2, 0.3, true, true},
	{"shared/large", 90, 0.2, true, true},
	{"shared/impossible", 1, 0.7, true, true},
	{"huge", 1e27, 0.1, true, true},
}

// huge tells energies so large that their sums have no digits left for shares.
func huge(c *Chains[float64]) bool {
	return slices.ContainsFunc(c.Unary, func(v float64) bool { return v > 1e22 && !math.IsInf(v, 1) })
}

func (k kind) batch(rng *rand.Rand, lengths []int, states int) *Chains[float64] {
	c := &Chains[float64]{Lengths: lengths}
	energies := func(n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = k.scale * rng.NormFloat64()
			if rng.Float64() < k.forbid {
				x[i] = math.Inf(1)
			}
		}
		return x
	}
	n := 0
	for _, l := range lengths {
		n += l
	}
	c.States = []int{states}
	if !k.uniform {
		c.States = make([]int, n)
		for i := range c.States {
			c.States[i] = 1 + rng.IntN(states)
		}
	}
	at := func(v int) int { return c.States[min(v, len(c.States)-1)] }
	unary, pair, v := 0, 0, 0
	for _, l := range lengths {
		for t := range l {
			unary += at(v)
			if t > 0 {
				pair += at(v-1) * at(v)
			}
			v++
		}
	}
	if k.shared {
		pair = states * states
	}
	c.Unary, c.Pair = energies(unary), energies(pair)
	return c
}

func narrow(c *Chains[float64]) *Chains[float32] {
	out := &Chains[float32]{Lengths: c.Lengths, States: c.States}
	for _, v := range c.Unary {
		out.Unary = append(out.Unary, float32(v))
	}
	for _, v := range c.Pair {
		out.Pair = append(out.Pair, float32(v))
	}
	return out
}

// eachBatch runs f over batches of every kind and of odd sizes.
func eachBatch(t *testing.T, f func(t *testing.T, rng *rand.Rand, c *Chains[float64])) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			for _, states := range []int{1, 2, 3, 5} {
				for _, lengths := range [][]int{{1}, {2}, {0}, {5, 1, 3}, {2, 0, 4, 1, 1, 3, 2, 2, 5, 1, 2, 3, 1, 1, 1, 2, 3, 4}} {
					f(t, rng, k.batch(rng, lengths, states))
				}
			}
			f(t, rng, k.batch(rng, []int{2, 3}, 17)) // through the vector kernels
		})
	}
}

// graphOf is a chain as a graph: an arc for each state of its first variable, and one for
// each pair of neighbours' states, with the right one's energy; those of energy 0 at the
// end close it. Beside it are the nodes' states.
func graphOf(c *Chains[float64], chain int) (g *Graph[float64], states []int) {
	var s Solver[float64]
	if err := s.begin(c); err != nil {
		panic(err)
	}
	g, states = &Graph[float64]{Nodes: 1}, []int{-1}
	arc := func(from, to int, e float64) {
		g.From, g.To, g.Energy = append(g.From, from), append(g.To, to), append(g.Energy, e)
	}
	left := []int{0} // nodes
	vars := s.chain(chain)
	for t := range vars {
		unary, pair := s.energiesOf(vars, t)
		var right []int
		for j := range unary {
			right, states = append(right, g.Nodes), append(states, j)
			g.Nodes++
		}
		for i, from := range left {
			for j, to := range right {
				e := unary[j]
				if t > 0 {
					e += pair[i*len(unary)+j]
				}
				arc(from, to, e)
			}
		}
		left = right
	}
	if len(vars) > 0 {
		for _, from := range left {
			arc(from, g.Nodes, 0)
		}
		g.Nodes++
		states = append(states, -1)
	}
	return g, states
}

// kBestByInsertion keeps the k best ways to every node: what a search must find, in the
// same order. Source: [huang2005], algorithm 0.
func kBestByInsertion(k int, g *Graph[float64]) []Path {
	type way struct {
		energy *big.Float
		arcs   []int
	}
	ways := make([][]way, g.Nodes)
	ways[0] = []way{{energy: exact()}}
	for a, from := range g.From {
		if math.IsInf(g.Energy[a], 1) {
			continue
		}
		for _, w := range ways[from] {
			e, to := exact().Add(w.energy, exact().SetFloat64(g.Energy[a])), ways[g.To[a]]
			at := len(to)
			for at > 0 && e.Cmp(to[at-1].energy) < 0 {
				at--
			}
			if at < k {
				to = slices.Insert(to, at, way{e, append(slices.Clip(w.arcs), a)})
				ways[g.To[a]] = to[:min(k, len(to))]
			}
		}
	}
	var best []Path
	for _, w := range ways[g.Nodes-1] {
		e, _ := w.energy.Float64()
		best = append(best, Path{e, w.arcs})
	}
	return best
}

func near(a, b, eps float64) bool {
	return a == b || math.Abs(a-b) <= eps*max(1, math.Abs(a), math.Abs(b))
}

func sum(x []int) (s int) {
	for _, v := range x {
		s += v
	}
	return s
}
