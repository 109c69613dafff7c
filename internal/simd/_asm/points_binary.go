package main

// The formulas, with their factors, are those of the same names in package simd.
var binaryLosses = []pointLoss{
	{"bce", "−b·ln a − (1 − b)·ln(1 − a)", 2, "a", "ab", 1, bceBody},
	{"bceLogits", "(1 − b)·ln(1 + eᵃ) + b·ln(1 + e⁻ᵃ)", 2, "a", "ab", 1, bceLogitsBody(false)},
	{"bceLogitsPos", "(1 − b)·ln(1 + eᵃ) + c·b·ln(1 + e⁻ᵃ)", 3, "a", "ab", 1, bceLogitsBody(true)},
	{"softMargin", "ln(1 + e^−ab)", 2, "a", "a", 1, softMarginBody},
	{"hingeEmbedding", "a where b = 1, max(0, k₁ − a) where b = −1", 2, "a", "a", 4, hingeEmbeddingBody},
	{"marginRanking", "max(0, −c(a − b) + k₁)", 3, "ab", "abc", 2, marginRankingBody},
}

// Predicates besides those of isa.go; unequal is true for NaN.
const (
	unequal   = 4
	different = 0x0c // and neither NaN
)

// sides is a factory of e = e^−|x|, ln(1 + e), and 1/(1 + e).
func (g *isa) sides() func(x vec) (e, l, share vec) {
	one, coef := g.c(1), g.cs(log1pCoef...)
	exp, pow2 := g.expNeg(104), g.pow2()
	return func(x vec) (vec, vec, vec) {
		t, n := exp(x)
		e := pow2(g.add(t, one), n)
		return e, g.fma(g.mul(e, e), g.poly(e, coef), e), g.div(g.load(one), g.add(e, one))
	}
}

// refuseShares refuses targets that are not in [0, 1].
func (f *pointFrame) refuseShares(b vec) {
	f.refuse(b, notGE, f.c(0))
	f.refuse(b, notLE, f.c(1))
}

// refuseSigns refuses targets that are not ±1.
func (f *pointFrame) refuseSigns(b vec) { f.refuse(f.and(b, f.bits(signBit-1)), unequal, f.c(1)) }

// With e = e^−|a|, ln(1 + eᵃ) = max(a, 0) + ln(1 + e), and σ(a) is 1/(1 + e) or e/(1 + e).
// Where a factor is 0, its infinite logarithm counts 0.
func bceLogitsBody(weighted bool) func(f *pointFrame) func(a, b, c vec) pointTerms {
	return func(f *pointFrame) func(a, b, c vec) pointTerms {
		f.bits(signBit)
		zero, one := f.c(0), f.c(1)
		f.domain()
		sides := f.sides()
		return func(a, _, _ vec) pointTerms {
			e, l, share := sides(a)
			other := f.mul(e, share)
			a, b := f.again(0), f.again(1)
			f.refuseShares(b)
			u, w := f.sub(f.load(one), b), b
			if weighted {
				w = f.mul(b, f.again(2))
			}
			sigma := f.choose(a, ge, zero, share, other)
			rest := f.choose(a, ge, zero, other, share) // σ(−a)
			t := pointTerms{da: f.fnma(w, rest, f.mul(u, sigma))}
			t.db = f.opposite(a)
			minus := f.xor(a, f.bits(signBit))
			plusPart, minusPart := f.max(a, zero), f.max(minus, zero)
			t.l = f.mul(f.add(u, w), l)
			t.l = f.add(t.l, f.add(f.zeroWhere(u, f.mul(u, plusPart)), f.zeroWhere(w, f.mul(w, minusPart))))
			if weighted && f.wants('b') {
				c := f.again(2)
				t.db = f.sub(f.zeroWhere(c, f.mul(c, minusPart)), plusPart)
				t.db = f.add(t.db, f.mul(f.sub(c, one), l))
			}
			return t
		}
	}
}

func bceBody(f *pointFrame) func(a, b, c vec) pointTerms {
	zero, one, least, product := f.c(0), f.c(1), f.c(-100), f.c(1e-12)
	nan := f.bits(0x7fc00000)
	f.bits(signBit)
	f.domain()
	log, parts := f.log(), f.logParts()
	return func(a, _, _ vec) pointTerms {
		f.refuseShares(a)
		no := f.sub(f.load(one), a)
		rest := f.sub(f.sub(f.load(one), no), a)
		other := parts(no, rest, nil) // ln(1 − a), but for a = 1
		b := f.again(1)
		f.refuseShares(b)
		a = f.again(0)
		no = f.sub(f.load(one), a)
		other = f.choose(no, eq, zero, least, other)
		other = f.choose(no, notGE, zero, nan, other)
		share := f.sub(f.load(one), b)
		l := f.mul(share, other)
		yes := f.max(f.load(least), log(f.again(0))) // keeps a NaN
		a, b = f.again(0), f.again(1)
		l = f.fma(yes, b, l)
		no = f.sub(f.load(one), a)
		t := pointTerms{l: f.xor(l, f.bits(signBit)), da: f.div(f.sub(a, b), f.max(f.mul(a, no), product))}
		if f.wants('b') {
			t.db = f.sub(other, yes)
		}
		return t
	}
}

func softMarginBody(f *pointFrame) func(a, b, c vec) pointTerms {
	sign, zero := f.bits(signBit), f.c(0)
	f.bits(signBit - 1)
	f.c(1)
	f.domain()
	sides := f.sides()
	return func(a, b, _ vec) pointTerms {
		z := f.xor(f.mul(a, b), sign)
		e, l, share := sides(z)
		z = f.xor(f.mul(f.again(0), f.again(1)), sign)
		b = f.again(1)
		f.refuseSigns(b)
		sigma := f.choose(z, ge, zero, share, f.mul(e, share))
		return pointTerms{l: f.add(f.max(z, zero), l), da: f.xor(f.mul(b, sigma), sign)}
	}
}

func hingeEmbeddingBody(f *pointFrame) func(a, b, c vec) pointTerms {
	f.bits(signBit - 1)
	zero, one, minusOne := f.c(0), f.c(1), f.c(-1)
	margin := f.factor(0)
	f.domain()
	return func(a, b, _ vec) pointTerms {
		f.refuseSigns(b)
		z := f.sub(margin, a)
		below := f.choose(z, lt, zero, zero, z)
		slope := f.choose(z, lt, zero, zero, f.load(minusOne))
		below = f.choose(b, eq, one, zero, below)
		slope = f.choose(b, eq, one, zero, slope)
		above := f.choose(b, eq, minusOne, zero, a)
		rise := f.choose(b, eq, minusOne, zero, f.load(one))
		return pointTerms{l: f.add(below, above), da: f.add(slope, rise)}
	}
}

func marginRankingBody(f *pointFrame) func(a, b, c vec) pointTerms {
	sign, zero := f.bits(signBit), f.c(0)
	f.bits(signBit - 1)
	f.c(1)
	margin := f.factor(0)
	f.domain()
	return func(a, b, c vec) pointTerms {
		f.refuseSigns(c)
		r := f.sub(a, b)
		z := f.fnma(c, r, margin)
		y := f.choose(z, lt, zero, zero, c)
		t := pointTerms{l: f.choose(z, lt, zero, zero, z), da: f.xor(y, sign), db: y}
		if f.wants('c') {
			t.dc = f.choose(z, lt, zero, zero, f.xor(r, sign))
		}
		return t
	}
}
