package report

import (
	"math"
	"slices"

	"github.com/energo-ml/energo/ebm/measure"
)

// quantile returns the q-quantile of sorted values, linear between neighbours; of none, NaN.
func quantile(sorted []float64, q float64) float64 { return measure.Quantile(sorted, q) }

// wilson returns the 95 % confidence interval of a fraction of which k of n were seen; all of [0, 1] for n = 0.
func wilson(k, n int) bounds {
	if n < 1 {
		return bounds{0, 1}
	}
	const z = 1.959963984540054
	p, m := float64(k)/float64(n), float64(n)
	mid := (p + z*z/(2*m)) / (1 + z*z/m)
	r := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return bounds{math.Max(0, mid-r), math.Min(1, mid+r)}
}

// meanSD returns the mean and the standard deviation (of n − 1) of the finite values; NaN of none, and for a single
// value's deviation.
func meanSD(values []float64) (mean, sd float64) {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return !finite(v) })
	if mean = measure.Mean(values); len(values) == 0 {
		return mean, mean
	}
	for _, v := range values {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / float64(len(values)-1))
}
