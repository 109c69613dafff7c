package measure

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Labelled is what a model says of N samples that have any number of K labels each. Its slices must have N·K elements.
type Labelled struct {
	N, K   int
	Scores []float32 // [N, K], the greater the more surely there
	Right  []bool    // [N, K]
}

// row returns the scores of a sample and which of its labels are right.
func (l *Labelled) row(i int) ([]float32, []bool) {
	return l.Scores[i*l.K:][:l.K], l.Right[i*l.K:][:l.K]
}

// interval returns the thresholds, from lo to below hi, at which a sample's answer is exactly its labels; none where lo ≥ hi, or a score is NaN.
func (l *Labelled) interval(i int) (lo, hi float64) {
	lo, hi = math.Inf(-1), math.Inf(1)
	scores, right := l.row(i)
	for y, v := range scores {
		switch {
		case v != v:
			return 0, 0
		case right[y]:
			hi = min(hi, float64(v))
		default:
			lo = max(lo, float64(v))
		}
	}
	return lo, hi
}

// Wrong is the share of the samples whose labels with scores above a threshold are not exactly the right ones, as they never are where a
// score is NaN. NaN of no samples.
// Scikit-learn: 1 − accuracy_score of sets of labels.
func (l *Labelled) Wrong(threshold float32) float64 {
	wrong := 0
	for i := range l.N {
		if lo, hi := l.interval(i); !(lo <= float64(threshold) && float64(threshold) < hi) {
			wrong++
		}
	}
	return Ratio(float64(wrong), float64(l.N))
}

// BestThreshold is the threshold with the fewest wrong samples, the least of equals; 0 where no sample can be right.
func (l *Labelled) BestThreshold() float32 {
	below := -math.MaxFloat32 // all scores, where a sample has all labels
	type edge struct {
		at float64
		by int
	}
	var edges []edge
	for i := range l.N {
		if lo, hi := l.interval(i); lo < hi {
			edges = append(edges, edge{max(lo, below), 1}, edge{hi, -1})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
	now, most, best := 0, 0, 0.0
	for _, e := range edges {
		if now += e.by; now > most {
			most, best = now, e.at
		}
	}
	return float32(best)
}

// Chance is the error of always answering the most frequent set of labels.
func (l *Labelled) Chance() float64 {
	counts, most := map[string]int{}, 0
	for i := range l.N {
		_, right := l.row(i)
		set := fmt.Sprint(right)
		counts[set]++
		most = max(most, counts[set])
	}
	return Ratio(float64(l.N-most), float64(l.N))
}

// MeanAveragePrecision is the mean over the labels of how well its score ranks the samples; labels that no sample has are left out.
// Scikit-learn: average_precision_score with the average "macro", without such labels.
func (l *Labelled) MeanAveragePrecision() float64 {
	var all []float64
	scores, right := make([]float32, l.N), make([]bool, l.N)
	for y := range l.K {
		for i := range l.N {
			scores[i], right[i] = l.Scores[i*l.K+y], l.Right[i*l.K+y]
		}
		if slices.Contains(right, true) {
			all = append(all, AveragePrecision(scores, right))
		}
	}
	return Mean(all)
}

// MeanCoverage is how many of a sample's scores, from the greatest down, have all of its labels, on average.
// Scikit-learn: coverage_error.
func (l *Labelled) MeanCoverage() float64 {
	all := make([]float64, l.N)
	for i := range all {
		all[i] = Coverage(l.row(i))
	}
	return Mean(all)
}
