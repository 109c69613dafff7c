package answers

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/lattice"
)

// batch is chains and their correct paths.
type batch struct {
	c      lattice.Chains[float64]
	gold   []int
	labels []int
}

// draw returns chains of three labels, of which a variable may have some only; energies of
// a size, some +Inf, all representable in float32.
func draw(rng *rand.Rand, shared bool, size float64) batch {
	b := batch{c: lattice.Chains[float64]{Lengths: []int{3, 0, 1, 4, 1}}}
	energy := func() float64 {
		if rng.IntN(12) == 0 {
			return math.Inf(1)
		}
		return float64(float32(rng.NormFloat64() * size))
	}
	if shared {
		b.c.States = []int{3}
		for range 9 {
			b.c.Pair = append(b.c.Pair, energy())
		}
	}
	for _, n := range b.c.Lengths {
		before := 0
		for range n {
			k := 3
			if !shared {
				k = 1 + rng.IntN(3)
				b.c.States = append(b.c.States, k)
				for range before * k {
					b.c.Pair = append(b.c.Pair, energy())
				}
			}
			before = k
			labels := rng.Perm(3)
			for i := range k {
				b.c.Unary = append(b.c.Unary, energy())
				b.labels = append(b.labels, labels[i])
			}
			b.gold = append(b.gold, rng.IntN(k))
		}
	}
	return b
}

// enumerate returns all paths of chain i; the energy of the correct one is the first result.
func (b *batch) enumerate(a *Chains[float64], i int, s functional.Statistic) (plus float64, all []answer) {
	lo, hi := a.first[i], a.first[i+1]
	var walk func(v, before int, x answer)
	walk = func(v, before int, x answer) {
		if v == hi {
			if all = append(all, x); x.correct {
				plus = x.energy
			}
			return
		}
		p := a.vars[v]
		for y := range p.states {
			next := x
			next.energy += b.c.Unary[p.unary+y]
			if v > lo {
				next.energy += b.c.Pair[p.pair+before*p.states+y]
			}
			next.correct = x.correct && y == b.gold[v]
			if y != b.gold[v] {
				c := s.Margin
				if s.Cost != nil {
					c = s.Cost[b.labels[p.unary+b.gold[v]]][b.labels[p.unary+y]]
				}
				next.cost += c
			}
			walk(v+1, y, next)
		}
	}
	walk(lo, 0, answer{correct: true})
	return plus, all
}

// spaces are the settings of Chains.
func spaces() (all []Chains[float64]) {
	for _, base := range []Base{AsIs, AboveMinimum, LogProbability} {
		for _, per := range []bool{false, true} {
			all = append(all, Chains[float64]{Base: base, PerPlace: per})
		}
	}
	return all
}

// TestChainsAgainstEnumeration holds E⁺ and every statistic against all paths, at several sizes.
func TestChainsAgainstEnumeration(t *testing.T) {
	rng, values := generator(1), 0
	for _, size := range []float64{0, 1e-3, 1, 40} {
		for trial := range 12 {
			b := draw(rng, trial%2 == 0, size)
			for _, setting := range spaces() {
				a := &Chains[float64]{Base: setting.Base, PerPlace: setting.PerPlace, Labels: b.labels}
				if err := a.Set(&b.c, b.gold, make([]float64, len(b.c.Unary)), make([]float64, len(b.c.Pair))); err != nil {
					t.Fatal(err)
				}
				for _, f := range functionals(t) {
					values += compareChains(t, a, &b, f)
				}
			}
		}
	}
	t.Logf("%d values", values)
}

func compareChains(t *testing.T, a *Chains[float64], b *batch, f named) (values int) {
	t.Helper()
	s := f.f.Statistic()
	if a.Has(s) != nil {
		return 0
	}
	e, v := make([]float64, a.Len()), make([]float64, a.Len())
	if err := a.Eval(s, e, v); err != nil {
		t.Fatal(f.name, err)
	}
	for i := range e {
		plus, all := b.enumerate(a, i, s)
		if math.IsInf(plus, 1) {
			if !math.IsInf(e[i], 1) {
				t.Fatalf("%s: the correct path is impossible, E⁺ is %v", f.name, e[i])
			}
			continue
		}
		wantE, wantV := brute(s, a.Base, plus, all, a.places(i))
		if s.Relative && !math.IsInf(wantV, 1) {
			wantE, wantV = wantE-wantV, 0
		}
		if values++; apart(e[i], wantE) > 1e-13 || apart(v[i], wantV) > 1e-13 {
			t.Fatalf("%s, base %d, per place %v, chain %d: %v and %v; enumeration has %v and %v", f.name, a.Base, a.PerPlace, i, e[i], v[i], wantE, wantV)
		}
	}
	return values
}

