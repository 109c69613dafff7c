package answers

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/seq/lattice"
)

// Chains are the paths of a batch of chains, of which one a chain is correct. CostMax adds up
// the costs of a path's places, C[label of the correct state][label of its state]. The zero
// value is ready for Set; one that is set again keeps its memory. Energies are added up in float64.
//
// Source: [lafferty2001], [collins2002], [taskar2003].
type Chains[T tensor.Float] struct {
	Base Base
	// PerPlace divides E⁺ and the statistic by the number of variables.
	PerPlace bool
	// Labels has the label of each element of Unary, which costs are between; nil where a
	// state is its own label. It is for chains whose variables have some of the labels only.
	Labels []int

	chains        *lattice.Chains[T]
	gold          []int
	dUnary, dPair []T
	solver        lattice.Solver[T]
	vars          []variable
	first         []int // first variable of each chain, and the end

	stat      functional.Statistic
	correct   []float64
	value     []float64 // the statistic, or of CostMax the least E − C
	zero      []float64 // of Base
	least     leaving   // the least energy that leaves the correct path
	augmented leaving   // … of E − C
	wrong     leaving   // the free energy of all that leave it
	now       *leaving  // the one that is being computed
	shared    bool      // Pair is of all neighbours
	rowLow    []float64 // then, the least element of each of its rows

	hot          lattice.Chains[T] // energies times β
	unary, pair  []T               // marginals
	up           []T
	states, left []float64 // shares of a variable's states
}

// variable is where a variable's energies lie.
type variable struct{ states, unary, pair int }

// Set makes a the paths of chains c, of which gold has the correct states, one a variable.
// AddGrads adds to dUnary and dPair, which are as long as c's Unary and Pair.
//
// Errors: those of lattice.Solver.Energies; lengths that do not fit.
func (a *Chains[T]) Set(c *lattice.Chains[T], gold []int, dUnary, dPair []T) error {
	a.chains = nil
	a.correct = scratch.Sized(a.correct, len(c.Lengths))
	if err := a.solver.Energies(a.correct, gold, c); err != nil {
		return err
	}
	if err := checkLength("dUnary", len(dUnary), len(c.Unary)); err != nil {
		return err
	}
	if err := checkLength("dPair", len(dPair), len(c.Pair)); err != nil {
		return err
	}
	if a.Labels != nil {
		if err := checkLength("Labels", len(a.Labels), len(c.Unary)); err != nil {
			return err
		}
	}
	a.lay(c)
	a.chains, a.dUnary, a.dPair = c, dUnary, dPair
	a.gold = append(a.gold[:0], gold...)
	return nil
}

// lay works out where everything lies.
func (a *Chains[T]) lay(c *lattice.Chains[T]) {
	a.shared = len(c.States) == 1 && len(c.Pair) == c.States[0]*c.States[0]
	a.vars, a.first = a.vars[:0], append(a.first[:0], 0)
	unary, pair := 0, 0
	for _, n := range c.Lengths {
		for t := range n {
			v := variable{states: c.States[0], unary: unary}
			if len(c.States) > 1 {
				v.states = c.States[len(a.vars)]
			}
			if t > 0 && !a.shared {
				v.pair = pair
				pair += a.vars[len(a.vars)-1].states * v.states
			}
			unary += v.states
			a.vars = append(a.vars, v)
		}
		a.first = append(a.first, len(a.vars))
	}
}

// Len implements Answers.
func (a *Chains[T]) Len() int {
	if a.chains == nil {
		return 0
	}
	return len(a.chains.Lengths)
}

// Has implements Answers: all kinds but CostSum; with Base AsIs, none for energies of at least 0.
func (a *Chains[T]) Has(s functional.Statistic) error {
	if err := checkSettings("chains", s); err != nil {
		return err
	}
	return a.Base.check("chains", s)
}

// Eval implements Answers. Errors: those of Has; labels that Cost has no row for; before Set.
func (a *Chains[T]) Eval(s functional.Statistic, correct, other []float64) error {
	if a.chains == nil {
		return fmt.Errorf("answers: chains: Eval before Set")
	}
	if err := a.Has(s); err != nil {
		return err
	}
	n := len(a.chains.Lengths)
	if err := checkLength("correct", len(correct), n); err != nil {
		return err
	}
	if err := checkLength("other", len(other), n); err != nil {
		return err
	}
	if s.Kind == functional.CostMax && s.Cost != nil {
		if err := a.checkLabels(len(s.Cost)); err != nil {
			return err
		}
	}
	a.stat = s
	a.value, a.zero = scratch.Sized(a.value, n), scratch.Sized(a.zero, n)
	clear(a.zero)
	clear(a.value)
	if s.Kind == functional.Minimum || s.Kind == functional.Offending || a.Base == AboveMinimum {
		a.leave(&a.least, 0, nil)
	}
	if err := a.statistic(); err != nil {
		return err
	}
	switch a.Base {
	case AboveMinimum:
		for i, v := range a.least.total {
			a.zero[i] = min(v, a.correct[i])
		}
	case LogProbability:
		if err := a.solver.FreeEnergies(a.zero, a.chains); err != nil {
			return err
		}
	}
	for i, e := range a.correct {
		v := a.value[i]
		if s.Kind == functional.CostMax {
			v = max(0, e-v)
		}
		correct[i], other[i] = settle(&s, a.Base, e, v, a.zero[i], a.places(i))
	}
	return nil
}

