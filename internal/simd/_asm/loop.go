package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

var labels int

// label returns a label that is new in this file.
func label(name string) string {
	labels++
	return fmt.Sprintf("%s%d", name, labels)
}

// loop emits step for elements 0 to n-1, a vector at a time: element i + disp/4 is the
// first of the vector. It emits a loop of unroll vectors a turn if unroll > 1, one of
// single vectors, and the last part with a tail.
func (g *isa) loop(n Register, unroll int, step func(i Register, disp int, t *tail)) {
	i, left := GP64(), GP64()
	XORQ(i, i)
	MOVQ(n, left)
	if unroll > 1 {
		g.turns(i, left, unroll, step)
	}
	g.turns(i, left, 1, step)
	done := label("done")
	TESTQ(left, left)
	JE(LabelRef(done))
	t := g.tailMask(left)
	step(i, 0, &t)
	Label(done)
}

func (g *isa) turns(i, left Register, unroll int, step func(i Register, disp int, t *tail)) {
	top, end := label("loop"), label("end")
	size := g.lanes * unroll
	CMPQ(left, Imm(uint64(size)))
	JL(LabelRef(end))
	Label(top)
	for u := range unroll {
		step(i, 4*g.lanes*u, nil)
	}
	ADDQ(Imm(uint64(size)), i)
	SUBQ(Imm(uint64(size)), left)
	CMPQ(left, Imm(uint64(size)))
	JGE(LabelRef(top))
	Label(end)
}
