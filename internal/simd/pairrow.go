package simd

import "math"

// Losses of pairs of rows are computed in float64, whatever T is: differences that
// nearly cancel keep their digits, and squares of float32 numbers cannot overflow.

// rowChunk is about the number of elements in a task of a loss over rows. The sums of
// losses depend on it.
const rowChunk = 8 << 10

// rowStep returns how many rows make a task.
func rowStep(cols int) int { return max(1, rowChunk/cols) }

// pairKernels are those of one level.
type pairKernels[T Float] struct {
	sums func(x, y []T) (dot, xx, yy float64)
	gap  func(x, y []T, rx, ry float64) float64 // Σ (x·rx − y·ry)²
	// cosine writes dx = kx·(y·ry − cos·x·rx) and dy = ky·(x·rx − cos·y·ry).
	cosine func(dx, dy, x, y []T, rx, ry, cos, kx, ky float64)

	squares func(x, y []T, eps float64) float64 // Σ (x − y + eps)²
	abs     func(x, y []T, eps float64) float64 // Σ |x − y + eps|
	// powers is Σ |x − y + eps|^(whole + half/2).
	powers func(x, y []T, eps float64, whole, half int) float64
	// triplet2 writes, with u = a − p + eps, v = a − n + eps and w = p − n + eps,
	// da = ku·u + kv·v, dp = kw·w − ku·u and dn = −kv·v − kw·w; triplet1 has the signs
	// of u, v and w in their places.
	triplet2, triplet1 func(da, dp, dn, a, p, n []T, eps, ku, kv, kw float64)
	// tripletP has sign(u)·|u·iu|^(whole + half/2) in u's place, and so on; 0 where u is 0.
	tripletP func(da, dp, dn, a, p, n []T, eps, ku, kv, kw, iu, iv, iw float64, whole, half int)
}

func plainPairs[T Float]() pairKernels[T] {
	return pairKernels[T]{
		sums: pairSums[T], gap: pairGap[T], cosine: cosineGrad[T],
		squares: pairSquares[T], abs: pairAbs[T], powers: pairPowers[T],
		triplet2: triplet2Grad[T], triplet1: triplet1Grad[T], tripletP: tripletPGrad[T],
	}
}

func pairSums[T Float](x, y []T) (dot, xx, yy float64) {
	for i, v := range x {
		a, b := float64(v), float64(y[i])
		dot += a * b
		xx += a * a
		yy += b * b
	}
	return dot, xx, yy
}

func pairGap[T Float](x, y []T, rx, ry float64) (s float64) {
	for i, v := range x {
		u := float64(float64(v)*rx) - float64(float64(y[i])*ry)
		s += u * u
	}
	return s
}

func cosineGrad[T Float](dx, dy, x, y []T, rx, ry, cos, kx, ky float64) {
	for i, v := range x {
		a, b := float64(float64(v)*rx), float64(float64(y[i])*ry)
		dx[i] = T(kx * (b - float64(cos*a)))
		dy[i] = T(ky * (a - float64(cos*b)))
	}
}

func pairSquares[T Float](x, y []T, eps float64) (s float64) {
	for i, v := range x {
		u := float64(v) - float64(y[i]) + eps
		s += u * u
	}
	return s
}

func pairAbs[T Float](x, y []T, eps float64) (s float64) {
	for i, v := range x {
		s += math.Abs(float64(v) - float64(y[i]) + eps)
	}
	return s
}

func pairPowers[T Float](x, y []T, eps float64, whole, half int) (s float64) {
	for i, v := range x {
		s += halfPower(math.Abs(float64(v)-float64(y[i])+eps), whole, half)
	}
	return s
}

// halfPower is x^(whole + half/2) for x ≥ 0, whole ≥ 0 and half from −1 to 1.
func halfPower(x float64, whole, half int) float64 {
	y := 1.0
	for range whole {
		y *= x
	}
	switch half {
	case 1:
		y *= math.Sqrt(x)
	case -1:
		y /= math.Sqrt(x)
	}
	return y
}

// halves splits a degree that half-powers can do.
func halves(p float64) (whole, half int, ok bool) {
	const most = 8
	twice := int(2 * min(p, most+1))
	return twice / 2, twice % 2, p > 0 && p <= most && float64(twice) == 2*p
}

func triplet2Grad[T Float](da, dp, dn, a, p, n []T, eps, ku, kv, kw float64) {
	for i := range a {
		x, y, z := float64(a[i]), float64(p[i]), float64(n[i])
		u, v, w := float64(ku*(x-y+eps)), float64(kv*(x-z+eps)), float64(kw*(y-z+eps))
		da[i], dp[i], dn[i] = T(u+v), T(w-u), T(-v-w)
	}
}

