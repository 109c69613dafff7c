package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func margins() {
	for _, square := range []bool{false, true} {
		for _, g := range doubleds() {
			multiMargin(g, square)
		}
	}
	for _, g := range doubleds() {
		multilabelMargin(g)
	}
}

// constant returns a float64 in every lane.
func (g doubled) constant(x float64) vec {
	bits, low, r := GP64(), XMM(), g.reg()
	MOVQ(U64(math.Float64bits(x)), bits)
	VMOVQ(bits, low)
	VBROADCASTSD(low, r)
	return r
}

// counting returns the numbers 0, 1, … in the lanes.
func (g doubled) counting() vec {
	if counts == nil {
		m := GLOBL("counts", 8|16)
		for i := range 8 {
			DATA(8*i, F64(i))
		}
		counts = &m
	}
	return g.load(*counts)
}

var counts *Mem

func multiMargin(g doubled, square bool) {
	name, doc := "multiMargin1", "Σ max(0, shift + x)"
	if square {
		name, doc = "multiMargin2", "Σ max(0, shift + x)²"
	}
	TEXT(name+g.suffix, NOSPLIT, "func(dx, x []float32, shift, scale, skip float64) (sum, slope float64)")
	Doc(name+g.suffix+" returns "+doc+" over all elements but number skip, and the sum of the",
		"derivatives, and writes scale times them.")
	dx, x := base("dx"), base("x")
	n, f := Load(Param("x").Len(), GP64()), g.broadcast("shift", "scale", "skip")
	shift, scale, skip := f[0], f[1], f[2]
	index, zero, one, width := g.counting(), g.zero(), g.constant(1), g.constant(float64(g.lanes))
	if square {
		VADDPD(scale, scale, scale)
	}
	sum, slope := g.zero(), g.zero()
	g.along(n, 1, func(e element) {
		z := g.op3(VMAXPD, zero, g.plus(e.load(x), shift)) // NaN stays
		z = e.only(g.where(index, notEqual, skip, z))
		VADDPD(width, index, index)
		if square {
			VFMADD231PD(z, z, sum)
			VADDPD(z, slope, slope)
			e.store(g.times(z, scale), dx)
			return
		}
		VADDPD(z, sum, sum)
		VADDPD(g.where(z, notLE, zero, one), slope, slope)
		e.store(g.where(z, notLE, zero, scale), dx)
	})
	if square {
		VADDPD(slope, slope, slope)
	}
	Store(g.total([]vec{sum}), ReturnIndex(0))
	Store(g.total([]vec{slope}), ReturnIndex(1))
	VZEROUPPER()
	RET()
}

const notEqual = 4 // or NaN

// multilabelMargin goes over the shifts for each vector of elements, so that the number
// of terms of an element stays in a register.
func multilabelMargin(g doubled) {
	TEXT("multilabelMargin"+g.suffix, NOSPLIT, "func(dx, x []float32, shifts, slopes []float64, scale float64) float64")
	Doc("multilabelMargin"+g.suffix+" returns Σ max(0, shift + x) over all shifts and elements, the numbers of",
		"terms above 0 of each shift in slopes, and writes scale times those of each element.")
	dx, x, n := base("dx"), base("x"), Load(Param("x").Len(), GP64())
	shifts, slopes, m := base("shifts"), base("slopes"), Load(Param("shifts").Len(), GP64())
	scale := g.broadcast("scale")[0]
	zero, one, sum := g.zero(), g.constant(1), g.zero()
	g.along(n, 1, func(e element) {
		v, count := e.load(x), g.zero()
		t := GP64()
		XORQ(t, t)
		top, end := label("shift"), label("shifts")
		TESTQ(m, m)
		JE(LabelRef(end))
		Label(top)
		at := func(p Register) Mem { return Mem{Base: p, Index: t, Scale: 8} }
		z := e.only(g.op3(VMAXPD, zero, g.plus(v, g.every(at(shifts)))))
		VADDPD(z, sum, sum)
		g.countInto(z, zero, one, count, at(slopes))
		INCQ(t)
		CMPQ(t, m)
		JL(LabelRef(top))
		Label(end)
		e.store(g.times(count, scale), dx)
	})
	Store(g.total([]vec{sum}), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// countInto adds 1 to the lanes of count where z > 0 or z is NaN, and the number of such
// lanes to the float64 at slope.
func (g doubled) countInto(z, zero, one, count vec, slope Mem) {
	bits, number := GP32(), XMM()
	if g.wide {
		k := K()
		VCMPPD(U8(notLE), zero, z, k)
		VADDPD(one, count, k, count)
		KMOVB(k, bits)
	} else {
		above := g.reg()
		VCMPPD(U8(notLE), zero, z, above)
		VMOVMSKPD(above, bits)
		VANDPD(one, above, above)
		VADDPD(above, count, count)
	}
	POPCNTL(bits, bits)
	VCVTSI2SDL(bits, number, number)
	VADDSD(slope, number, number)
	VMOVSD(number, slope)
}
