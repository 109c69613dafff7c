package simd

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
	"unsafe"
)

// A call is one use of the package at a size that is split over workers.
type call struct {
	name    string
	results []float32 // what f writes, apart from what it returns
	f       func() float64
}

// calls lists every public function once, on fresh data.
func calls() []call {
	const n = 3 * lightChunk
	const cols = 100
	const rows = n / cols
	r := rng(1)
	vector := func(n int) []float32 { return normals(r, make([]float32, n)) }
	x, y, z, v, dst := vector(n), vector(n), vector(n), vector(n), vector(n)
	Abs(v, v)
	bias := vector(cols)
	argmax := make([]int32, n/4)
	s := &Pool2D{Batch: 24, C: 16, H: 16, W: 16, KH: 2, KW: 2}
	in, out := 24*16*256, 24*16*64
	m := rows * cols
	nothing := func(f func()) func() float64 { return func() float64 { f(); return 0 } }
	list := []call{
		{"AddTo", dst, nothing(func() { AddTo(dst, x) })},
		{"Sum", nil, func() float64 { return Sum(x) }},
		{"Dot", nil, func() float64 { return Dot(x, y) }},
		{"SumSquares", nil, func() float64 { return SumSquares(x) }},
		{"SumAbs", nil, func() float64 { return SumAbs(x) }},
		{"Max", nil, func() float64 { return float64(Max(x)) }},
		{"Min", nil, func() float64 { return float64(Min(x)) }},
		{"ArgMin", nil, func() float64 { return float64(ArgMin(x)) }},
		{"HasNonFinite", nil, func() float64 {
			if HasNonFinite(x) {
				return 1
			}
			return 0
		}},
		{"SoftmaxRows", dst, nothing(func() { SoftmaxRows(dst[:m], x[:m], rows, cols) })},
		{"LogSoftmaxRows", dst, nothing(func() { LogSoftmaxRows(dst[:m], x[:m], rows, cols) })},
		{"LogSumExpRows", dst, nothing(func() { LogSumExpRows(dst[:rows], x[:m], rows, cols) })},
		{"AddRow", dst, nothing(func() { AddRow(dst[:m], x[:m], bias, rows, cols) })},
		{"SumRows", dst, nothing(func() { SumRows(dst[:cols], x[:m], rows, cols, false) })},
		{"SquaredDistances", dst, nothing(func() { SquaredDistances(dst[:200*150], x[:200*30], y[:150*30], 200, 150, 30) })},
		{"MaxPool2D", dst, nothing(func() { MaxPool2D(s, dst[:out], x[:in], argmax[:out]) })},
		{"MaxPool2DGrad", dst, nothing(func() { MaxPool2DGrad(s, dst[:in], x[:out], argmax[:out], false) })},
		{"AvgPool2D", dst, nothing(func() { AvgPool2D(s, dst[:out], x[:in]) })},
		{"AvgPool2DGrad", dst, nothing(func() { AvgPool2DGrad(s, dst[:in], x[:out], false) })},
		{"SGD", dst, nothing(func() { SGD(dst, x, y, SGDOptions{LR: 0.1, Momentum: 0.9}) })},
		{"Adam", dst, nothing(func() {
			Adam(dst, x, z, v, AdamOptions{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, Correction1: 1, Correction2: 1})
		})},
	}
	for _, c := range mapCases {
		list = append(list, call{c.name, dst, nothing(func() { elementwise(c.op, dst, x, y, 0.3) })})
	}
	return list
}

// TestSameBitsForAnyThreads checks that the number of workers changes nothing.
func TestSameBitsForAnyThreads(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		var want []string
		for _, threads := range []int{1, 2, 3, 8} {
			SetThreads(threads)
			for i, c := range calls() {
				hash := fnv.New64()
				value := c.f()
				if len(c.results) > 0 {
					_, _ = hash.Write(unsafe.Slice((*byte)(unsafe.Pointer(&c.results[0])), 4*len(c.results)))
				}
				got := fmt.Sprintf("%x %x", math.Float64bits(value), hash.Sum64())
				if threads == 1 {
					want = append(want, got)
				} else if got != want[i] {
					t.Errorf("%s: %d threads give other bits", c.name, threads)
				}
			}
		}
		SetThreads(0)
	})
}

func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer SetThreads(0)
	atLevels(t, func(t *testing.T) {
		for _, threads := range []int{1, 2} {
			SetThreads(threads)
			for _, c := range calls() {
				if n := testing.AllocsPerRun(20, func() { c.f() }); n != 0 {
					t.Errorf("%s: %v allocations with %d threads", c.name, n, threads)
				}
			}
		}
	})
}

func TestLengthMisuse(t *testing.T) {
	short, long := make([]float32, 3), make([]float32, 4)
	for name, f := range map[string]func(){
		"unary":   func() { Exp(short, long) },
		"binary":  func() { Add(long, long, short) },
		"grad":    func() { TanhGrad(long, short, long) },
		"AXPY":    func() { AXPY(long, 1, short) },
		"Dot":     func() { Dot(short, long) },
		"SGD":     func() { SGD(long, long, short, SGDOptions{Momentum: 0.9}) },
		"Adam":    func() { Adam(long, long, long, short, AdamOptions{}) },
		"EMA":     func() { EMA(long, short, 0.9) },
		"MaxPool": func() { MaxPool2D(&Pool2D{Batch: 1, C: 1, H: 2, W: 2, KH: 2, KW: 2}, short[:1], short, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: lengths that differ do not panic", name)
				}
			}()
			f()
		}()
	}
}
