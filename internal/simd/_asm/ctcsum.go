package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func ctcSumKernels() {
	ctcSum("ctcSumAVX2", YMM, 4)
	ctcSum("ctcSumAVX512", ZMM, 8)
}

// ctcSum writes a frame of the summed probabilities. Vectors go from the last to the first, so that each finds the labels of the one
// before as they were. Products are not fused with sums, as in plain Go.
func ctcSum(name string, vector func() VecVirtual, lanes int) {
	TEXT(name, NOSPLIT, "func(blanks, labels, row, into, enter, follows []float64, blank float64)")
	Doc(name + " takes whole blocks of states through a frame: see CTCSum.")
	blanks, labels := Load(Param("blanks").Base(), GP64()), Load(Param("labels").Base(), GP64())
	row, into := Load(Param("row").Base(), GP64()), Load(Param("into").Base(), GP64())
	enter, follows := Load(Param("enter").Base(), GP64()), Load(Param("follows").Base(), GP64())
	at := Load(Param("blanks").Len(), GP64())
	of := func(base Register, disp int) Mem { return Mem{Base: base, Index: at, Scale: 8, Disp: disp} }
	factor := vector()
	blank, err := Param("blank").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(blank.Addr, factor)
	Label("vectors")
	SUBQ(Imm(uint64(lanes)), at)
	JL(LabelRef("done"))
	b, before, all := vector(), vector(), vector()
	VMOVUPD(of(blanks, 0), b)
	VMOVUPD(of(labels, 0), before)
	VMULPD(of(into, 0), before, before)
	VADDPD(before, b, all)
	VMULPD(factor, all, all)
	VMOVUPD(all, of(blanks, 0))
	VMULPD(of(follows, 0), before, before)
	VADDPD(b, before, before)
	VMULPD(of(enter, 0), before, before)
	VADDPD(of(labels, 8), before, before)
	VMULPD(of(row, 0), before, before)
	VMOVUPD(before, of(labels, 8))
	JMP(LabelRef("vectors"))
	Label("done")
	VZEROUPPER()
	RET()
}
