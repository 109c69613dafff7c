package gemm

import (
	"fmt"

	"github.com/energo-ml/energo/internal/simd"
)

// Panels is a matrix that stands on the right of many products, arranged for them once. With few rows on the left, as a step of a recurrent layer has,
// arranging it takes longer than the product.
type Panels[T simd.Float] struct {
	engine engine[T] // that it is arranged for
	k, n   int
	right  []T
}

// Pack fills p with op(B) [k, n], stored as Mul's B.
func (p *Panels[T]) Pack(trans bool, k, n int, b []T, ldb int) {
	checkMatrix("B", len(b), k, n, ldb, trans)
	j := take[T, product[T]](&products)
	j.engine = newEngine[T]()
	p.engine, p.k, p.n = j.engine, k, n
	j.m, j.n, j.k, j.b = 1, n, k, operand[T]{b, ldb, trans}
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

// Width is the number of columns of a panel.
func (p *Panels[T]) Width() int { return p.engine.nr }

// blocks is the number of parts of the depth, one behind the other, in each of which all panels stand.
func (p *Panels[T]) blocks() int { return ceil(p.k, maxDepth) }

// Unpack gives B [k, n] again, in dst or in new memory.
func (p *Panels[T]) Unpack(dst []T) []T {
	dst = grow(dst, p.k*p.n)
	e := p.engine
	panels := ceil(p.n, e.nr)
	for block := range p.blocks() {
		lo, hi := span(p.k, p.blocks(), block)
		for col := 0; col < p.n; col += e.nr {
			cols := min(p.n-col, e.nr)
			width := e.padded(cols)
			from := p.right[(lo*panels+col/e.nr*(hi-lo))*e.nr:]
			for i := range hi - lo {
				copy(dst[(lo+i)*p.n+col:][:cols], from[i*width:])
			}
		}
	}
	return dst
}

// here gives panels for the level in use.
func (p *Panels[T]) here() *Panels[T] {
	if p.engine.level == newEngine[T]().level {
		return p
	}
	b := p.Unpack(nil)
	other := new(Panels[T])
	other.Pack(false, p.k, p.n, b, p.n)
	other.engine.pairs = p.engine.pairs
	return other
}

// MulPanels computes C = A·B + beta·C with e applied, for A [m, k] and the B [k, n] that b holds; the bits are MulEpilogue's.
// A slice that is too short panics, and so does a beta that is neither 0 nor 1.
func MulPanels[T simd.Float](m int, a []T, lda int, b *Panels[T], beta T, c []T, ldc int, e Epilogue[T]) {
	if m <= 0 || b.n <= 0 {
		return
	}
	if beta != 0 && beta != 1 {
		panic(fmt.Sprintf("gemm: beta is %v, must be 0 or 1", beta))
	}
	if b.k <= 0 {
		MulEpilogue(false, false, m, b.n, 0, a, lda, nil, b.n, beta, c, ldc, e)
		return
	}
	b = b.here()
	engine := b.engine
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
	if !engine.pairs && (m <= engine.mrRows || engine.mr == engine.mrRows) { // the tiles are those of a packed A
		j.asStored = true
		j.do(j.rowGroups*j.colGroups, j, m*b.n*b.k)
	} else {
		j.pack = packing[T]{product: j, left: true}
		j.multiplyPacked(m * b.k * 16)
	}
	j.a, j.c, j.epilogue, j.packedB, j.asStored = operand[T]{}, operand[T]{}, Epilogue[T]{}, own, false
	give[T](&products, j)
}

// AddColumns adds A·B to C for the columns lo to hi of B alone, on the calling goroutine: a caller that has more to do with them cuts the work itself.
// With at most seven rows the bits are MulPanels'.
// C [m, …] begins with the first column of B. lo must be a multiple of Width, and hi too or the number of columns. A slice that is too short panics.
func (p *Panels[T]) AddColumns(m int, a []T, lda, lo, hi int, c []T, ldc int) {
	if m <= 0 || lo >= hi {
		return
	}
	p = p.here()
	e, z := p.engine, size[T]()
	if lo%e.nr != 0 || hi > p.n || hi%e.nr != 0 && hi != p.n {
		panic(fmt.Sprintf("gemm: columns %d to %d of %d are no panels of %d", lo, hi, p.n, e.nr))
	}
	checkMatrix("A", len(a), m, p.k, lda, false)
	checkMatrix("C", len(c), m, hi, ldc, false)
	t := tile{runs: &oneRun, runCount: 1, cStep: ldc * z, aRow: lda * z, aStep: z, flags: flagAdd}
	panels, tiles := ceil(p.n, e.nr), ceil(m, e.mrRows)
	for block := range p.blocks() {
		first, last := span(p.k, p.blocks(), block)
		t.steps = last - first
		for col := lo; col < hi; col += e.nr {
			t.cols = min(p.n-col, e.nr)
			t.bStep = e.padded(t.cols) * z
			t.b = at(p.right, (first*panels+col/e.nr*t.steps)*e.nr)
			for i := range tiles {
				row, end := span(m, tiles, i)
				t.rows = end - row
				t.a, t.c = at(a, row*lda+first), at(c, row*ldc+col)
				e.multiplyRows(&t)
			}
		}
	}
}
