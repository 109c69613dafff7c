package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func rowKernels() {
	for _, emit := range []func(*isa){softmax, logSoftmax, logSumExp, addRow, sumRows} {
		for _, g := range isas() {
			emit(g)
		}
	}
}

// A rowLoop walks rows of cols elements, a vector at a time.
type rowLoop struct {
	g          *isa
	rows, cols Register // rows counts down
	whole      Register // how many elements of a row whole vectors cover
	t          tail     // the rest
}

func (g *isa) newRowLoop() *rowLoop {
	l := &rowLoop{g: g, rows: Load(Param("rows"), GP64()), cols: Load(Param("cols"), GP64()), whole: GP64()}
	rest := GP64()
	MOVQ(l.cols, rest)
	ANDQ(Imm(uint64(g.lanes-1)), rest)
	MOVQ(l.cols, l.whole)
	SUBQ(rest, l.whole)
	l.t = g.tailMask(rest)
	return l
}

// each emits row for each row.
func (l *rowLoop) each(row func()) {
	top, end := label("row"), label("rows")
	TESTQ(l.rows, l.rows)
	JE(LabelRef(end))
	Label(top)
	row()
	DECQ(l.rows)
	JNE(LabelRef(top))
	Label(end)
}

// along emits step for each vector of a row; i is its first element, and t is not nil
// for the last part.
func (l *rowLoop) along(step func(i Register, t *tail)) {
	i := GP64()
	top, rest, end := label("col"), label("rest"), label("cols")
	XORQ(i, i)
	CMPQ(i, l.whole)
	JE(LabelRef(rest))
	Label(top)
	step(i, nil)
	ADDQ(Imm(uint64(l.g.lanes)), i)
	CMPQ(i, l.whole)
	JNE(LabelRef(top))
	Label(rest)
	CMPQ(i, l.cols)
	JE(LabelRef(end))
	step(i, &l.t)
	Label(end)
}

func at(p, i Register) Mem { return Mem{Base: p, Index: i, Scale: 4} }

// next moves p on by a row.
func (l *rowLoop) next(p Register) { LEAQ(at(p, l.cols), p) }

// load is a vector of a row; beyond the row, lanes are other's.
func (l *rowLoop) load(p, i Register, t *tail, other vec) vec {
	if t != nil {
		return t.loadOr(at(p, i), other)
	}
	return l.g.load(at(p, i))
}

// top is the greatest element of the row at x, in every lane. A NaN may be lost: it
// comes back in the sum.
func (l *rowLoop) top(x Register, minusInf vec) vec {
	acc := l.g.mov(minusInf)
	l.along(func(i Register, t *tail) {
		VMAXPS(l.load(x, i, t, minusInf), acc, acc)
	})
	return l.g.across(l.g.max, acc, false)
}

// expSum is a factory: Σ exp(x − top) over the row at x, in every lane; if dst is not
// nil, the terms go there.
func (l *rowLoop) expSum(minusInf vec, bounded bool) func(dst, x Register, top vec) vec {
	g := l.g
	low, one := g.cr(-104), g.c(1)
	var high vec
	if bounded {
		high = g.cr(89)
	}
	parts, pow2 := g.expParts(), g.pow2()
	return func(dst, x Register, top vec) vec {
		total := g.zero()
		l.along(func(i Register, t *tail) {
			v := g.sub(l.load(x, i, t, minusInf), top)
			if bounded {
				v = g.min(high, v)
			}
			p, n := parts(g.max(low, v), nil)
			e := pow2(g.add(p, one), n)
			if dst != nil {
				g.storePart(e, at(dst, i), t)
			}
			VADDPS(e, total, total)
		})
		return g.across(g.add, total, false)
	}
}

func (l *rowLoop) pointers() (dst, x Register) {
	return Load(Param("dst").Base(), GP64()), Load(Param("x").Base(), GP64())
}

func softmax(g *isa) {
	TEXT("softmaxRows"+g.suffix, NOSPLIT, "func(dst, x []float32, rows, cols int)")
	Doc("softmaxRows" + g.suffix + " computes dst = exp(x − max)/Σ exp(x − max) by rows.")
	l := g.newRowLoop()
	dst, x := l.pointers()
	minusInf := g.cr(math.Inf(-1))
	one := g.c(1)
	sum := l.expSum(minusInf, false)
	l.each(func() {
		share := g.div(g.load(one), sum(dst, x, l.top(x, minusInf)))
		l.along(func(i Register, t *tail) {
			g.storePart(g.mul(g.loadPart(at(dst, i), t), share), at(dst, i), t)
		})
		l.next(dst)
		l.next(x)
	})
	VZEROUPPER()
	RET()
}

