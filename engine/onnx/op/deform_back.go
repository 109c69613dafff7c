package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// Back gives the gradients by the input, the weights, the offsets, the bias and the mask. Where a tap lies on an element the derivative by its offset is that towards the next one.
func (k *deformConv) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	input := func(i int) *value.Value {
		if i >= len(b.In) {
			return nil
		}
		return b.In[i]
	}
	s, err := k.conv.shapeOf(b.In[0], b.In[1], input(3))
	if err != nil {
		return err
	}
	return onFloats(b.In[0], func() error { return deformBack[float32](k, s, b, input(4)) }, func() error { return deformBack[float64](k, s, b, input(4)) })
}

// deformBack makes the gradients of the columns, as deform the columns, image by image.
func deformBack[T simd.Float](k *deformConv, s *convShape, b *Back, mask *value.Value) error {
	up, w := value.Data[T](b.Up[0]), value.Data[T](b.In[1])
	if g, add := b.Over(3); g != nil {
		channelSums(value.Data[T](g), up, s.n, add)
	}
	var grads [5]*value.Value // collected apart, since inputs may be one value
	for _, i := range []int{0, 1, 2, 4} {
		if b.Wants(i) {
			var err error
			if grads[i], err = value.New(b.In[i].Kind, b.In[i].Shape...); err != nil {
				return err
			}
		}
	}
	in, out, kernel := s.space.volumes()
	depth, dims := s.in*kernel, len(b.In[0].Shape)-2
	perIn, perOut := depth/s.group, s.out/s.group
	columns, slopes := make([]T, depth*out), make([]T, depth*out)
	size := k.offsets * kernel * out
	for n := range s.n {
		j := &deformedBack[T]{slopes: slopes, deformed: deformed[T]{
			s: s, dims: dims, kernel: kernel, out: out, channels: s.in / k.offsets, columns: columns, n: out,
			x: value.Data[T](b.In[0])[n*s.in*in:][:s.in*in], offset: value.Data[T](b.In[2])[n*size*dims:][:size*dims],
		}}
		if mask != nil {
			j.mask = value.Data[T](mask)[n*size:][:size]
		}
		if g := grads[1]; g != nil {
			simd.Run(k.offsets*kernel, &j.deformed)
			for g0 := range s.group {
				gemm.Mul(false, true, perOut, perIn, out, up[(n*s.out+g0*perOut)*out:], out, columns[g0*perIn*out:], out, 1, value.Data[T](g)[g0*perOut*perIn:], perIn)
			}
		}
		for g0 := range s.group {
			gemm.Mul(true, false, perIn, out, perOut, w[g0*perOut*perIn:], perIn, up[(n*s.out+g0*perOut)*out:], out, 0, slopes[g0*perIn*out:], out)
		}
		if g := grads[0]; g != nil {
			j.dx = value.Data[T](g)[n*s.in*in:][:s.in*in]
		}
		if g := grads[2]; g != nil {
			j.dOffset = value.Data[T](g)[n*size*dims:][:size*dims]
		}
		if g := grads[4]; g != nil {
			j.dMask = value.Data[T](g)[n*size:][:size]
		}
		simd.Run(k.offsets, task(func(group int) { // the channels of a group are one task's
			for tap := range kernel {
				j.back(group*kernel + tap)
			}
		}))
	}
	for i, g := range grads {
		if g != nil {
			to := b.Into(i)
			simd.AddTo(value.Data[T](to), value.Data[T](g))
		}
	}
	return nil
}

// deformedBack goes back through the columns of an image.
type deformedBack[T simd.Float] struct {
	deformed[T]
	slopes             []T // the gradients of the columns
	dx, dOffset, dMask []T // nil where nobody asks for them
}

// back adds what one tap of a group of channels gives.
func (j *deformedBack[T]) back(task int) {
	group, tap := task/j.kernel, task%j.kernel
	in, _, _ := j.s.space.volumes()
	for p := range j.out {
		at, weight := j.point(task, tap, p)
		var c corners
		c.find(at, j.sizes())
		var along [maxSpace]corners
		if j.dOffset != nil {
			for a := maxSpace - j.dims; a < maxSpace; a++ {
				along[a].findSlope(at, j.sizes(), a)
			}
		}
		for ch := group * j.channels; ch < (group+1)*j.channels; ch++ {
			dy, x := float64(j.slopes[(ch*j.kernel+tap)*j.out+p]), j.x[ch*in:][:in]
			if j.dx != nil {
				for i := range c.n {
					j.dx[ch*in+c.at[i]] += T(dy * weight * c.part[i])
				}
			}
			if j.dMask != nil {
				j.dMask[task*j.out+p] += T(dy * sample(&c, x))
			}
			if j.dOffset != nil {
				for o := range j.dims {
					j.dOffset[(task*j.dims+o)*j.out+p] += T(dy * weight * sample(&along[maxSpace-j.dims+o], x))
				}
			}
		}
	}
}

// findSlope finds the corners of a point, with the derivatives of their parts by the point's coordinate along an axis.
func (c *corners) findSlope(p [maxSpace]float64, sizes [maxSpace]int, axis int) {
	c.n, c.at[0], c.part[0] = 1, 0, 1
	for a, v := range p {
		if !(v > -1 && v < float64(sizes[a])) {
			c.n = 0
			return
		}
		low := math.Floor(v)
		parts := [2]float64{1 - (v - low), v - low}
		if a == axis {
			parts = [2]float64{-1, 1}
		}
		old := *c
		c.n = 0
		for k := range old.n {
			for i, part := range parts {
				if at := int(low) + i; at >= 0 && at < sizes[a] && part != 0 {
					c.at[c.n], c.part[c.n] = old.at[k]*sizes[a]+at, old.part[k]*part
					c.n++
				}
			}
		}
	}
}
