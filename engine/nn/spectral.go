package nn

import (
	"math"
	"math/rand/v2"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// SpectralNorm divides a layer's weight W, seen as the matrix [out, rest], by an
// estimate of its greatest singular value [miyato2018],
//
//	σ = uᵀWv      v = Wᵀu/‖Wᵀu‖, then u = Wv/‖Wv‖, once each time in training
//
// which makes the layer 1-Lipschitz up to the estimate's error. The gradient flows
// through W in σ too; u and v count as constants.
//
// Parameters: the layer's, with weight_orig instead of weight, and weight_u
// [out] and weight_v [rest], which are frozen.
// PyTorch: nn.utils.spectral_norm.
type SpectralNorm struct {
	layer Weighted
	u, v  *autodiff.Param
}

// NewSpectralNorm returns the layer with its weight normalised. The estimate starts
// from 15 iterations on a random vector.
func NewSpectralNorm(layer Weighted, rng *rand.Rand) *SpectralNorm {
	w := layer.weight()
	out := w.Value.Dim(0)
	s := &SpectralNorm{
		layer: layer,
		u:     newBuffer(w.Name+"_u", 0, out),
		v:     newBuffer(w.Name+"_v", 0, w.Value.Len()/out),
	}
	s.u.NoAverage, s.v.NoAverage = true, true
	w.Name += "_orig"
	Normal(s.u.Value, 1, rng)
	for range 15 {
		s.iterate()
	}
	return s
}

// Layer returns the layer, whose own weight is not divided.
func (s *SpectralNorm) Layer() Weighted { return s.layer }

// Weight returns the layer's weight divided by the estimate, as evaluation applies it, in a tensor of its own.
func (s *SpectralNorm) Weight() *tensor.Tensor {
	return s.divided(autodiff.NewTape(s.u.Value.DType())).Value
}

// Params implements Module.
func (s *SpectralNorm) Params() []*autodiff.Param { return append(s.layer.Params(), s.u, s.v) }

// Forward implements Module.
func (s *SpectralNorm) Forward(x *autodiff.Var) *autodiff.Var {
	if x.Tape().Training {
		s.iterate()
	}
	return applyWeight(s.layer, x, s.divided(x.Tape()), s.layer.activation())
}

// divided records the layer's weight divided by the estimate.
func (s *SpectralNorm) divided(t *autodiff.Tape) *autodiff.Var {
	w := t.Param(s.layer.weight())
	// The vectors change at the next use, perhaps before Backward: the tape has copies.
	u, v := copied(t, s.u.Value), copied(t, s.v.Value)
	divided := t.Custom(spectral{}, []*autodiff.Var{w, u, v}, w.Shape()...)
	pick(divided, spectralForward[float32], spectralForward[float64])(divided, w, u, v)
	return divided
}

func copied(t *autodiff.Tape, x *tensor.Tensor) *autodiff.Var {
	c := t.Custom(constant{}, nil, x.Shape()...)
	c.Value.CopyFrom(x)
	return c
}

// iterate does one step of the power method.
func (s *SpectralNorm) iterate() {
	w := s.layer.weight().Value
	if w.DType() == tensor.Float64 {
		powerStep(w.Float64s(), s.u.Value.Float64s(), s.v.Value.Float64s())
	} else {
		powerStep(w.Float32s(), s.u.Value.Float32s(), s.v.Value.Float32s())
	}
}

func powerStep[T tensor.Float](w, u, v []T) {
	clear(v)
	for r := range u {
		simd.AXPY(v, u[r], w[r*len(v):(r+1)*len(v)])
	}
	normalise(v)
	for r := range u {
		u[r] = T(simd.Dot(w[r*len(v):(r+1)*len(v)], v))
	}
	normalise(u)
}

func normalise[T tensor.Float](x []T) {
	simd.Scale(x, x, T(1/max(math.Sqrt(simd.SumSquares(x)), 1e-12)))
}

// spectral divides a weight by σ: of w, u, v.
type spectral struct{}

// sigma is uᵀWv.
func sigma[T tensor.Float](w, u, v []T) (s float64) {
	for r, ur := range u {
		s += float64(ur) * simd.Dot(w[r*len(v):(r+1)*len(v)], v)
	}
	return s
}

func spectralForward[T tensor.Float](y, w, u, v *autodiff.Var) {
	values := tensor.Data[T](w.Value)
	s := sigma(values, tensor.Data[T](u.Value), tensor.Data[T](v.Value))
	simd.Scale(tensor.Data[T](y.Value), values, T(1/s))
}

// Backward implements autodiff.Op.
func (spectral) Backward(out *autodiff.Var, in []*autodiff.Var) {
	pick(out, spectralBackward[float32], spectralBackward[float64])(out, in[0], in[1], in[2])
}

// With Y = W/σ and G its gradient, that of W is (G − ⟨G, Y⟩·u·vᵀ)/σ.
func spectralBackward[T tensor.Float](y, w, uVar, vVar *autodiff.Var) {
	u, v, grad := tensor.Data[T](uVar.Value), tensor.Data[T](vVar.Value), tensor.Data[T](y.Grad())
	s := sigma(tensor.Data[T](w.Value), u, v)
	along := simd.Dot(grad, tensor.Data[T](y.Value))
	dw := tensor.Data[T](w.AddGrad())
	simd.AXPY(dw, T(1/s), grad)
	for r, ur := range u {
		simd.AXPY(dw[r*len(v):(r+1)*len(v)], T(-along*float64(ur)/s), v)
	}
}
