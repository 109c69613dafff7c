package sampler

import "math"

// SplitRHat returns the potential scale reduction of chains[c] = the draws of chain c of
// one number, each chain cut in two: the square root of the variance over all draws by
// that within the halves. It is 1 where the chains agree; above 1.01 they don't yet.
//
// It is NaN with fewer than 4 draws a chain, and where all draws are equal.
// Source: [gelman2013], [vehtari2021].
func SplitRHat(chains [][]float64) float64 {
	halves := split(chains)
	if halves == nil {
		return math.NaN()
	}
	within, total := variances(halves)
	return math.Sqrt(total / within)
}

// EffectiveSize returns how many independent draws the chains' mean is worth: the number
// of draws by the integrated autocorrelation time, which Geyer's initial monotone
// sequence cuts off. It may exceed the number of draws where they are anticorrelated.
//
// Source: [geyer1992], [vehtari2021].
func EffectiveSize(chains [][]float64) float64 {
	halves := split(chains)
	if halves == nil {
		return math.NaN()
	}
	within, total := variances(halves)
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

// split cuts each chain in two; of an odd number of draws, the middle one is left out.
func split(chains [][]float64) (halves [][]float64) {
	for _, c := range chains {
		n := len(c) / 2
		if n < 2 || len(c) != len(chains[0]) {
			return nil
		}
		halves = append(halves, c[:n], c[len(c)-n:])
	}
	return halves
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