// TestChainsDerivatives holds gradients against finite differences of the loss.
func TestChainsDerivatives(t *testing.T) {
	rng, checked := generator(2), 0
	for trial := range 4 {
		b := draw(rng, trial%2 == 0, 1)
		dUnary, dPair := make([]float64, len(b.c.Unary)), make([]float64, len(b.c.Pair))
		for _, setting := range spaces() {
			a := &Chains[float64]{Base: setting.Base, PerPlace: setting.PerPlace, Labels: b.labels}
			for _, f := range functionals(t) {
				if a.Has(f.f.Statistic()) != nil {
					continue
				}
				var l Loss
				eval := func() (sum float64, g []float64) {
					clear(dUnary)
					clear(dPair)
					loss := make([]float64, len(b.c.Lengths))
					if err := a.Set(&b.c, b.gold, dUnary, dPair); err != nil {
						t.Fatal(err)
					}
					if _, err := l.Eval(a, f.f, loss); err != nil {
						t.Fatal(f.name, err)
					}
					if err := l.AddGrads(0.5); err != nil {
						t.Fatal(err)
					}
					for _, v := range loss {
						if !math.IsInf(v, 1) {
							sum += 0.5 * v
						}
					}
					return sum, nil
				}
				name := fmt.Sprintf("%s, base %d, per place %v", f.name, a.Base, a.PerPlace)
				checked += slopes(t, name+", unary", b.c.Unary, func() (float64, []float64) { v, _ := eval(); return v, dUnary })
				checked += slopes(t, name+", pair", b.c.Pair, func() (float64, []float64) { v, _ := eval(); return v, dPair })
			}
		}
	}
	if t.Logf("%d derivatives", checked); checked < 4000 {
		t.Errorf("only %d derivatives away from kinks", checked)
	}
}

