package main

import (
	"math/rand/v2"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

func densityJobs() []job {
	return []job{
		{"langevin/mlp", func() func() { return walk(plane, 1024, 100, sampler.NewLangevin[float32](0.01)) }},
		{"hmc/mlp", func() func() { return walk(plane, 1024, 10, &sampler.HMC[float32]{StepSize: 0.1, Leapfrogs: 10}) }},
		{"langevin/conv", func() func() { return walk(pictures, 64, 60, shortRun()) }},
		{"cd_step/conv", contrastStep},
	}
}

// plane is an energy over the plane.
func plane(rng *rand.Rand) energy.Density {
	return energy.Density{D: 2, Net: nn.NewSequential(
		nn.NewLinear(2, 128, rng), nn.SiLU{}, nn.NewLinear(128, 128, rng), nn.SiLU{}, nn.NewLinear(128, 1, rng),
	)}
}

// pictures is the network of energo train generate.
func pictures(rng *rand.Rand) energy.Density {
	half := nn.ConvOptions{Stride: 2, Pad: 1}
	return energy.Density{D: 784, Net: nn.NewSequential(
		nn.Unflatten{Sizes: []int{1, 28, 28}},
		nn.NewConv2D(1, 16, 5, nn.ConvOptions{Stride: 2, Pad: 4}, rng), nn.SiLU{},
		nn.NewConv2D(16, 32, 3, half, rng), nn.SiLU{},
		nn.NewConv2D(32, 64, 3, half, rng), nn.SiLU{},
		nn.NewConv2D(64, 64, 3, half, rng), nn.SiLU{},
		nn.Flatten{}, nn.NewLinear(256, 64, rng), nn.SiLU{}, nn.NewLinear(64, 1, rng),
	)}
}

func shortRun() *sampler.Langevin[float32] {
	return &sampler.Langevin[float32]{StepSize: 2.5, Noise: 0.0025, Clip: 0.06, Low: 0, High: 1}
}

// walk returns a function that takes the given number of steps with all chains.
func walk(build func(*rand.Rand) energy.Density, chains, steps int, by sampler.Sampler[float32]) func() {
	rng := rand.New(rand.NewPCG(1, 2))
	d := build(rng)
	slopes := energy.NewSlopes[float32](d)
	s, err := sampler.NewState[float32](slopes, randn(chains*d.D))
	if err != nil {
		panic(err)
	}
	return func() {
		for range steps {
			by.Step(rng, slopes, s)
		}
	}
}

// contrastStep is a step of energo train generate: 20 Langevin steps of 64 persistent
// chains, the contrast, Adam.
func contrastStep() func() {
	const batch, buffered = 64, 2000
	rng := rand.New(rand.NewPCG(1, 2))
	var d energy.Surface = pictures(rng)
	noise := sampler.Uniform[float32]{D: 784, Low: 0, High: 1}
	buffer, err := sampler.NewBuffer(buffered, 784, 0.05, func(y []float32) { noise.Draw(rng, y) })
	if err != nil {
		panic(err)
	}
	o := &objective.Contrast[float32]{EnergyL2: 0.1, Chains: &sampler.Chains[float32]{Sampler: shortRun(), Steps: 20, Buffer: buffer, Fresh: noise.Draw}}
	y, err := tensor.FromFloat32(make([]float32, batch*784), batch, 784)
	if err != nil {
		panic(err)
	}
	noise.Draw(rng, y.Float32s())
	tape, params, adam := autodiff.NewTape(tensor.Float32), d.Params(), &optim.Adam{}
	return func() {
		tape.Reset()
		v, err := o.Record(tape, d, y, rng)
		if err != nil {
			panic(err)
		}
		for _, p := range params {
			p.ZeroGrad()
		}
		tape.Backward(v)
		optim.ClipNorm(params, 0.1)
		adam.Step(params, 1e-4)
	}
}
