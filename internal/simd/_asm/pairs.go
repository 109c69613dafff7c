package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// The kernels of this file and of margins.go read float32 and compute in float64: a
// vector is half as many elements, and so is what a loop over elements calls lanes.

// doubled is an isa whose loops go by vectors of float64.
type doubled struct{ *isa }

func doubleds() (all []doubled) {
	for _, g := range isas() {
		g.lanes /= 2
		all = append(all, doubled{g})
	}
	return all
}

// element is where a step of a loop is.
type element struct {
	g    doubled
	i    Register
	disp int
	t    *tail // not nil for the last part
	mask Op    // of a tail: AVX-512's mask, or all bits of the float64 lanes that count
}

// along emits step for elements 0 to n-1.
func (g doubled) along(n Register, unroll int, step func(e element)) {
	g.loop(n, unroll, func(i Register, disp int, t *tail) {
		e := element{g: g, i: i, disp: disp, t: t}
		if t != nil {
			e.mask = t.mask
			if !g.wide {
				e.mask = YMM()
				VPMOVSXDQ(t.narrow(), e.mask)
			}
		}
		step(e)
	})
}

// narrow is the mask of float32 elements that fill half a vector.
func (t *tail) narrow() Op { return t.mask.(vecRegister).AsX() }

func (e element) at(p Register) Mem { return Mem{Base: p, Index: e.i, Scale: 4, Disp: e.disp} }

// load widens elements; the lanes beyond a tail are 0.
func (e element) load(p Register) vec {
	switch {
	case e.t == nil:
		return e.g.widen(e.at(p))
	case e.g.wide:
		y, r := YMM(), ZMM()
		VMOVUPS_Z(e.at(p), e.mask, y)
		VCVTPS2PD(y, r)
		return r
	}
	x, r := XMM(), YMM()
	VMASKMOVPS(e.at(p), e.t.narrow(), x)
	VCVTPS2PD(x, r)
	return r
}

// store narrows elements.
func (e element) store(v vec, p Register) {
	if e.g.wide {
		y := YMM()
		VCVTPD2PS(v, y)
		if e.t == nil {
			VMOVUPS(y, e.at(p))
		} else {
			VMOVUPS(y, e.mask, e.at(p))
		}
		return
	}
	x := XMM()
	VCVTPD2PSY(v, x)
	if e.t == nil {
		VMOVUPS(x, e.at(p))
	} else {
		VMASKMOVPS(x, e.t.narrow(), e.at(p))
	}
}

// only returns v with the lanes beyond a tail set to 0.
func (e element) only(v vec) vec {
	if e.t == nil {
		return v
	}
	r := e.g.reg()
	if e.g.wide {
		VMOVAPD_Z(v, e.mask, r)
	} else {
		VANDPD(e.mask, v, r)
	}
	return r
}

func (g doubled) plus(a, b vec) vec  { return g.op3(VADDPD, a, b) }
func (g doubled) minus(a, b vec) vec { return g.op3(VSUBPD, a, b) }
func (g doubled) times(a, b vec) vec { return g.op3(VMULPD, a, b) }

// where returns x in the lanes where a cmp b, and 0 in the others.
func (g doubled) where(a vec, cmp uint8, b, x vec) vec {
	r := g.reg()
	if g.wide {
		k := K()
		VCMPPD(U8(cmp), b, a, k)
		VMOVAPD_Z(x, k, r)
		return r
	}
	VCMPPD(U8(cmp), b, a, r)
	VANDPD(x, r, r)
	return r
}

// every returns the float64 at m in every lane.
func (g doubled) every(m Mem) vec {
	r := g.reg()
	VBROADCASTSD(m, r)
	return r
}

// broadcast returns arguments in every lane.
func (g doubled) broadcast(names ...string) (all []vec) {
	for _, name := range names {
		m, err := Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		all = append(all, g.every(m.Addr))
	}
	return all
}

// zeros returns n registers of zeros to accumulate in.
func (g doubled) zeros(n int) []vec {
	acc := make([]vec, n)
	for i := range acc {
		acc[i] = g.zero()
	}
	return acc
}

