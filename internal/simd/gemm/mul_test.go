package gemm

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/internal/simd"
)

var long = flag.Bool("long", false, "test more shapes")

// levels runs f at every level of this machine that has kernels for T.
func levels[T simd.Float](t *testing.T, f func(t *testing.T)) {
	best := simd.Best()
	if size[T]() != 4 {
		best = simd.Generic
	}
	for l := simd.Generic; l <= best; l++ {
		t.Run(l.String(), func(t *testing.T) {
			defer simd.Use(simd.Use(l))
			f(t)
		})
	}
}

func random[T simd.Float](rng *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(rng.NormFloat64())
	}
	return x
}

// A guarded slice has values around it that must stay.
const (
	guardValue = 12345
	guardSize  = 70
)

func guarded[T simd.Float](n int) (whole, inner []T) {
	whole = make([]T, n+2*guardSize)
	for i := range whole {
		whole[i] = guardValue
	}
	return whole, whole[guardSize:][:n:n]
}

func checkGuards[T simd.Float](t *testing.T, whole []T) {
	t.Helper()
	for i := range guardSize {
		if whole[i] != guardValue || whole[len(whole)-1-i] != guardValue {
			t.Fatalf("written out of bounds, %d from an end", i)
		}
	}
}

// A mulCase is one call of MulEpilogue with its operands.
type mulCase[T simd.Float] struct {
	transA, transB         bool
	m, n, k, lda, ldb, ldc int
	beta                   T
	a, b, c, whole         []T
	epilogue               Epilogue[T]
}

func newMulCase[T simd.Float](rng *rand.Rand, m, n, k int) *mulCase[T] {
	q := &mulCase[T]{transA: rng.IntN(2) == 0, transB: rng.IntN(2) == 0, m: m, n: n, k: k}
	q.beta = []T{0, 1, -0.5}[rng.IntN(3)]
	rowsA, rowsB := m, k
	q.lda, q.ldb, q.ldc = k+rng.IntN(4), n+rng.IntN(4), n+rng.IntN(4)
	if q.transA {
		rowsA, q.lda = k, m+rng.IntN(4)
	}
	if q.transB {
		rowsB, q.ldb = n, k+rng.IntN(4)
	}
	q.a, q.b = random[T](rng, rowsA*q.lda), random[T](rng, rowsB*q.ldb)
	q.whole, q.c = guarded[T](m * q.ldc)
	for i := range m {
		for j := range n {
			q.c[i*q.ldc+j] = T(rng.NormFloat64())
			if q.beta == 0 {
				q.c[i*q.ldc+j] = T(math.NaN())
			}
		}
	}
	if rng.IntN(2) == 0 {
		q.epilogue.Bias = random[T](rng, n)
	}
	q.epilogue.ReLU = rng.IntN(2) == 0
	return q
}

func (q *mulCase[T]) String() string {
	return fmt.Sprintf("transA %v transB %v m %d n %d k %d ld %d %d %d beta %v bias %v relu %v",
		q.transA, q.transB, q.m, q.n, q.k, q.lda, q.ldb, q.ldc, q.beta, q.epilogue.Bias != nil, q.epilogue.ReLU)
}

// want returns the result and a bound on the sum of the magnitudes, for row i, column j of the old C.
func (q *mulCase[T]) want(i, j int, old T) (value, scale float64) {
	for p := range q.k {
		v := float64(element(q.a, q.lda, q.transA, i, p)) * float64(element(q.b, q.ldb, q.transB, p, j))
		value += v
		scale += math.Abs(v)
	}
	if q.beta != 0 {
		value += float64(q.beta) * float64(old)
		scale += math.Abs(float64(q.beta) * float64(old))
	}
	if q.epilogue.Bias != nil {
		value += float64(q.epilogue.Bias[j])
		scale += math.Abs(float64(q.epilogue.Bias[j]))
	}
	if q.epilogue.ReLU {
		value = max(value, 0)
	}
	return value, scale
}

// element returns element i, j of op(x).
func element[T simd.Float](x []T, ld int, trans bool, i, j int) T {
	if trans {
		i, j = j, i
	}
	return x[i*ld+j]
}

func (q *mulCase[T]) check(t *testing.T) {
	t.Helper()
	old := append([]T(nil), q.c...)
	MulEpilogue(q.transA, q.transB, q.m, q.n, q.k, q.a, q.lda, q.b, q.ldb, q.beta, q.c, q.ldc, q.epilogue)
	checkGuards(t, q.whole)
	for i := range q.m {
		for j := range q.ldc {
			got := float64(q.c[i*q.ldc+j])
			if j >= q.n {
				if got != guardValue {
					t.Fatalf("%v: written beside row %d", q, i)
				}
				continue
			}
			want, scale := q.want(i, j, old[i*q.ldc+j])
			if !(math.Abs(got-want) <= scale*tolerance[T](q.k+2)) {
				t.Fatalf("%v: C[%d,%d] is %v, want %v", q, i, j, got, want)
			}
		}
	}
}

// tolerance is the relative error that a sum of n products may have.
func tolerance[T simd.Float](n int) float64 {
	if size[T]() == 4 {
		return float64(n+1) * 0x1p-24
	}
	return float64(n+1) * 0x1p-53
}

