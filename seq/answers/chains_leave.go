package answers

import (
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// leaving is a sum, or a minimum, over all paths but the correct one. Each of them leaves the
// correct path once for the first time: it is a beginning of the correct path, another
// state, and any end.
type leaving struct {
	beta  float64
	cost  *functional.Statistic
	after []float64 // [Unary] of all that may follow a state
	next  []int32   // [Unary] the best state after it, of a minimum

	// Of a minimum, for each state of the right neighbour:
	onward []float64 // [Unary] its energy and that of all that follows
	close  []int32   // [Unary] memory of near
	total  []float64 // [chains]
	at     []int     // [chains] where the best path leaves, and to which state
	to     []int
}

// leave computes l over all chains: a minimum where beta is 0, of E − C where cost is not nil.
// Of equals, paths that leave first are the best, and then those of lower states.
func (a *Chains[T]) leave(l *leaving, beta float64, cost *functional.Statistic) {
	n := len(a.chains.Lengths)
	l.beta, l.cost = beta, cost
	l.after, l.next = scratch.Sized(l.after, len(a.chains.Unary)), scratch.Sized(l.next, len(a.chains.Unary))
	l.onward, l.close = scratch.Sized(l.onward, len(a.chains.Unary)), scratch.Sized(l.close, len(a.chains.Unary))
	if a.shared && beta == 0 {
		k := a.chains.States[0]
		a.rowLow = scratch.Sized(a.rowLow, k)
		for y := range a.rowLow {
			a.rowLow[y] = float64(simd.Min(a.chains.Pair[y*k : (y+1)*k]))
		}
	}
	l.total, l.at, l.to = scratch.Sized(l.total, n), scratch.Sized(l.at, n), scratch.Sized(l.to, n)
	a.now = l
	simd.Run(n, (*leaveJob[T])(a))
}

// leaveJob computes one chain.
type leaveJob[T tensor.Float] Chains[T]

// Do implements simd.Job.
func (j *leaveJob[T]) Do(i, _ int) {
	a := (*Chains[T])(j)
	if a.now.beta == 0 {
		a.followLeast(a.now, i)
	} else {
		a.follow(a.now, i)
	}
	a.depart(a.now, i)
}

// followLeast is follow of a minimum. It passes over states that cannot be the best after any other: most, once a model is
// sure of itself.
func (a *Chains[T]) followLeast(l *leaving, i int) {
	lo, hi := a.first[i], a.first[i+1]
	for v := hi - 1; v >= lo; v-- {
		x := a.vars[v]
		after, next := l.after[x.unary:x.unary+x.states], l.next[x.unary:x.unary+x.states]
		if v == hi-1 {
			clear(after)
			for y := range next {
				next[y] = -1
			}
			continue
		}
		right := a.vars[v+1]
		onward := l.onward[right.unary : right.unary+right.states]
		for j := range onward {
			onward[j] = a.state(l, v+1, j) + l.after[right.unary+j]
		}
		near := a.near(l.close[right.unary:right.unary], onward)
		for y := range after {
			least, at := math.Inf(1), int32(-1)
			pair := a.chains.Pair[right.pair+y*right.states:][:right.states]
			for _, j := range near {
				if sum := float64(pair[j]) + onward[j]; sum < least {
					least, at = sum, j
				}
			}
			after[y], next[y] = least, at
		}
	}
}

// near appends the states that may be the best after some state: of a shared Pair, those that are not above the best of
// onward by more than it costs, at most, to take that one.
func (a *Chains[T]) near(dst []int32, onward []float64) []int32 {
	limit := math.Inf(1)
	if a.shared {
		best := 0
		for j, e := range onward {
			if e < onward[best] {
				best = j
			}
		}
		limit = math.Inf(-1)
		for y, low := range a.rowLow {
			if !math.IsInf(low, 1) {
				limit = max(limit, onward[best]+(float64(a.chains.Pair[y*len(onward)+best])-low))
			}
		}
		limit += 1e-12 * math.Abs(limit) // sums round
	}
	for j, e := range onward {
		if e <= limit {
			dst = append(dst, int32(j))
		}
	}
	return dst
}

// follow fills after and next of chain i, from its end on.
func (a *Chains[T]) follow(l *leaving, i int) {
	lo, hi := a.first[i], a.first[i+1]
	for v := hi - 1; v >= lo; v-- {
		x := a.vars[v]
		for y := range x.states {
			at := x.unary + y
			if v == hi-1 {
				l.after[at], l.next[at] = 0, -1
				continue
			}
			m := newSoftMin(l.beta)
			for j := range a.vars[v+1].states {
				m.add(a.step(l, v+1, y, j), j)
			}
			l.after[at], l.next[at] = m.value(), int32(m.at)
		}
	}
}

// step is the energy of the step from state i before variable v to its state j, and to all
// that may follow.
func (a *Chains[T]) step(l *leaving, v, i, j int) float64 {
	x := a.vars[v]
	return float64(a.chains.Pair[x.pair+i*x.states+j]) + a.state(l, v, j) + l.after[x.unary+j]
}

// state is the energy of state y of variable v, less its cost.
func (a *Chains[T]) state(l *leaving, v, y int) float64 {
	x := a.vars[v]
	e := float64(a.chains.Unary[x.unary+y])
	if l.cost != nil {
		e -= costOf(l.cost, a.label(x, a.gold[v]), a.label(x, y))
	}
	return e
}

// depart fills total, at and to of chain i.
func (a *Chains[T]) depart(l *leaving, i int) {
	lo, all := a.first[i], newSoftMin(l.beta)
	var prefix float64
	l.at[i], l.to[i] = -1, -1
	for t, gold := range a.gold[lo:a.first[i+1]] {
		for y := range a.vars[lo+t].states {
			if y == gold {
				continue
			}
			least := all.least
			if all.add(a.leaves(l, lo, t, y, prefix), t); all.least < least {
				l.at[i], l.to[i] = t, y
			}
		}
		prefix += a.enter(l, lo, t, gold)
	}
	l.total[i] = all.value()
}

// leaves is the energy of the paths that follow the correct one, of energy prefix, up to place t
// and have state y there.
func (a *Chains[T]) leaves(l *leaving, lo, t, y int, prefix float64) float64 {
	return prefix + a.enter(l, lo, t, y) + l.after[a.vars[lo+t].unary+y]
}

// enter is the energy of coming to state y at place t from the correct path.
func (a *Chains[T]) enter(l *leaving, lo, t, y int) float64 {
	e := a.state(l, lo+t, y)
	if t > 0 {
		x := a.vars[lo+t]
		e += float64(a.chains.Pair[x.pair+a.gold[lo+t-1]*x.states+y])
	}
	return e
}

// addLeaving adds the derivatives of the energy of l's best path of chain i.
func (a *Chains[T]) addLeaving(i int, l *leaving, by float64) {
	if math.IsInf(l.total[i], 1) {
		return
	}
	lo, before := a.first[i], 0
	for v := lo; v < a.first[i+1]; v++ {
		t, y := v-lo, a.gold[v]
		switch {
		case t == l.at[i]:
			y = l.to[i]
		case t > l.at[i]:
			y = int(l.next[a.vars[v-1].unary+before])
		}
		a.addState(v, t, y, before, by)
		before = y
	}
}

// addWrong adds the derivatives of the free energy of chain i's incorrect paths: shares, which
// are handed on from place to place, so that they sum to 1.
func (a *Chains[T]) addWrong(i int, by float64) {
	l := &a.wrong
	if by == 0 || math.IsInf(l.total[i], 1) {
		return
	}
	lo, hi := a.first[i], a.first[i+1]
	a.addPrefix(i, by)
	a.left = a.left[:0]
	var prefix float64
	for v := lo; v < hi; v++ {
		t, x := v-lo, a.vars[v]
		a.states = scratch.Sized(a.states, x.states)
		clear(a.states)
		for i, p := range a.left {
			if p == 0 {
				continue
			}
			for j := range x.states {
				q := p * share(l.beta, a.step(l, v, i, j), l.after[a.vars[v-1].unary+i])
				a.states[j] += q
				a.dPair[x.pair+i*x.states+j] += T(by * q)
			}
		}
		for y := range x.states {
			if y != a.gold[v] {
				q := share(l.beta, a.leaves(l, lo, t, y, prefix), l.total[i])
				a.states[y] += q
				if t > 0 {
					a.dPair[x.pair+a.gold[v-1]*x.states+y] += T(by * q)
				}
			}
			a.dUnary[x.unary+y] += T(by * a.states[y])
		}
		prefix += a.enter(l, lo, t, a.gold[v])
		a.left, a.states = a.states, a.left
	}
}

// addPrefix adds the shares of the beginnings that incorrect paths have in common with the
// correct one.
func (a *Chains[T]) addPrefix(i int, by float64) {
	l := &a.wrong
	lo, hi := a.first[i], a.first[i+1]
	a.states = scratch.Sized(a.states, hi-lo) // energy of the correct path before each place
	var prefix float64
	for t := range hi - lo {
		a.states[t] = prefix
		prefix += a.enter(l, lo, t, a.gold[lo+t])
	}
	var later float64
	for t := hi - lo - 1; t >= 0; t-- {
		a.addState(lo+t, t, a.gold[lo+t], a.before(lo, t), by*later)
		for y := range a.vars[lo+t].states {
			if y != a.gold[lo+t] {
				later += share(l.beta, a.leaves(l, lo, t, y, a.states[t]), l.total[i])
			}
		}
	}
}
