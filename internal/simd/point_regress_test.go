package simd

import "math/rand/v2"

func regressRows() []pointRow {
	return []pointRow{
		{
			name: "mse", p: PointMSE, args: 2, diffs: outA | outB, within: 1e-6,
			draw: func(r *rand.Rand) (a, b, c float64) { return wide(r), wide(r), 0 },
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