func logSoftmax(g *isa) {
	TEXT("logSoftmaxRows"+g.suffix, NOSPLIT, "func(dst, x []float32, rows, cols int)")
	Doc("logSoftmaxRows" + g.suffix + " computes dst = x − max − ln Σ exp(x − max) by rows.")
	l := g.newRowLoop()
	dst, x := l.pointers()
	minusInf := g.cr(math.Inf(-1))
	sum, log := l.expSum(minusInf, false), g.log()
	l.each(func() {
		top := l.top(x, minusInf)
		rest := log(sum(nil, x, top))
		l.along(func(i Register, t *tail) {
			v := g.sub(g.sub(g.loadPart(at(x, i), t), top), rest)
			g.storePart(v, at(dst, i), t)
		})
		l.next(dst)
		l.next(x)
	})
	VZEROUPPER()
	RET()
}

func logSumExp(g *isa) {
	TEXT("logSumExpRows"+g.suffix, NOSPLIT, "func(dst, x []float32, rows, cols int)")
	Doc("logSumExpRows"+g.suffix+" computes dst = max + ln Σ exp(x − max) by rows, an infinite max",
		"taken as 0.")
	l := g.newRowLoop()
	dst, x := l.pointers()
	minusInf, abs, inf := g.cr(math.Inf(-1)), g.bits(signBit-1), g.c(math.Inf(1))
	sum, log := l.expSum(minusInf, true), g.log()
	l.each(func() {
		top := l.top(x, minusInf)
		top = g.choose(g.and(top, abs), eq, inf, g.zero(), top)
		VMOVSS(g.low(g.add(log(sum(nil, x, top)), top)), Mem{Base: dst})
		ADDQ(Imm(4), dst)
		l.next(x)
	})
	VZEROUPPER()
	RET()
}

func addRow(g *isa) {
	TEXT("addRow"+g.suffix, NOSPLIT, "func(dst, x, bias []float32, rows, cols int)")
	Doc("addRow" + g.suffix + " computes dst[r,c] = x[r,c] + bias[c].")
	l := g.newRowLoop()
	dst, x := l.pointers()
	bias := Load(Param("bias").Base(), GP64())
	l.each(func() {
		l.along(func(i Register, t *tail) {
			g.storePart(g.add(g.loadPart(at(x, i), t), g.loadPart(at(bias, i), t)), at(dst, i), t)
		})
		l.next(dst)
		l.next(x)
	})
	VZEROUPPER()
	RET()
}

// sumRows goes down strips of columns: four half-vectors wide, then one.
func sumRows(g *isa) {
	TEXT("sumRows"+g.suffix, NOSPLIT, "func(dst []float64, x []float32, rows, cols int)")
	Doc("sumRows" + g.suffix + " computes dst[c] = Σ x[r,c].")
	dst, x := Load(Param("dst").Base(), GP64()), Load(Param("x").Base(), GP64())
	rows, left := Load(Param("rows"), GP64()), Load(Param("cols"), GP64())
	stride := GP64()
	MOVQ(left, stride)
	half := g.lanes / 2
	down := func(width int, load func(m Mem) vec, store func(v vec, m Mem)) {
		p, r := GP64(), GP64()
		MOVQ(x, p)
		MOVQ(rows, r)
		var acc []vec
		for range width {
			acc = append(acc, g.zero())
		}
		top, end := label("down"), label("bottom")
		TESTQ(r, r)
		JE(LabelRef(end))
		Label(top)
		for i := range acc {
			VADDPD(load(Mem{Base: p, Disp: 4 * half * i}), acc[i], acc[i])
		}
		LEAQ(at(p, stride), p)
		DECQ(r)
		JNE(LabelRef(top))
		Label(end)
		for i := range acc {
			store(acc[i], Mem{Base: dst, Disp: 8 * half * i})
		}
		ADDQ(U32(4*half*width), x)
		ADDQ(U32(8*half*width), dst)
		SUBQ(U32(half*width), left)
	}
	for _, width := range []int{4, 1} {
		top, end := label("strip"), label("strips")
		Label(top)
		CMPQ(left, U32(half*width))
		JL(LabelRef(end))
		down(width, g.widen, func(v vec, m Mem) { VMOVUPD(v, m) })
		JMP(LabelRef(top))
		Label(end)
	}
	done := label("done")
	TESTQ(left, left)
	JE(LabelRef(done))
	load, store := g.halfTail(left)
	down(1, load, store)
	Label(done)
	VZEROUPPER()
	RET()
}

// halfTail returns masked moves for n < lanes/2 elements: a load that widens float32 to
// float64, and a store of float64.
func (g *isa) halfTail(n Register) (load func(m Mem) vec, store func(v vec, m Mem)) {
	t := g.tailMask(n)
	if g.wide {
		return func(m Mem) vec {
				y := YMM()
				VMOVUPS_Z(m, t.mask, y)
				r := ZMM()
				VCVTPS2PD(y, r)
				return r
			}, func(v vec, m Mem) {
				VMOVUPD(v, t.mask, m)
			}
	}
	narrow, pairs := t.mask.(vecRegister).AsX(), YMM()
	VPMOVSXDQ(narrow, pairs)
	return func(m Mem) vec {
			x, r := XMM(), YMM()
			VMASKMOVPS(m, narrow, x)
			VCVTPS2PD(x, r)
			return r
		}, func(v vec, m Mem) {
			VMASKMOVPD(v, pairs, m)
		}
}
