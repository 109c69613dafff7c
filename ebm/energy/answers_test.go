package energy

import (
	"errors"
	"math"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// grid is an answer space of its own: one continuous answer y to each sample, with the
// energy (G(x) − y)², and quadrature over a grid of answers.
type grid struct {
	prediction *autodiff.Var  // G(x), [B, 1]
	answers    *tensor.Tensor // [N, 1], evenly spaced
	correct    []float64      // [B]
	ball       float64        // half-width around the correct answer that counts as correct
}

var _ Answers = (*grid)(nil)

func (g *grid) cell() float64 { return g.answers.At(1, 0) - g.answers.At(0, 0) }

func (g *grid) Correct() *autodiff.Var {
	y := tensor.New(g.prediction.Tape().DType(), len(g.correct), 1)
	for i, v := range g.correct {
		y.Set(v, i, 0)
	}
	return autodiff.Reshape(autodiff.Square(autodiff.Sub(g.prediction, g.prediction.Tape().Const(y))), len(g.correct))
}

func (g *grid) Statistic(s functional.Statistic) (*autodiff.Var, error) {
	e := autodiff.SquaredDistances(g.prediction, g.prediction.Tape().Const(g.answers)) // [B, N]
	switch s.Kind {
	case functional.Minimum, functional.Offending:
		return g.least(e, s.Kind == functional.Offending), nil
	case functional.FreeEnergy:
		lse := autodiff.LogSumExp(autodiff.Scale(e, -s.Beta))
		return autodiff.AddScalar(autodiff.Scale(lse, -1/s.Beta), -math.Log(g.cell())/s.Beta), nil
	case functional.CostSum:
		n := g.answers.Dim(0)
		z := autodiff.Sub(autodiff.Reshape(autodiff.RepeatRows(g.Correct(), n), len(g.correct), n), e)
		return autodiff.Scale(autodiff.SumLast(autodiff.ReLU(autodiff.AddScalar(z, s.Margin))), g.cell()), nil
	case functional.CostMax:
		return autodiff.ReLU(autodiff.AddScalar(autodiff.Sub(g.Correct(), g.least(e, true)), s.Margin)), nil
	}
	return nil, errors.New("no such statistic on a grid")
}

// least is the search: the energy at the best grid point, outside the ball if asked.
func (g *grid) least(e *autodiff.Var, outside bool) *autodiff.Var {
	at := make([]int, len(g.correct))
	for i, correct := range g.correct {
		least := math.Inf(1)
		for n := range g.answers.Dim(0) {
			if v := e.Value.At(i, n); v < least && !(outside && math.Abs(g.answers.At(n, 0)-correct) <= g.ball) {
				at[i], least = n, v
			}
		}
	}
	return autodiff.Gather(e, at)
}

// TestEveryFunctionalWorksOnAnotherAnswerSpace, with derivatives through the network.
func TestEveryFunctionalWorksOnAnotherAnswerSpace(t *testing.T) {
	rng := generator(1)
	g := nn.NewSequential(nn.NewLinear(inputs, 4, rng), nn.Tanh{}, nn.NewLinear(4, 1, rng))
	nn.Cast(g, tensor.Float64)
	x, _ := sample(tensor.Float64, 5, rng)
	answers := tensor.New(tensor.Float64, 401, 1)
	for n := range 401 {
		answers.Set(float64(n-200)/20, n, 0)
	}
	correct := []float64{-1.03, 0.28, 2.01, 0.5, -0.3}
	for _, f := range functionals(t) {
		gradcheck.Params(t, func(tape *autodiff.Tape) *autodiff.Var {
			a := &grid{g.Forward(tape.Const(x)), answers, correct, 0.33}
			v, err := Loss(a, f)
			return must(t, v, err)
		}, g.Params())
		if t.Failed() {
			t.Fatalf("%s on a grid", f.Name())
		}
	}
	// The integral is known: ∫ exp(−β(g − y)²) dy = √(π/β).
	tape := autodiff.NewTape(tensor.Float64)
	a := &grid{g.Forward(tape.Const(x)), answers, correct, 0.33}
	for _, beta := range []float64{0.5, 1, 10} {
		v, err := Loss(a, functional.NLL{Beta: beta})
		for i, loss := range must(t, v, err).Value.Float64s() {
			if want := a.Correct().Value.At(i) + math.Log(math.Pi/beta)/2/beta; math.Abs(loss-want) > 1e-6 {
				t.Errorf("β %v: NLL %v on the grid, %v exactly", beta, loss, want)
			}
		}
	}
	_, err := Loss(a, nowhere{})
	if err == nil || err.Error() != "energy: hinge: no such statistic on a grid" {
		t.Errorf("error %v of a statistic that the answers do not have", err)
	}
}

type nowhere struct{ functional.Hinge }

func (nowhere) Statistic() functional.Statistic { return functional.Statistic{Kind: 99} }
