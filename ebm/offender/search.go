// Package offender finds the most offending incorrect answer: the one of least energy
// among those that are wrong,
//
//	argmin_{y ≠ Yⁱ} E(W, y, Xⁱ)          discrete answers
//	argmin_{‖y − Yⁱ‖ > ε} E(W, y, Xⁱ)    continuous answers
//
// A continuous energy is about E⁺ near the correct answer, so there a ball of radius ε
// around it is left out: what lies inside is not incorrect. How far ε should reach is
// the user's to say; pushing up right beside the correct answer works against pushing
// it down.
//
// Over labels the search is exhaustive: [Labels] and [Best]. Other answers have a
// [Search]: it knows no model, only energies and, where it descends, their derivatives.
// [Exhaustive] is one, over any list of answers, a grid say. An answer space that is
// asked for the statistic Offending records the energy at the answer found, which is
// held fixed: the derivative by W of a minimum is that of the energy where it is.
//
// Source: [lecun2006], [lecun2020].
package offender

import "math"

// Search finds an incorrect answer of low energy.
type Search[Y any] interface {
	// Find looks for the most offending incorrect answer of p. What it cannot do, it
	// says by Found.Status; it never returns an answer within the ball.
	Find(p *Problem[Y]) Result[Y]
}

// Problem is one sample's: its energies and its correct answer.
type Problem[Y any] struct {
	Correct Y
	// Energies sets dst[i] = E(W, ys[i], x).
	Energies func(dst []float64, ys []Y)
	// Gradients sets dst[i] = ∂E/∂y at ys[i], in dst's memory. It is nil where energies
	// have no derivative or the search needs none.
	Gradients func(dst, ys []Y)
	// Distance says how far apart two answers are, such as Different or Euclidean.
	Distance func(a, b Y) float64
	// Epsilon is the radius of the ball around Correct, whose border belongs to it. 0
	// leaves out nothing but the correct answer.
	Epsilon float64
}

// Incorrect reports whether y lies outside the ball.
func (p *Problem[Y]) Incorrect(y Y) bool { return p.Distance(y, p.Correct) > p.Epsilon }

// Result is the result of a search.
type Result[Y any] struct {
	Answer      Y       // void if Status is None or Undefined
	Energy      float64 // of Answer; +Inf if Status is None, NaN if Undefined
	Evaluations int     // of the energy
	Status      Status
}

// Status says how much a search's result is worth.
type Status uint8

// What searches come to.
const (
	Global    Status = iota // no incorrect answer is lower: all were looked at, or it is proved
	Local                   // the lowest of those looked at
	None                    // no incorrect answer was found
	Undefined               // an energy was NaN
)

// String returns the status in a word.
func (s Status) String() string {
	switch s {
	case Global:
		return "global"
	case Local:
		return "local"
	case None:
		return "none"
	default:
		return "undefined"
	}
}

// Different is the distance of answers that are just the same or not: 0 or 1.
func Different[Y comparable](a, b Y) float64 {
	if a == b {
		return 0
	}
	return 1
}

// Euclidean is ‖a − b‖. It panics if b is shorter than a.
func Euclidean(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum = math.Hypot(sum, v-b[i])
	}
	return sum
}