// statistic fills value.
func (a *Chains[T]) statistic() error {
	switch a.stat.Kind {
	case functional.Minimum:
		for i, v := range a.least.total {
			a.value[i] = min(v, a.correct[i])
		}
	case functional.Offending:
		copy(a.value, a.least.total)
	case functional.CostMax:
		a.leave(&a.augmented, 0, &a.stat)
		copy(a.value, a.augmented.total)
	case functional.Wrong:
		a.leave(&a.wrong, a.stat.Beta, nil)
		copy(a.value, a.wrong.total)
	case functional.FreeEnergy:
		if err := a.solver.FreeEnergies(a.value, a.heated(a.stat.Beta)); err != nil {
			return err
		}
		for i := range a.value {
			a.value[i] /= a.stat.Beta
		}
	}
	return nil
}

// heated returns the chains with energies times β.
func (a *Chains[T]) heated(beta float64) *lattice.Chains[T] {
	if beta == 1 {
		return a.chains
	}
	c := a.chains
	a.hot.Lengths, a.hot.States = c.Lengths, c.States
	a.hot.Unary, a.hot.Pair = scratch.Sized(a.hot.Unary, len(c.Unary)), scratch.Sized(a.hot.Pair, len(c.Pair))
	simd.Scale(a.hot.Unary, c.Unary, T(beta))
	simd.Scale(a.hot.Pair, c.Pair, T(beta))
	return &a.hot
}

// places is what PerPlace divides by.
func (a *Chains[T]) places(i int) float64 {
	if !a.PerPlace {
		return 1
	}
	return float64(max(1, a.chains.Lengths[i]))
}

func (a *Chains[T]) checkLabels(k int) error {
	for v, x := range a.vars {
		for y := range x.states {
			if l := a.label(x, y); l < 0 || l >= k {
				return fmt.Errorf("answers: state %d of variable %d has the label %d; cost has labels 0 to %d", y, v, l, k-1)
			}
		}
	}
	return nil
}

func (a *Chains[T]) label(v variable, state int) int {
	if a.Labels == nil {
		return state
	}
	return a.Labels[v.unary+state]
}

// AddGrads implements Answers.
func (a *Chains[T]) AddGrads(dCorrect, dOther []float64) error {
	if a.chains == nil {
		return fmt.Errorf("answers: chains: AddGrads before Eval")
	}
	n := len(a.chains.Lengths)
	if err := checkLength("dCorrect", len(dCorrect), n); err != nil {
		return err
	}
	if err := checkLength("dOther", len(dOther), n); err != nil {
		return err
	}
	if a.stat.Kind == functional.FreeEnergy {
		a.up = scratch.Sized(a.up, n)
		for i, d := range dOther {
			a.up[i] = T(d / a.places(i))
		}
		if err := a.addMarginals(a.heated(a.stat.Beta)); err != nil {
			return err
		}
	}
	if a.Base == LogProbability {
		a.up = scratch.Sized(a.up, n)
		for i := range a.up {
			a.up[i] = T(-pushBase(&a.stat, dCorrect[i], dOther[i]) / a.places(i))
		}
		if err := a.addMarginals(a.chains); err != nil {
			return err
		}
	}
	for i := range n {
		if !math.IsInf(a.correct[i], 1) {
			a.addChain(i, dCorrect[i]/a.places(i), dOther[i]/a.places(i))
		}
	}
	return nil
}

// addChain adds the derivatives of chain i but for those of free energies of all paths.
func (a *Chains[T]) addChain(i int, dCorrect, dOther float64) {
	if a.Base == AboveMinimum {
		a.addLeast(i, -pushBase(&a.stat, dCorrect, dOther))
	}
	switch a.stat.Kind {
	case functional.Minimum:
		a.addLeast(i, dOther)
	case functional.Offending:
		a.addLeaving(i, &a.least, dOther)
	case functional.Wrong:
		a.addWrong(i, dOther)
	case functional.CostMax:
		if a.correct[i]-a.value[i] >= 0 {
			a.addLeaving(i, &a.augmented, -dOther)
			dCorrect += dOther
		}
	}
	lo := a.first[i]
	for t, y := range a.gold[lo:a.first[i+1]] {
		a.addState(lo+t, t, y, a.before(lo, t), dCorrect)
	}
}

// before is the correct state before place t.
func (a *Chains[T]) before(lo, t int) int {
	if t == 0 {
		return 0
	}
	return a.gold[lo+t-1]
}

// addLeast adds the derivatives of the minimum over all paths, the incorrect first.
func (a *Chains[T]) addLeast(i int, by float64) {
	if a.least.total[i] <= a.correct[i] {
		a.addLeaving(i, &a.least, by)
		return
	}
	lo := a.first[i]
	for t, y := range a.gold[lo:a.first[i+1]] {
		a.addState(lo+t, t, y, a.before(lo, t), by)
	}
}

// addState adds by to the derivatives of state y of variable v, place t of its chain, and of
// its pair with the state before it.
func (a *Chains[T]) addState(v, t, y, before int, by float64) {
	x := a.vars[v]
	a.dUnary[x.unary+y] += T(by)
	if t > 0 {
		a.dPair[x.pair+before*x.states+y] += T(by)
	}
}

// addMarginals adds the derivatives of the chains' free energies times up.
func (a *Chains[T]) addMarginals(c *lattice.Chains[T]) error {
	a.unary, a.pair = scratch.Sized(a.unary, len(c.Unary)), scratch.Sized(a.pair, len(c.Pair))
	clear(a.unary)
	clear(a.pair)
	a.states = scratch.Sized(a.states, len(c.Lengths))
	if err := a.solver.Marginals(a.states, a.unary, a.pair, a.up, c); err != nil {
		return err
	}
	simd.AXPY(a.dUnary, 1, a.unary)
	simd.AXPY(a.dPair, 1, a.pair)
	return nil
}
