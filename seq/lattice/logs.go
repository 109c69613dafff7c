package lattice

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// In logarithms, what the paths up to a state weigh is kept relative to the best state of
// its step, and shares are handed down from the last step to the first: a state's to those
// before it, by what each has added to it. So the shares of each step sum to 1, whatever the
// energies are; no large logarithm is subtracted from another.

// logs is the memory of one chain in logarithms, log zero being −Inf.
type logs struct {
	alpha  []double  // ln Σ exp(−E) over the paths up to each state, the greatest of a step 0
	into   []double  // of those that come to a state from each state before it
	weight []float64 // exp(into), the greatest 1; or exp(alpha) of the last step
	share  []float64 // of the states of a step
	before []float64 // … and of the step before it
}

// freeLogs is free in logarithms: an exponential for each pair of each step, and right
// at any energies.
func (s *Solver[T]) freeLogs(w *workspace[T], i, g int, up T) float64 {
	l := &w.logs
	free := s.forwardLogs(l, s.chain(i))
	if s.derive && !math.IsInf(free, 1) {
		s.spreadLogs(l, i, g, float64(up))
	}
	return free
}

// row returns a variable's part of alpha.
func (l *logs) row(vars []span, t int) []double {
	lo := vars[t].unary - vars[0].unary
	return l.alpha[lo : lo+vars[t].states]
}

// forwardLogs fills alpha and returns the free energy, +Inf where no path is possible.
func (s *Solver[T]) forwardLogs(l *logs, vars []span) float64 {
	last := vars[len(vars)-1]
	l.alpha = scratch.Sized(l.alpha, last.unary+last.states-vars[0].unary)
	var sum double // of what the steps are relative to
	for t := range vars {
		s.stepLogs(l, vars, t)
		row := l.row(vars, t)
		best := logZero
		for _, a := range row {
			best = greater(best, a)
		}
		if best.isZero() {
			return math.Inf(1)
		}
		for j, a := range row {
			if !a.isZero() {
				row[j] = a.add(double{-best.hi, -best.lo})
			}
		}
		sum = sum.add(best)
	}
	return -sum.plus(math.Log(s.ends(l, vars))).float()
}

// stepLogs fills a step of alpha from the one before it.
func (s *Solver[T]) stepLogs(l *logs, vars []span, t int) {
	unary, pair := s.energiesOf(vars, t)
	next := l.row(vars, t)
	if t == 0 {
		for j, e := range unary {
			next[j] = double{hi: -float64(e)}
		}
		return
	}
	prev := l.row(vars, t-1)
	for j, e := range unary {
		next[j] = logZero
		if math.IsInf(float64(e), 1) {
			continue
		}
		var sum logSum
		for i, a := range prev {
			if p := float64(pair[i*len(next)+j]); !a.isZero() && !math.IsInf(p, 1) {
				sum.add(a.plus(-p))
			}
		}
		if sum.sum > 0 {
			next[j] = sum.log().plus(-float64(e))
		}
	}
}

// ends fills weight with what the states of the last step weigh, and returns their sum.
func (s *Solver[T]) ends(l *logs, vars []span) float64 {
	l.weight = scratch.Sized(l.weight, s.widest)
	return weigh(l.weight, l.row(vars, len(vars)-1), double{})
}

// ways fills weight with what the states before a state weigh that a path comes to it from,
// and returns their sum.
func (s *Solver[T]) ways(l *logs, vars []span, t, j int) float64 {
	_, pair := s.energiesOf(vars, t)
	prev, k, best := l.row(vars, t-1), vars[t].states, logZero
	l.into = scratch.Sized(l.into, s.widest)
	into := l.into[:len(prev)]
	for i, a := range prev {
		into[i] = logZero
		if p := float64(pair[i*k+j]); !a.isZero() && !math.IsInf(p, 1) {
			into[i] = a.plus(-p)
			best = greater(best, into[i])
		}
	}
	return weigh(l.weight, into, best)
}

// weigh writes exp(x − best) to dst and returns the sum.
func weigh(dst []float64, x []double, best double) (sum float64) {
	for i, v := range x {
		dst[i] = math.Exp(v.less(best))
		sum += dst[i]
	}
	return sum
}

// spreadLogs writes the marginals of chain i, whose alpha is filled.
func (s *Solver[T]) spreadLogs(l *logs, i, g int, up float64) {
	vars := s.chain(i)
	if s.pair != nil && !s.shared {
		lo, hi := s.pairs(i)
		clear(s.pair[lo:hi])
	}
	l.share, l.before = scratch.Sized(l.share, s.widest), scratch.Sized(l.before, s.widest)
	last := len(vars) - 1
	sum := s.ends(l, vars)
	share := l.share[:vars[last].states]
	for j := range share {
		share[j] = l.weight[j] / sum
	}
	s.putUnary(vars[last], share, up)
	for t := last; t > 0; t-- {
		before := l.before[:vars[t-1].states]
		clear(before)
		for j, p := range share {
			if p > 0 {
				s.handDown(l, vars, t, j, g, p, up)
			}
		}
		normalise(before)
		s.putUnary(vars[t-1], before, up)
		l.share, l.before = l.before, l.share
		share = before
	}
}

// handDown adds a state's share p to the shares before it and to those of its pairs.
func (s *Solver[T]) handDown(l *logs, vars []span, t, j, g int, p, up float64) {
	p /= s.ways(l, vars, t, j)
	var direct []float64
	if s.pair != nil && s.shared {
		direct = s.groups[g].sums(len(s.pair))
	}
	k := vars[t].states
	for i := range vars[t-1].states {
		share := p * l.weight[i]
		l.before[i] += share
		switch {
		case s.pair == nil:
		case s.shared:
			direct[i*k+j] += up * share
		default:
			s.pair[vars[t].pair+i*k+j] = T(up * share)
		}
	}
}

func (s *Solver[T]) putUnary(v span, share []float64, up float64) {
	if s.unary == nil {
		return
	}
	for j, p := range share {
		s.unary[v.unary+j] = T(up * p)
	}
}

// normalise makes shares sum to 1 again, so that rounding does not add up over the steps.
func normalise(share []float64) {
	sum := total(share)
	for j := range share {
		share[j] /= sum
	}
}

// sums returns the group's sums of marginals, 0 at first.
func (g *group[T]) sums(n int) []float64 {
	if len(g.direct) == 0 {
		g.direct = scratch.Sized(g.direct, n)
		clear(g.direct)
	}
	return g.direct
}
