package offender

import (
	"math"

	"github.com/energo-ml/energo/internal/scratch"
)

// Exhaustive looks at every one of a list of answers: all there are, or a grid. It
// keeps memory between calls and serves one goroutine.
type Exhaustive[Y any] struct {
	// Answers to look at; those within the ball are passed over.
	Answers []Y
	// Part says that there are other answers between or beside them, as for a grid. The
	// result is then Local.
	Part bool

	incorrect []Y
	energies  []float64
}

// Find implements Search. Of equal energies the first in the list is taken.
func (s *Exhaustive[Y]) Find(p *Problem[Y]) Result[Y] {
	s.incorrect = s.incorrect[:0]
	for _, y := range s.Answers {
		if p.Incorrect(y) {
			s.incorrect = append(s.incorrect, y)
		}
	}
	n := len(s.incorrect)
	s.energies = scratch.Sized(s.energies, n)
	e := s.energies
	result := Result[Y]{Energy: math.Inf(1), Evaluations: n, Status: None}
	if n == 0 {
		return result
	}
	p.Energies(e, s.incorrect)
	at, status := least(e)
	result.Status = status
	switch {
	case status == Undefined:
		result.Energy = math.NaN()
	case status == Global:
		result.Answer, result.Energy = s.incorrect[at], e[at]
		if s.Part {
			result.Status = Local
		}
	}
	return result
}

type number interface{ float32 | float64 }

// least returns where the first minimum is; +Inf is not a minimum.
func least[T number](e []T) (at int, status Status) {
	at = -1
	for i, v := range e {
		if v != v {
			return -1, Undefined
		}
		if (at < 0 && !math.IsInf(float64(v), 1)) || (at >= 0 && v < e[at]) {
			at = i
		}
	}
	if at < 0 {
		return at, None
	}
	return at, Global
}
