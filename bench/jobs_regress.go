package main

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/loss"
)

// million is the size of the pointwise losses' jobs.
const million = 1 << 20

// pointwise is a job of a loss of input and target.
func pointwise(x, y []float32, eval func(x, y, dx []float32) (float64, error)) func() {
	dx := make([]float32, len(x))
	return func() { must(eval(x, y, dx)) }
}

func regressJobs() []job {
	return []job{
		{"loss/mse", func() func() { return pointwise(randn(million), randn(million), loss.MSELoss[float32]) }},
		{"loss/l1", func() func() { return pointwise(randn(million), randn(million), loss.L1Loss[float32]) }},
		{"loss/huber", func() func() { return pointwise(randn(million), randn(million), loss.HuberLoss[float32]) }},
		{"loss/smooth_l1", func() func() { return pointwise(randn(million), randn(million), loss.SmoothL1Loss[float32]) }},
		{"loss/poisson_nll", func() func() { return pointwise(randn(million), uniform(million), loss.PoissonNLLLoss[float32]) }},
		{"loss/gaussian_nll", func() func() {
			var l loss.GaussianNLL[float32]
			x, y, v := randn(million), randn(million), uniform(million)
			for i := range v {
				v[i] += 0.1
			}
			dx, dv := make([]float32, million), make([]float32, million)
			return func() { must(l.Eval(x, y, v, dx, nil, dv)) }
		}},
		{"loss/kl_div", func() func() {
			x := uniform(million)
			for i, p := range x {
				x[i] = float32(math.Log(float64(p)))
			}
			return pointwise(x, uniform(million), loss.KLDivLoss[float32])
		}},
	}
}

// uniform returns numbers in (0, 1).
func uniform(n int) []float32 {
	rng := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, n)
	for i := range x {
		x[i] = (float32(rng.IntN(1<<23)) + 0.5) / (1 << 23)
	}
	return x
}

// must ends the benchmark if a loss refuses its input.
func must(_ float64, err error) {
	if err != nil {
		panic(err)
	}
}
