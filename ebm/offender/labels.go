package offender

import (
	"fmt"
	"math"
)

// Labels finds the most offending incorrect label of each sample: energies holds rows
// of k, target the correct labels. An energy of +Inf masks a label; where all incorrect
// ones are masked the status is None. Of equal energies the first label is taken.
//
// Errors: k < 2; slices whose lengths do not fit; a target that is not a label.
func Labels[T number](dst []Result[int], energies []T, k int, target []int) error {
	if k < 2 {
		return fmt.Errorf("offender: k is %d; there must be at least 2 labels", k)
	}
	if len(energies)%k != 0 || len(energies)/k != len(target) || len(dst) != len(target) {
		return fmt.Errorf("offender: %d energies are not %d rows of %d labels, with %d results", len(energies), len(target), k, len(dst))
	}
	for i, t := range target {
		if t < 0 || t >= k {
			return fmt.Errorf("offender: target[%d] is %d; it must be a label from 0 to %d", i, t, k-1)
		}
	}
	for i, t := range target {
		dst[i] = label(energies[i*k:(i+1)*k], t)
	}
	return nil
}

// label searches one row.
func label[T number](row []T, correct int) Result[int] {
	result := Result[int]{Answer: -1, Energy: math.Inf(1), Evaluations: len(row) - 1}
	before, low := least(row[:correct])
	after, high := least(row[correct+1:])
	if after >= 0 {
		after += correct + 1
	}
	at := before
	if before < 0 || (after >= 0 && row[after] < row[before]) {
		at = after
	}
	switch {
	case low == Undefined || high == Undefined:
		result.Energy, result.Status = math.NaN(), Undefined
	case at < 0:
		result.Status = None
	default:
		result.Answer, result.Energy = at, float64(row[at])
	}
	return result
}

// Best writes the labels of the lowest incorrect energies to dst, lowest first and
// equals by their order, and returns how many: len(dst), or fewer if there are not as
// many that are neither correct, masked by +Inf nor NaN. A negative correct excludes none.
func Best[T number](dst []int, row []T, correct int) int {
	n := 0
	for y, v := range row {
		if y == correct || v != v || math.IsInf(float64(v), 1) {
			continue
		}
		if n < len(dst) {
			n++
		} else if n == 0 || v >= row[dst[n-1]] {
			continue
		}
		at := n - 1
		for ; at > 0 && v < row[dst[at-1]]; at-- {
			dst[at] = dst[at-1]
		}
		dst[at] = y
	}
	return n
}
