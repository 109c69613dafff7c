package simd

import (
	"math"
	"math/rand/v2"
)

func regressRows() []pointRow {
	two := func(r *rand.Rand) (a, b, c float64) { return wide(r), wide(r), 0 }
	return []pointRow{
		{name: "mse", p: PointMSE, args: 2, diffs: outA | outB, within: 1e-6, draw: two},
		{name: "l1", p: PointL1, args: 2, diffs: outA | outB, within: 1e-6, draw: func(r *rand.Rand) (a, b, c float64) {
			if r.IntN(8) == 0 {
				return 1.5, 1.5, 0
			}
			return two(r)
		}},
		{
			name: "huber", p: PointHuber, args: 2, diffs: outA | outB, within: 1e-6,
			factors: [][PointFactors]float64{{1, 1}, {0.25, 4}, {3, 1. / 3}},
			draw: func(r *rand.Rand) (a, b, c float64) {
				if r.IntN(8) == 0 {
					return 1.5, 0.5, 0
				}
				return two(r)
			},
		},
		{name: "poissonLog", p: PointPoissonLog, args: 2, diffs: outA | outB, within: 1e-6, draw: counts, size: poissonSize},
		{name: "poissonLogFull", p: PointPoissonLogFull, args: 2, diffs: outA | outB, within: 1e-6, draw: counts, size: poissonSize},
		{
			name: "poisson", p: PointPoisson, args: 2, diffs: outA | outB, within: 1e-6, draw: rates, size: ratesSize,
			factors: [][PointFactors]float64{{1e-8}, {0.5}}, outside: [][3]float64{{-0.6, 1}, {-3, 0}},
		},
		{
			name: "poissonFull", p: PointPoissonFull, args: 2, diffs: outA | outB, within: 1e-6, draw: rates, size: ratesSize,
			factors: [][PointFactors]float64{{1e-8}}, outside: [][3]float64{{-0.6, 1}},
		},
		{
			name: "gaussian", p: PointGaussian, args: 3, diffs: outA | outB | outC, within: 1e-6,
			factors: [][PointFactors]float64{{1e-6}, {0.1, ln2Pi2}}, outside: [][3]float64{{1, 2, -1e-3}, {0, 0, math.Inf(-1)}},
			draw: func(r *rand.Rand) (a, b, c float64) {
				a, b, c = r.NormFloat64(), r.NormFloat64(), r.Float64()*3
				switch r.IntN(8) {
				case 0:
					c = 0
				case 1:
					c = (a - b) * (a - b)
				case 2:
					b = a
				}
				return a, b, c
			},
			size: func(a, b, c float64, k *[PointFactors]float64) float64 {
				v := max(c, k[0])
				return math.Abs(math.Log(v)) + (a-b)*(a-b)/v + 1
			},
			convention: func(j int, x [3]float64, k *[PointFactors]float64) bool { return j == 2 && x[2] < 1.01*k[0] },
		},
		{
			name: "klDiv", p: PointKLDiv, args: 2, diffs: outA | outB, within: 1e-6, draw: shares,
			outside: [][3]float64{{-1, -0.1}, {0, math.Inf(-1)}},
			size:    func(a, b, _ float64, _ *[PointFactors]float64) float64 { return max(1, b) * klSize(a, math.Log(b)) },
		},
		{
			name: "klDivLog", p: PointKLDivLog, args: 2, diffs: outA | outB, within: 1e-6,
			draw: func(r *rand.Rand) (a, b, c float64) {
				a, b, _ = shares(r)
				return a, math.Log(b), 0
			},
			size: func(a, b, _ float64, _ *[PointFactors]float64) float64 { return max(1, math.Exp(b)) * klSize(a, b) },
		},
	}
}

// wide draws numbers of many sizes, both signs, and 0.
func wide(r *rand.Rand) float64 {
	switch r.IntN(12) {
	case 0:
		return 0
	case 1:
		return r.NormFloat64() * 1e4
	case 2:
		return r.NormFloat64() * 1e-4
	}
	return r.NormFloat64() * 3
}

// counts draws a log rate and a count.
func counts(r *rand.Rand) (a, b, c float64) {
	a, b = r.NormFloat64()*3, math.Floor(r.ExpFloat64()*3)
	switch r.IntN(10) {
	case 0:
		return math.Inf(-1), 0, 0
	case 1:
		b = r.Float64()
	}
	return a, b, 0
}

func poissonSize(a, b, _ float64, _ *[PointFactors]float64) float64 {
	b = math.Abs(b)
	return math.Exp(a) + product(b, math.Abs(a)) + b*math.Log(b+2) + 1
}

// rates draws a rate and a count.
func rates(r *rand.Rand) (a, b, c float64) {
	a, b = r.ExpFloat64()*3, math.Floor(r.ExpFloat64()*3)
	switch r.IntN(10) {
	case 0:
		return 0, 0, 0
	case 1:
		a = b
	}
	return a, b, 0
}

func ratesSize(a, b, _ float64, k *[PointFactors]float64) float64 {
	b = math.Abs(b)
	return a + product(b, math.Abs(math.Log(a+k[0]))) + b*math.Log(b+2) + 1
}

// shares draws a log-probability and a probability, zeros of either among them.
func shares(r *rand.Rand) (a, b, c float64) {
	a, b = -r.ExpFloat64()*4, r.Float64()
	switch r.IntN(10) {
	case 0:
		return math.Inf(-1), 0, 0
	case 1:
		b = 0
	case 2:
		return math.Inf(-1), b, 0
	case 3:
		a = math.Log(b)
	}
	return a, b, 0
}

func klSize(a, b float64) float64 {
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		return 1
	}
	return math.Abs(a) + math.Abs(b) + 1
}
