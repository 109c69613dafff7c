package gemm

import (
	"sync"
	"unsafe"

	"github.com/energo-ml/energo/internal/simd"
)

// A tile is one block of a product, small enough for the registers:
//
//	acc[r, j] = Σ over runs u and steps s of A[u, s, r] · B[u, s, j]
//
// where step s of run u reads A at a + runs[u].a + s·aStep and B likewise. One run
// is a plain matrix product of panels; several runs walk over an image without
// writing its patches out. Bias is added to each row, ReLU is applied, and the
// result goes to row r of c or, transposed, to column r. All distances are in bytes.
//
// B is read in whole vectors, so its rows must be padded to a multiple of the lanes.
// The assembly knows the layout: _asm/tile.go.
type tile struct {
	a, b, c, bias unsafe.Pointer // bias may be nil
	runs          *run
	runCount      int // at least 1
	steps         int // of each run, at least 1
	aStep, bStep  int
	cStep         int // from one row of c to the next
	rows          int // 1 to mr
	cols          int // 1 to nr
	flags         int
	aRow          int            // for multiplyRows: from one row of A to the next; aStep is one element
	bounds        unsafe.Pointer // the least and the greatest that a result may be; nil for none
}

// A run is where a tile's next steps begin, as distances in bytes from a and b.
type run struct{ a, b int }

const (
	flagAdd       = 1 << iota // add to what c holds
	flagReLU                  // negative results become 0
	flagTranspose             // columns of the result are rows of c
	flagRowBias               // bias has a value for each row, not for each column
)

// oneRun is the table of a tile whose operands are panels.
var oneRun run

// An engine is the kernels of one level for one element type.
type engine[T simd.Float] struct {
	level  simd.Level // Generic for float64, which has no assembly
	mr     int        // rows of a tile
	mrRows int        // rows of a tile whose A is a matrix
	nr     int        // columns of a tile: two vectors
	lanes  int        // columns of a vector, to which panels of B are padded
	alone  int        // multiplications that are over sooner than a helper joins in
	pairs  bool       // elements are pairs of int16, sums are int32: pairs.go
}

func newEngine[T simd.Float]() engine[T] {
	level := simd.Current()
	switch {
	case size[T]() != 4 || level == simd.Generic:
		return engine[T]{simd.Generic, 4, 4, 8, 4, 1 << 14, false}
	case level == simd.AVX2:
		return engine[T]{level, 6, 6, 16, 8, 1 << 19, false}
	}
	return engine[T]{level, 14, 7, 32, 16, 1 << 20, false}
}

func size[T simd.Float]() int { return int(unsafe.Sizeof(T(0))) }

// at returns the address of x[i].
func at[T simd.Float](x []T, i int) unsafe.Pointer { return unsafe.Pointer(&x[i]) }

// padded returns how wide a panel of n columns is stored.
func (e engine[T]) padded(n int) int { return (n + e.lanes - 1) / e.lanes * e.lanes }

// multiply computes one tile.
func (e engine[T]) multiply(t *tile) {
	if e.pairs {
		e.multiplyPairs(t)
		return
	}
	switch e.level {
	case simd.AVX512:
		tileAVX512(t)
	case simd.AVX2:
		tileAVX2(t)
	default:
		tileGeneric[T](t)
	}
}

// multiplyRows computes a tile of at most mrRows rows whose A is a matrix, t.aRow apart, into rows of C.
func (e engine[T]) multiplyRows(t *tile) {
	switch e.level {
	case simd.AVX512:
		tileRowsAVX512(t)
	case simd.AVX2:
		tileRowsAVX2(t)
	default:
		tileGeneric[T](t)
	}
}

// transpose sets dst[j·dstStep+i] to src[i·srcStep+j] for i in [0, rows) and j in
// [0, cols), and to 0 for i in [rows, width). Steps are in elements.
func (e engine[T]) transpose(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	z := size[T]()
	if cols <= 0 {
		return
	}
	for i := 0; i < width; i += e.lanes {
		d, s := unsafe.Add(dst, i*z), src
		if i < rows {
			s = unsafe.Add(src, i*srcStep*z)
		}
		r, w := min(max(rows-i, 0), e.lanes), min(width-i, e.lanes)
		switch e.level {
		case simd.AVX512:
			transposeAVX512(d, s, dstStep*z, srcStep*z, r, w, cols)
		case simd.AVX2:
			transposeAVX2(d, s, dstStep*z, srcStep*z, r, w, cols)
		default:
			transposeGeneric[T](d, s, dstStep*z, srcStep*z, r, w, cols)
		}
	}
}

