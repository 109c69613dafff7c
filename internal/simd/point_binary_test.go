package simd

import (
	"math"
	"math/rand/v2"
)

func binaryRows() []pointRow {
	inf := math.Inf(1)
	signed := func(r *rand.Rand) (a, b, c float64) { return wide(r), float64(2*r.IntN(2) - 1), 0 }
	return []pointRow{
		{
			name: "bce", p: PointBCE, args: 2, diffs: outA | outB, within: 1e-6,
			convention: func(_ int, x [3]float64, _ *[PointFactors]float64) bool { return min(x[0], 1-x[0]) < 1e-11 },
			outside:    [][3]float64{{-0.1, 1}, {1.1, 0}, {0.5, -1e-3}, {0.5, 1.01}, {math.NaN(), 0}, {0.5, math.NaN()}},
			draw: func(r *rand.Rand) (a, b, c float64) {
				a, b, _ = r.Float64(), target(r), 0
				switch r.IntN(10) {
				case 0:
					return 0, b, 0
				case 1:
					return 1, b, 0
				case 2:
					return 1e-42, b, 0
				case 3:
					return 1 - 0x1p-24, b, 0
				}
				return a, b, 0
			},
		},
		{
			name: "bceLogits", p: PointBCELogits, args: 2, diffs: outA | outB, within: 1.2e-6, draw: logitAndShare, size: byTarget,
			outside: [][3]float64{{0, -1e-3}, {3, 1.5}, {0, math.NaN()}},
		},
		{
			name: "bceLogitsPos", p: PointBCELogitsPos, args: 3, diffs: outA | outB, within: 1e-5, size: byTarget,
			outside: [][3]float64{{0, -1e-3, 1}, {3, 1.5, 2}},
			draw: func(r *rand.Rand) (a, b, c float64) {
				a, b, _ = logitAndShare(r)
				return a, b, r.Float64() * 4
			},
		},
		{
			name: "softMargin", p: PointSoftMargin, args: 2, diffs: outA, within: 1.2e-6, size: tiny,
			outside: [][3]float64{{0, 0}, {1, 0.5}, {1, math.NaN()}},
			draw: func(r *rand.Rand) (a, b, c float64) {
				a, b, _ = signed(r)
				switch r.IntN(10) {
				case 0:
					a = 1000
				case 1:
					a = inf
				}
				return a, b, 0
			},
		},
		{
			name: "hingeEmbedding", p: PointHingeEmbedding, args: 2, diffs: outA, within: 1e-6,
			factors: [][PointFactors]float64{{1}, {0}, {2.5}}, outside: [][3]float64{{0, 0}, {1, 2}},
			draw: func(r *rand.Rand) (a, b, c float64) {
				a, b, _ = signed(r)
				if r.IntN(8) == 0 {
					a = 1
				}
				return a, b, 0
			},
		},
		{
			name: "marginRanking", p: PointMarginRanking, args: 3, diffs: outA | outB | outC, within: 1e-6,
			factors: [][PointFactors]float64{{0}, {0.5}}, outside: [][3]float64{{0, 1, 0}, {1, 2, -3}},
			draw: func(r *rand.Rand) (a, b, c float64) {
				a, c, _ = signed(r)
				b = wide(r)
				if r.IntN(8) == 0 {
					a, b = 1.5, 1
				}
				return a, b, c
			},
			size: func(a, b, _ float64, _ *[PointFactors]float64) float64 { return math.Abs(a) + math.Abs(b) },
		},
	}
}

// target draws a share, often 0 or 1.
func target(r *rand.Rand) float64 {
	switch r.IntN(4) {
	case 0:
		return 0
	case 1:
		return 1
	}
	return r.Float64()
}

// logitAndShare draws a logit, infinite ones among them, and a share.
func logitAndShare(r *rand.Rand) (a, b, c float64) {
	a, b = wide(r), target(r)
	switch r.IntN(10) {
	case 0:
		a = math.Inf(1)
	case 1:
		a = math.Inf(-1)
	case 2:
		a = r.NormFloat64() * 30
	}
	return a, b, 0
}

// tiny says that a result is to be right relative to itself, down to denormal numbers.
func tiny(_, _, _ float64, _ *[PointFactors]float64) float64 { return 1e-37 }

// byTarget is tiny where the target is 0 or 1; between, the derivative σ(a) − b cancels.
func byTarget(_, b, _ float64, _ *[PointFactors]float64) float64 {
	if b == 0 || b == 1 {
		return 1e-37
	}
	return 1
}
