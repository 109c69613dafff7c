package lattice

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// Chains is a batch of chains of variables with energies of states and of pairs of
// neighbours:
//
//	E(y) = Σ_t Unary_t[y_t] + Σ_t Pair_t[y_{t−1}, y_t]
//
// Everything lies flat, chain after chain and variable after variable. A variable's
// number of states is its own, or one number for all. Energies are finite numbers of a
// bounded size (see the package), or +Inf, which forbids.
type Chains[T tensor.Float] struct {
	Lengths []int // variables of each chain; 0 is a chain with one path, of energy 0
	States  []int // states of each variable of each chain, or one number: all variables'
	Unary   []T   // energies of the states of each variable
	// Pair has the energies of each two neighbours' states, the left one's by rows. Where
	// States is one number K, it may be a single K×K: all neighbours'.
	Pair []T
}

// span is where a variable's energies lie.
type span struct {
	states int
	unary  int // in Unary
	pair   int // of it with its left neighbour, in Pair
}

// layout is where everything lies in a batch.
type layout struct {
	chains []int // first variable of each chain, and the end
	vars   []span
	unary  int // elements
	pair   int
	shared bool // one Pair for all
	widest int
}

// lay works out the layout and checks all lengths.
func (l *layout) lay(lengths, states []int, unary, pair int) error {
	l.chains = append(l.chains[:0], 0)
	for i, n := range lengths {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("lattice: Lengths[%d] is %d; it must be from 0 to %d", i, n, math.MaxInt32)
		}
		if room := unary - l.chains[i]; n > room { // before memory is taken for them
			return fmt.Errorf("lattice: Lengths[%d] is %d; Unary has %d elements, one for each state of each variable, which leave room for %d", i, n, unary, room)
		}
		l.chains = append(l.chains, l.chains[i]+n)
	}
	n := l.chains[len(lengths)]
	if len(states) != n && len(states) != 1 {
		return fmt.Errorf("lattice: States has %d elements; it must have one, or one for each of the %d variables", len(states), n)
	}
	for i, k := range states {
		if k < 1 || k > math.MaxInt32 {
			return fmt.Errorf("lattice: States[%d] is %d; it must be from 1 to %d", i, k, math.MaxInt32)
		}
	}
	l.shared = len(states) == 1 && pair == states[0]*states[0]
	l.vars, l.unary, l.pair, l.widest = slices.Grow(l.vars[:0], n), 0, 0, 0
	const most = math.MaxInt / 2 // no slice has as many: sums stop here, before they overflow
	for i := range lengths {
		for v := l.chains[i]; v < l.chains[i+1]; v++ {
			k := states[0]
			if len(states) > 1 {
				k = states[v]
			}
			s := span{k, l.unary, 0}
			if v > l.chains[i] && !l.shared {
				s.pair = l.pair
				l.pair = min(l.pair+l.vars[v-1].states*k, most)
			}
			l.unary = min(l.unary+k, most)
			l.widest = max(l.widest, k)
			l.vars = append(l.vars, s)
		}
	}
	if l.shared {
		l.pair = pair
	}
	if unary != l.unary {
		return fmt.Errorf("lattice: Unary has %d elements; it must have %d, one for each state of each variable", unary, l.unary)
	}
	if pair != l.pair {
		return fmt.Errorf("lattice: Pair has %d elements; it must have %d, one for each two states of neighbours%s", pair, l.pair, orShared(states))
	}
	return nil
}

func orShared(states []int) string {
	if len(states) != 1 {
		return ""
	}
	return fmt.Sprintf(", or %d for all alike", states[0]*states[0])
}

// chain returns the variables of a chain.
func (l *layout) chain(i int) []span { return l.vars[l.chains[i]:l.chains[i+1]] }

// unaries returns a chain's range in Unary.
func (l *layout) unaries(i int) (lo, hi int) {
	vars := l.chain(i)
	if len(vars) == 0 {
		return 0, 0
	}
	last := vars[len(vars)-1]
	return vars[0].unary, last.unary + last.states
}

// pairs returns a chain's range in Pair, empty where all share one.
func (l *layout) pairs(i int) (lo, hi int) {
	vars := l.chain(i)
	if len(vars) < 2 || l.shared {
		return 0, 0
	}
	last := vars[len(vars)-1]
	return vars[1].pair, last.pair + vars[len(vars)-2].states*last.states
}

// checkEnergies refuses NaN, −Inf and what is too large to add up.
func checkEnergies[T tensor.Float](arg string, x []T) error {
	bound := T(limitsOf[T]().energy)
	if simd.Min(x) >= -bound && simd.Max(x) <= bound {
		return nil
	}
	for i, v := range x {
		if !(v >= -bound && v <= bound) && !math.IsInf(float64(v), 1) {
			return fmt.Errorf("lattice: %s[%d] is %v; an energy must be a number from %v to %v, or +Inf to forbid", arg, i, v, -bound, bound)
		}
	}
	return nil
}

func checkLength(arg string, n, want int) error {
	if n != want {
		return fmt.Errorf("lattice: %s has %d elements; it must have %d", arg, n, want)
	}
	return nil
}
