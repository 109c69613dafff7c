package energy

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// distanceTo is ‖G(x) − y‖² of a network.
type distanceTo struct {
	net nn.Module
	d   int
}

func (s distanceTo) Energy(x, y *autodiff.Var) *autodiff.Var {
	return autodiff.SumLast(autodiff.Square(autodiff.Sub(s.net.Forward(x), y)))
}
func (s distanceTo) Dim() int                  { return s.d }
func (s distanceTo) Params() []*autodiff.Param { return s.net.Params() }

func randomTensor(rng *rand.Rand, shape ...int) *tensor.Tensor {
	x := tensor.New(tensor.Float64, shape...)
	for i := range x.Float64s() {
		x.Float64s()[i] = rng.NormFloat64()
	}
	return x
}

func smallSurface(rng *rand.Rand) distanceTo {
	net := nn.NewSequential(nn.NewLinear(2, 5, rng), nn.Tanh{}, nn.NewLinear(5, 3, rng))
	nn.Cast(net, tensor.Float64)
	return distanceTo{net, 3}
}

// TestSlopes: energies and gradients are the surface's, whatever the number of answers
// for each input, across blocks, and no parameter is touched.
func TestSlopes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := smallSurface(rng)
	slopes := NewSlopes[float64](s)
	for _, c := range []struct{ b, each int }{{1, 1}, {3, 4}, {5, slopeBlock/2 - 1}} {
		x := randomTensor(rng, c.b, 2)
		n := c.b * c.each
		y := randomTensor(rng, n, 3).Float64s()
		slopes.Fix(x)
		energy, grad, again := make([]float64, n), make([]float64, 3*n), make([]float64, n)
		slopes.Each(c.each).Energies(energy, grad, y)
		slopes.Energies(again, nil, y)
		tape := autodiff.NewTape(tensor.Float64)
		tape.NoGrad = true
		g := s.net.Forward(tape.Const(x)).Value.Float64s()
		for i := range n {
			var want float64
			for j := range 3 {
				r := y[3*i+j] - g[i/c.each*3+j]
				want += r * r
				if math.Abs(grad[3*i+j]-2*r) > 1e-12*(1+math.Abs(r)) {
					t.Fatalf("%+v: gradient %d,%d is %v; it should be %v", c, i, j, grad[3*i+j], 2*r)
				}
			}
			if math.Abs(energy[i]-want) > 1e-12*(1+want) || again[i] != energy[i] {
				t.Fatalf("%+v: energy %d is %v, %v without its gradient; it should be %v", c, i, energy[i], again[i], want)
			}
		}
	}
	for _, p := range s.Params() {
		if p.Grad != nil {
			for _, v := range p.Grad.Float64s() {
				if v != 0 {
					t.Fatalf("%s has a gradient", p.Name)
				}
			}
		}
	}
}

