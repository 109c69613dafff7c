package main

import "github.com/energo-ml/energo/loss"

func classJobs() []job {
	return []job{
		{"loss/cross_entropy/8192x128", func() func() { return crossEntropy(8192, 128) }},
		{"loss/cross_entropy/512x50257", func() func() { return crossEntropy(512, 50257) }},
		{"loss/nll/8192x128", func() func() {
			var l loss.NLL[float32]
			x, y, dx := randn(8192*128), classes(8192, 128), make([]float32, 8192*128)
			return func() { must(l.Eval(x, loss.Dims{Batch: 8192, Classes: 128}, y, dx)) }
		}},
		{"loss/linear_cross_entropy/1024x512x50257", func() func() {
			const n, d, k = 1024, 512, 50257
			var l loss.LinearCrossEntropy[float32]
			x, layer, y := randn(n*d), loss.Linear[float32]{Weight: randn(k * d)}, classes(n, k)
			for i := range layer.Weight {
				layer.Weight[i] *= 0.05
			}
			dx, grad := make([]float32, n*d), loss.Linear[float32]{Weight: make([]float32, k*d)}
			return func() { must(l.Eval(x, layer, k, y, dx, grad)) }
		}},
	}
}

func crossEntropy(n, k int) func() {
	var l loss.CrossEntropy[float32]
	x, y, dx := randn(n*k), classes(n, k), make([]float32, n*k)
	return func() { must(l.Eval(x, loss.Dims{Batch: n, Classes: k}, y, dx)) }
}
