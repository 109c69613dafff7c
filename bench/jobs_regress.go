package main

import "github.com/energo-ml/energo/loss"

// million is the size of the pointwise losses' jobs.
const million = 1 << 20

func regressJobs() []job {
	return []job{
		{"loss/mse", func() func() {
			var l loss.MSE[float32]
			x, y, dx := randn(million), randn(million), make([]float32, million)
			return func() { must(l.Eval(x, y, dx, nil)) }
		}},
	}
}

// must ends the benchmark if a loss refuses its input.
func must(_ float64, err error) {
	if err != nil {
		panic(err)
	}
}