// TestPointAnswers: each statistic is what its definition says, and so are the losses'
// gradients by the weights.
func TestPointAnswers(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	s := smallSurface(rng)
	const b, nodes = 4, 6
	x, y := randomTensor(rng, b, 2), randomTensor(rng, b, 3)
	grid := randomTensor(rng, nodes, 3)
	weights := make([]float64, nodes)
	for i := range weights {
		weights[i] = math.Log(0.1 + rng.Float64())
	}
	offending := randomTensor(rng, b, 3)
	record := func(tape *autodiff.Tape, f functional.Functional, edit func(*PointAnswers)) *autodiff.Var {
		a := &PointAnswers{Surface: s, X: tape.Const(x), Y: tape.Const(y)}
		edit(a)
		out, err := new(AnswerLoss).Record(a, f)
		if err != nil {
			t.Fatal(err)
		}
		return autodiff.Sum(out)
	}
	energyAt := func(i int, at []float64) float64 {
		slopes := NewSlopes[float64](s)
		slopes.Fix(x.Rows(i, i+1))
		var e [1]float64
		slopes.Energies(e[:], nil, at)
		return e[0]
	}
	const beta = 0.7
	for _, c := range []struct {
		name string
		f    functional.Functional
		edit func(*PointAnswers)
		want func(i int, correct float64) float64
	}{
		{
			"nll by quadrature",
			functional.NLL{Beta: beta},
			func(a *PointAnswers) { a.Nodes, a.LogWeights = grid, weights },
			func(i int, correct float64) float64 {
				var z float64
				for k := range nodes {
					z += math.Exp(weights[k] - beta*energyAt(i, grid.Row(k).Float64s()))
				}
				return correct + math.Log(z)/beta
			},
		},
		{
			"hinge by a search",
			functional.Hinge{Margin: 2},
			func(a *PointAnswers) { a.Offending = offending },
			func(i int, correct float64) float64 {
				return max(0, 2+correct-energyAt(i, offending.Row(i).Float64s()))
			},
		},
		{
			"contrastive divergence",
			functional.NLL{Beta: 1},
			func(a *PointAnswers) { a.Samples = randomTensor(rand.New(rand.NewPCG(8, 8)), 2*b, 3) },
			func(i int, correct float64) float64 {
				draws := randomTensor(rand.New(rand.NewPCG(8, 8)), 2*b, 3)
				return correct - (energyAt(i, draws.Row(2*i).Float64s())+energyAt(i, draws.Row(2*i+1).Float64s()))/2
			},
		},
	} {
		tape := autodiff.NewTape(tensor.Float64)
		loss := record(tape, c.f, c.edit)
		var want float64
		for i := range b {
			want += c.want(i, energyAt(i, y.Row(i).Float64s()))
		}
		if got := loss.Value.Float64s()[0]; math.Abs(got-want) > 1e-11*math.Abs(want) {
			t.Errorf("%s: the loss is %v; it should be %v", c.name, got, want)
		}
		tape.Backward(loss)
		for _, p := range s.Params() {
			w := p.Value.Float64s()
			got := p.Grad.Float64s()[0]
			const h = 1e-6
			at := func(v float64) float64 {
				old := w[0]
				defer func() { w[0] = old }()
				w[0] = v
				plain := autodiff.NewTape(tensor.Float64)
				return record(plain, c.f, c.edit).Value.Float64s()[0]
			}
			if diff := (at(w[0]+h) - at(w[0]-h)) / (2 * h); math.Abs(got-diff) > 1e-7*max(1, math.Abs(diff)) {
				t.Errorf("%s: the derivative by %s is %v; differences say %v", c.name, p.Name, got, diff)
			}
			p.ZeroGrad()
		}
	}
	a := &PointAnswers{Surface: s}
	for _, f := range []functional.Functional{functional.NLL{Beta: 1}, functional.Hinge{}, functional.Perceptron{}, functional.MarginCost{Margin: 1}} {
		if _, err := a.Statistic(f.Statistic()); err == nil {
			t.Errorf("%s has a statistic of no points", f.Name())
		}
	}
}

// TestDensity: a network over y alone is a target, and samplers walk on it.
func TestDensity(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	d := Density{Net: nn.NewSequential(nn.NewLinear(2, 8, rng), nn.SiLU{}, nn.NewLinear(8, 1, rng)), D: 2}
	target := NewSlopes[float32](d)
	s, err := sampler.NewState[float32](target, make([]float32, 2*50))
	if err != nil {
		t.Fatal(err)
	}
	l := sampler.NewLangevin[float32](0.01)
	draws := sampler.Draw[float32](context.Background(), rng, target, s, l, 5, 1, 0)
	if draws.Diverged > 0 || len(draws.Y) != 5 {
		t.Errorf("%d diverged, %d draws", draws.Diverged, len(draws.Y))
	}
	if n := testing.AllocsPerRun(10, func() { l.Step(rng, target, s) }); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}
