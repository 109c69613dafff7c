package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// adjoint makes of the gradient of a transform's result, in line, that of what it got: the conjugate transform, which is an inverse without its divisor, and the other way round.
func (t *transform) adjoint(inverse bool) {
	t.run(!inverse)
	factor := complex(float64(len(t.line)), 0)
	if inverse {
		factor = 1 / factor
	}
	for i := range t.line {
		t.line[i] *= factor
	}
}

// Back gives the gradient by the input: the adjoint of the transform.
func (k *dft) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g, add := b.Over(0)
	if g == nil {
		return nil
	}
	if !add {
		g.Clear()
	}
	if b.Up[0].Len() == 0 {
		return nil
	}
	_, axis, length, err := k.shape(&Call{In: b.In})
	if err != nil {
		return err
	}
	k.transform.resize(length)
	return onFloats(g, func() error { transformLinesBack[float32](k, g, b.Up[0], axis, length); return nil },
		func() error { transformLinesBack[float64](k, g, b.Up[0], axis, length); return nil })
}

func transformLinesBack[T simd.Float](k *dft, g, up *value.Value, axis, length int) {
	dx, dy := value.Data[T](g), value.Data[T](up)
	parts, results := g.Shape[len(g.Shape)-1], up.Shape[len(up.Shape)-1]
	outer, inner := insideOut(g.Shape[:len(g.Shape)-1], axis)
	n, bins := g.Shape[axis], up.Shape[axis]
	t := &k.transform
	for o := range outer {
		for i := range inner {
			clear(t.line)
			for j := range bins {
				at := ((o*bins+j)*inner + i) * results
				t.line[j] = complex(float64(dy[at]), 0)
				if results == 2 {
					t.line[j] = complex(float64(dy[at]), float64(dy[at+1]))
				}
			}
			t.adjoint(k.inverse)
			if k.inverse && k.onesided {
				mirrorBack(t.line)
			}
			for j := range min(n, length) {
				at := ((o*n+j)*inner + i) * parts
				dx[at] += T(real(t.line[j]))
				if parts == 2 {
					dx[at+1] += T(imag(t.line[j]))
				}
			}
		}
	}
}

// mirrorBack is the adjoint of mirror: the second half of a spectrum, which was filled in, gives what it has to the first.
func mirrorBack(x []complex128) {
	n := len(x)
	x[0] = complex(real(x[0]), 0)
	for i := 1; 2*i <= n; i++ {
		if 2*i == n {
			x[i] = complex(real(x[i]), 0)
			continue
		}
		x[i] += complex(real(x[n-i]), -imag(x[n-i]))
		x[n-i] = 0
	}
}

// Back gives the gradients by the signal and by the window.
func (k *stft) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	step, length, err := k.frames(&Call{In: b.In})
	if err != nil {
		return err
	}
	k.transform.resize(length)
	return onFloats(b.In[0], func() error { return transformFramesBack[float32](k, b, step) }, func() error { return transformFramesBack[float64](k, b, step) })
}

func transformFramesBack[T simd.Float](k *stft, b *Back, step int) error {
	src, dy := value.Data[T](b.In[0]), value.Data[T](b.Up[0])
	var weights []T
	if len(b.In) > 2 {
		weights = dataOf[T](b.In[2])
	}
	samples, parts, frames, bins := b.In[0].Shape[1], b.In[0].Shape[2], b.Up[0].Shape[1], b.Up[0].Shape[2]
	line := k.transform.line
	slopes, dWindow := make([]float64, len(src)), make([]float64, len(line))
	for i := range b.Up[0].Shape[0] * frames {
		clear(line)
		for j := range bins {
			line[j] = complex(float64(dy[(i*bins+j)*2]), float64(dy[(i*bins+j)*2+1]))
		}
		k.transform.adjoint(false)
		at := (i/frames*samples + i%frames*step) * parts
		for j, e := range line {
			w := 1.0
			if weights != nil {
				w = float64(weights[j])
			}
			slopes[at] += float64(real(e) * w)
			dWindow[j] += float64(real(e) * float64(src[at]))
			if parts == 2 {
				slopes[at+1] += float64(imag(e) * w)
				dWindow[j] += float64(imag(e) * float64(src[at+1]))
			}
			at += parts
		}
	}
	addFloats(b, 0, slopes)
	if weights != nil {
		addFloats(b, 2, dWindow)
	}
	return nil
}
