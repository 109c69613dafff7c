package simd

import (
	"math"
	"testing"
	"time"
)

// each runs f at every level; size is the memory that f must read and write at least.
// The least time of one call is reported too: on a shared machine, that is what to compare.
func each(b *testing.B, size int, f func()) {
	for l := Generic; l <= Best(); l++ {
		b.Run(l.String(), func(b *testing.B) {
			defer Use(Use(l))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			least := time.Duration(math.MaxInt64)
			for b.Loop() {
				start := time.Now()
				f()
				least = min(least, time.Since(start))
			}
			b.ReportMetric(float64(least), "min-ns")
		})
	}
}

func BenchmarkMap(b *testing.B) {
	const n = 1 << 20
	r := rng(1)
	x, y, dst := normals(r, make([]float32, n)), normals(r, make([]float32, n)), make([]float32, n)
	for _, c := range mapCases {
		b.Run(c.name, func(b *testing.B) {
			each(b, 12*n, func() { elementwise(c.op, dst, x, y, 0.3) })
		})
	}
}

// BenchmarkSmall shows what a call costs beside its elements.
func BenchmarkSmall(b *testing.B) {
	x, dst := normals(rng(1), make([]float32, 16)), make([]float32, 16)
	b.Run("Sigmoid", func(b *testing.B) { each(b, 8*16, func() { Sigmoid(dst, x) }) })
	b.Run("Sum", func(b *testing.B) { each(b, 4*16, func() { Sum(x) }) })
	b.Run("Softmax", func(b *testing.B) { each(b, 8*16, func() { SoftmaxRows(dst, x, 1, 16) }) })
}

func BenchmarkReduce(b *testing.B) {
	const n = 1 << 20
	r := rng(1)
	x, y := normals(r, make([]float32, n)), normals(r, make([]float32, n))
	b.Run("Sum", func(b *testing.B) { each(b, 4*n, func() { Sum(x) }) })
	b.Run("Dot", func(b *testing.B) { each(b, 8*n, func() { Dot(x, y) }) })
	b.Run("Max", func(b *testing.B) { each(b, 4*n, func() { Max(x) }) })
	b.Run("ArgMin", func(b *testing.B) { each(b, 8*n, func() { ArgMin(x) }) })
	b.Run("HasNonFinite", func(b *testing.B) { each(b, 4*n, func() { HasNonFinite(x) }) })
}

func BenchmarkRows(b *testing.B) {
	for _, s := range []struct {
		name       string
		rows, cols int
	}{{"8192x128", 8192, 128}, {"256x10", 256, 10}} {
		r := rng(1)
		x, dst := normals(r, make([]float32, s.rows*s.cols)), make([]float32, s.rows*s.cols)
		bias := normals(r, make([]float32, s.cols))
		size := 8 * s.rows * s.cols
		b.Run("Softmax"+s.name, func(b *testing.B) { each(b, size, func() { SoftmaxRows(dst, x, s.rows, s.cols) }) })
		b.Run("LogSoftmax"+s.name, func(b *testing.B) { each(b, size, func() { LogSoftmaxRows(dst, x, s.rows, s.cols) }) })
		b.Run("LogSumExp"+s.name, func(b *testing.B) {
			each(b, size/2, func() { LogSumExpRows(dst[:s.rows], x, s.rows, s.cols) })
		})
		b.Run("AddRow"+s.name, func(b *testing.B) { each(b, size, func() { AddRow(dst, x, bias, s.rows, s.cols) }) })
		b.Run("SumRows"+s.name, func(b *testing.B) {
			each(b, size/2, func() { SumRows(bias, x, s.rows, s.cols, false) })
		})
	}
}

func BenchmarkSquaredDistances(b *testing.B) {
	for _, s := range []struct {
		name    string
		b, k, d int
	}{{"4096x4096x128", 4096, 4096, 128}, {"256x10x784", 256, 10, 784}, {"1x10000x128", 1, 10000, 128}} {
		r := rng(1)
		x, c := normals(r, make([]float32, s.b*s.d)), normals(r, make([]float32, s.k*s.d))
		dst := make([]float32, s.b*s.k)
		b.Run(s.name, func(b *testing.B) {
			each(b, 4*(s.b*s.d+s.k*s.d+s.b*s.k), func() { SquaredDistances(dst, x, c, s.b, s.k, s.d) })
		})
	}
}

func BenchmarkPool(b *testing.B) {
	s := &Pool2D{Batch: 64, C: 32, H: 28, W: 28, KH: 2, KW: 2}
	r := rng(1)
	x := normals(r, make([]float32, s.Batch*s.C*s.H*s.W))
	y := make([]float32, len(x)/4)
	argmax := make([]int32, len(y))
	b.Run("Max", func(b *testing.B) { each(b, 6*len(x), func() { MaxPool2D(s, y, x, argmax) }) })
	b.Run("MaxGrad", func(b *testing.B) { each(b, 6*len(x), func() { MaxPool2DGrad(s, x, y, argmax, false) }) })
	b.Run("Avg", func(b *testing.B) { each(b, 5*len(x), func() { AvgPool2D(s, y, x) }) })
}

func BenchmarkUpdate(b *testing.B) {
	const n = 1 << 19
	r := rng(1)
	w, g, m, v := normals(r, make([]float32, n)), normals(r, make([]float32, n)), make([]float32, n), make([]float32, n)
	b.Run("SGD", func(b *testing.B) {
		each(b, 20*n, func() { SGD(w, g, m, SGDOptions{LR: 1e-3, Momentum: 0.9}) })
	})
	b.Run("Adam", func(b *testing.B) {
		each(b, 28*n, func() {
			Adam(w, g, m, v, AdamOptions{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, Correction1: 1, Correction2: 1})
		})
	})
}
