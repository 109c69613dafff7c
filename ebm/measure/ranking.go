package measure

import (
	"cmp"
	"math"
	"slices"
)

// AveragePrecision is the area under the curve of precision over recall of a ranking by scores, the greatest first:
//
//	AP = Σ_t (R_t − R_{t−1}) P_t
//
// over the thresholds t, where P is the share of the samples with scores of at least t that are right, and R the share of
// the right ones that have such scores. Equal scores are one threshold, so that their order does not count.
//
// NaN if a score is NaN, if none is right, or if the lengths differ.
// Scikit-learn: average_precision_score.
func AveragePrecision(scores []float32, right []bool) float64 {
	if len(scores) != len(right) {
		return math.NaN()
	}
	order, all := make([]int, len(scores)), 0
	for i, v := range scores {
		if v != v {
			return math.NaN()
		}
		if order[i] = i; right[i] {
			all++
		}
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	sum, hits, before := 0.0, 0, 0
	for n, i := range order {
		if right[i] {
			hits++
		}
		if n+1 < len(order) && scores[order[n+1]] == scores[i] {
			continue
		}
		sum += float64(hits-before) * float64(hits) / float64(n+1)
		before = hits
	}
	return Ratio(sum, float64(all))
}

// Coverage is how many scores are at least the least score of those that are right: how far down a ranking one must go to have
// them all. It is 0 if none is right, and NaN if a score is NaN or the lengths differ.
// Scikit-learn: coverage_error, which is the mean over samples.
func Coverage(scores []float32, right []bool) float64 {
	if len(scores) != len(right) || slices.ContainsFunc(scores, func(v float32) bool { return v != v }) {
		return math.NaN()
	}
	least := float32(math.Inf(1))
	for i, v := range scores {
		if right[i] {
			least = min(least, v)
		}
	}
	if !slices.Contains(right, true) {
		return 0
	}
	n := 0
	for _, v := range scores {
		if v >= least {
			n++
		}
	}
	return float64(n)
}
