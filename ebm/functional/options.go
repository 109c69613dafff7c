package functional

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Options are the settings of all functionals, by the papers' names.
type Options struct {
	Margin float64     // m ≥ 0
	Beta   float64     // β > 0, inverse temperature
	Gamma  float64     // γ > 0, of square_exp
	Cap    float64     // M > 0, of lvq2
	Delta  float64     // δ ≥ 0, of lvq2; 0 means its form without a quotient
	Rival  string      // of those with E⁻: "least", E⁻ itself, or "wrong", F⁻ with Beta; "" means least
	Cost   [][]float64 // C[correct][other] ≥ 0, of the margin costs; nil means Margin off the diagonal
}

// DefaultOptions returns 1 for all numbers but Delta, which is 0, the Rival
// "least", and no Cost.
func DefaultOptions() Options { return Options{Margin: 1, Beta: 1, Gamma: 1, Cap: 1, Rival: "least"} }

// check refuses settings out of range, of those that are used.
func (o Options) check(used []string) error {
	for _, s := range []struct {
		name  string
		value float64
		zero  bool // allowed
	}{{"margin", o.Margin, true}, {"beta", o.Beta, false}, {"gamma", o.Gamma, false}, {"cap", o.Cap, false}, {"delta", o.Delta, true}} {
		switch {
		case !slices.Contains(used, s.name):
		case s.zero && !(s.value >= 0 && s.value <= math.MaxFloat64):
			return fmt.Errorf("%s is %v; it must be a number of at least 0", s.name, s.value)
		case !s.zero && !(s.value > 0 && s.value <= math.MaxFloat64):
			return fmt.Errorf("%s is %v; it must be a number above 0", s.name, s.value)
		}
	}
	if slices.Contains(used, "rival") && o.Rival != "" && !slices.Contains(Rivals, o.Rival) {
		return fmt.Errorf("rival is %q; it must be %s", excerpt.Of(o.Rival), strings.Join(Rivals, " or "))
	}
	if slices.Contains(used, "cost") && o.Cost != nil {
		return checkCost(o.Cost, len(o.Cost))
	}
	return nil
}

// checkCost refuses a cost matrix that is not k × k, or not of numbers ≥ 0 off the diagonal.
func checkCost(cost [][]float64, k int) error {
	if len(cost) != k || k < 2 {
		return fmt.Errorf("cost has %d rows; it must have one for each of at least 2 labels (here %d)", len(cost), k)
	}
	for i, row := range cost {
		if len(row) != k {
			return fmt.Errorf("row %d of cost has %d entries; it must have %d", i, len(row), k)
		}
		for j, c := range row {
			if i != j && !(c >= 0 && c <= math.MaxFloat64) {
				return fmt.Errorf("cost[%d][%d] is %v; it must be a number of at least 0", i, j, c)
			}
		}
	}
	return nil
}
