package energy_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// Train a network of one's own with a functional: exclusive or, by a hinge on the most
// offending incorrect answer.
func Example() {
	rng := rand.New(rand.NewPCG(1, 2))
	net := nn.NewSequential(nn.NewLinear(2, 8, rng), nn.Tanh{}, nn.NewLinear(8, 2, rng))
	model := energy.NewHead(net, 2)
	x, err := tensor.FromFloat32([]float32{0, 0, 0, 1, 1, 0, 1, 1}, 4, 2)
	if err != nil {
		panic(err)
	}
	target := []int{0, 1, 1, 0}

	tape, adam, params := autodiff.NewTape(tensor.Float32), &optim.Adam{}, model.Params()
	var loss energy.LabelLoss
	for range 300 {
		tape.Reset()
		for _, p := range params {
			p.ZeroGrad()
		}
		perSample, err := loss.Record(model.Energies(tape.Const(x)), target, functional.Hinge{Margin: 1})
		if err != nil {
			panic(err)
		}
		tape.Backward(autodiff.Mean(perSample))
		adam.Step(params, 0.05)
	}
	fmt.Println(energy.NewPredictor(model, tensor.Float32).Predict(nil, x))
	// Output: [0 1 1 0]
}

// prototypes is an energy function of one's own: the distance to each label's
// prototype, with a learned unit for each coordinate. Three methods make it one.
type prototypes struct{ at, logScale *autodiff.Param }

func (p prototypes) Energies(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	scale := autodiff.Exp(t.Param(p.logScale)) // [1, D]
	scaled := autodiff.Mul(x, autodiff.TileRows(scale, x.Shape()[0]))
	centres := autodiff.Mul(t.Param(p.at), autodiff.TileRows(scale, p.Labels()))
	return autodiff.SquaredDistances(scaled, centres)
}

func (p prototypes) Labels() int { return p.at.Value.Dim(0) }

func ExampleLabeler() {
	at, err := tensor.FromFloat32([]float32{0, 0, 3, 0, 0, 4}, 3, 2)
	if err != nil {
		panic(err)
	}
	model := prototypes{
		at:       &autodiff.Param{Name: "at", Value: at},
		logScale: &autodiff.Param{Name: "log_scale", Value: tensor.New(tensor.Float32, 1, 2)},
	}
	x, err := tensor.FromFloat32([]float32{1, 0, 2, 2}, 2, 2)
	if err != nil {
		panic(err)
	}
	tape := autodiff.NewTape(tensor.Float32)
	e := model.Energies(tape.Const(x))
	answers, err := energy.Labels(e, []int{0, 2})
	if err != nil {
		panic(err)
	}
	loss, err := energy.Loss(answers, functional.SquareSquare{Margin: 6})
	if err != nil {
		panic(err)
	}
	tape.Backward(autodiff.Mean(loss))
	fmt.Println(e.Value.Float32s())
	fmt.Println(loss.Value.Float32s())
	fmt.Println("pushed:", model.at.Grad.Float32s())
	// Output:
	// [1 4 17 8 5 8]
	// [5 65]
	// pushed: [-2 0 -10 4 -32 32]
}
