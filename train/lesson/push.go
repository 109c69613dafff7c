package lesson

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/surface"
)

// Pushes is ∂L/∂E, L the mean of a functional over inputs: above 0 pushes E down.
type Pushes struct {
	Down   []float64 // at each input's right answer
	Rivals []float64 // the answers that the statistic is of, as many to each input, those of the first in front
	Up     []float64 // at each of them
}

// RivalsEach is how many rivals each input has: one where a statistic is of one answer, the nodes of a free energy's quadrature, or none.
func (a *Answers) RivalsEach(kind functional.Kind) int {
	switch kind {
	case functional.None:
		return 0
	case functional.FreeEnergy:
		return nodes
	}
	return 1
}

// Search says how they are found.
func (a *Answers) Search(kind functional.Kind) *surface.Search {
	switch kind {
	case functional.None:
		return nil
	case functional.FreeEnergy:
		return &surface.Search{How: fmt.Sprintf("%d answers, each with its share exp(−βE)/Z", nodes), Answers: widened(a.answers.Nodes.Float32s())}
	}
	s := &surface.Search{How: fmt.Sprintf("the lowest of %d answers, or the right one where that is lower", searched), Answers: widened(a.grid.Points)}
	if kind == functional.Offending {
		s.How, s.Ball = fmt.Sprintf("the lowest of %d answers outside a ball around the right one", searched), a.Ball
	}
	return s
}

func widened(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// Pushes is what a functional pushes at inputs with their right answers. It changes nothing that training depends on.
func (a *Answers) Pushes(f functional.Functional, x, right []float64) (*Pushes, error) {
	kind, n := f.Statistic().Kind, float64(len(x))
	if err := a.search(kind, column(x), column(right), nil); err != nil {
		return nil, err
	}
	p, correct := &Pushes{Down: make([]float64, len(x))}, a.At(x, right)
	switch kind {
	case functional.None:
		for i, e := range correct {
			_, down, _ := f.Eval(e, 0)
			p.Down[i] = down / n
		}
	case functional.FreeEnergy:
		a.pushNodes(p, f, x, correct)
	default:
		p.Rivals = widened(a.rivals.Float32s())
		for i, other := range a.At(x, p.Rivals) {
			_, down, up := f.Eval(correct[i], other)
			p.Down[i], p.Up = down/n, append(p.Up, up/n)
		}
	}
	return p, nil
}

// pushNodes is Pushes for a free energy, whose derivative by the energies is spread over the nodes as exp(−βE) is.
func (a *Answers) pushNodes(p *Pushes, f functional.Functional, x, correct []float64) {
	beta, n := f.Statistic().Beta, float64(len(x))
	y := widened(a.answers.Nodes.Float32s())
	g := a.Look(x, y)
	for i := range x {
		row := g.Row(i)
		least, z := slices.Min(row), 0.0
		for _, e := range row {
			z += math.Exp(beta * (least - e))
		}
		free := least - (math.Log(z)+a.answers.LogWeights[0])/beta
		_, down, up := f.Eval(correct[i], free)
		p.Down[i], p.Rivals = down/n, append(p.Rivals, y...)
		for _, e := range row {
			p.Up = append(p.Up, up/n*math.Exp(beta*(least-e))/z)
		}
	}
}

// Search says what an objective's negatives are, of which Negatives gives some; nil where it pushes at no places of the plane, as score
// matching, and noise contrast, whose negatives are not the model's.
func (t *Trained) Search() *surface.Search {
	switch {
	case t.Chains != nil:
		return &surface.Search{How: "chains that persist from step to step"}
	case t.fromData != nil:
		return &surface.Search{How: fmt.Sprintf("chains of %d steps of MALA from the data", chainSteps)}
	case t.byDraws:
		return &surface.Search{How: "draws of the model"}
	}
	return nil
}

// Negatives are places where the objective pushes up, as many as there are data [n, 2] or fewer: draws where they are the model's, else chains. It changes
// nothing that training depends on.
func (t *Trained) Negatives(rng *rand.Rand, slopes *energy.Slopes[float32], points, draws [][2]float64) [][2]float64 {
	switch {
	case t.Chains != nil:
		y := t.Chains.Float32s()
		return surface.Places(y[:min(len(y), 2*len(points))])
	case t.fromData != nil:
		y := make([]float32, 2*len(points))
		t.fromData.Draw(rng, slopes, flat(points), y)
		return surface.Places(y)
	}
	return draws[:min(len(draws), len(points))]
}
