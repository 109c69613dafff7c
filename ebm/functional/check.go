package functional

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/tensor"

	"github.com/energo-ml/energo/internal/simd"
)

// EnergyError reports an energy that a functional has no loss for.
type EnergyError struct {
	Functional string
	Sample     int
	Label      int // −1 where answers are not labels
	Value      float64
	Want       string // what it must be
}

func (e *EnergyError) Error() string {
	answer := fmt.Sprintf("label %d of sample %d", e.Label, e.Sample)
	if e.Label < 0 {
		answer = fmt.Sprintf("an answer to sample %d", e.Sample)
	}
	return fmt.Sprintf("functional: %s: the energy of %s is %v; it must be %s", e.Functional, answer, e.Value, e.Want)
}

// NonFinite reports whether the energy is NaN or infinite, as it is after divergence.
func (e *EnergyError) NonFinite() bool { return math.IsNaN(e.Value) || math.IsInf(e.Value, 0) }

// checkBatch checks all that Eval promises to.
func checkBatch[T tensor.Float](name string, s *Statistic, energies []T, k int, target []int, loss, grad []T) error {
	if err := checkShapes(energies, k, target); err != nil {
		return err
	}
	if loss != nil && len(loss) != len(target) {
		return lengthError("loss", len(loss), len(target))
	}
	if grad != nil && len(grad) != len(energies) {
		return lengthError("grad", len(grad), len(energies))
	}
	if err := checkStatistic[T](s, k); err != nil {
		return fmt.Errorf("functional: %s: %w", name, err)
	}
	return checkEnergies(name, s, energies, k, target)
}

// checkShapes checks the number of labels, the lengths and the targets.
func checkShapes[T tensor.Float](energies []T, k int, target []int) error {
	if k < 2 {
		return fmt.Errorf("functional: k is %d; there must be at least 2 labels", k)
	}
	if len(energies)%k != 0 || len(energies)/k != len(target) {
		return fmt.Errorf("functional: %d energies are not %d rows of %d labels", len(energies), len(target), k)
	}
	for i, t := range target {
		if t < 0 || t >= k {
			return fmt.Errorf("functional: target[%d] is %d; it must be a label from 0 to %d", i, t, k-1)
		}
	}
	return nil
}

// checkStatistic checks the settings of s for k labels, and that Beta is one in T too.
func checkStatistic[T tensor.Float](s *Statistic, k int) error {
	switch s.Kind {
	case None, Minimum, Offending:
		return nil
	case FreeEnergy, Wrong:
		if b := float64(T(s.Beta)); !(b > 0 && b <= math.MaxFloat64) {
			return fmt.Errorf("beta is %v; it must be a number above 0", s.Beta)
		}
		return nil
	case CostSum, CostMax:
		if s.Cost == nil {
			if math.IsNaN(s.Margin) || math.IsInf(s.Margin, 0) {
				return fmt.Errorf("margin is %v; it must be a number", s.Margin)
			}
			return nil
		}
		return checkCost(s.Cost, k)
	default:
		return fmt.Errorf("labels have no statistic of kind %d", s.Kind)
	}
}

// checkEnergies finds the first energy that s does not allow.
func checkEnergies[T tensor.Float](name string, s *Statistic, energies []T, k int, target []int) error {
	if !simd.HasNonFinite(energies) && (!s.NonNegative || simd.Min(energies) >= 0 || len(energies) == 0) {
		return nil
	}
	for i, v := range energies {
		sample, label, want := i/k, i%k, ""
		switch v := float64(v); {
		case math.IsNaN(v) || math.IsInf(v, -1):
			want = "a number, or +Inf for an incorrect answer that does not count"
		case math.IsInf(v, 1) && label == target[sample]:
			want = "a number, since that label is the correct one"
		case s.NonNegative && v < 0:
			want = "at least 0 for this functional"
		default:
			continue
		}
		return &EnergyError{name, sample, label, float64(v), want}
	}
	return nil
}

func lengthError(name string, n, want int) error {
	return fmt.Errorf("functional: %s has %d elements; it must have %d", name, n, want)
}
