package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// pathBlock is how many states share three bytes of steps.
const pathBlock = 8

// greater is VCMPPD's predicate >, false for NaN.
const greater = 0x1e

func ctcPathKernels() {
	ctcPath("ctcPathAVX2", pathHalves)
	ctcPath("ctcPathAVX512", pathWhole)
}

// A pathFrame is where a block of states is, and its registers.
type pathFrame struct {
	steps, blanks, labels, row, skip Register
	at, at3                          Register // the first state's number, and three eighths of it
	blank                            Register // float64s, of the widest vector
}

// ctcPath writes a frame of Viterbi's recursion; body does a block of states. Blocks go from the
// last to the first, so that a block finds the labels of the one before as they were.
func ctcPath(name string, body func(f *pathFrame)) {
	TEXT(name, NOSPLIT, "func(steps []byte, blanks, labels []float64, row []float32, skip []float64, blank float64)")
	Doc(name + " takes whole blocks of states through a frame: see CTCPath.")
	f := &pathFrame{
		steps: Load(Param("steps").Base(), GP64()), blanks: Load(Param("blanks").Base(), GP64()),
		labels: Load(Param("labels").Base(), GP64()), row: Load(Param("row").Base(), GP64()), skip: Load(Param("skip").Base(), GP64()),
		at: Load(Param("blanks").Len(), GP64()), at3: GP64(), blank: ZMM(),
	}
	if name == "ctcPathAVX2" {
		f.blank = YMM()
	}
	blank, err := Param("blank").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(blank.Addr, f.blank)
	SHRQ(U8(3), f.at)
	LEAQ(Mem{Base: f.at, Index: f.at, Scale: 2}, f.at3)
	SHLQ(U8(3), f.at)
	Label("blocks")
	SUBQ(U8(pathBlock), f.at)
	JL(LabelRef("done"))
	SUBQ(U8(3), f.at3)
	body(f)
	JMP(LabelRef("blocks"))
	Label("done")
	VZEROUPPER()
	RET()
}

func (f *pathFrame) of(base Register, disp int) Mem {
	return Mem{Base: base, Index: f.at, Scale: 8, Disp: disp}
}

func (f *pathFrame) step(kind int) Mem {
	return Mem{Base: f.steps, Index: f.at3, Scale: 1, Disp: kind}
}

// pathWhole does a block in vectors of eight.
func pathWhole(f *pathFrame) {
	b, before, l, stay, e, best, row := ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), ZMM(), ZMM()
	left, fromBlank, fromBefore := K(), K(), K()
	VMOVUPD(f.of(f.blanks, 0), b)
	VMOVUPD(f.of(f.labels, 0), before)
	VMOVUPD(f.of(f.labels, 8), l)
	VCMPPD(U8(greater), b, before, left)
	VMAXPD(b, before, stay)
	VADDPD(f.blank, stay, stay)
	VMOVUPD(stay, f.of(f.blanks, 0))
	VCMPPD(U8(greater), l, b, fromBlank)
	VMAXPD(l, b, best)
	VADDPD(f.of(f.skip, 0), before, e)
	VCMPPD(U8(greater), best, e, fromBefore)
	VMAXPD(best, e, best)
	VCVTPS2PD(Mem{Base: f.row, Index: f.at, Scale: 4}, row)
	VADDPD(row, best, best)
	VMOVUPD(best, f.of(f.labels, 8))
	KMOVB(left, f.step(0))
	KMOVB(fromBlank, f.step(1))
	KMOVB(fromBefore, f.step(2))
}

// pathHalves does a block in vectors of four, the later ones first.
func pathHalves(f *pathFrame) {
	var bits [3][2]Register
	for half := 1; half >= 0; half-- {
		b, before, l, stay, e, best, row, mask := YMM(), YMM(), YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
		disp := 32 * half
		note := func(kind int) {
			bits[kind][half] = GP32()
			VMOVMSKPD(mask, bits[kind][half])
		}
		VMOVUPD(f.of(f.blanks, disp), b)
		VMOVUPD(f.of(f.labels, disp), before)
		VMOVUPD(f.of(f.labels, disp+8), l)
		VCMPPD(U8(greater), b, before, mask)
		note(0)
		VMAXPD(b, before, stay)
		VADDPD(f.blank, stay, stay)
		VMOVUPD(stay, f.of(f.blanks, disp))
		VCMPPD(U8(greater), l, b, mask)
		note(1)
		VMAXPD(l, b, best)
		VADDPD(f.of(f.skip, disp), before, e)
		VCMPPD(U8(greater), best, e, mask)
		note(2)
		VMAXPD(best, e, best)
		VCVTPS2PD(Mem{Base: f.row, Index: f.at, Scale: 4, Disp: 16 * half}, row)
		VADDPD(row, best, best)
		VMOVUPD(best, f.of(f.labels, disp+8))
	}
	for kind, b := range bits {
		SHLL(U8(4), b[1])
		ORL(b[0], b[1])
		MOVB(b[1].(GPVirtual).As8(), f.step(kind))
	}
}
