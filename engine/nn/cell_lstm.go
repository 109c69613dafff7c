package nn

import (
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// lstmCell is the cell state of an LSTM at one time: of xg, hg and the cell before,
// the blocks [c, o, tanh c, i, f, g] of [B, H] each; lstmHidden reads the first three.
//
//	c = f∘c₋ + i∘g      i, f, o = σ(·), g = tanh(·) of the sums of xg and hg
type lstmCell struct{ time int }

// The blocks of an lstmCell, and how many there are.
const (
	lstmC = iota
	lstmO
	lstmTanhC
	lstmI
	lstmF
	lstmG
	lstmBlocks
)

// lstmGates are the blocks in the order of PyTorch's weights.
var lstmGates = [...]int{lstmI, lstmF, lstmG, lstmO}

func (s *lstmCell) record(xg, hg, before *autodiff.Var) *autodiff.Var {
	in := []*autodiff.Var{xg, hg, before}
	v := xg.Tape().Custom(s, in, lstmBlocks, hg.Value.Dim(0), hg.Value.Dim(1)/len(lstmGates))
	pick(v, lstmForward[float32], lstmForward[float64])(s.time, v, xg, hg, before)
	return v
}

func lstmForward[T tensor.Float](time int, v, xg, hg, before *autodiff.Var) {
	for gate, at := range lstmGates {
		d := block[T](v.Value, at, lstmBlocks)
		gather(d, xg, hg, gate, time)
		if at == lstmG {
			simd.Tanh(d, d)
		} else {
			simd.Sigmoid(d, d)
		}
	}
	of := func(i int) []T { return block[T](v.Value, i, lstmBlocks) }
	simd.Mul(of(lstmC), of(lstmF), block[T](before.Value, lstmC, lstmBlocks))
	simd.MulAdd(of(lstmC), of(lstmI), of(lstmG))
	simd.Tanh(of(lstmTanhC), of(lstmC))
}

// Backward implements autodiff.Op. The gradients of blocks c and o have come from
// lstmHidden and from the next cell; those of the others are nil, and their memory
// takes the gradients by the gates.
func (s *lstmCell) Backward(out *autodiff.Var, in []*autodiff.Var) {
	pick(out, lstmBackward[float32], lstmBackward[float64])(s.time, out, in[0], in[1], in[2])
}

func lstmBackward[T tensor.Float](time int, v, xg, hg, before *autodiff.Var) {
	of := func(i int) []T { return block[T](v.Value, i, lstmBlocks) }
	grad := func(i int) []T { return block[T](v.Grad(), i, lstmBlocks) }
	dc := grad(lstmC)
	simd.Mul(grad(lstmI), dc, of(lstmG))
	simd.Mul(grad(lstmG), dc, of(lstmI))
	simd.Mul(grad(lstmF), dc, block[T](before.Value, lstmC, lstmBlocks))
	if before.Needs() {
		simd.MulAdd(block[T](before.AddGrad(), lstmC, lstmBlocks), dc, of(lstmF))
	}
	for gate, at := range lstmGates {
		if at == lstmG {
			simd.TanhGrad(grad(at), grad(at), of(at))
		} else {
			simd.SigmoidGrad(grad(at), grad(at), of(at))
		}
		scatter(xg, hg, grad(at), gate, time)
	}
}

// lstmHidden is the output of an LSTM at one time: h = o∘tanh c, [B, H].
type lstmHidden struct{}

func (s lstmHidden) record(cell *autodiff.Var) *autodiff.Var {
	v := cell.Tape().Custom(s, []*autodiff.Var{cell}, cell.Shape()[1:]...)
	pick(v, lstmHiddenForward[float32], lstmHiddenForward[float64])(v, cell)
	return v
}

func lstmHiddenForward[T tensor.Float](v, cell *autodiff.Var) {
	simd.Mul(tensor.Data[T](v.Value), block[T](cell.Value, lstmO, lstmBlocks), block[T](cell.Value, lstmTanhC, lstmBlocks))
}

// Backward implements autodiff.Op.
func (lstmHidden) Backward(out *autodiff.Var, in []*autodiff.Var) {
	pick(out, lstmHiddenBackward[float32], lstmHiddenBackward[float64])(out, in[0])
}

func lstmHiddenBackward[T tensor.Float](v, cell *autodiff.Var) {
	dh, d := tensor.Data[T](v.Grad()), cell.AddGrad()
	o, tanhC := block[T](cell.Value, lstmO, lstmBlocks), block[T](cell.Value, lstmTanhC, lstmBlocks)
	simd.MulAdd(block[T](d, lstmO, lstmBlocks), dh, tanhC)
	dc := block[T](d, lstmC, lstmBlocks)
	for i, u := range tanhC {
		dc[i] += dh[i] * o[i] * (1 - T(u*u))
	}
}