// total is the sum of all lanes of all of acc, as a scalar.
func (g doubled) total(acc []vec) Register {
	for ; len(acc) > 1; acc = acc[:len(acc)-1] {
		VADDPD(acc[len(acc)-1], acc[len(acc)-2], acc[len(acc)-2])
	}
	return g.low(g.across(g.plus, acc[0], true)).(Register)
}

func base(name string) Register { return Load(Param(name).Base(), GP64()) }

func pairs() {
	for _, emit := range []func(doubled){
		pairSums, pairGap, cosineGrad, pairSquares, pairAbs, pairPowers, triplet2Grad, triplet1Grad, tripletPGrad,
	} {
		for _, g := range doubleds() {
			emit(g)
		}
	}
}

func pairSums(g doubled) {
	TEXT("pairSums"+g.suffix, NOSPLIT, "func(x, y []float32) (dot, xx, yy float64)")
	Doc("pairSums" + g.suffix + " returns Σ x·y, Σ x² and Σ y².")
	x, n, y := base("x"), Load(Param("x").Len(), GP64()), base("y")
	dot, xx, yy := g.zeros(2), g.zeros(2), g.zeros(2)
	turn := 0
	g.along(n, 2, func(e element) {
		a, b := e.load(x), e.load(y)
		VFMADD231PD(a, b, dot[turn%2])
		VFMADD231PD(a, a, xx[turn%2])
		VFMADD231PD(b, b, yy[turn%2])
		turn++
	})
	for i, acc := range [][]vec{dot, xx, yy} {
		Store(g.total(acc), ReturnIndex(i))
	}
	VZEROUPPER()
	RET()
}

