package main

import "math"

// The formulas, with their factors, are those of the same names in package simd.
var regressLosses = []pointLoss{
	{"mse", "(a − b)²", 2, "a", "ab", 4, mseBody},
	{"l1", "|a − b|", 2, "a", "ab", 4, l1Body},
	{"huber", "k₂t(|a − b| − t/2), t = min(k₁, |a − b|)", 2, "a", "ab", 4, huberBody},
	{"poissonLog", "eᵃ − b·a", 2, "a", "ab", 1, poissonLogBody},
	{"poisson", "a − b·ln(a + k₁)", 2, "a", "ab", 1, poissonBody},
	{"gaussian", "½(ln v + (a − b)²/v) + k₂, v = max(c, k₁)", 3, "ac", "abc", 1, gaussianBody},
	{"klDiv", "b(ln b − a)", 2, "a", "ab", 1, klDivBody},
	{"klDivLog", "e^b·(b − a)", 2, "a", "ab", 1, klDivLogBody},
}

// opposite is −x if the second argument's derivative is computed.
func (f *pointFrame) opposite(x vec) vec {
	if !f.wants('b') {
		return nil
	}
	return f.xor(x, f.bits(signBit))
}

func mseBody(f *pointFrame) func(a, b, c vec) pointTerms {
	f.bits(signBit)
	return func(a, b, _ vec) pointTerms {
		r := f.sub(a, b)
		d := f.add(r, r)
		return pointTerms{l: f.mul(r, r), da: d, db: f.opposite(d)}
	}
}

func l1Body(f *pointFrame) func(a, b, c vec) pointTerms {
	sign, abs, one, zero := f.bits(signBit), f.bits(signBit-1), f.cr(1), f.cr(0)
	return func(a, b, _ vec) pointTerms {
		r := f.sub(a, b)
		d := f.choose(r, different, zero, f.or(f.and(r, sign), one), r)
		return pointTerms{l: f.and(r, abs), da: d, db: f.opposite(d)}
	}
}

func huberBody(f *pointFrame) func(a, b, c vec) pointTerms {
	sign, abs, half := f.bits(signBit), f.bits(signBit-1), f.cr(0.5)
	delta, scale := f.factor(0), f.factor(1)
	return func(a, b, _ vec) pointTerms {
		r := f.sub(a, b)
		size := f.and(r, abs)
		t := f.min(delta, size)
		d := f.mul(f.or(t, f.and(r, sign)), scale)
		return pointTerms{l: f.mul(f.and(d, abs), f.fnma(t, half, size)), da: d, db: f.opposite(d)} // t·size may underflow
	}
}

// zeroWhere returns x, 0 where y is. A body that uses it calls f.c(0) before its loop.
func (f *pointFrame) zeroWhere(y, x vec) vec {
	zero := f.c(0)
	return f.choose(y, eq, zero, zero, x)
}

func poissonLogBody(f *pointFrame) func(a, b, c vec) pointTerms {
	f.bits(signBit)
	f.c(0)
	exp := expBody(f.isa)
	return func(a, b, _ vec) pointTerms {
		rate := exp(nil, a, nil, nil)
		t := pointTerms{l: f.sub(rate, f.zeroWhere(b, f.mul(b, a))), da: f.sub(rate, b)}
		t.db = f.opposite(a)
		return t
	}
}

func poissonBody(f *pointFrame) func(a, b, c vec) pointTerms {
	f.bits(signBit)
	zero, one := f.c(0), f.c(1)
	f.domain()
	log := f.log()
	return func(a, _, _ vec) pointTerms {
		rate := f.add(a, f.factor(0))
		f.refuse(rate, lt, zero)
		y := log(rate)
		b := f.again(1)
		t := pointTerms{l: f.sub(f.again(0), f.zeroWhere(b, f.mul(b, y))), db: f.opposite(y)}
		rate = f.add(f.again(0), f.factor(0))
		t.da = f.div(f.add(f.sub(f.again(0), b), f.factor(0)), rate)
		only := f.choose(b, eq, zero, one, t.da) // of a rate of 0 with the count 0
		t.da = f.choose(rate, eq, zero, only, t.da)
		return t
	}
}

// gaussianBody takes r = a − b with its rounding error, so that v − r² keeps its digits
// where the two are close: the derivative by v is (v − r²)/2v². Where r² or 1/v leaves the
// normal numbers, it leaves the element to the formula.
func gaussianBody(f *pointFrame) func(a, b, c vec) pointTerms {
	f.bits(signBit)
	zero, half, one := f.c(0), f.c(0.5), f.c(1)
	abs, longest, widest := f.bits(signBit-1), f.c(1e19), f.c(8e37)
	f.domain()
	log := f.log()
	return func(_, _, c vec) pointTerms {
		f.refuse(c, lt, zero)
		y := log(f.max(f.factor(0), c))
		v := f.max(f.factor(0), f.again(2))
		a, b := f.again(0), f.again(1)
		r := f.sub(a, b)
		t := pointTerms{da: f.div(r, v)}
		t.db = f.opposite(t.da)
		t.l = f.fma(f.fma(t.da, r, y), f.load(half), f.factor(1))
		if f.wants('c') {
			f.refuse(f.and(r, abs), gt, longest)
			f.refuse(v, gt, widest)
			back := f.sub(r, a) // −b, rounded
			rest := f.sub(f.sub(a, f.sub(r, back)), f.add(b, back))
			rest = f.choose(f.sub(rest, rest), eq, zero, rest, f.load(zero)) // of infinities there is none
			near := f.fnma(f.add(r, r), rest, f.fnma(r, r, v))
			w := f.div(f.load(one), v)
			t.dc = f.mul(f.mul(near, f.mul(w, half)), w)
		}
		return t
	}
}

func klDivBody(f *pointFrame) func(a, b, c vec) pointTerms {
	sign, zero, one := f.bits(signBit), f.c(0), f.c(1)
	inf, minusInf := f.c(math.Inf(1)), f.c(math.Inf(-1))
	f.domain()
	log := f.log()
	return func(_, b, _ vec) pointTerms {
		f.refuse(b, lt, zero)
		r := f.sub(log(b), f.again(0))
		b = f.again(1)
		a := f.again(0)
		// Where b is 0 the loss is, unless a is NaN.
		t := pointTerms{l: f.choose(a, unord, a, a, f.zeroWhere(b, f.mul(b, r))), da: f.xor(b, sign)}
		if f.wants('b') {
			limit := f.choose(a, eq, minusInf, inf, f.load(minusInf))
			limit = f.choose(a, unord, a, a, limit)
			t.db = f.choose(b, eq, zero, limit, f.add(r, one))
		}
		return t
	}
}

func klDivLogBody(f *pointFrame) func(a, b, c vec) pointTerms {
	sign, one := f.bits(signBit), f.c(1)
	f.c(0)
	exp := expBody(f.isa)
	return func(a, b, _ vec) pointTerms {
		p := exp(nil, b, nil, nil)
		// Where p is 0 the difference counts 0, unless a is NaN.
		r := f.choose(a, unord, a, a, f.zeroWhere(p, f.sub(b, a)))
		t := pointTerms{l: f.mul(p, r), da: f.xor(p, sign)}
		if f.wants('b') {
			t.db = f.mul(p, f.add(r, one))
		}
		return t
	}
}
