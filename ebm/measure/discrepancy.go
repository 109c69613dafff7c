package measure

import "math"

// Discrepancy is the unbiased estimate of the squared maximum mean discrepancy of two samples of points, with a Gaussian kernel of
// variance 1: about 0 where both are of one distribution. It is NaN where a sample has less than two points, or one that is NaN.
//
// Source: [gretton2012].
func Discrepancy(a, b [][2]float64) float64 {
	mean := func(x, y [][2]float64, same bool) float64 {
		var sum float64
		for i, p := range x {
			for j, q := range y {
				if same && i == j {
					continue
				}
				dx, dy := p[0]-q[0], p[1]-q[1]
				sum += math.Exp(-(dx*dx + dy*dy) / 2)
			}
		}
		if same {
			return Ratio(sum, float64(len(x)*(len(x)-1)))
		}
		return Ratio(sum, float64(len(x)*len(y)))
	}
	return mean(a, a, true) + mean(b, b, true) - 2*mean(a, b, false)
}
