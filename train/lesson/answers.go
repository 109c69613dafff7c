package lesson

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/offender"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/scratch"
)

// The answers that searches look at and free energies are summed over, and how far around the correct answer nothing is pushed up, as the tutorial has it.
const (
	AnswersFrom = -0.5
	AnswersTo   = 1.5
	Ball        = 0.3
	searched    = 61
	nodes       = 20 // of the free energy's quadrature
)

// Answers trains energies of real answers: the most offending ones, outside a ball around the correct one, are found on a grid, and free
// energies are quadratures.
type Answers struct {
	Surface CodeDistance
	Ball    float64

	slopes  *energy.Slopes[float32]
	grid    *offender.Grid[float32]
	answers energy.PointAnswers
	record  energy.AnswerLoss
	rivals  *tensor.Tensor
	lowest  []float64
	correct []float64
}

// NewAnswers makes the searches ready.
func NewAnswers(s CodeDistance) (*Answers, error) {
	grid, err := offender.NewGrid[float32](1, searched, AnswersFrom, AnswersTo)
	if err != nil {
		return nil, err
	}
	a := &Answers{Surface: s, Ball: Ball, slopes: energy.NewSlopes[float32](s), grid: grid, answers: energy.PointAnswers{Surface: s}, rivals: tensor.New(tensor.Float32)}
	a.answers.Nodes, a.answers.LogWeights = quadrature()
	return a, nil
}

// quadrature returns answers in the middles of equal cells.
func quadrature() (*tensor.Tensor, []float64) {
	at, weights := tensor.New(tensor.Float32, nodes, 1), make([]float64, nodes)
	const cell = (AnswersTo - AnswersFrom) / nodes
	for i := range weights {
		at.Float32s()[i] = float32(AnswersFrom + float64(cell*(float64(i)+0.5)))
		weights[i] = math.Log(cell)
	}
	return at, weights
}

// Record records the mean loss of inputs x [n, 1] and their right answers y [n, 1].
func (a *Answers) Record(tape *autodiff.Tape, f functional.Functional, x, y *tensor.Tensor, rng *rand.Rand) (*autodiff.Var, error) {
	if err := a.search(f.Statistic().Kind, x, y, rng); err != nil {
		return nil, err
	}
	a.answers.X, a.answers.Y = tape.Const(x), tape.Const(y)
	losses, err := a.record.Record(&a.answers, f)
	if err != nil {
		return nil, err
	}
	return autodiff.Mean(losses), nil
}

// search looks for the answers that a statistic is of: the most offending ones outside the ball, or those of
// least energy, which are the correct ones where nothing on the grid is lower.
func (a *Answers) search(kind functional.Kind, x, y *tensor.Tensor, rng *rand.Rand) error {
	if kind != functional.Offending && kind != functional.Minimum {
		return nil
	}
	n := x.Dim(0)
	a.rivals.Resize(n, 1)
	a.lowest = scratch.Sized(a.lowest, n)
	a.slopes.Fix(x)
	ball := 0.0
	if kind == functional.Offending {
		ball = a.Ball
	}
	if _, err := a.grid.Find(rng, a.slopes, y.Float32s(), ball, a.rivals.Float32s(), a.lowest); err != nil {
		return err
	}
	if kind == functional.Offending {
		a.answers.Offending = a.rivals
		return nil
	}
	a.correct = scratch.Sized(a.correct, n)
	a.slopes.Each(1).Energies(a.correct, nil, y.Float32s())
	for i, e := range a.correct {
		if e <= a.lowest[i] {
			a.rivals.Float32s()[i] = y.Float32s()[i]
		}
	}
	a.answers.Least = a.rivals
	return nil
}

// At is the energies of answers, one to each input.
func (a *Answers) At(x []float64, y []float64) []float64 {
	answers, e := make([]float32, len(y)), make([]float64, len(y))
	for i, v := range y {
		answers[i] = float32(v)
	}
	a.slopes.Fix(column(x))
	a.slopes.Each(1).Energies(e, nil, answers)
	return e
}

// Look evaluates the surface on a grid.
func (a *Answers) Look(x, y []float64) *Grid {
	answers := make([]float32, 0, len(x)*len(y))
	for range x {
		for _, v := range y {
			answers = append(answers, float32(v))
		}
	}
	g := &Grid{X: x, Y: y, Energies: make([]float64, len(answers))}
	a.slopes.Fix(column(x))
	a.slopes.Each(len(y)).Energies(g.Energies, nil, answers)
	return g
}

// Stats says for each input of a grid where the energy of its right answer lies, and that of the lowest answer of the grid outside the ball around it.
func (a *Answers) Stats(g *Grid, right []float64) []functional.LabelStats {
	all := make([]functional.LabelStats, len(g.X))
	for i, e := range a.At(g.X, right) {
		row, other := g.Row(i), math.Inf(1)
		for j, e := range row {
			if math.Abs(g.Y[j]-right[i]) > a.Ball {
				other = min(other, e)
			}
		}
		all[i] = functional.LabelStats{Correct: e, Offending: other, Answer: -1, Spread: measure.Deviation(row)}
	}
	return all
}

// column is numbers as a tensor [n, 1].
func column(x []float64) *tensor.Tensor {
	t := tensor.New(tensor.Float32, len(x), 1)
	for i, v := range x {
		t.Float32s()[i] = float32(v)
	}
	return t
}

// Grid is the energies of a surface on a grid, Y running fastest.
type Grid struct{ X, Y, Energies []float64 }

// Row is the energies over the i-th X.
func (g *Grid) Row(i int) []float64 { return g.Energies[i*len(g.Y) : (i+1)*len(g.Y)] }

// Inferred is for each X the Y with the least energy, the first of equals; NaN where an energy is.
func (g *Grid) Inferred() []float64 {
	answers := make([]float64, len(g.X))
	for i := range answers {
		row := g.Row(i)
		answers[i] = math.NaN()
		if at := slices.Index(row, slices.Min(row)); at >= 0 { // the least is NaN, which equals nothing
			answers[i] = g.Y[at]
		}
	}
	return answers
}
