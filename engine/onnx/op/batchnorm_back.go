package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Mode implements Norming. The kernel that Run has of a node that trains in the file keeps to ONNX's rule, whose divisor is the number.
func (k *batchNorm) Mode(batch bool) Kernel {
	twin := *k
	twin.training, twin.unbiased = batch, batch
	return &twin
}

// Back gives the gradients by the input, the scale and the bias. Of batch statistics they go through mean and variance; of those that are running there are none.
func (k *batchNorm) Back(b *Back) error {
	if b.Up[0] == nil || b.In[0].Len() == 0 {
		return nil
	}
	return onFloats(b.In[0], func() error { return batchNormBack[float32](k, b) }, func() error { return batchNormBack[float64](k, b) })
}

func batchNormBack[T simd.Float](k *batchNorm, b *Back) error {
	x := b.In[0]
	batch, channels, plane, err := k.sizes(x)
	if err != nil {
		return err
	}
	p, err := k.parameters(b.In, channels)
	if err != nil {
		return err
	}
	src, up := value.Data[T](x), value.Data[T](b.Up[0])
	if k.training {
		p[2], p[3] = batchStatistics(src, batch, channels, plane)
	}
	n := float64(batch * plane)
	sums, products := channelMoments(src, up, p[2], batch, plane)
	if b.Wants(0) {
		// dx = a·dy + c·x + d
		a, c, d := make([]T, channels), make([]T, channels), make([]T, channels)
		for i := range a {
			variance := p[3][i] + k.epsilon
			f := p[0][i] / math.Sqrt(variance)
			a[i] = T(f)
			if k.training {
				slope := -f * products[i] / variance / n
				c[i], d[i] = T(slope), T(-f*sums[i]/n-float64(slope*p[2][i]))
			}
		}
		g, add := b.Over(0)
		combinePlanes(value.Data[T](g), up, src, a, c, d, batch, plane, add)
	}
	for i := range products {
		products[i] /= math.Sqrt(p[3][i] + k.epsilon)
	}
	addFloats(b, 1, products)
	addFloats(b, 2, sums)
	return nil
}

// addFloats adds to the gradient of input i, where anybody asks for it.
func addFloats(b *Back, i int, x []float64) {
	g := b.Into(i)
	switch {
	case g == nil:
	case g.Memory() == value.F32:
		for j, e := range value.Data[float32](g) {
			value.Data[float32](g)[j] = e + float32(x[j])
		}
	default:
		simd.AddTo(value.Data[float64](g), x)
	}
}

// channelMoments sums dy and dy·(x − mean) of each channel.
func channelMoments[T simd.Float](x, dy []T, mean []float64, batch, plane int) (sums, products []float64) {
	channels := len(mean)
	sums, products = make([]float64, channels), make([]float64, channels)
	inParts(channels, batch*plane, func(from, to int) {
		var centred []T
		for i := range batch {
			for c := from; c < to; c++ {
				at := (i*channels + c) * plane
				dy, x := dy[at:at+plane], x[at:at+plane]
				if plane < 8 {
					for j, e := range dy {
						sums[c] += float64(e)
						products[c] += float64(float64(e) * (float64(x[j]) - mean[c]))
					}
					continue
				}
				if centred == nil {
					centred = make([]T, plane)
				}
				simd.AddScalar(centred, x, T(-mean[c]))
				sums[c] += simd.Sum(dy)
				products[c] += simd.Dot(dy, centred)
			}
		}
	})
	return sums, products
}

// combinePlanes computes dx = a·dy + c·x + d of each channel, or adds it.
func combinePlanes[T simd.Float](dx, dy, x, a, c, d []T, batch, plane int, add bool) {
	channels := len(a)
	if plane < 8 {
		inParts(batch, channels*plane, func(from, to int) {
			for i := from * channels * plane; i < to*channels*plane; i++ {
				ch := i / plane % channels
				e := T(a[ch]*dy[i]) + T(c[ch]*x[i]) + d[ch]
				if add {
					e += dx[i]
				}
				dx[i] = e
			}
		})
		return
	}
	inParts(batch*channels, plane, func(from, to int) {
		for i := from; i < to; i++ {
			g, ch := dx[i*plane:(i+1)*plane], i%channels
			if add {
				simd.AXPY(g, a[ch], dy[i*plane:(i+1)*plane])
			} else {
				simd.Scale(g, dy[i*plane:(i+1)*plane], a[ch])
			}
			if c[ch] != 0 {
				simd.AXPY(g, c[ch], x[i*plane:(i+1)*plane])
			}
			if d[ch] != 0 {
				simd.AddScalar(g, g, d[ch])
			}
		}
	})
}
