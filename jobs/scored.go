package jobs

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/measure"
)

// modelFile holds a model's weights in a run's folder.
const modelFile = "model.safetensors"

// scored is what a model says of n samples that have any number of k labels.
type scored struct {
	n, k   int
	scores []float32 // [n, k]
	right  []bool    // [n, k]
}

// interval returns the thresholds, from lo to below hi, at which a sample's answer is exactly its labels; none where lo ≥ hi, or a score is NaN.
func (s *scored) interval(i int) (lo, hi float64) {
	lo, hi = math.Inf(-1), math.Inf(1)
	for y, v := range s.scores[i*s.k:][:s.k] {
		switch {
		case v != v:
			return 0, 0
		case s.right[i*s.k+y]:
			hi = min(hi, float64(v))
		default:
			lo = max(lo, float64(v))
		}
	}
	return lo, hi
}

// wrong is the share of the samples whose labels with scores above a threshold are not exactly the right ones.
func (s *scored) wrong(threshold float32) float64 {
	wrong := 0
	for i := range s.n {
		if lo, hi := s.interval(i); !(lo <= float64(threshold) && float64(threshold) < hi) {
			wrong++
		}
	}
	return measure.Ratio(float64(wrong), float64(s.n))
}

// bestThreshold is the threshold with the fewest wrong samples, the least of equals; 0 where no sample can be right.
func (s *scored) bestThreshold() float32 {
	below := -math.MaxFloat32 // all scores, where a sample has all labels
	type edge struct {
		at float64
		by int
	}
	var edges []edge
	for i := range s.n {
		if lo, hi := s.interval(i); lo < hi {
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

// chance is the error of always answering the most frequent set of labels.
func (s *scored) chance() float64 {
	counts, most := map[string]int{}, 0
	for i := range s.n {
		set := fmt.Sprint(s.right[i*s.k:][:s.k])
		counts[set]++
		most = max(most, counts[set])
	}
	return measure.Ratio(float64(s.n-most), float64(s.n))
}

// stats says where the energies of a sample lie: of the worst of its labels, and of the best of the others.
func (s *scored) stats(i int) functional.LabelStats {
	x := functional.LabelStats{Correct: math.Inf(-1), Offending: math.Inf(1), Answer: -1}
	var sum, squares float64
	for y, v := range s.scores[i*s.k:][:s.k] {
		e := -float64(v)
		sum += e
		switch {
		case s.right[i*s.k+y]:
			x.Correct = max(x.Correct, e)
		case e < x.Offending || math.IsNaN(e):
			x.Offending, x.Answer = e, y
		}
	}
	mean := sum / float64(s.k)
	for _, v := range s.scores[i*s.k:][:s.k] {
		squares += (-float64(v) - mean) * (-float64(v) - mean)
	}
	x.Spread = math.Sqrt(squares / float64(s.k))
	return x
}

// meanAveragePrecision is the mean over the labels of how well its score ranks the samples; labels that no sample has are left out.
func (s *scored) meanAveragePrecision() float64 {
	var all []float64
	scores, right := make([]float32, s.n), make([]bool, s.n)
	for y := range s.k {
		for i := range s.n {
			scores[i], right[i] = s.scores[i*s.k+y], s.right[i*s.k+y]
		}
		if slices.Contains(right, true) {
			all = append(all, measure.AveragePrecision(scores, right))
		}
	}
	return measure.Mean(all)
}

// coverage is how many of a sample's scores, from the best down, have all of its labels, on average.
func (s *scored) coverage() float64 {
	all := make([]float64, s.n)
	for i := range all {
		all[i] = measure.Coverage(s.scores[i*s.k:][:s.k], s.right[i*s.k:][:s.k])
	}
	return measure.Mean(all)
}
