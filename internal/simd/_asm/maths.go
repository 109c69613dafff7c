package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

const (
	signBit = 1 << 31
	ln2Hi   = 0.693145751953125 // 15 bits: n·ln2Hi is exact
	ln2Lo   = math.Ln2 - ln2Hi

	geluLinear = 1.5957691216057307 // 2√(2/π)
)

// Coefficients, lowest first: near-minimax fits made in 40 digits.
var (
	// (eʳ − 1 − r)/r² on |r| ≤ ln 2/2.
	expCoef = []float64{0.5, 0.166665768946, 0.0416665544984, 0.00836319488242, 0.00139262033616}
	// (ln(1+f) − f + f²/2)/f³ on [√½ − 1, √2 − 1].
	logCoef = []float64{
		0.3333333118, -0.24999996958, 0.200007157489, -0.166678023195, 0.142490576457,
		-0.124256873315, 0.116854199235, -0.114797338466, 0.0697161147145,
	}
	// (ln(1+e) − e)/e² on [0, 1].
	log1pCoef = []float64{
		-0.499999995222, 0.333332373462, -0.249967599083, 0.199567079523, -0.163651528692,
		0.130333642382, -0.0913941377401, 0.0493099734345, -0.0171842669824, 0.0028016419928,
	}
	// erf(x)/x − 1 in x², |x| ≤ 1.
	erfCoef = []float64{
		0.128379165726, -0.37612625821, 0.112835851118, -0.0268538103973, 0.00518832476425, -0.000801016796725, 7.85377666906e-5,
	}
	// ln erfc(x), 1 ≤ x ≤ 4: the error, times erfc(x), is less than 2e-9.
	erfcCoef = []float64{
		-0.000244407136423, -1.12747630909, -0.637514673756, -0.103642478216, 0.0220887345599, -0.00300882644817, 0.000192457213193,
	}
	// Φ(−a)·e^(a²/2)·(a + 4) in t = (a − 4)/(a + 4), 0 ≤ a ≤ 15.
	cdfCoef = []float64{
		0.755285130623, -0.607896659091, 0.387137367999, -0.186521281403, 0.0603975330878, -0.00754526826572,
		-0.00348931727612, 0.00164521929736, 0.000171054611587, -0.000231798678342, -5.15565932986e-5,
	}
)

// A body computes the new value of dst from its old value, a, b and s; the operands
// that its kernel does not have are nil.
type body func(d, a, b, s vec) vec

// expParts is a factory: eˣ = (1 + t)·2ⁿ with n whole and 1 + t in [√½, √2]. x must be
// within the range of 2ⁿ; extra, if not nil, is added to the reduced x.
func (g *isa) expParts() func(x, extra vec) (t, n vec) {
	log2e, hi, lo, coef := g.c(math.Log2E), g.c(ln2Hi), g.c(ln2Lo), g.cs(expCoef...)
	return func(x, extra vec) (vec, vec) {
		n := g.round(g.mul(x, log2e))
		r := g.fnma(n, hi, x)
		VFNMADD231PS(lo, n, r)
		if extra != nil {
			r = g.add(r, extra)
		}
		q := g.poly(r, coef)
		return g.fma(g.mul(r, r), q, r), n
	}
}

// expNeg is a factory for e^−|x| in the same parts, with |x| cut off at limit.
func (g *isa) expNeg(limit float64) func(x vec) (t, n vec) {
	low, sign, parts := g.cr(-limit), g.bits(signBit), g.expParts()
	return func(x vec) (vec, vec) { return parts(g.max(low, g.or(x, sign)), nil) }
}

func expBody(g *isa) body {
	low, high, one := g.cr(-104), g.cr(89), g.c(1)
	parts, pow2 := g.expParts(), g.pow2()
	return func(_, x, _, _ vec) vec {
		t, n := parts(g.max(low, g.min(high, x)), nil)
		return pow2(g.add(t, one), n)
	}
}

// logParts is a factory: ln(x + rest)+shift·ln 2 for positive normal x and a rest of at
// most half a unit in its last place; rest and shift may be nil.
func (g *isa) logParts() func(x, rest, shift vec) vec {
	root, zero := g.bits(0x3f3504f3), g.bits(0)
	expOne := g.bits(127 << 23)
	one, half := g.c(1), g.c(0.5)
	hi, lo, coef := g.c(ln2Hi), g.c(ln2Lo), g.cs(logCoef...)
	return func(x, rest, shift vec) vec {
		k, e, whole := g.reg(), g.reg(), g.reg()
		VPSUBD(root, x, k)
		VPSRAD(U8(23), k, k)
		VPSLLD(U8(23), k, e)
		m := g.op3(VPSUBD, x, e) // x = m·2ᵏ, m in [√½, √2)
		f := g.sub(m, one)
		if rest != nil {
			down := g.op3(VPSUBD, g.load(expOne), e) // 2⁻ᵏ; k may be 128, where rest does not count
			VFMADD231PS(g.op3(VPMAXSD, down, zero), rest, f)
		}
		VCVTDQ2PS(k, whole)
		if shift != nil {
			VADDPS(shift, whole, whole)
		}
		f2 := g.mul(f, f)
		t := g.mul(g.mul(f, f2), g.poly(f, coef))
		VFNMADD231PS(half, f2, t)
		VFMADD231PS(lo, whole, t)
		y := g.add(f, t)
		VFMADD231PS(hi, whole, y)
		return y
	}
}

