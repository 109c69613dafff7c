package lattice

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
)

func TestErrorsNameWhatIsWrong(t *testing.T) {
	good := func() *Chains[float64] {
		return &Chains[float64]{Lengths: []int{2, 1}, States: []int{2, 3, 1}, Unary: make([]float64, 6), Pair: make([]float64, 6)}
	}
	var s Solver[float64]
	if err := s.FreeEnergies(make([]float64, 2), good()); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(c *Chains[float64]){
		"Lengths[1] is -1":             func(c *Chains[float64]) { c.Lengths[1] = -1 },
		"States has 2 elements":        func(c *Chains[float64]) { c.States = c.States[:2] },
		"States[2] is 0":               func(c *Chains[float64]) { c.States[2] = 0 },
		"Unary has 5 elements":         func(c *Chains[float64]) { c.Unary = c.Unary[:5] },
		"Pair has 7 elements":          func(c *Chains[float64]) { c.Pair = make([]float64, 7) },
		"Lengths[1] is 4; Unary has 5": func(c *Chains[float64]) { c.Lengths[1], c.Unary = 4, c.Unary[:5] },
		"Unary[4] is NaN":              func(c *Chains[float64]) { c.Unary[4] = math.NaN() },
		"Unary[0] is 1.1e+298; an energy must be a number from -1e+298 to 1e+298": func(c *Chains[float64]) {
			c.Unary[0] = 1.1e298
		},
		"Pair[3] is -Inf; an energy ": func(c *Chains[float64]) { c.Pair[3] = math.Inf(-1) },
	} {
		c := good()
		spoil(c)
		if err := s.FreeEnergies(make([]float64, 2), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for want, err := range map[string]error{
		"dst has 1":      s.FreeEnergies(make([]float64, 1), good()),
		"unary has 1":    s.Marginals(make([]float64, 2), make([]float64, 1), nil, nil, good()),
		"paths has 1":    s.Minima(make([]float64, 2), make([]int, 1), nil, good()),
		"cost[1] is NaN": s.Minima(make([]float64, 2), nil, []float64{0, math.NaN(), 0, 0, 0, 0}, good()),
		"paths[1] is 3":  s.Energies(make([]float64, 2), []int{0, 3, 0}, good()),
		"paths[0] is -1": s.Energies(make([]float64, 2), []int{-1, 0, 0}, good()),
		"k is 0":         second(s.KBest(0, good())),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	var gs GraphSolver[float64]
	for want, g := range map[string]*Graph[float64]{
		"Nodes is 0":                   {},
		"To has 0":                     {Nodes: 2, From: []int{0}},
		"From[0] is 2":                 {Nodes: 2, From: []int{2}, To: []int{1}, Energy: []float64{0}},
		"To[0] is -1":                  {Nodes: 2, From: []int{0}, To: []int{-1}, Energy: []float64{0}},
		"arc 1 leads from 2 to 1":      {Nodes: 3, From: []int{1, 2}, To: []int{2, 1}, Energy: []float64{0, 0}},
		"arc 0 leads from 1 to 1":      {Nodes: 2, From: []int{1}, To: []int{1}, Energy: []float64{0}},
		"Energy[0] is NaN; an energy ": {Nodes: 2, From: []int{0}, To: []int{1}, Energy: []float64{math.NaN()}},
	} {
		if _, err := gs.FreeEnergy(nil, g); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	one := &Graph[float64]{Nodes: 1}
	for want, err := range map[string]error{
		"k is 0":                        second(gs.KBest(0, one)),
		"n is -1; it must be 0 or more": second(gs.Sample(-1, rand.New(rand.NewPCG(1, 1)), one)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAddPathsRefusesWhatIsNoPath(t *testing.T) {
	c := &Chains[float64]{Lengths: []int{2, 1}, States: []int{2}, Unary: make([]float64, 6), Pair: make([]float64, 4)}
	var s Solver[float64]
	unary, pair := make([]float64, 6), make([]float64, 4)
	add := func(paths ...int) error { return s.AddPaths(unary, pair, paths, nil, c) }
	for want, err := range map[string]error{
		"paths[1] is 7; the variable has states 0 to 1, or all of chain 0 is −1": add(0, 7, 0),
		"paths[1] is -1; ":                     add(0, -1, 0),
		"paths[0] is -1; ":                     add(-1, 0, 0),
		"paths[2] is -2; ":                     add(0, 0, -2),
		"paths has 2":                          add(0, 0),
		"unary has 1 elements; it must have 6": s.AddPaths(unary[:1], pair, []int{0, 1, 0}, nil, c),
		"pair has 0 elements; it must have 4":  s.AddPaths(unary, pair[:0], []int{0, 1, 0}, nil, c),
		"up has 1 elements; it must have 2":    s.AddPaths(unary, pair, []int{0, 1, 0}, unary[:1], c),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if slices.Max(unary) != 0 || slices.Max(pair) != 0 {
		t.Errorf("something is added for paths that are refused: %v, %v", unary, pair)
	}
	if err := add(-1, -1, 1); err != nil || !slices.Equal(unary, []float64{0, 0, 0, 0, 0, 1}) || slices.Max(pair) != 0 {
		t.Errorf("beside a chain without a path %v and %v are added (%v)", unary, pair, err)
	}
}

func TestRefusedLengthsTakeNoMemory(t *testing.T) {
	for _, c := range []*Chains[float64]{
		{Lengths: []int{1 << 20}, States: []int{1}},
		{Lengths: []int{math.MaxInt32, math.MaxInt32}, States: []int{math.MaxInt32}, Unary: make([]float64, 9)},
		{Lengths: []int{3}, States: []int{math.MaxInt32}, Unary: make([]float64, 9)},
	} {
		var s Solver[float64]
		err := s.FreeEnergies(make([]float64, len(c.Lengths)), c)
		if err == nil || !strings.Contains(err.Error(), "Unary has ") || cap(s.vars) > 9 {
			t.Errorf("lengths %v: error %v, memory for %d variables", c.Lengths, err, cap(s.vars))
		}
	}
}

// The greatest energies that are taken do not overflow, and greater ones are refused.
func TestEnergiesAreBounded(t *testing.T) {
	checkBound[float32](t, 1e28, 1.1e28)
	checkBound[float64](t, 1e298, 1.1e298)
}

func checkBound[T tensor.Float](t *testing.T, bound, beyond T) {
	t.Helper()
	inf := T(math.Inf(1))
	for _, e := range []T{bound, -bound} {
		// State 0 is ever further behind state 1, but only it is allowed in the end.
		const n = 50
		c := &Chains[T]{Lengths: []int{n}, States: []int{2}, Pair: []T{e, inf, inf, e}}
		for range n {
			c.Unary = append(c.Unary, bound, -bound)
		}
		c.Unary[2*n-1] = inf
		var s Solver[T]
		got, path := make([]float64, 1), make([]int, n)
		if err := s.Minima(got, path, nil, c); err != nil {
			t.Fatal(err)
		}
		want := n*float64(bound) + (n-1)*float64(e)
		if !near(got[0], want, 1e-12) || slices.Max(path) != 0 {
			t.Errorf("%T: minimum %v of %v, want %v of state 0", e, got[0], path, want)
		}
		if err := s.FreeEnergies(got, c); err != nil || !near(got[0], want, 1e-12) {
			t.Errorf("%T: free energy %v, want %v (%v)", e, got[0], want, err)
		}
		best, err := s.KBest(2, c)
		if err != nil || len(best[0]) != 1 || !near(best[0][0].Energy, want, 1e-12) {
			t.Errorf("%T: best %v, want %v (%v)", e, best, want, err)
		}
		for name, x := range map[string][]T{"Unary": c.Unary, "Pair": c.Pair} {
			old := x[3]
			x[3] = beyond * T(math.Copysign(1, float64(e)))
			if err := s.Minima(got, nil, nil, c); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%s[3] is %v; ", name, x[3])) {
				t.Errorf("%T: error %v of %s", e, err, name)
			}
			x[3] = old
		}
		cost := make([]T, len(c.Unary))
		cost[2] = beyond
		if err := s.Minima(got, nil, cost, c); err == nil || !strings.Contains(err.Error(), "cost[2] is ") {
			t.Errorf("%T: error %v of cost", e, err)
		}
	}
}
