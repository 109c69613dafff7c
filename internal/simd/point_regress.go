package simd

import "math"

// ln2Pi2 is ½ log 2π.
const ln2Pi2 = 0.91893853320467274178

func mse(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	r := a - b
	return r * r, 2 * r, -2 * r, 0, true
}

func l1(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	r := a - b
	d := r // 0 and NaN stay
	if r != 0 && r == r {
		d = math.Copysign(1, r)
	}
	return math.Abs(r), d, -d, 0, true
}

// huber is k[1] times Huber's loss of half-width k[0].
func huber(a, b, _ float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	r := a - b
	size := math.Abs(r)
	t := min(k[0], size)
	d := k[1] * math.Copysign(t, r)
	l = k[1] * t * (size - float64(t/2))
	if math.IsInf(size, 1) { // of infinities, or of finite numbers far apart
		l = k[1] * t * (math.Abs(float64(a/2)-float64(b/2)) - float64(t/4)) * 2
	}
	return l, d, -d, 0, true
}

// poissonLog is e^a − b·a.
func poissonLog(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	rate := math.Exp(a)
	return expPlus(a, b, -a), rate - b, -a, 0, true
}

// poissonLogFull is poissonLog with Stirling's approximation of log b! where b > 1.
func poissonLogFull(a, b, _ float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	l, da, db, _, _ = poissonLog(a, b, 0, k)
	if b > 1 {
		log := math.Log(b)
		l = expPlus(a, b, log-a-1) + log/2 + ln2Pi2
		db = log - a + 1/(2*b)
	}
	return l, da, db, 0, true
}

// expPlus returns e^a + b·r, 0 for the second where b is 0, also where a term overflows
// whose sum does not. Of infinite a, the exponential is the greater.
func expPlus(a, b, r float64) float64 {
	const scale = 0x1p-16 // enough, since the other term has at most 2^1024·2^11
	l := math.Exp(a) + product(b, r)
	switch {
	case math.IsInf(a, 1) && b == b:
		return a
	case !math.IsInf(l, 0) && l == l || math.IsInf(a, -1):
		return l
	}
	half := math.Exp(a / 2)
	return (half*(half*scale) + product(b*scale, r)) / scale
}

// poisson is a − b·log(a + k[0]).
func poisson(a, b, _ float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	rate := a + k[0]
	log := math.Log(rate)
	if math.IsInf(a, 1) && b == b { // which the logarithm is small beside
		return a, 1, -log, 0, true
	}
	da = (a - b + k[0]) / rate
	if b == 0 && rate == 0 {
		da = 1
	}
	return a - product(b, log), da, -log, 0, !(rate < 0)
}

// poissonFull is poisson with Stirling's approximation of log b! where b > 1.
func poissonFull(a, b, _ float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	l, da, db, _, ok = poisson(a, b, 0, k)
	if b > 1 && !math.IsInf(a, 1) {
		log := math.Log(b)
		l = a + b*(log+db-1) + log/2 + ln2Pi2
		db += log + 1/(2*b)
	}
	return l, da, db, 0, ok
}

// gaussian is ½(log v + (a − b)²/v) + k[1], v = max(c, k[0]); the derivative by c is
// that by v.
func gaussian(a, b, c float64, k *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	v := max(c, k[0])
	r := a - b
	d := r / v
	return (math.Log(v)+float64(d*r))/2 + k[1], d, -d, (1 - float64(d*r)) / (2 * v), !(c < 0)
}

// klDiv is b(log b − a).
func klDiv(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	if b == 0 {
		return product(b, a), 0, zeroTarget(a), 0, true
	}
	r := math.Log(b) - a
	return b * r, -b, r + 1, 0, !(b < 0)
}

// zeroTarget is the limit of log b − a + 1 as b falls to 0.
func zeroTarget(a float64) float64 {
	switch {
	case math.IsInf(a, -1):
		return math.Inf(1)
	case math.IsNaN(a):
		return a
	}
	return math.Inf(-1)
}

// klDivLog is e^b(b − a).
func klDivLog(a, b, _ float64, _ *[PointFactors]float64) (l, da, db, dc float64, ok bool) {
	p := math.Exp(b)
	if p == 0 && a == a {
		return 0, 0, 0, 0, true
	}
	r := b - a
	return product(r, p), -p, p * (r + 1), 0, true
}

// product is a·b, 0 where a is 0, whatever b but NaN.
func product(a, b float64) float64 {
	if a == 0 && b == b {
		return 0
	}
	return float64(a * b)
}