func triplet1Grad[T Float](da, dp, dn, a, p, n []T, eps, ku, kv, kw float64) {
	for i := range a {
		x, y, z := float64(a[i]), float64(p[i]), float64(n[i])
		u, v, w := float64(ku*sign(x-y+eps)), float64(kv*sign(x-z+eps)), float64(kw*sign(y-z+eps))
		da[i], dp[i], dn[i] = T(u+v), T(w-u), T(-v-w)
	}
}

func tripletPGrad[T Float](da, dp, dn, a, p, n []T, eps, ku, kv, kw, iu, iv, iw float64, whole, half int) {
	slope := func(u, k, inverse float64) float64 {
		if m := math.Abs(u) * inverse; m > 0 {
			return float64(math.Copysign(1, u) * k * halfPower(m, whole, half))
		}
		return u * 0
	}
	for i := range a {
		x, y, z := float64(a[i]), float64(p[i]), float64(n[i])
		u, v, w := slope(x-y+eps, ku, iu), slope(x-z+eps, kv, iv), slope(y-z+eps, kw, iw)
		da[i], dp[i], dn[i] = T(u+v), T(w-u), T(-v-w)
	}
}

// sign is 0 at 0, and for NaN, as in PyTorch.
func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

// PairNorm returns ‖x − y + eps‖ₚ, eps being added to every difference: p is at least 0,
// +Inf for the greatest absolute difference, 0 for the number of those that are not 0.
func PairNorm[T Float](x, y []T, p, eps float64) float64 {
	return pairNorm(&tableOf[T]().pairs, x, y, p, eps)
}

func pairNorm[T Float](t *pairKernels[T], x, y []T, p, eps float64) float64 {
	switch p {
	case 2:
		if s := t.squares(x, y, eps); harmless(s) {
			return math.Sqrt(s)
		}
	case 1:
		return t.abs(x, y, eps)
	case 0:
		return pairCount(x, y, eps)
	}
	whole, half, ok := halves(p)
	if ok {
		if s := t.powers(x, y, eps, whole, half); harmless(s) {
			return math.Pow(s, 1/p)
		}
	}
	top := pairTop(x, y, eps)
	if math.IsInf(p, 1) || top == 0 || math.IsInf(top, 1) || top != top {
		return top
	}
	var s float64
	for i, v := range x {
		s += math.Pow(math.Abs(float64(v)-float64(y[i])+eps)/top, p)
	}
	return top * math.Pow(s, 1/p)
}

// harmless reports whether a sum of powers neither overflowed nor lost digits below
// float64's normal numbers.
func harmless(s float64) bool { return s > 1e-280 && s < math.Inf(1) }

func pairCount[T Float](x, y []T, eps float64) (n float64) {
	for i, v := range x {
		if u := float64(v) - float64(y[i]) + eps; u != u {
			return u
		} else if u != 0 {
			n++
		}
	}
	return n
}

func pairTop[T Float](x, y []T, eps float64) (top float64) {
	for i, v := range x {
		if u := math.Abs(float64(v) - float64(y[i]) + eps); u > top {
			top = u
		} else if u != u {
			return u
		}
	}
	return top
}

// PairNormGrad adds up·∂d/∂x to dx and up·∂d/∂y to dy, d being the value of PairNorm. As
// in PyTorch, the derivative is 0 where d is, a difference of 0 has none, and that of
// p = +Inf is divided among equal maxima.
func PairNormGrad[T Float](dx, dy []float64, x, y []T, p, eps, d, up float64) {
	switch {
	case p == 0 || d == 0:
	case math.IsInf(p, 1):
		topGrad(dx, dy, x, y, eps, d, up)
	default:
		for i, v := range x {
			if u := float64(v) - float64(y[i]) + eps; u != 0 {
				slope := float64(up * math.Copysign(math.Pow(math.Abs(u)/d, p-1), u))
				dx[i] += slope
				dy[i] -= slope
			}
		}
	}
}

// topGrad divides the derivative of the greatest difference d among equal ones.
func topGrad[T Float](dx, dy []float64, x, y []T, eps, d, up float64) {
	ties := 0
	for i, v := range x {
		if u := math.Abs(float64(v) - float64(y[i]) + eps); !(u < d) {
			ties++
		}
	}
	for i, v := range x {
		if u := float64(v) - float64(y[i]) + eps; !(math.Abs(u) < d) {
			slope := float64(up / float64(ties) * math.Copysign(1, u))
			dx[i] += slope
			dy[i] -= slope
		}
	}
}

// PairSquares returns ‖x − y‖².
func PairSquares[T Float](x, y []T) float64 { return tableOf[T]().pairs.squares(x, y, 0) }