// logLimits is a factory that puts in ln's values at 0, below 0, at +Inf and at NaN.
func (g *isa) logLimits() func(x, y vec) vec {
	zero, inf, minusInf, nan := g.c(0), g.c(math.Inf(1)), g.c(math.Inf(-1)), g.bits(0x7fc00000)
	return func(x, y vec) vec {
		y = g.choose(x, eq, zero, minusInf, y)
		y = g.choose(x, eq, inf, inf, y)
		return g.choose(x, notGE, zero, nan, y)
	}
}

// log is a factory of the whole function, denormals scaled up first.
func (g *isa) log() func(x vec) vec {
	least, up, down, none := g.bits(0x00800000), g.c(1<<23), g.c(-23), g.c(0)
	parts, limits := g.logParts(), g.logLimits()
	return func(x vec) vec {
		scaled := g.choose(x, lt, least, g.mul(x, up), x)
		shift := g.choose(x, lt, least, down, g.load(none))
		return limits(x, parts(scaled, nil, shift))
	}
}

func logBody(g *isa) body {
	log := g.log()
	return func(_, x, _, _ vec) vec { return log(x) }
}

// tanh |x| = m/(m + 2) with m = e^2|x| − 1; it is 1 from |x| = 9.02 on.
func tanhBody(g *isa) body {
	limit, one, two := g.cr(10), g.cr(1), g.c(2)
	abs, sign := g.bits(signBit-1), g.bits(signBit)
	parts, pow2 := g.expParts(), g.pow2()
	return func(_, x, _, _ vec) vec {
		a := g.min(limit, g.and(x, abs))
		t, n := parts(g.add(a, a), nil)
		s := pow2(one, n)
		m := g.fma(s, t, g.sub(s, one))
		return g.or(g.div(m, g.add(m, two)), g.and(x, sign))
	}
}

// σ(x) = 1/(1 + e), or e/(1 + e) for x < 0, with e = e^−|x|.
func sigmoidBody(g *isa) body {
	f := g.sigmoid()
	return func(_, x, _, _ vec) vec { return f(x) }
}

func (g *isa) sigmoid() func(x vec) vec {
	one, zero := g.c(1), g.c(0)
	exp, pow2 := g.expNeg(104), g.pow2()
	return func(x vec) vec {
		t, n := exp(x)
		e := pow2(g.add(t, one), n)
		return g.div(g.choose(x, ge, zero, one, e), g.add(e, one))
	}
}

func softplusBody(g *isa) body {
	one, zero, coef := g.c(1), g.cr(0), g.cs(log1pCoef...)
	exp, pow2 := g.expNeg(104), g.pow2()
	return func(_, x, _, _ vec) vec {
		t, n := exp(x)
		e := pow2(g.add(t, one), n)
		return g.add(g.max(zero, x), g.fma(g.mul(e, e), g.poly(e, coef), e))
	}
}

// For x < 0, x·σ(x) = x·p/(1 + e)·2ⁿ with e = p·2ⁿ: scaled last, a denormal is rounded
// only once. Below −109 the result is 0.
func siluBody(g *isa) body {
	one, zero, low := g.c(1), g.c(0), g.cr(-110)
	exp, pow2 := g.expNeg(110), g.pow2()
	return func(_, x, _, _ vec) vec {
		t, n := exp(x)
		p := g.add(t, one)
		den := g.add(pow2(p, n), one)
		p = g.choose(x, ge, zero, one, p)
		n = g.choose(x, ge, zero, zero, n)
		return pow2(g.mul(g.div(p, den), g.max(low, x)), n)
	}
}

func siluGradBody(g *isa) body {
	one, zero, low, high := g.c(1), g.c(0), g.cr(-110), g.cr(110)
	exp, pow2 := g.expNeg(110), g.pow2()
	return func(_, dy, x, _ vec) vec {
		t, n := exp(x)
		p := g.add(t, one)
		e := pow2(p, n)
		y := g.div(g.load(one), g.add(e, one))
		other := g.mul(g.choose(x, lt, zero, one, e), y) // 1 − σ(x)
		p = g.choose(x, ge, zero, one, p)
		n = g.choose(x, ge, zero, zero, n)
		s := g.fma(g.max(low, g.min(high, x)), other, one)
		return g.mul(dy, pow2(g.mul(s, g.mul(p, y)), n))
	}
}

