package measure

import (
	"math"
	"slices"
)

// Mean is the arithmetic mean; NaN of nothing, of NaN, and of infinities of both signs.
func Mean(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	sum, n := 0.0, float64(len(x))
	for _, v := range x {
		sum += v
	}
	if Finite(sum) {
		return sum / n
	}
	sum = 0
	for _, v := range x { // what overflowed may have a mean
		sum += v / n
	}
	return sum
}

// Deviation is the standard deviation of values, the root of their mean squared distance from their mean; NaN where the mean is.
func Deviation(x []float64) float64 {
	mean, squares := Mean(x), 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	return math.Sqrt(Ratio(squares, float64(len(x))))
}

// Sorted returns the values in ascending order, NaN first, and leaves x as it is.
func Sorted(x []float64) []float64 {
	out := slices.Clone(x)
	slices.Sort(out)
	return out
}

// Quantile returns the q-quantile, 0 ≤ q ≤ 1, of values in ascending order, linear between
// neighbours. It is NaN of nothing, where NaN is among the values, which Sorted puts
// first, and between −Inf and +Inf.
func Quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 || math.IsNaN(sorted[0]) {
		return math.NaN()
	}
	at := float64(q * float64(len(sorted)-1))
	i := int(at)
	f := at - float64(i)
	if f == 0 || sorted[i] == sorted[i+1] { // so that infinities are not multiplied by 0
		return sorted[i]
	}
	return sorted[i]*(1-f) + sorted[i+1]*f
}

// Ratio is a/b; NaN where b is 0, whatever a is: there is nothing to hold it against.
func Ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}

// Entropy is −p·log p in nat of one probability, and 0 for p = 0. It is NaN for p below 0 and for
// NaN.
func Entropy(p float64) float64 {
	if p == 0 {
		return 0
	}
	return -p * math.Log(p)
}

// AUROC is the probability that a foreign sample has a higher score than one's own, ties by half: the
// area under the curve of detections over false alarms. Infinite scores are ordered as
// numbers are. It is NaN where a score is NaN, and where there are none of one's own or no foreign ones.
func AUROC(own, foreign []float64) float64 {
	own, foreign = Sorted(own), Sorted(foreign)
	if len(own) == 0 || len(foreign) == 0 || math.IsNaN(own[0]) || math.IsNaN(foreign[0]) {
		return math.NaN()
	}
	var pairs float64 // won
	below, upTo := 0, 0
	for _, s := range foreign {
		for below < len(own) && own[below] < s {
			below++
		}
		for upTo < len(own) && own[upTo] <= s {
			upTo++
		}
		pairs += float64(below+upTo) / 2
	}
	return pairs / (float64(len(own)) * float64(len(foreign)))
}
