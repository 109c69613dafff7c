package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/simd/gemm"
)

// A job is set up by make, which returns what is timed. Its peer of the same name
// is in peer/jobs.py.
type job struct {
	name string
	make func() func()
}

func jobs() []job {
	return slices.Concat(networkJobs(), densityJobs(), regressJobs(), binaryJobs(), marginJobs(), classJobs(), sequenceJobs(), pairJobs(), indexJobs())
}

func networkJobs() []job {
	return []job{
		{"gemm/1024", func() func() { return mul(1024, 1024, 1024) }},
		{"gemm/256x784x512", func() func() { return mul(256, 784, 512) }},
		{"step/mlp", func() func() { return step(mlp, 256, 784) }},
		{"step/cnn", func() func() { return step(cnn, 64, 1, 28, 28) }},
		{"eval/cnn", func() func() { return evaluate(cnn, 1000, 1, 28, 28) }},
	}
}

// find sets up the job of a name.
func find(name string) (run func(), err error) {
	if strings.HasPrefix(name, modelPrefix) {
		return model(name)
	}
	for _, j := range jobs() {
		if j.name == name {
			return j.make(), nil
		}
	}
	return nil, fmt.Errorf("no job %q", name)
}

func randn(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func mul(m, k, n int) func() {
	a, b, c := randn(m*k), randn(k*n), make([]float32, m*n)
	return func() { gemm.Mul(false, false, m, n, k, a, k, b, n, 0, c, n) }
}
