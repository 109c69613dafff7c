package functional

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"
)

// LabelStats says where the energies of one sample lie, whatever the functional.
type LabelStats struct {
	Correct   float64 // E⁺
	Offending float64 // E⁻, the most offending incorrect answer's; +Inf if all are masked
	Answer    int     // the most offending incorrect answer, the first of equals
	Spread    float64 // standard deviation of the energies over the answers, masked ones left out

	// Of answers that are sequences, where their number of places is above 0.
	Places int     // that E⁺ and E⁻ are sums over; Spread is that of a place's energies, on average
	Loss   float64 // the functional's
	Push   float64 // the greater magnitude of its derivatives by E⁺ and by its statistic
}

// Gap returns E⁻ − E⁺: the margin that the sample has, negative if it is wrong.
func (s LabelStats) Gap() float64 { return s.Offending - s.Correct }

// Stats fills dst[i] for each sample. energies holds rows of k, target the correct
// labels, one for each element of dst. Energies that are not finite are taken as they are.
//
// Errors: k < 2; slices whose lengths do not fit; a target that is not a label.
func Stats[T tensor.Float](dst []LabelStats, energies []T, k int, target []int) error {
	if err := checkShapes(energies, k, target); err != nil {
		return err
	}
	if len(dst) != len(target) {
		return lengthError("dst", len(dst), len(target))
	}
	for i, t := range target {
		row := energies[i*k : (i+1)*k]
		y := offending(row, t)
		dst[i] = LabelStats{Correct: float64(row[t]), Offending: float64(row[y]), Answer: y, Spread: spread(row)}
	}
	return nil
}

// SetStats is Stats of samples that have any number of the k answers each, those for which right holds: Correct is the greatest energy
// of them, −Inf where there are none, and Offending the least of the others, +Inf and of no Answer (−1) where there are none. NaN among
// the others is the least.
//
// Errors: k < 1; slices whose lengths do not fit.
func SetStats[T tensor.Float](dst []LabelStats, energies []T, k int, right []bool) error {
	if err := checkSets(dst, "energies", energies, k, right); err != nil {
		return err
	}
	for i := range dst {
		row := energies[i*k : (i+1)*k]
		x := LabelStats{Correct: math.Inf(-1), Offending: math.Inf(1), Answer: -1, Spread: spread(row)}
		for y, v := range row {
			switch e := float64(v); {
			case right[i*k+y]:
				x.Correct = max(x.Correct, e)
			case e < x.Offending || math.IsNaN(e):
				x.Offending, x.Answer = e, y
			}
		}
		dst[i] = x
	}
	return nil
}

// spread is the standard deviation of the elements that are below +Inf.
func spread[T tensor.Float](row []T) float64 {
	n, sum, squares := 0, 0.0, 0.0
	for _, v := range row {
		if !math.IsInf(float64(v), 1) {
			n++
			sum += float64(v)
		}
	}
	for _, v := range row {
		if d := float64(v) - sum/float64(n); !math.IsInf(float64(v), 1) {
			squares += d * d
		}
	}
	return math.Sqrt(squares / float64(n))
}

// checkSets refuses what does not fit: each of the samples has k labels, with a number, an energy or a score, and whether it is right.
func checkSets[T tensor.Float](dst []LabelStats, name string, numbers []T, k int, right []bool) error {
	switch n := len(dst) * k; {
	case k < 1:
		return fmt.Errorf("functional: k is %d; it must be at least 1", k)
	case len(numbers) != n:
		return lengthError(name, len(numbers), n)
	case len(right) != n:
		return lengthError("right", len(right), n)
	}
	return nil
}
