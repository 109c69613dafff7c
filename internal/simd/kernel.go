package simd

import (
	"fmt"
	"sync"
)

// A kernel is one elementwise loop over a run of elements: dst from a, or from a and
// b, with an optional scalar s. It may also read dst. The slices it uses have dst's
// length; dst may be the same memory as a or b, but must not overlap them otherwise.
type kernel[T Float] func(dst, a, b []T, s T)

// A reduction folds a run of a (and b) into one number, in float64.
type reduction[T Float] func(a, b []T) float64

// An op names an elementwise kernel.
type op int

const (
	opExp op = iota
	opLog
	opTanh
	opSigmoid
	opSoftplus
	opSiLU
	opGELU
	opGELUTanh
	opErf
	opELU
	opTanhGrad
	opSigmoidGrad
	opSoftplusGrad
	opSiLUGrad
	opGELUGrad
	lastHeavy = opGELUGrad // the ops up to here cost tens of instructions an element

	opReLU = iota - 1
	opLeakyReLU
	opReLUGrad
	opLeakyReLUGrad
	opSqrt
	opAbs
	opSquare
	opNeg
	opHardSwish
	opFloor
	opCeil
	opRound
	opAdd
	opSub
	opMul
	opDiv
	opGreater
	opLesser
	opAtLeast
	opAtMost
	opSubFrom
	opDivScalar
	opDivInto
	opScale
	opAddScalar
	opAXPY
	opMulAdd
	opFill
	opWeigh
	opEMA
	numOps
)

// A fold names a reduction.
type fold int

const (
	foldSum fold = iota
	foldDot
	foldSumSquares
	foldSumAbs
	foldMax
	foldMin
	foldNonFinite // 1 if an element is ±Inf or NaN, else 0
	numFolds
)

// Elements in one task of an elementwise kernel; a call of up to twice as many stays
// on the caller's core, since handing work over costs microseconds. Elementwise results
// do not depend on the split; those of reductions do, so theirs is fixed for good.
const (
	heavyChunk  = 8 << 10
	lightChunk  = 32 << 10
	reduceChunk = 32 << 10
)

// A freelist keeps finished jobs for the next call, so that warm calls allocate nothing.
type freelist[J any] struct {
	mu   sync.Mutex
	free []*J
}

func (f *freelist[J]) get() *J {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.free); n > 0 {
		j := f.free[n-1]
		f.free = f.free[:n-1]
		return j
	}
	return new(J)
}

func (f *freelist[J]) put(j *J) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.free = append(f.free, j)
}

// jobs holds the free jobs of one element type.
type jobs[T Float] struct {
	maps      freelist[mapJob[T]]
	folds     freelist[foldJob[T]]
	rows      freelist[rowsJob[T]]
	addRows   freelist[addRowJob[T]]
	sumRows   freelist[sumRowsJob[T]]
	distances freelist[distanceJob[T]]
	pools     freelist[poolJob[T]]
	updates   freelist[updateJob[T]]
	points    freelist[pointJob[T]]

	cosines      freelist[cosineJob[T]]
	triplets     freelist[tripletJob[T]]
	multiMargins freelist[multiMarginJob[T]]
	multilabels  freelist[multilabelJob[T]]
}

var (
	jobs32 jobs[float32]
	jobs64 jobs[float64]
)

func jobsOf[T Float]() *jobs[T] {
	if j, ok := any(&jobs32).(*jobs[T]); ok {
		return j
	}
	return any(&jobs64).(*jobs[T])
}

// A mapJob is an elementwise call cut into chunks.
type mapJob[T Float] struct {
	run       kernel[T]
	dst, a, b []T
	s         T
	chunk     int
}

func (j *mapJob[T]) Do(task, _ int) {
	lo := task * j.chunk
	hi := min(lo+j.chunk, len(j.dst))
	j.run(j.dst[lo:hi], part(j.a, lo, hi), part(j.b, lo, hi), j.s)
}

// part returns x[lo:hi], or nil for an operand that the kernel does not have.
func part[T Float](x []T, lo, hi int) []T {
	if x == nil {
		return nil
	}
	return x[lo:hi]
}

// elementwise runs o over dst, a and b, which all have dst's length or are nil.
func elementwise[T Float](o op, dst, a, b []T, s T) {
	run := tableOf[T]().ops[o]
	chunk := lightChunk
	if o <= lastHeavy {
		chunk = heavyChunk
	}
	if len(dst) <= 2*chunk {
		run(dst, a, b, s)
		return
	}
	free := &jobsOf[T]().maps
	j := free.get()
	*j = mapJob[T]{run, dst, a, b, s, chunk}
	Run((len(dst)+chunk-1)/chunk, j)
	*j = mapJob[T]{}
	free.put(j)
}

// unary checks lengths and runs an op of one operand.
func unary[T Float](o op, dst, x []T, s T) {
	sameLength("dst", "x", len(dst), len(x))
	elementwise(o, dst, x, nil, s)
}

// binary checks lengths and runs an op of two operands.
func binary[T Float](o op, dst, a, b []T, s T) {
	sameLength("dst", "first operand", len(dst), len(a))
	sameLength("dst", "second operand", len(dst), len(b))
	elementwise(o, dst, a, b, s)
}

func sameLength(a, b string, n, m int) {
	if n != m {
		panic(fmt.Sprintf("simd: %s has %d elements, %s has %d", a, n, b, m))
	}
}
