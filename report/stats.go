package report

import (
	"math"

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

// meanSD returns the mean and the standard deviation (of n − 1) of the finite values,
// and how many they are. One value has no deviation: NaN.
func meanSD(values []float64) (mean, sd float64, n int) {
	for _, v := range values {
		if finite(v) {
			mean += v
			n++
		}
	}
	if n == 0 {
		return math.NaN(), math.NaN(), 0
	}
	mean /= float64(n)
	for _, v := range values {
		if finite(v) {
			sd += (v - mean) * (v - mean)
		}
	}
	if n == 1 {
		return mean, math.NaN(), 1
	}
	return mean, math.Sqrt(sd / float64(n-1)), n
}
