package answers

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
)

// Answers is what a model says about every answer to each sample of a batch.
type Answers interface {
	// Len returns the number of samples.
	Len() int
	// Has says whether the answers have a statistic: nil, a *NoStatistic, or what is wrong
	// with its settings.
	Has(s functional.Statistic) error
	// Eval writes E⁺ and s of each sample. Where s is Relative it writes E⁺ − s and 0.
	// E⁺ is +Inf where the correct answer is impossible, s where there is no answer of
	// its kind.
	Eval(s functional.Statistic, correct, other []float64) error
	// AddGrads adds the derivatives of Σ dCorrect[i]·E⁺[i] + dOther[i]·s[i], of the last
	// Eval, to the memory that the answers were made with.
	AddGrads(dCorrect, dOther []float64) error
}

// NoStatistic reports a statistic that an answer space does not have.
type NoStatistic struct {
	Space string
	Kind  functional.Kind
	Why   string
}

func (e *NoStatistic) Error() string {
	return fmt.Sprintf("answers: %s have no statistic of the kind %q: %s", e.Space, e.Kind, e.Why)
}

// Base says what energies are counted from. It does not change E⁺ − s.
type Base uint8

// The bases.
const (
	AsIs           Base = iota // the model's own zero
	AboveMinimum               // the least energy of all answers
	LogProbability             // the free energy F at β = 1: energies are −log p
)

// bases are their names in errors.
var bases = [...]string{"AsIs", "AboveMinimum", "LogProbability"}

// checkBase refuses bases that do not exist, and raw energies where s asks for E ≥ 0.
func (b Base) check(space string, s functional.Statistic) error {
	if int(b) >= len(bases) {
		return fmt.Errorf("answers: %s: Base is %d; it must be AsIs, AboveMinimum or LogProbability", space, b)
	}
	if s.NonNegative && b == AsIs {
		return &NoStatistic{space, s.Kind, "the functional asks for energies of at least 0, and sums along a sequence have no lower bound; set Base to AboveMinimum or LogProbability"}
	}
	return nil
}

// checkSettings checks Beta, Margin and Cost.
func checkSettings(space string, s functional.Statistic) error {
	switch s.Kind {
	case functional.None, functional.Minimum, functional.Offending:
		return nil
	case functional.FreeEnergy, functional.Wrong:
		if !(s.Beta > 0 && s.Beta <= math.MaxFloat64) {
			return fmt.Errorf("answers: beta is %v; it must be a number above 0", s.Beta)
		}
		return nil
	case functional.CostMax:
		return checkCost(s)
	case functional.CostSum:
		return &NoStatistic{space, s.Kind, "a sum over all incorrect sequences of their hinges has no dynamic program: it counts knapsack solutions"}
	}
	return &NoStatistic{space, s.Kind, "the kind is not known"}
}

// checkCost checks the settings of CostMax. The costs of a place add up along a sequence.
func checkCost(s functional.Statistic) error {
	if s.Cost == nil {
		if !(math.Abs(s.Margin) <= math.MaxFloat64) {
			return fmt.Errorf("answers: margin is %v; it must be a number", s.Margin)
		}
		return nil
	}
	for i, row := range s.Cost {
		if len(row) != len(s.Cost) {
			return fmt.Errorf("answers: row %d of cost has %d entries; it must have %d", i, len(row), len(s.Cost))
		}
		for j, c := range row {
			if i != j && !(c >= 0 && c <= math.MaxFloat64) {
				return fmt.Errorf("answers: cost[%d][%d] is %v; it must be a number of at least 0", i, j, c)
			}
		}
	}
	return nil
}

// costOf is C[correct][other], 0 on the diagonal.
func costOf(s *functional.Statistic, correct, other int) float64 {
	switch {
	case correct == other:
		return 0
	case s.Cost == nil:
		return s.Margin
	}
	return s.Cost[correct][other]
}

// settle turns E⁺ = e and the statistic v into what Eval writes.
func settle(s *functional.Statistic, base Base, e, v, zero, places float64) (correct, other float64) {
	switch {
	case math.IsInf(e, 1):
		return e, 0
	case s.Kind == functional.None:
		return above(e, zero, base != AsIs) / places, 0
	case s.Kind == functional.CostMax:
		return above(e, zero, base != AsIs) / places, v / places
	case s.Relative && !math.IsInf(v, 1):
		return above(e, v, s.Kind == functional.Minimum || s.Kind == functional.FreeEnergy) / places, 0
	}
	bounded := base != AsIs && (s.Kind == functional.Minimum || s.Kind == functional.Offending) ||
		base == LogProbability && s.Kind == functional.Wrong && s.Beta >= 1
	return above(e, zero, base != AsIs) / places, above(v, zero, bounded) / places
}

// pushBase is the derivative by what Base takes away from the energies, but for its sign.
func pushBase(s *functional.Statistic, dCorrect, dOther float64) float64 {
	switch {
	case s.Kind == functional.None || s.Kind == functional.CostMax:
		return dCorrect
	case s.Relative:
		return 0
	}
	return dCorrect + dOther
}

// above returns a − b, at least 0 if it is below by rounding alone.
func above(a, b float64, bounded bool) float64 {
	if d := a - b; !bounded || !(d < 0) {
		return d
	}
	return 0
}

// softMin is the sum of terms exp(−βx) in logarithms, or, with beta 0, their minimum.
type softMin struct {
	beta  float64
	least float64
	sum   float64 // of exp(β(least − x))
	at    int     // the first term that is the least
}

func newSoftMin(beta float64) softMin { return softMin{beta: beta, least: math.Inf(1), at: -1} }

// add adds a term that is number at.
func (m *softMin) add(x float64, at int) {
	switch {
	case math.IsInf(x, 1):
	case x < m.least:
		m.sum = 1 + m.scaled(x-m.least)
		m.least, m.at = x, at
	case m.beta > 0:
		m.sum += math.Exp(-m.beta * (x - m.least))
	}
}

// scaled is the sum so far, relative to a new least that is lower by −down.
func (m *softMin) scaled(down float64) float64 {
	if m.beta == 0 || m.sum == 0 {
		return 0
	}
	return m.sum * math.Exp(m.beta*down)
}

// value is −(1/β) log Σ exp(−βx), or the minimum; +Inf of no terms.
func (m *softMin) value() float64 {
	if m.beta == 0 || m.sum == 0 {
		return m.least
	}
	return m.least - math.Log(m.sum)/m.beta
}

// share is the share of a term x in a value.
func share(beta, x, value float64) float64 {
	if math.IsInf(x, 1) {
		return 0
	}
	return math.Exp(-beta * (x - value))
}

func checkLength(arg string, n, want int) error {
	if n != want {
		return fmt.Errorf("answers: %s has %d elements; it must have %d", arg, n, want)
	}
	return nil
}
