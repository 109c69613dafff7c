package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// batch is a list of products of matrices: op(A)·op(B), [m, k] by [k, n], into one result after the other.
type batch struct {
	transA, transB bool
	m, n, k        int
	placesA        []int // where each product's matrices begin
	placesB        []int
	a, b, out      *value.Value
	perTask        int
	vector         matVec
	panels         *gemm.Panels[float32] // op(B) of the one product, where it never changes
	bias           []float32             // added to each row of a product by panels
}

// taskProducts is about how many multiplications a task makes.
const taskProducts = 1 << 18

// multiply computes all products. Of float32 and float64 they are internal/simd/gemm's.
func (p *batch) multiply() error {
	if p.out.Len() == 0 {
		return nil
	}
	switch p.out.Memory() {
	case value.F32, value.F64, value.I8, value.I16, value.I32, value.I64, value.U8, value.U16, value.U32, value.U64:
	default:
		return notFor(p.out.Kind)
	}
	p.fold()
	each := float64(p.m) * float64(p.n) * float64(max(p.k, 1))
	p.perTask = max(1, int(taskProducts/each))
	n := len(p.placesA)
	simd.Run((n+p.perTask-1)/p.perTask, p)
	p.a, p.b, p.out = nil, nil, nil
	return nil
}

// fold makes one product of those that share B and whose matrices A follow each other.
func (p *batch) fold() {
	n := len(p.placesA)
	if p.transA || n < 2 {
		return
	}
	for i := range n {
		if p.placesB[i] != p.placesB[0] || p.placesA[i] != p.placesA[0]+i*p.m*p.k {
			return
		}
	}
	p.m *= n
	p.placesA, p.placesB = p.placesA[:1], p.placesB[:1]
}

// Do computes the products of a task.
func (p *batch) Do(task, _ int) {
	first, end := task*p.perTask, min((task+1)*p.perTask, len(p.placesA))
	switch p.out.Memory() {
	case value.F32:
		multiplyFloats[float32](p, first, end)
	case value.F64:
		multiplyFloats[float64](p, first, end)
	case value.I8:
		multiplyIntegers[int8](p, first, end)
	case value.I16:
		multiplyIntegers[int16](p, first, end)
	case value.I32:
		multiplyIntegers[int32](p, first, end)
	case value.I64:
		multiplyIntegers[int64](p, first, end)
	case value.U8:
		multiplyIntegers[uint8](p, first, end)
	case value.U16:
		multiplyIntegers[uint16](p, first, end)
	case value.U32:
		multiplyIntegers[uint32](p, first, end)
	case value.U64:
		multiplyIntegers[uint64](p, first, end)
	}
}

// operandsOf gives the three matrices of product i, A and B as they are stored, and the lengths of their rows.
func operandsOf[T value.Element](p *batch, i int) (a, b, out []T, lda, ldb int) {
	a = value.Data[T](p.a)[p.placesA[i]:][:p.m*p.k]
	b = value.Data[T](p.b)[p.placesB[i]:][:p.k*p.n]
	out = value.Data[T](p.out)[i*p.m*p.n:][:p.m*p.n]
	lda, ldb = p.k, p.n
	if p.transA {
		lda = p.m
	}
	if p.transB {
		ldb = p.k
	}
	return a, b, out, lda, ldb
}

func multiplyFloats[T float32 | float64](p *batch, first, end int) {
	if p.single() {
		multiplyNumbers[T](p, first, end)
		return
	}
	for i := first; i < end; i++ {
		if a, b, out, lda, ldb := operandsOf[T](p, i); !p.byVector(i) && !p.byPanels(i) {
			gemm.Mul(p.transA, p.transB, p.m, p.n, p.k, a, lda, b, ldb, 0, out, p.n)
		}
	}
}

// byVector computes product i where it is of float32 and one of the matrices is a row or a column; else it tells that it does not.
func (p *batch) byVector(i int) bool {
	if p.out.Memory() != value.F32 || p.k == 0 || p.m != 1 && p.n != 1 {
		return false
	}
	a, b, out, _, _ := operandsOf[float32](p, i)
	v := matVec{a: b, x: a, y: out, trans: !p.transB}
	if p.n == 1 {
		v = matVec{a: a, x: b, y: out, trans: p.transA}
	}
	if len(p.placesA) > 1 {
		v.all() // the products are shared out among the workers
		return true
	}
	p.vector = v
	p.vector.run()
	return true
}

// byPanels computes product i, of float32, where its B was arranged when the model was loaded; else it tells that it does not.
func (p *batch) byPanels(i int) bool {
	if p.panels == nil || p.transA || len(p.placesA) > 1 {
		return false
	}
	a, _, out, lda, _ := operandsOf[float32](p, i)
	gemm.MulPanels(p.m, a, lda, p.panels, 0, out, p.n, gemm.Epilogue[float32]{Bias: p.bias})
	return true
}

// single tells whether the matrices have one element each.
func (p *batch) single() bool { return p.m == 1 && p.n == 1 && p.k == 1 }

func multiplyNumbers[T value.Number](p *batch, first, end int) {
	a, b, out := value.Data[T](p.a), value.Data[T](p.b), value.Data[T](p.out)
	for i := first; i < end; i++ {
		out[i] = a[p.placesA[i]] * b[p.placesB[i]]
	}
}

func multiplyIntegers[T value.Number](p *batch, first, end int) {
	if p.single() {
		multiplyNumbers[T](p, first, end)
		return
	}
	for i := first; i < end; i++ {
		multiplyPlain[T](p, i)
	}
}

// multiplyPlain computes product i row by row.
func multiplyPlain[T value.Number](p *batch, i int) {
	a, b, out, lda, ldb := operandsOf[T](p, i)
	alongM, alongK := lda, 1
	if p.transA {
		alongM, alongK = 1, lda
	}
	alongN, downK := 1, ldb
	if p.transB {
		alongN, downK = ldb, 1
	}
	clear(out)
	for r := range p.m {
		row := out[r*p.n : (r+1)*p.n]
		for k := range p.k {
			e := a[r*alongM+k*alongK]
			at := k * downK
			for j := range row {
				row[j] += e * b[at]
				at += alongN
			}
		}
	}
}

// place computes where each product's matrices begin, and the shape that the dimensions before them, of A and of B, broadcast to.
func (p *batch) place(outerA, outerB []int) (shape []int, err error) {
	if shape, err = broadcastShape(outerA, outerB); err != nil {
		return nil, err
	}
	count, err := value.Volume(shape)
	if err != nil {
		return nil, err
	}
	p.placesA, p.placesB = p.placesA[:0], p.placesB[:0]
	if count*p.m*p.n == 0 {
		return shape, nil
	}
	w := newWalk(append(append([]int(nil), shape...), 1), append(append([]int(nil), outerA...), 1), append(append([]int(nil), outerB...), 1))
	for i := range count {
		p.placesA = append(p.placesA, w.element(0, i)*p.m*p.k)
		p.placesB = append(p.placesB, w.element(1, i)*p.k*p.n)
	}
	return shape, nil
}

// element is where operand k is at element i of the output.
func (w *walk) element(k, i int) int {
	at := w.offset(k, i/w.run)
	if w.moves[k] {
		at += i % w.run
	}
	return at
}

func lastTwo(shape []int, trans bool) (rows, columns int) {
	r := len(shape)
	if trans {
		return shape[r-1], shape[r-2]
	}
	return shape[r-2], shape[r-1]
}
