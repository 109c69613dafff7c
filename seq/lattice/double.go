package lattice

import "math"

// double is the sum of two numbers, hi and lo, of which lo is at most half a unit in the last
// place of hi: some 32 digits, so that a small energy is not lost beside a large one.
// Source: [dekker1971].
type double struct{ hi, lo float64 }

// none is log zero.
var logZero = double{hi: math.Inf(-1)}

func (a double) isZero() bool { return math.IsInf(a.hi, -1) }

// plus returns a + b of finite numbers.
func (a double) plus(b float64) double { return sumOf(a.hi, b, a.lo) }

// sumOf returns a + b + lo, where lo is small beside a or b.
func sumOf(a, b, lo float64) double {
	sum := a + b
	of := sum - a // what sum has of b
	lo += (a - (sum - of)) + (b - of)
	hi := sum + lo
	return double{hi, lo - (hi - sum)}
}

// add returns a + b of finite numbers.
func (a double) add(b double) double { return sumOf(a.hi, b.hi, a.lo+b.lo) }

// less returns a − b, to the digits that an exponential of it needs.
func (a double) less(b double) float64 { return (a.hi - b.hi) + (a.lo - b.lo) }

func (a double) float() float64 { return a.hi + a.lo }

// under reports whether a < b: hi is the number rounded, so that equals are equal in both.
func (a double) under(b double) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func greater(a, b double) double {
	if a.under(b) {
		return b
	}
	return a
}

// logSum adds up in logarithms, one after another.
type logSum struct {
	top double  // the greatest yet
	sum float64 // Σ is sum·exp(top); nothing yet where sum is 0
}

// add adds exp(v), v being finite, and returns its share of the sum so far.
func (s *logSum) add(v double) (share float64) {
	if s.sum == 0 {
		s.top, s.sum = v, 1
		return 1
	}
	d := v.less(s.top)
	if d > 0 {
		s.sum = s.sum*math.Exp(-d) + 1
		s.top = v
		return 1 / s.sum
	}
	e := math.Exp(d)
	s.sum += e
	return e / s.sum
}

// share returns the share of exp(v), one of those that were added.
func (s *logSum) share(v double) float64 { return math.Exp(v.less(s.top)) / s.sum }

func (s *logSum) log() double {
	if s.sum == 0 {
		return logZero
	}
	return s.top.plus(math.Log(s.sum))
}
