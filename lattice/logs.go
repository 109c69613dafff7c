package lattice

import "math"

// logs is the memory of one chain in logarithms, log zero being −Inf.
type logs struct {
	alpha, beta []float64
}

// freeLogs is free in logarithms: an exponential for each pair of each step, and right
// at any energies.
func (s *Solver[T]) freeLogs(w *scratch[T], i, g int, up T) float64 {
	vars, l := s.chain(i), &w.logs
	logZ := s.forwardLogs(l, vars)
	if s.wanted && !math.IsInf(logZ, -1) {
		s.backwardLogs(l, vars)
		s.spreadLogs(l, vars, g, float64(up), logZ)
	}
	return -logZ
}

// row returns a variable's part of x.
func row(x []float64, vars []span, t int) []float64 {
	lo := vars[t].unary - vars[0].unary
	return x[lo : lo+vars[t].states]
}

func (s *Solver[T]) forwardLogs(l *logs, vars []span) float64 {
	last := vars[len(vars)-1]
	l.alpha = grow(l.alpha, last.unary+last.states-vars[0].unary)
	var prev []float64
	for t := range vars {
		unary, pair := s.energiesOf(vars, t)
		next := row(l.alpha, vars, t)
		for j := range next {
			next[j] = -float64(unary[j])
			if t > 0 {
				var sum logSum
				for i, a := range prev {
					sum.add(a - float64(pair[i*len(next)+j]))
				}
				next[j] += sum.log()
			}
		}
		prev = next
	}
	var sum logSum
	for _, a := range prev {
		sum.add(a)
	}
	return sum.log()
}

func (s *Solver[T]) backwardLogs(l *logs, vars []span) {
	l.beta = grow(l.beta, len(l.alpha))
	next := row(l.beta, vars, len(vars)-1)
	clear(next)
	for t := len(vars) - 1; t > 0; t-- {
		unary, pair := s.energiesOf(vars, t)
		prev := row(l.beta, vars, t-1)
		for i := range prev {
			var sum logSum
			for j, b := range next {
				sum.add(b - float64(unary[j]) - float64(pair[i*len(next)+j]))
			}
			prev[i] = sum.log()
		}
		next = prev
	}
}

func (s *Solver[T]) spreadLogs(l *logs, vars []span, g int, up, logZ float64) {
	for t, v := range vars {
		alpha, beta := row(l.alpha, vars, t), row(l.beta, vars, t)
		if s.unary != nil {
			for j := range alpha {
				s.unary[v.unary+j] = T(up * math.Exp(alpha[j]+beta[j]-logZ))
			}
		}
		if t == 0 || s.pair == nil {
			continue
		}
		unary, pair := s.energiesOf(vars, t)
		var direct []float64
		if s.shared {
			direct = s.groups[g].sums(len(pair))
		}
		for i, a := range row(l.alpha, vars, t-1) {
			for j, b := range beta {
				at := i*len(beta) + j
				m := up * math.Exp(a+b-float64(unary[j])-float64(pair[at])-logZ)
				if s.shared {
					direct[at] += m
				} else {
					s.pair[v.pair+at] = T(m)
				}
			}
		}
	}
}

// sums returns the group's sums of marginals, 0 at first.
func (g *group[T]) sums(n int) []float64 {
	if len(g.direct) == 0 {
		g.direct = grow(g.direct, n)
		clear(g.direct)
	}
	return g.direct
}

// logSum adds up in logarithms, one after another.
type logSum struct {
	top, sum float64 // Σ is sum·exp(top); nothing yet where sum is 0
}

func (s *logSum) add(v float64) {
	switch {
	case math.IsInf(v, -1):
	case s.sum == 0:
		s.top, s.sum = v, 1
	case v > s.top:
		s.sum = s.sum*math.Exp(s.top-v) + 1
		s.top = v
	default:
		s.sum += math.Exp(v - s.top)
	}
}

func (s *logSum) log() float64 {
	if s.sum == 0 {
		return math.Inf(-1)
	}
	return s.top + math.Log(s.sum)
}
