package gemm

import (
	"fmt"

	"github.com/energo-ml/energo/internal/simd"
)

// Panels is a matrix that stands on the right of many products, arranged for them once. With few rows on the left, as a step of a recurrent layer has,
// arranging it takes longer than the product.
type Panels[T simd.Float] struct {
	level simd.Level
	k, n  int
	b     operand[T] // as it came, for other levels
	right []T
}

// Pack fills p with op(B) [k, n], stored as Mul's B, which p keeps using: it must not change.
func (p *Panels[T]) Pack(trans bool, k, n int, b []T, ldb int) {
	checkMatrix("B", len(b), k, n, ldb, trans)
	p.k, p.n, p.b = k, n, operand[T]{b, ldb, trans}
	j := take[T, product[T]](&products)
	j.engine = newEngine[T]()
	p.level = j.level
	j.m, j.n, j.k, j.b = 1, n, k, p.b
	own := j.packedB
	j.plan()
	j.tiles = 0 // there is nothing on the left yet
	p.right = grow(p.right, j.panels*j.nr*k)
	j.packedB = p.right
	j.pack = packing[T]{product: j}
	j.do(j.pack.tasks(), &j.pack, 16*n*k)
	j.b, j.packedB = operand[T]{}, own
	give[T](&products, j)
}

// Columns is the number of columns of B.
func (p *Panels[T]) Columns() int { return p.n }

// MulPanels computes C = A·B + beta·C with e applied, for A [m, k] and the B [k, n] that b holds; the bits are MulEpilogue's.
// A slice that is too short panics, and so does a beta that is neither 0 nor 1.
func MulPanels[T simd.Float](m int, a []T, lda int, b *Panels[T], beta T, c []T, ldc int, e Epilogue[T]) {
	if m <= 0 || b.n <= 0 {
		return
	}
	if beta != 0 && beta != 1 {
		panic(fmt.Sprintf("gemm: beta is %v, must be 0 or 1", beta))
	}
	engine := newEngine[T]()
	if engine.level != b.level || b.k <= 0 {
		MulEpilogue(false, b.b.trans, m, b.n, b.k, a, lda, b.b.x, b.b.ld, beta, c, ldc, e)
		return
	}
	checkMatrix("A", len(a), m, b.k, lda, false)
	checkMatrix("C", len(c), m, b.n, ldc, false)
	if e.Bias != nil && len(e.Bias) < b.n {
		panic(fmt.Sprintf("gemm: Bias has %d values for %d columns", len(e.Bias), b.n))
	}
	j := take[T, product[T]](&products)
	j.engine = engine
	j.a, j.c = operand[T]{a, lda, false}, operand[T]{c, ldc, false}
	j.m, j.n, j.k, j.add, j.epilogue = m, b.n, b.k, beta == 1, e
	own := j.packedB
	j.plan()
	j.packedB = b.right
	j.pack = packing[T]{product: j, left: true}
	j.multiplyPacked(m * b.k * 16)
	j.a, j.c, j.epilogue, j.packedB = operand[T]{}, operand[T]{}, Epilogue[T]{}, own
	give[T](&products, j)
}