func testMul[T simd.Float](t *testing.T) {
	levels[T](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		rounds := 600
		switch {
		case *long:
			rounds = 20000
		case testing.Short():
			rounds = 60
		}
		for range rounds {
			newMulCase[T](rng, rng.IntN(41), rng.IntN(41), rng.IntN(41)).check(t)
		}
		for m := range 30 { // each number of rows of a tile, and each of columns
			newMulCase[T](rng, m, 33, 9).check(t)
			newMulCase[T](rng, 5, m, 9).check(t)
			newMulCase[T](rng, 5, m+20, 9).check(t)
		}
		newMulCase[T](rng, 130, 250, 2*maxDepth+5).check(t)
		newMulCase[T](rng, 200, 70, 100).check(t)
		newMulCase[T](rng, 1, 300, maxDepth+1).check(t)
		newMulCase[T](rng, 300, 1, maxDepth+1).check(t)
	})
}

func TestMulFloat32(t *testing.T) { testMul[float32](t) }
func TestMulFloat64(t *testing.T) { testMul[float64](t) }

func TestMulBitsDoNotDependOnThreads(t *testing.T) {
	const m, n, k = 50, 70, maxDepth + 3
	if m*n*k <= newEngine[float32]().alone {
		t.Fatal("too small for more than one worker")
	}
	defer simd.SetThreads(0)
	levels[float32](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		a, b := random[float32](rng, m*k), random[float32](rng, k*n)
		var first []float32
		for _, threads := range []int{1, 2, 3, 8} {
			simd.SetThreads(threads)
			c := make([]float32, m*n)
			Mul(false, false, m, n, k, a, k, b, n, 0, c, n)
			if first == nil {
				first = c
			}
			for i := range c {
				if c[i] != first[i] {
					t.Fatalf("%d threads: element %d is %v, not %v", threads, i, c[i], first[i])
				}
			}
		}
	})
}

// TestMulSymmetric: the product is that by A and that by its transpose together.
func TestMulSymmetric(t *testing.T) {
	levels[float32](t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(4, 4))
		for range 40 {
			m, n := 1+rng.IntN(700), 1+rng.IntN(70)
			lda := m + rng.IntN(3)
			a, b := random[float32](rng, m*lda), random[float32](rng, m*n)
			whole, got := guarded[float32](m * n)
			want := random[float32](rng, m*n)
			copy(got, want)
			Mul(false, false, m, n, m, a, lda, b, n, 1, want, n)
			Mul(true, false, m, n, m, a, lda, b, n, 1, want, n)
			MulSymmetric(m, n, a, lda, b, n, got, n)
			checkGuards(t, whole)
			for i, v := range got {
				if math.Abs(float64(v-want[i])) > 1e-5*float64(m) {
					t.Fatalf("%d×%d: element %d is %v; the two products say %v", m, n, i, v, want[i])
				}
			}
		}
	})
}

func TestMulReLUKeepsNaN(t *testing.T) {
	levels[float32](t, func(t *testing.T) {
		nan := float32(math.NaN())
		for n := 1; n < 40; n++ {
			b, c := make([]float32, n), make([]float32, n)
			b[n-1] = nan
			MulEpilogue(false, false, 1, n, 1, []float32{1}, 1, b, n, 0, c, n, Epilogue[float32]{ReLU: true})
			if c[n-1] == c[n-1] {
				t.Fatalf("ReLU made %v of NaN", c[n-1])
			}
		}
	})
}

func TestMulPanicsOnShortSlices(t *testing.T) {
	x := make([]float32, 20)
	for name, f := range map[string]func(){
		"A":    func() { Mul(false, false, 5, 4, 5, x, 5, x, 4, 0, x, 4) },
		"B":    func() { Mul(false, false, 4, 5, 5, x, 5, x, 5, 0, x, 5) },
		"C":    func() { Mul(false, false, 5, 5, 4, x, 4, x, 5, 0, x, 5) },
		"ldc":  func() { Mul(false, false, 4, 5, 4, x, 4, x, 5, 0, x, 4) },
		"Bias": func() { MulEpilogue(false, false, 4, 5, 4, x, 4, x, 5, 0, x, 5, Epilogue[float32]{Bias: x[:4]}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a short %s did not panic", name)
				}
			}()
			f()
		}()
	}
}

func TestMulDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	x := make([]float32, 300*300)
	c := make([]float32, 300*300)
	f := func() {
		Mul(false, false, 300, 300, 300, x, 300, x, 300, 0, c, 300)
		Mul(true, true, 10, 30, 30, x, 300, x, 300, 1, c, 300)
	}
	f()
	if n := testing.AllocsPerRun(50, f); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

func benchmarkMul(b *testing.B, transA, transB bool, m, n, k int) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y, c := random[float32](rng, m*k), random[float32](rng, k*n), make([]float32, m*n)
	lda, ldb := k, n
	if transA {
		lda = m
	}
	if transB {
		ldb = k
	}
	for l := simd.Best(); l > simd.Generic; l-- {
		b.Run(l.String(), func(b *testing.B) {
			defer simd.Use(simd.Use(l))
			for b.Loop() {
				Mul(transA, transB, m, n, k, x, lda, y, ldb, 0, c, n)
			}
			b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
		})
	}
}

func BenchmarkMul(b *testing.B) {
	for _, s := range []struct {
		name           string
		transA, transB bool
		m, n, k        int
	}{
		{"1024", false, false, 1024, 1024, 1024},
		{"256x784x512", false, false, 256, 512, 784},
		{"forward", false, true, 256, 512, 784},
		{"weights", true, false, 512, 784, 256},
		{"inputs", false, false, 256, 512, 512},
		{"lastForward", false, true, 256, 10, 512},
		{"lastWeights", true, false, 10, 512, 256},
		{"lastInputs", false, false, 256, 512, 10},
		{"32", false, false, 32, 32, 32},
	} {
		b.Run(s.name, func(b *testing.B) { benchmarkMul(b, s.transA, s.transB, s.m, s.n, s.k) })
	}
}