func pairGap(g doubled) {
	TEXT("pairGap"+g.suffix, NOSPLIT, "func(x, y []float32, rx, ry float64) float64")
	Doc("pairGap" + g.suffix + " returns Σ (x·rx − y·ry)².")
	x, n, y := base("x"), Load(Param("x").Len(), GP64()), base("y")
	f := g.broadcast("rx", "ry")
	rx, ry := f[0], f[1]
	acc := g.zeros(2)
	turn := 0
	g.along(n, 2, func(e element) {
		u := g.minus(g.times(e.load(x), rx), g.times(e.load(y), ry)) // not fused: equal terms leave 0
		VFMADD231PD(u, u, acc[turn%2])
		turn++
	})
	Store(g.total(acc), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func cosineGrad(g doubled) {
	TEXT("cosineGrad"+g.suffix, NOSPLIT, "func(dx, dy, x, y []float32, rx, ry, cos, kx, ky float64)")
	Doc("cosineGrad" + g.suffix + " computes dx = kx·(y·ry − cos·x·rx) and dy = ky·(x·rx − cos·y·ry).")
	dx, dy, x, y := base("dx"), base("dy"), base("x"), base("y")
	n, f := Load(Param("x").Len(), GP64()), g.broadcast("rx", "ry", "cos", "kx", "ky")
	rx, ry, cos, kx, ky := f[0], f[1], f[2], f[3], f[4]
	g.along(n, 2, func(e element) {
		a, b := g.times(e.load(x), rx), g.times(e.load(y), ry)
		da, db := g.mov(b), g.mov(a)
		VFNMADD231PD(cos, a, da)
		VFNMADD231PD(cos, b, db)
		e.store(g.times(da, kx), dx)
		e.store(g.times(db, ky), dy)
	})
	VZEROUPPER()
	RET()
}

func pairSquares(g doubled) {
	pairDistance(g, "pairSquares", "Σ (x − y + eps)²", "", func(u, acc vec) { VFMADD231PD(u, u, acc) })
}

func pairAbs(g doubled) {
	pairDistance(g, "pairAbs", "Σ |x − y + eps|", "", func(u, acc vec) { VADDPD(g.size(u), acc, acc) })
}

func pairPowers(g doubled) {
	pairDistance(g, "pairPowers", "Σ |x − y + eps|^(whole + half/2)", ", whole, half int", func(u, acc vec) {
		u = g.size(u)
		p := g.constant(1)
		g.halfPower(p, u, Load(Param("whole"), GP64()), Load(Param("half"), GP64()))
		VADDPD(p, acc, acc)
	})
}

// size is |u|; NaN stays.
func (g doubled) size(u vec) vec { return g.op3(VMAXPD, g.minus(g.zero(), u), u) }

// halfPower multiplies p by x^(whole + half/2), for x ≥ 0 and half from −1 to 1. It uses
// up whole.
func (g doubled) halfPower(p, x vec, whole, half Register) {
	top, end, done, over := label("power"), label("powers"), label("powered"), label("over")
	TESTQ(whole, whole)
	JE(LabelRef(end))
	Label(top)
	VMULPD(x, p, p)
	DECQ(whole)
	JNE(LabelRef(top))
	Label(end)
	TESTQ(half, half)
	JE(LabelRef(done))
	root := g.reg()
	VSQRTPD(x, root)
	JL(LabelRef(over))
	VMULPD(root, p, p)
	JMP(LabelRef(done))
	Label(over)
	VDIVPD(root, p, p)
	Label(done)
}

func pairDistance(g doubled, name, doc, more string, accumulate func(u, acc vec)) {
	TEXT(name+g.suffix, NOSPLIT, "func(x, y []float32, eps float64"+more+") float64")
	Doc(name + g.suffix + " returns " + doc + ".")
	x, n, y := base("x"), Load(Param("x").Len(), GP64()), base("y")
	eps := g.broadcast("eps")[0]
	acc := g.zeros(4)
	turn := 0
	g.along(n, 4, func(e element) {
		accumulate(e.only(g.plus(g.minus(e.load(x), e.load(y)), eps)), acc[turn%4])
		turn++
	})
	Store(g.total(acc), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func triplet2Grad(g doubled) {
	tripletGrad(g, "triplet2Grad", "u = ku·(a − p + eps), v = kv·(a − n + eps), w = kw·(p − n + eps)", "", func() slope {
		k := g.broadcast("ku", "kv", "kw")
		return func(i int, u vec) vec { return g.times(u, k[i]) }
	})
}

func triplet1Grad(g doubled) {
	tripletGrad(g, "triplet1Grad", "u = ku·sign(a − p + eps), v = kv·sign(a − n + eps), w = kw·sign(p − n + eps)", "", func() slope {
		k, zero := g.broadcast("ku", "kv", "kw"), g.zero()
		return func(i int, u vec) vec {
			return g.minus(g.where(u, gt, zero, k[i]), g.where(u, lt, zero, k[i]))
		}
	})
}

// tripletPGrad reads its factors in the loop: there are too many for registers.
func tripletPGrad(g doubled) {
	doc := "d = a − p + eps, u = ku·sign(d)·|d·iu|^(whole + half/2), and so on, but 0 where d is 0"
	tripletGrad(g, "tripletPGrad", doc, ", iu, iv, iw float64, whole, half int", func() slope {
		return func(i int, u vec) vec {
			name := string("uvw"[i])
			f := g.broadcast("k"+name, "i"+name)
			m := g.times(g.size(u), f[1])
			zero := g.zero()
			p := g.minus(g.where(u, gt, zero, f[0]), g.where(u, lt, zero, f[0]))
			g.halfPower(p, m, Load(Param("whole"), GP64()), Load(Param("half"), GP64()))
			return g.where(m, notEqual, zero, p)
		}
	})
}

// A slope emits the factor i times the derivative of a distance by its difference u.
type slope func(i int, u vec) vec

// tripletGrad emits the gradient of two or three distances.
func tripletGrad(g doubled, name, doc, more string, slopes func() slope) {
	TEXT(name+g.suffix, NOSPLIT, "func(da, dp, dn, a, p, n []float32, eps, ku, kv, kw float64"+more+")")
	Doc(name+g.suffix+" computes da = u + v, dp = w − u and dn = −v − w with", doc+".")
	da, dp, dn, a, p, n := base("da"), base("dp"), base("dn"), base("a"), base("p"), base("n")
	size, eps, by := Load(Param("a").Len(), GP64()), g.broadcast("eps")[0], slopes()
	zero := g.zero()
	g.along(size, 1, func(e element) {
		x, y, z := e.load(a), e.load(p), e.load(n)
		u := by(0, g.plus(g.minus(x, y), eps))
		v := by(1, g.plus(g.minus(x, z), eps))
		w := by(2, g.plus(g.minus(y, z), eps))
		e.store(g.plus(u, v), da)
		e.store(g.minus(w, u), dp)
		e.store(g.minus(g.minus(zero, v), w), dn)
	})
	VZEROUPPER()
	RET()
}