// copyRows sets dst[i·dstStep+j] to src[i·srcStep+j] for i in [0, rows) and j in
// [0, cols), and to 0 for j in [cols, width), width ≤ nr. Steps are in elements.
func (e engine[T]) copyRows(dst, src unsafe.Pointer, dstStep, srcStep, rows, width, cols int) {
	z := size[T]()
	if rows <= 0 {
		return
	}
	switch e.level {
	case simd.AVX512:
		copyRowsAVX512(dst, src, dstStep*z, srcStep*z, rows, width, cols)
	case simd.AVX2:
		copyRowsAVX2(dst, src, dstStep*z, srcStep*z, rows, width, cols)
	default:
		copyRowsGeneric[T](dst, src, dstStep*z, srcStep*z, rows, width, cols)
	}
}

// sumRows adds src[i·srcStep+j] to dst[i·dstStep+j] for i in [0, rows) and j in [0, cols).
// Steps are in elements.
func (e engine[T]) sumRows(dst, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	z := size[T]()
	if rows <= 0 {
		return
	}
	for j := 0; j < cols; j += e.nr {
		d, s, n := unsafe.Add(dst, j*z), unsafe.Add(src, j*z), min(cols-j, e.nr)
		switch e.level {
		case simd.AVX512:
			sumRowsAVX512(d, s, dstStep*z, srcStep*z, rows, n)
		case simd.AVX2:
			sumRowsAVX2(d, s, dstStep*z, srcStep*z, rows, n)
		default:
			sumRowsGeneric[T](d, s, dstStep*z, srcStep*z, rows, n)
		}
	}
}

// splitRows parts rows into what stands at even and at odd places: even[i·dstStep+j] gets
// src[i·srcStep+2j], odd the one behind it, for i in [0, rows). Steps are in elements.
func (e engine[T]) splitRows(even, odd, src unsafe.Pointer, dstStep, srcStep, rows, cols int) {
	z := size[T]()
	if rows <= 0 {
		return
	}
	for j := 0; j < cols; j += e.nr {
		if j+e.nr > cols && cols >= e.nr && cols%2 == 0 { // a whole vector of what partly was before
			j = cols - e.nr
		}
		a, b, s, n := unsafe.Add(even, j/2*z), unsafe.Add(odd, j/2*z), unsafe.Add(src, j*z), min(cols-j, e.nr)
		switch e.level {
		case simd.AVX512:
			splitRowsAVX512(a, b, s, dstStep*z, srcStep*z, rows, n)
		case simd.AVX2:
			splitRowsAVX2(a, b, s, dstStep*z, srcStep*z, rows, n)
		default:
			splitRowsGeneric[T](a, b, s, dstStep*z, srcStep*z, rows, n)
		}
	}
}

// taps sets y[i] to bias + Σ_t w[t]·x[at[t]/size+i] for i in [0, n); at is in bytes.
func (e engine[T]) taps(y, x unsafe.Pointer, at []int, w []T, n int, bias T) {
	switch e.level {
	case simd.AVX512:
		tapsAVX512(y, x, unsafe.Pointer(&at[0]), unsafe.Pointer(&w[0]), len(at), n, float32(bias))
	case simd.AVX2:
		tapsAVX2(y, x, unsafe.Pointer(&at[0]), unsafe.Pointer(&w[0]), len(at), n, float32(bias))
	default:
		tapsGeneric(unsafe.Slice((*T)(y), n), x, at, w, bias)
	}
}

// span returns the bounds of part i when n things are split evenly into parts.
func span(n, parts, i int) (lo, hi int) { return n * i / parts, n * (i + 1) / parts }

// ceil returns ⌈a/b⌉.
func ceil(a, b int) int { return (a + b - 1) / b }

// grow returns x with length n, keeping its memory where that is enough, and its
// first element on a cache line's start.
func grow[T simd.Float](x []T, n int) []T {
	if n <= cap(x) {
		return x[:n]
	}
	const line = 64
	x = make([]T, n+line/size[T]())
	skip := (line - int(uintptr(unsafe.Pointer(&x[0]))%line)) % line / size[T]()
	return x[skip : skip+n]
}

// do runs the tasks of j, in all ops multiplications, on several workers if that pays.
func (e engine[T]) do(tasks int, j simd.Job, ops int) {
	if ops > e.alone {
		simd.Run(tasks, j)
		return
	}
	for i := range tasks {
		j.Do(i, 0)
	}
}

// reserve returns x with a place for each worker.
func reserve[S any](x []S) []S {
	for len(x) < simd.Threads() {
		x = append(x, *new(S))
	}
	return x
}

// of returns worker's place in x; one that came after reserve gets a new one.
func of[S any](x []S, worker int) *S {
	if worker < len(x) {
		return &x[worker]
	}
	return new(S)
}

// A pool keeps the scratch of finished calls, so that a warm call does not allocate.
type pool struct{ single, double sync.Pool }

// take returns a J of the pool or a new one.
func take[T simd.Float, J any](p *pool) *J {
	q := &p.double
	if size[T]() == 4 {
		q = &p.single
	}
	if j, ok := q.Get().(*J); ok {
		return j
	}
	return new(J)
}

func give[T simd.Float, J any](p *pool, j *J) {
	if size[T]() == 4 {
		p.single.Put(j)
	} else {
		p.double.Put(j)
	}
}