// TestTiesPushTheIncorrect: where all paths tie, the minimum is an incorrect one, and it moves.
func TestTiesPushTheIncorrect(t *testing.T) {
	c := &lattice.Chains[float32]{Lengths: []int{2}, States: []int{2}, Unary: make([]float32, 4), Pair: make([]float32, 4)}
	for _, name := range []string{"perceptron", "hinge", "log"} {
		f, err := functional.New(name, functional.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		dUnary, dPair := make([]float32, 4), make([]float32, 4)
		var a Chains[float32]
		if err := a.Set(c, []int{0, 0}, dUnary, dPair); err != nil {
			t.Fatal(err)
		}
		var l Loss
		if _, err := l.Eval(&a, f, make([]float64, 1)); err != nil {
			t.Fatal(err)
		}
		if err := l.AddGrads(1); err != nil {
			t.Fatal(err)
		}
		d := float32(1)
		if name == "log" {
			d = 0.5
		}
		if want := []float32{d, -d, 0, 0}; !slices.Equal(dUnary, want) { // both pass state 0 of the second variable
			t.Errorf("%s pushes %v, not %v: the path that leaves first up", name, dUnary, want)
		}
	}
}

// TestOneAnswer: a chain with one path has no rival: nothing is pushed, and no functional fails
// but with a number.
func TestOneAnswer(t *testing.T) {
	c := &lattice.Chains[float64]{Lengths: []int{2, 0}, States: []int{1}, Unary: []float64{3, 4}, Pair: []float64{5}}
	for _, base := range []Base{AsIs, AboveMinimum, LogProbability} {
		for _, f := range functionals(t) {
			a := &Chains[float64]{Base: base}
			s := f.f.Statistic()
			if a.Has(s) != nil || s.Cost != nil {
				continue
			}
			dUnary, dPair, loss := make([]float64, 2), make([]float64, 1), make([]float64, 2)
			if err := a.Set(c, []int{0, 0}, dUnary, dPair); err != nil {
				t.Fatal(err)
			}
			var l Loss
			n, err := l.Eval(a, f.f, loss)
			if err != nil || n != 2 {
				t.Fatal(f.name, n, err)
			}
			if err := l.AddGrads(1); err != nil {
				t.Fatal(err)
			}
			want := 0.0
			if s.Kind == functional.None && base == AsIs {
				want = 1
			}
			if loss[0] != 12*want || dUnary[0] != want || dUnary[1] != want || dPair[0] != want {
				t.Errorf("%s, base %d: losses %v, derivatives %v %v", f.name, base, loss, dUnary, dPair)
			}
		}
	}
}

// TestChainsExtremes: energies of 1e25 give no NaN, and a sure chain keeps the digits of its loss.
func TestChainsExtremes(t *testing.T) {
	rng := generator(3)
	for _, size := range []float64{1e-20, 1e10, 1e25} {
		b := draw(rng, false, size)
		c := narrow(&b.c)
		dUnary, dPair := make([]float32, len(c.Unary)), make([]float32, len(c.Pair))
		for _, setting := range spaces() {
			a := &Chains[float32]{Base: setting.Base, PerPlace: setting.PerPlace, Labels: b.labels}
			for _, f := range functionals(t) {
				if a.Has(f.f.Statistic()) != nil {
					continue
				}
				clear(dUnary)
				clear(dPair)
				loss := make([]float64, len(c.Lengths))
				if err := a.Set(c, b.gold, dUnary, dPair); err != nil {
					t.Fatal(err)
				}
				var l Loss
				if _, err := l.Eval(a, f.f, loss); err != nil {
					t.Fatal(f.name, size, err)
				}
				if err := l.AddGrads(1); err != nil {
					t.Fatal(err)
				}
				for i, v := range slices.Concat(dUnary, dPair) {
					if v != v {
						t.Fatalf("%s, size %g: derivative %d is NaN", f.name, size, i)
					}
				}
			}
		}
	}
	sure := &lattice.Chains[float64]{Lengths: []int{1}, States: []int{2}, Unary: []float64{0, 300}, Pair: make([]float64, 4)}
	var a Chains[float64]
	if err := a.Set(sure, []int{0}, make([]float64, 2), make([]float64, 4)); err != nil {
		t.Fatal(err)
	}
	loss := make([]float64, 1)
	if _, err := new(Loss).Eval(&a, functional.Log{Rival: functional.Rival{Wrong: true}}, loss); err != nil {
		t.Fatal(err)
	}
	if want := math.Exp(-300); math.Abs(loss[0]/want-1) > 1e-12 {
		t.Errorf("the loss of a sure chain is %v, not %v", loss[0], want)
	}
}

// narrow is a chain in float32.
func narrow(c *lattice.Chains[float64]) *lattice.Chains[float32] {
	n := &lattice.Chains[float32]{Lengths: c.Lengths, States: c.States}
	for _, v := range c.Unary {
		n.Unary = append(n.Unary, float32(v))
	}
	for _, v := range c.Pair {
		n.Pair = append(n.Pair, float32(v))
	}
	return n
}

// TestChainsFloat32 holds float32 against float64, and bits against other numbers of threads.
func TestChainsFloat32(t *testing.T) {
	defer simd.SetThreads(0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rng := generator(4)
	for trial := range 6 {
		b := draw(rng, trial%2 == 0, 1)
		for _, f := range functionals(t) {
			wide := run(t, &Chains[float64]{Base: LogProbability, Labels: b.labels}, &b.c, b.gold, f)
			if wide == nil {
				continue
			}
			var first []float32
			for _, threads := range []int{1, 5} {
				simd.SetThreads(threads)
				runtime.GOMAXPROCS(threads)
				got := run(t, &Chains[float32]{Base: LogProbability, Labels: b.labels}, narrow(&b.c), b.gold, f)
				for i, v := range got {
					if math.Abs(float64(v)-wide[i]) > 2e-5*max(1, math.Abs(wide[i])) {
						t.Fatalf("%s: number %d is %v in float32, %v in float64", f.name, i, v, wide[i])
					}
				}
				if first != nil && !slices.Equal(got, first) {
					t.Fatalf("%s: other bits with %d threads", f.name, threads)
				}
				first = got
			}
		}
	}
}

// run returns the derivatives of the sum of a functional's losses, nil where a refuses it.
func run[T tensor.Float](t *testing.T, a *Chains[T], c *lattice.Chains[T], gold []int, f named) []T {
	t.Helper()
	if a.Has(f.f.Statistic()) != nil {
		return nil
	}
	d := make([]T, len(c.Unary)+len(c.Pair))
	if err := a.Set(c, gold, d[:len(c.Unary)], d[len(c.Unary):]); err != nil {
		t.Fatal(err)
	}
	var l Loss
	if _, err := l.Eval(a, f.f, make([]float64, len(c.Lengths))); err != nil {
		t.Fatal(f.name, err)
	}
	if err := l.AddGrads(1); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestChainsDoNotAllocate, once warm.
func TestChainsDoNotAllocate(t *testing.T) {
	b := draw(generator(5), true, 1)
	d, e := make([]float64, len(b.c.Unary)), make([]float64, len(b.c.Pair))
	for _, f := range functionals(t) {
		a := &Chains[float64]{Base: LogProbability, Labels: b.labels}
		if a.Has(f.f.Statistic()) != nil {
			continue
		}
		var l Loss
		loss := make([]float64, len(b.c.Lengths))
		step := func() {
			err := a.Set(&b.c, b.gold, d, e)
			_, err2 := l.Eval(a, f.f, loss)
			err3 := l.AddGrads(1)
			if err != nil || err2 != nil || err3 != nil {
				t.Fatal(err, err2, err3)
			}
		}
		if n := testing.AllocsPerRun(5, step); n != 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
	}
}

func TestChainsErrors(t *testing.T) {
	b := draw(generator(6), true, 1)
	d, e := make([]float64, len(b.c.Unary)), make([]float64, len(b.c.Pair))
	var a Chains[float64]
	if err := a.Eval(functional.Statistic{}, nil, nil); err == nil || !strings.Contains(err.Error(), "Eval before Set") {
		t.Errorf("Eval before Set: %v", err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{a.Set(&b.c, b.gold, d[1:], e), "dUnary has"},
		{a.Set(&b.c, b.gold, d, e[1:]), "dPair has 8 elements; it must have 9"},
		{a.Set(&b.c, b.gold[1:], d, e), "paths has"},
		{(&Chains[float64]{Labels: []int{1}}).Set(&b.c, b.gold, d, e), "Labels has 1 elements"},
		{a.Has(functional.Statistic{Kind: functional.FreeEnergy}), "beta is 0; it must be a number above 0"},
		{a.Has(functional.Statistic{Kind: functional.CostMax, Margin: math.NaN()}), "margin is NaN"},
		{a.Has(functional.Statistic{Kind: functional.CostMax, Cost: [][]float64{{0, -1}, {1, 0}}}), "cost[0][1] is -1"},
		{a.Has(functional.Statistic{Kind: functional.CostMax, Cost: [][]float64{{0, 1}}}), "row 0 of cost has 2 entries; it must have 1"},
		{(&Chains[float64]{Base: 7}).Has(functional.Statistic{}), "Base is 7; it must be AsIs, AboveMinimum or LogProbability"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("error %v; it should say %q", c.err, c.want)
		}
	}
	for _, s := range []functional.Statistic{
		functional.MarginCost{}.Statistic(), functional.SquareSquare{}.Statistic(), {Kind: 99},
	} {
		var no *NoStatistic
		if err := a.Has(s); !errors.As(err, &no) || no.Kind != s.Kind || no.Why == "" {
			t.Errorf("%v: error %v; it should be a *NoStatistic", s.Kind, err)
		}
	}
	if err := a.Set(&b.c, b.gold, d, e); err != nil {
		t.Fatal(err)
	}
	var l Loss
	if err := l.AddGrads(1); err == nil {
		t.Error("AddGrads without Eval passes")
	}
	if _, err := l.Eval(&a, functional.MarginCost{}, make([]float64, a.Len())); err == nil || !strings.Contains(err.Error(), "margin_cost: answers: chains have no statistic") {
		t.Errorf("margin_cost: %v", err)
	}
	if _, err := l.Eval(&a, functional.MarginCostMax{Cost: [][]float64{{0, 1}, {1, 0}}}, make([]float64, a.Len())); err == nil || !strings.Contains(err.Error(), "has the label 2; cost has labels 0 to 1") {
		t.Errorf("costs of two labels: %v", err)
	}
	if _, err := l.Eval(&a, functional.NLL{}, nil); err == nil || !strings.Contains(err.Error(), "loss has 0 elements; it must have 5") {
		t.Errorf("a loss that is too short: %v", err)
	}
}
