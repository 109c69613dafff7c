package op

import (
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Back gives the gradients by both matrices. An operand that broadcasts sums those of all products that it is in.
func (k *matMul) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if b.Up[0].Len() == 0 {
		b.Into(0)
		b.Into(1)
		return nil
	}
	p, err := k.products(b.In[0], b.In[1])
	if err != nil {
		return err
	}
	return onFloats(b.In[0], func() error { return productsBack[float32](b, p, k.alpha) }, func() error { return productsBack[float64](b, p, k.alpha) })
}

// products gives the places of all products of two operands.
func (k *matMul) products(a, b *value.Value) (*batch, error) {
	p := &batch{transA: k.transA && len(a.Shape) > 1, transB: k.transB && len(b.Shape) > 1}
	rows, columns := asMatrices(a.Shape, b.Shape)
	p.m, p.k = lastTwo(rows, p.transA)
	_, p.n = lastTwo(columns, p.transB)
	_, err := p.place(rows[:len(rows)-2], columns[:len(columns)-2])
	return p, err
}

func productsBack[T simd.Float](b *Back, p *batch, alpha float32) error {
	up := scaledCopy(value.Data[T](b.Up[0]), alpha)
	lefts, rights := value.Data[T](b.In[0]), value.Data[T](b.In[1])
	p.fold()
	m, n, k := p.m, p.n, p.k
	lda, ldb := k, n
	if p.transA {
		lda = m
	}
	if p.transB {
		ldb = k
	}
	if g, add := b.Over(0); g != nil {
		sumProducts(value.Data[T](g), m*k, p.placesA, add, func(dst []T, i int, beta T) {
			dy, right := up[i*m*n:][:m*n], rights[p.placesB[i]:][:k*n]
			if p.transA {
				gemm.Mul(p.transB, true, k, m, n, right, ldb, dy, n, beta, dst, m)
			} else {
				gemm.Mul(false, !p.transB, m, k, n, dy, n, right, ldb, beta, dst, k)
			}
		})
	}
	if g, add := b.Over(1); g != nil {
		sumProducts(value.Data[T](g), k*n, p.placesB, add, func(dst []T, i int, beta T) {
			dy, left := up[i*m*n:][:m*n], lefts[p.placesA[i]:][:m*k]
			if p.transB {
				gemm.Mul(true, p.transA, n, k, m, dy, n, left, lda, beta, dst, k)
			} else {
				gemm.Mul(!p.transA, false, k, n, m, left, lda, dy, n, beta, dst, n)
			}
		})
	}
	return nil
}

// scaledCopy is factor·x, which is x itself where factor is 1.
func scaledCopy[T simd.Float](x []T, factor float32) []T {
	if factor == 1 {
		return x
	}
	y := make([]T, len(x))
	simd.Scale(y, x, T(factor))
	return y
}

// betaOf is what a product multiplies what is there by: 1 to add to it.
func betaOf[T simd.Float](add bool) T {
	if add {
		return 1
	}
	return 0
}

// sumProducts lets f add the gradient of product i to the matrix of dst at places[i], of size elements, or overwrite it where beta is 0. The products of one matrix are one task.
func sumProducts[T simd.Float](dst []T, size int, places []int, add bool, f func(dst []T, i int, beta T)) {
	order := make([]int, len(places))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return places[i] - places[j] })
	var starts []int
	for i, product := range order {
		if i == 0 || places[product] != places[order[i-1]] {
			starts = append(starts, i)
		}
	}
	starts = append(starts, len(order))
	simd.Run(len(starts)-1, task(func(i int) {
		beta := betaOf[T](add)
		for _, product := range order[starts[i]:starts[i+1]] {
			f(dst[places[product]:][:size], product, beta)
			beta = 1
		}
	}))
}

// Back gives the gradients by both matrices and by C, summed over what it broadcasts to.
func (g *gemmKernel) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	m, k := lastTwo(b.In[0].Shape, g.transA)
	_, n := lastTwo(b.In[1].Shape, g.transB)
	if m*n == 0 {
		for i := range b.In {
			b.Into(i)
		}
		return nil
	}
	p := &batch{transA: g.transA, transB: g.transB, m: m, n: n, k: k, placesA: []int{0}, placesB: []int{0}}
	return onFloats(b.In[0], func() error { return gemmBack[float32](g, b, p) }, func() error { return gemmBack[float64](g, b, p) })
}

func gemmBack[T simd.Float](g *gemmKernel, b *Back, p *batch) error {
	if err := productsBack[T](b, p, g.alpha); err != nil {
		return err
	}
	if b.Wants(2) {
		pass(b, 2, scaledCopy(value.Data[T](b.Up[0]), g.beta), b.Up[0].Shape)
	}
	return nil
}
