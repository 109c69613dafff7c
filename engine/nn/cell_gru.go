package nn

import (
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// gruGates are the gates of a GRU at one time: of xg and hg, the blocks [r, z, n, q]
// of [B, H] each; gruHidden reads z and n.
//
//	r, z = σ(xg + hg)      n = tanh(xg + r∘q), with q = hg, of their parts each
type gruGates struct{ time int }

// The blocks of gruGates, the first three in the order of PyTorch's weights.
const (
	gruR = iota
	gruZ
	gruN
	gruQ
	gruBlocks
)

func (s *gruGates) record(xg, hg *autodiff.Var) *autodiff.Var {
	v := xg.Tape().Custom(s, []*autodiff.Var{xg, hg}, gruBlocks, hg.Value.Dim(0), hg.Value.Dim(1)/3)
	pick(v, gruForward[float32], gruForward[float64])(s.time, v, xg, hg)
	return v
}

func gruForward[T tensor.Float](time int, v, xg, hg *autodiff.Var) {
	of := func(i int) []T { return block[T](v.Value, i, gruBlocks) }
	gather(of(gruR), xg, hg, gruR, time)
	gather(of(gruZ), xg, hg, gruZ, time)
	simd.Sigmoid(of(gruR), of(gruR))
	simd.Sigmoid(of(gruZ), of(gruZ))
	n, q := of(gruN), of(gruQ)
	x, h := tensor.Data[T](xg.Value), tensor.Data[T](hg.Value)
	batch, width := hg.Value.Dim(0), hg.Value.Dim(1)
	size := width / 3
	for b := range batch {
		copy(n[b*size:], row(x, batch, b, time, gruN, size, width))
		copy(q[b*size:], row(h, batch, b, 0, gruN, size, width))
	}
	simd.MulAdd(n, of(gruR), q)
	simd.Tanh(n, n)
}

// Backward implements autodiff.Op. The gradients of blocks z and n have come from
// gruHidden; those of r and q are nil, and their memory takes the gradients by the gates.
func (s *gruGates) Backward(out *autodiff.Var, in []*autodiff.Var) {
	pick(out, gruBackward[float32], gruBackward[float64])(s.time, out, in[0], in[1])
}

func gruBackward[T tensor.Float](time int, v, xg, hg *autodiff.Var) {
	of := func(i int) []T { return block[T](v.Value, i, gruBlocks) }
	grad := func(i int) []T { return block[T](v.Grad(), i, gruBlocks) }
	simd.TanhGrad(grad(gruN), grad(gruN), of(gruN))
	simd.Mul(grad(gruR), grad(gruN), of(gruQ))
	simd.Mul(grad(gruQ), grad(gruN), of(gruR))
	simd.SigmoidGrad(grad(gruR), grad(gruR), of(gruR))
	simd.SigmoidGrad(grad(gruZ), grad(gruZ), of(gruZ))
	scatter(xg, hg, grad(gruR), gruR, time)
	scatter(xg, hg, grad(gruZ), gruZ, time)
	scatterTo(xg, grad(gruN), hg.Value.Dim(0), gruN, time)
	scatterTo(hg, grad(gruQ), hg.Value.Dim(0), gruN, 0)
}

// gruHidden is the output of a GRU at one time: h = (1 − z)∘n + z∘h₋, [B, H].
type gruHidden struct{}

func (s gruHidden) record(gates, before *autodiff.Var) *autodiff.Var {
	v := gates.Tape().Custom(s, []*autodiff.Var{gates, before}, before.Shape()...)
	pick(v, gruHiddenForward[float32], gruHiddenForward[float64])(v, gates, before)
	return v
}

func gruHiddenForward[T tensor.Float](v, gates, before *autodiff.Var) {
	h, z, n := tensor.Data[T](v.Value), block[T](gates.Value, gruZ, gruBlocks), block[T](gates.Value, gruN, gruBlocks)
	simd.Sub(h, tensor.Data[T](before.Value), n)
	simd.Mul(h, h, z)
	simd.AddTo(h, n)
}

// Backward implements autodiff.Op.
func (gruHidden) Backward(out *autodiff.Var, in []*autodiff.Var) {
	pick(out, gruHiddenBackward[float32], gruHiddenBackward[float64])(out, in[0], in[1])
}

func gruHiddenBackward[T tensor.Float](v, gates, before *autodiff.Var) {
	dh, h := tensor.Data[T](v.Grad()), tensor.Data[T](before.Value)
	z, n := block[T](gates.Value, gruZ, gruBlocks), block[T](gates.Value, gruN, gruBlocks)
	if before.Needs() {
		simd.MulAdd(tensor.Data[T](before.AddGrad()), dh, z)
	}
	if !gates.Needs() {
		return
	}
	g := gates.AddGrad()
	dz, dn := block[T](g, gruZ, gruBlocks), block[T](g, gruN, gruBlocks)
	for i, d := range dh {
		dz[i] += d * (h[i] - n[i])
		dn[i] += d * (1 - z[i])
	}
}
