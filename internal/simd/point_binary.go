package simd

import "math"

// softplusParts returns log(1 + eˣ), log(1 + e⁻ˣ), σ(x) and σ(−x), each to the last bits.
func softplusParts(x float64) (plus, minus, sigma, other float64) {
	e := math.Exp(-math.Abs(x))
	l := math.Log1p(e)
	big, small := 1/(1+e), e/(1+e)
	if x < 0 {
		return l, l - x, small, big
	}
	return l + x, l, big, small
}

func within01(t float64) bool { return t >= 0 && t <= 1 }

// bceLogits is (1 − b)·log(1 + e^a) + b·log(1 + e^−a).
func bceLogits(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	plus, minus, sigma, other := softplusParts(a)
	return product(1-b, plus) + product(b, minus), float64((1-b)*sigma) - float64(b*other), -a, 0, within01(b)
}

// bceLogitsPos is bceLogits with its second term times c.
func bceLogitsPos(a, b, c float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	plus, minus, sigma, other := softplusParts(a)
	both := math.Log1p(math.Exp(-math.Abs(a)))
	db = product(c, max(-a, 0)) - max(a, 0) + float64((c-1)*both) // c·minus − plus without cancellation
	return product(1-b, plus) + product(c*b, minus), float64((1-b)*sigma) - float64(c*b*other), db, 0, within01(b)
}

// leastLog is where the logarithms of bce are cut off, and leastProduct its a(1 − a), as in
// PyTorch, which has the latter as a float32.
const leastLog = -100

var leastProduct = float64(float32(1e-12))

// bce is −b·log a − (1 − b)·log(1 − a), the logarithms cut off, and so in the derivative by b.
func bce(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	yes, no := max(math.Log(a), leastLog), max(math.Log1p(-a), leastLog)
	l = float64(-b*yes) - float64((1-b)*no)
	return l, (a - b) / max(a*(1-a), leastProduct), no - yes, 0, within01(a) && within01(b)
}

// softMargin is log(1 + e^−ab).
func softMargin(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	plus, _, sigma, _ := softplusParts(-a * b)
	return plus, -b * sigma, 0, 0, b == 1 || b == -1
}

// hingeEmbedding is a where b = 1, max(0, k[0] − a) where b = −1, and else both.
func hingeEmbedding(a, b, _ float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	if b != 1 {
		if z := k[0] - a; !(z < 0) {
			l, da = z, -1
		}
	}
	if b != -1 {
		l, da = l+a, da+1
	}
	return l, da, 0, 0, b == 1 || b == -1
}

// marginRanking is max(0, −c(a − b) + k[0]).
func marginRanking(a, b, c float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	ok = c == 1 || c == -1
	r := a - b
	z := k[0] - float64(c*r)
	if z < 0 {
		return 0, 0, 0, 0, ok
	}
	return z, -c, c, -r, ok
}
