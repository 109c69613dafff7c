package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradients by the input, the weights, the bias and the past state.
func (k *causalConv) Back(b *Back) error {
	return onFloats(b.In[0], func() error { return causalConvBack[float32](k, b) }, func() error { return causalConvBack[float64](k, b) })
}

func causalConvBack[T simd.Float](k *causalConv, b *Back) error {
	x, w := b.In[0], b.In[1]
	batch, channels, length, taps := x.Shape[0], x.Shape[1], x.Shape[2], w.Shape[2]
	c := &Call{In: b.In}
	weight, err := floatsAs[T](w)
	if err != nil {
		return err
	}
	var shift, past []T
	if v := c.Input(2); v != nil {
		if shift, err = floatsAs[T](v); err != nil {
			return err
		}
	}
	if v := c.Input(3); v != nil {
		if past, err = floatsAs[T](v); err != nil {
			return err
		}
	}
	src, up, upState := value.Data[T](x), upOf[T](b, 0), upOf[T](b, 1)
	before := taps - 1
	dx, dPast := make([]T, len(src)), make([]T, batch*channels*before)
	dWeight, dShift := make([]float64, len(weight)), make([]float64, channels)
	inParts(channels, batch*(length+taps)*taps, func(from, to int) {
		row, slope, dy, y := make([]T, before+length), make([]T, before+length), make([]T, length), make([]T, length)
		for ch := from; ch < to; ch++ {
			w := weight[ch*taps : (ch+1)*taps]
			for n := range batch {
				i := n*channels + ch
				if past != nil {
					copy(row, past[i*before:(i+1)*before])
				}
				copy(row[before:], src[i*length:(i+1)*length])
				clear(slope)
				if upState != nil {
					copy(slope[length:], upState[i*before:(i+1)*before])
				}
				if up != nil {
					copy(dy, up[i*length:(i+1)*length])
					if k.silu {
						clear(y)
						for j, e := range w {
							simd.AXPY(y, e, row[j:j+length])
						}
						if shift != nil {
							simd.AddScalar(y, y, shift[ch])
						}
						simd.SiLUGrad(dy, dy, y)
					}
					for j, e := range w {
						simd.AXPY(slope[j:j+length], e, dy)
						dWeight[ch*taps+j] += simd.Dot(dy, row[j:j+length])
					}
					dShift[ch] += simd.Sum(dy)
				}
				copy(dPast[i*before:(i+1)*before], slope)
				copy(dx[i*length:(i+1)*length], slope[before:])
			}
		}
	})
	pass(b, 0, dx, x.Shape)
	addFloats(b, 1, dWeight)
	addFloats(b, 2, dShift)
	if past != nil {
		passNumbers(b, 3, dPast, b.In[3].Shape)
	}
	return nil
}