func softplusGradBody(g *isa) body {
	f := g.sigmoid()
	return func(_, dy, x, _ vec) vec { return g.mul(dy, f(x)) }
}

// normal is a factory of e^(−x²/2) = p·2ⁿ, of h = Φ(−|x|)·e^(x²/2), and of a = |x|, cut
// off at 16. x² is taken in two parts, since an error in it grows with x².
func (g *isa) normal() func(x vec) (p, n, h, a vec) {
	limit, abs, half, one, two, four := g.cr(16), g.bits(signBit-1), g.c(-0.5), g.c(1), g.c(2), g.c(4)
	minusOne := g.cr(-1)
	parts, coef := g.expParts(), g.cs(cdfCoef...)
	return func(x vec) (vec, vec, vec, vec) {
		a := g.min(limit, g.and(x, abs))
		square := g.mul(a, a)
		rest := g.fma(a, a, g.xor(square, g.bits(signBit)))
		t, n := parts(g.mul(square, half), g.mul(rest, half))
		u := g.div(g.load(one), g.add(a, four))
		// (a − 4)/(a + 4) = 2au − 1: exact to the last bit where h is steepest, at a = 0.
		h := g.poly(g.fma(g.mul(a, u), two, minusOne), coef)
		return g.add(t, one), n, g.mul(h, u), a
	}
}

// x·Φ(x), with Φ(x) = 1 − Φ(−x) for x ≥ 0.
func geluBody(g *isa) body {
	g.bits(signBit)
	zero, one, low := g.c(0), g.cr(1), g.cr(-16)
	normal, pow2 := g.normal(), g.pow2()
	return func(_, x, _, _ vec) vec {
		p, n, h, _ := normal(x)
		factor := g.choose(x, ge, zero, one, g.max(low, x))
		w := pow2(g.mul(g.mul(p, h), factor), n)
		return g.choose(x, ge, zero, g.mul(x, g.sub(one, w)), w)
	}
}

// x·σ(v) with v = x(linear + cubic·x²) is x·(1 + tanh(v/2))/2; the scale comes last, as in siluBody. Where v is below −110, x is cut off: the result is 0 all the same.
func geluTanhBody(g *isa) body {
	linear, cubic, one, zero, low := g.cr(geluLinear), g.c(0.044715*geluLinear), g.c(1), g.c(0), g.cr(-16)
	exp, pow2 := g.expNeg(110), g.pow2()
	return func(_, x, _, _ vec) vec {
		v := g.mul(x, g.fma(g.mul(x, x), cubic, linear))
		t, n := exp(v)
		p := g.add(t, one)
		den := g.add(pow2(p, n), one)
		p = g.choose(x, ge, zero, one, p)
		n = g.choose(x, ge, zero, zero, n)
		return pow2(g.mul(g.div(p, den), g.max(low, x)), n)
	}
}

// erf x = x + x·q(x²) for |x| ≤ 1, else ±(1 − e^ln erfc|x|). It is ±1 from |x| = 4 on.
func erfBody(g *isa) body {
	sign, abs, limit, one := g.bits(signBit), g.bits(signBit-1), g.cr(4), g.cr(1)
	coef, far := g.cs(erfCoef...), g.cs(erfcCoef...)
	parts, pow2 := g.expParts(), g.pow2()
	return func(_, x, _, _ vec) vec {
		a := g.min(limit, g.and(x, abs))
		t, n := parts(g.poly(a, far), nil)
		tail := g.or(g.sub(one, pow2(g.add(t, one), n)), g.and(x, sign))
		return g.choose(a, le, one, g.fma(x, g.poly(g.mul(x, x), coef), x), tail)
	}
}

// eᵃ − 1 = 2ⁿt + (2ⁿ − 1); below −20 it is −1.
func eluBody(g *isa) body {
	low, zero, one := g.cr(-20), g.cr(0), g.cr(1)
	parts, pow2 := g.expParts(), g.pow2()
	return func(_, x, _, s vec) vec {
		t, n := parts(g.max(low, g.min(zero, x)), nil)
		p := pow2(one, n)
		return g.choose(x, gt, zero, x, g.mul(g.fma(p, t, g.sub(p, one)), s))
	}
}

// With G = 2ⁿp(h − |x|/√(2π)), the derivative is G for x < 0, else 1 − G.
func geluGradBody(g *isa) body {
	g.bits(signBit)
	zero, one, density := g.c(0), g.cr(1), g.c(1/math.Sqrt(2*math.Pi))
	normal, pow2 := g.normal(), g.pow2()
	return func(_, dy, x, _ vec) vec {
		p, n, h, a := normal(x)
		w := pow2(g.mul(p, g.fnma(a, density, h)), n)
		return g.mul(dy, g.choose(x, ge, zero, g.sub(one, w), w))
	}
}
