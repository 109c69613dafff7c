package sampler

import (
	"math"
	"slices"
)

// SplitRHat returns the potential scale reduction of chains[c] = the draws of chain c of
// one number, each chain cut in two: the square root of the variance over all draws by
// that within the halves. It is 1 where the chains agree; above 1.01 they don't yet.
//
// Special cases: NaN, which is no agreement, with fewer than 4 draws a chain, with chains
// of different lengths, where a chain never moved, where a draw is not finite, and where
// draws are too large or too close to each other for the square of a difference.
// Source: [gelman2013], [vehtari2021].
func SplitRHat(chains [][]float64) float64 {
	_, within, total, ok := spreads(chains)
	if !ok {
		return math.NaN()
	}
	return math.Sqrt(total / within)
}

// EffectiveSize returns how many independent draws the chains' mean is worth: the number
// of draws by the integrated autocorrelation time, which Geyer's initial monotone
// sequence cuts off. It may exceed the number of draws where they are anticorrelated.
//
// Special cases: NaN, as SplitRHat has it.
// Source: [geyer1992], [vehtari2021].
func EffectiveSize(chains [][]float64) float64 {
	halves, within, total, ok := spreads(chains)
	if !ok {
		return math.NaN()
	}
	n := len(halves[0])
	rho := func(lag int) float64 {
		var c float64
		for _, x := range halves {
			c += autocovariance(x, lag)
		}
		return 1 - (within-c/float64(len(halves)))/total
	}
	time, last := -1.0, math.Inf(1)
	for lag := 0; lag+1 < n; lag += 2 {
		pair := rho(lag) + rho(lag+1)
		if lag == 0 {
			pair = 1 + rho(1)
		}
		if !(pair > 0) {
			break
		}
		last = min(last, pair)
		time += 2 * last
	}
	draws := float64(n * len(halves))
	return draws / max(time, 1/math.Log10(draws))
}

// spreads cuts each chain in two and returns their variances; ok is false where those say
// nothing about the chains.
func spreads(chains [][]float64) (halves [][]float64, within, total float64, ok bool) {
	for _, c := range chains {
		if len(c) < 4 || len(c) != len(chains[0]) || !finite(c) || !moves(c) {
			return nil, 0, 0, false
		}
		n := len(c) / 2 // of an odd number of draws, the middle one is left out
		halves = append(halves, c[:n], c[len(c)-n:])
	}
	if len(halves) == 0 {
		return nil, 0, 0, false
	}
	within, total = variances(halves)
	return halves, within, total, within > 0 && total <= math.MaxFloat64
}

// moves reports whether two draws of a chain differ.
func moves(chain []float64) bool {
	return slices.ContainsFunc(chain, func(v float64) bool { return v != chain[0] })
}

// variances returns the mean variance within chains and the estimate of the target's.
func variances(chains [][]float64) (within, total float64) {
	n := float64(len(chains[0]))
	means := make([]float64, len(chains))
	for i, c := range chains {
		means[i] = mean(c)
		within += autocovariance(c, 0) * n / (n - 1)
	}
	within /= float64(len(chains))
	grand, between := mean(means), 0.0
	for _, m := range means {
		between += (m - grand) * (m - grand)
	}
	if len(means) > 1 {
		between /= float64(len(means) - 1)
	}
	return within, within*(n-1)/n + between
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v
	}
	return m / float64(len(x))
}

// autocovariance is Σ (xᵢ − x̄)(xᵢ₊ₗ − x̄)/n.
func autocovariance(x []float64, lag int) (c float64) {
	m := mean(x)
	for i := range len(x) - lag {
		c += (x[i] - m) * (x[i+lag] - m)
	}
	return c / float64(len(x))
}
