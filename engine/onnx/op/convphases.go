package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// transposedPhases computes transposed convolutions in the plane with strides and without dilations, in float32. Rows and columns of the result that are a stride apart
// are a convolution of their own, by every stride-th row and column of the mirrored kernel:
//
//	y[q·stride + r − begin] = Σ_m w[m·stride + r] · x[q − m]
type transposedPhases struct {
	constant []float32 // weights that never change, else nil
	filters  []gemm.Filter[float32]
	weights  []float32 // those of one phase of a group
	rows     []float32 // its results
}

// takes tells whether it can compute it; s is the convolution whose adjoint it is.
func (k *transposedPhases) takes(s *convShape) bool {
	e, h, w := &s.space[0], &s.space[1], &s.space[2]
	return e.still() && e.in == 1 && h.dilation == 1 && w.dilation == 1 && (h.stride > 1 || w.stride > 1) &&
		h.stride <= h.kernel && w.stride <= w.kernel && h.out > 0 && w.out > 0 && s.out > 0
}

func (k *transposedPhases) run(s *convShape, yv, xv, wv, bv *value.Value) {
	y, x, w, b := value.Data[float32](yv), value.Data[float32](xv), value.Data[float32](wv), dataOf[float32](bv)
	h, v := &s.space[1], &s.space[2]
	in, out, _ := s.space.volumes()
	perIn, perOut := s.in/s.group, s.out/s.group
	fillBias(y, b, in, s.in)
	packed := k.constant != nil && k.filters != nil
	phase := 0
	for g := range s.group {
		for r := range h.stride {
			for c := range v.stride {
				plane := k.phase(s, r, c)
				if !packed {
					k.gather(s, w[g*perOut*perIn*h.kernel*v.kernel:], r, c, plane.KH, plane.KW)
				}
				if k.constant != nil && !packed {
					k.filters = append(k.filters, gemm.Filter[float32]{})
					k.filters[phase].Pack(&plane, append([]float32(nil), k.weights...))
				}
				k.rows = scratch.Sized(k.rows, perIn*plane.OutH()*plane.OutW())
				for n := range s.n {
					from := x[(n*s.out+g*perOut)*out:][:perOut*out]
					if k.constant != nil {
						gemm.ForwardPacked(&plane, k.rows, from, &k.filters[phase], nil, nil)
					} else {
						gemm.Forward(&plane, k.rows, from, k.weights, nil, false)
					}
					k.place(s, y[(n*s.in+g*perIn)*in:][:perIn*in], r, c, plane.OutH(), plane.OutW())
				}
				phase++
			}
		}
	}
}

// fillBias begins every channel with its bias, or 0.
func fillBias(y, b []float32, area, channels int) {
	if b == nil {
		clear(y)
		return
	}
	for i := range len(y) / area {
		simd.Fill(y[i*area:][:area], b[i%channels])
	}
}

// phase is the convolution of the rows and columns that are r and c beyond a multiple of the strides, over all places where the kernel touches x.
func (k *transposedPhases) phase(s *convShape, r, c int) gemm.Conv2D {
	h, v := &s.space[1], &s.space[2]
	p := gemm.Conv2D{
		Batch: 1, InC: s.out / s.group, H: h.out, W: v.out, OutC: s.in / s.group,
		KH: (h.kernel - r + h.stride - 1) / h.stride, KW: (v.kernel - c + v.stride - 1) / v.stride,
	}
	p.PadTop, p.PadBottom, p.PadLeft, p.PadRight = p.KH-1, p.KH-1, p.KW-1, p.KW-1
	return p
}

// gather takes the weights of a phase out of those [channels of x, channels of y, …] of a group, mirrored, as [channels of y, channels of x, …].
func (k *transposedPhases) gather(s *convShape, w []float32, r, c, kh, kw int) {
	h, v := &s.space[1], &s.space[2]
	perIn, perOut := s.in/s.group, s.out/s.group
	k.weights = scratch.Sized(k.weights, perIn*perOut*kh*kw)
	at := 0
	for o := range perIn {
		for ch := range perOut {
			from := w[(ch*perIn+o)*h.kernel*v.kernel:]
			for i := kh - 1; i >= 0; i-- {
				for j := kw - 1; j >= 0; j-- {
					k.weights[at] = from[(i*h.stride+r)*v.kernel+j*v.stride+c]
					at++
				}
			}
		}
	}
}

// place adds the results of a phase, rows by cols of each channel, to the channels of an image.
func (k *transposedPhases) place(s *convShape, y []float32, r, c, rows, cols int) {
	h, v := &s.space[1], &s.space[2]
	first := max(0, (v.begin-c+v.stride-1)/v.stride) // column of the phase
	for ch := range s.in / s.group {
		for q := range rows {
			row := q*h.stride + r - h.begin
			if row < 0 || row >= h.in {
				continue
			}
			to := y[(ch*h.in+row)*v.in:][:v.in]
			from := k.rows[(ch*rows+q)*cols:][:cols]
			at := first*v.stride + c - v.begin
			for i := first; i < cols && at < len(to); i++ {
				to[at] += from[i]
				at += v.stride
			}
		}
	}
}
