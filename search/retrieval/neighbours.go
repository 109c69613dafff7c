package retrieval

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/loss/pair"
)

// Neighbours takes Euclidean distances for energies, for a diagnosis of them: it says of each vector how far the nearest other one of
// its label is, the correct answer, and the nearest of another label, the offending one, and how the distances from all others spread.
// It looks at the first `queries` of the vectors among all others. Those whose label no other has are left out.
//
// of makes what stands for a distance of it, such as its square; it must grow with the distance; nil: the distance itself.
//
// Errors: those of pair.Strips.Set, such as vectors that are not finite; queries outside [0, len(labels)].
func Neighbours(x []float32, dim, queries int, labels []int, of func(distance float64) float64) ([]functional.LabelStats, error) {
	if queries < 0 || queries > len(labels) {
		return nil, fmt.Errorf("retrieval: Neighbours: queries is %d; it must be from 0 to %d, the number of labels", queries, len(labels))
	}
	var strips pair.Strips[float32]
	if err := strips.Set(distance.Measure{}, x[:queries*dim], x, dim); err != nil {
		return nil, err
	}
	if of == nil {
		of = func(d float64) float64 { return d }
	}
	n := len(labels)
	stats := make([]functional.LabelStats, 0, queries)
	for lo := 0; lo < queries; {
		strip, hi := strips.At(lo)
		for i := lo; i < hi; i++ {
			if s := nearest(strip[(i-lo)*n:][:n], i, labels, of); !math.IsInf(s.Correct, 1) {
				stats = append(stats, s)
			}
		}
		lo = hi
	}
	return stats, nil
}

// nearest looks at the distances of vector i from all.
func nearest(row []float32, i int, labels []int, of func(float64) float64) functional.LabelStats {
	s := functional.LabelStats{Correct: math.Inf(1), Offending: math.Inf(1)}
	sum, squares := 0.0, 0.0
	for j, v := range row {
		d := of(float64(v))
		sum += d
		squares += d * d
		switch {
		case j == i:
		case labels[j] == labels[i]:
			s.Correct = min(s.Correct, d)
		case d < s.Offending || math.IsNaN(d): // below which nothing is
			s.Offending, s.Answer = d, j
		}
	}
	others := float64(max(len(row)-1, 1)) // a vector's distance from itself is 0
	mean := sum / others
	s.Spread = math.Sqrt(max(squares/others-float64(mean*mean), 0))
	return s
}

// Guessed is the share of queries with another label as the nearest where every other one of a set has the same chance to be that.
// Samples whose label no other has are left out; where that leaves none it is NaN.
func Guessed(labels []int) float64 {
	counts := map[int]int{}
	for _, y := range labels {
		counts[y]++
	}
	queries, right := 0, 0
	for _, n := range counts {
		if n > 1 {
			queries += n
			right += n * (n - 1)
		}
	}
	return 1 - measure.Ratio(float64(right), float64(queries)*float64(len(labels)-1))
}
