package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// across folds the lanes of x with f; every lane of the result holds the fold. For
// doubles (pairs set) a lane is 64 bits.
func (g *isa) across(f func(a, b vec) vec, x vec, pairs bool) vec {
	swap := func(emit func(r vec)) {
		r := g.reg()
		emit(r)
		x = f(x, r)
	}
	if g.wide {
		swap(func(r vec) { VSHUFF64X2(U8(0x4e), x, x, r) })
		swap(func(r vec) { VSHUFF64X2(U8(0xb1), x, x, r) })
	} else {
		swap(func(r vec) { VPERM2F128(U8(1), x, x, r) })
	}
	swap(func(r vec) { VSHUFPS(U8(0x4e), x, x, r) })
	if !pairs {
		swap(func(r vec) { VSHUFPS(U8(0xb1), x, x, r) })
	}
	return x
}

// low returns the first 128 bits of x, half the first half of it.
func (g *isa) low(x vec) Op { return x.(vecRegister).AsX() }

func (g *isa) half(x vec) vec {
	if g.wide {
		return x.(vecRegister).AsY()
	}
	return x.(vecRegister).AsX()
}

// doubles widens the halves of x to float64.
func (g *isa) doubles(x vec) (lo, hi vec) {
	lo, hi = g.reg(), g.reg()
	VCVTPS2PD(g.half(x), lo)
	if g.wide {
		top := YMM()
		VEXTRACTF64X4(U8(1), x, top)
		VCVTPS2PD(top, hi)
	} else {
		top := XMM()
		VEXTRACTF128(U8(1), x, top)
		VCVTPS2PD(top, hi)
	}
	return lo, hi
}
