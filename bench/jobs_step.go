package main

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

func mlp(rng *rand.Rand) nn.Module {
	return nn.NewSequential(
		nn.NewLinear(784, 512, rng), nn.ReLU{}, nn.NewLinear(512, 512, rng), nn.ReLU{}, nn.NewLinear(512, 10, rng),
	)
}

func cnn(rng *rand.Rand) nn.Module {
	same := nn.ConvOptions{Pad: 1}
	return nn.NewSequential(
		nn.NewConv2D(1, 32, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(32, 64, 3, same, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(64*7*7, 10, rng),
	)
}

// step is one step of SGD on NLL over label energies, which is the peer's
// cross-entropy: forward, backward, update.
func step(build func(*rand.Rand) nn.Module, shape ...int) func() {
	rng := rand.New(rand.NewPCG(1, 2))
	net := build(rng)
	x := batch(shape)
	y := make([]int, shape[0])
	for i := range y {
		y[i] = rng.IntN(10)
	}
	tape := autodiff.NewTape(tensor.Float32)
	opt := &optim.SGD{}
	nll, err := functional.New("nll", functional.DefaultOptions())
	if err != nil {
		panic(err)
	}
	var loss energy.LabelLoss
	params := net.Params()
	return func() {
		for _, p := range params {
			p.ZeroGrad()
		}
		tape.Reset()
		l, err := loss.Record(net.Forward(tape.Const(x)), y, nll)
		if err != nil {
			panic(err)
		}
		tape.Backward(autodiff.Mean(l))
		opt.Step(params, 0.01)
	}
}

// evaluate is the forward pass and the choice of the best label.
func evaluate(build func(*rand.Rand) nn.Module, shape ...int) func() {
	net := build(rand.New(rand.NewPCG(1, 2)))
	x := batch(shape)
	predictor := energy.NewPredictor(energy.NewHead(net, 10), tensor.Float32)
	var best []int
	return func() { best = predictor.Predict(best, x) }
}

func batch(shape []int) *tensor.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	x, err := tensor.FromFloat32(randn(n), shape...)
	if err != nil {
		panic(err)
	}
	return x
}
