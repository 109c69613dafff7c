package op

import (
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradient by the picture; of equal greatest parts the first takes it.
func (k *roiAlign) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g := b.Into(0)
	if g == nil || b.Up[0].Len() == 0 {
		return nil
	}
	pictures, err := value.Integers(b.In[2])
	if err != nil {
		return err
	}
	return onFloats(g, func() error { return roiAlignBack[float32](k, b, g, pictures) }, func() error { return roiAlignBack[float64](k, b, g, pictures) })
}

func roiAlignBack[T simd.Float](k *roiAlign, b *Back, g *value.Value, pictures []int64) error {
	shape := b.In[0].Shape
	j := &roiJob[T]{roiAlign: k, x: value.Data[T](b.In[0]), pictures: pictures, channels: shape[1], h: shape[2], w: shape[3]}
	if err := j.place(value.Data[T](b.In[1])); err != nil {
		return err
	}
	dx, up := value.Data[T](g), value.Data[T](b.Up[0])
	simd.Run(j.channels, task(func(ch int) {
		for i := range j.boxes {
			plane := (int(pictures[i])*j.channels + ch) * j.h * j.w
			for place := range k.height * k.width {
				dy := up[(i*j.channels+ch)*k.height*k.width+place]
				j.elementBack(&j.boxes[i], dx[plane:][:j.h*j.w], j.x[plane:][:j.h*j.w], dy, place/k.width, place%k.width)
			}
		}
	}))
	return nil
}

// elementBack adds what one element of one channel gives.
func (j *roiJob[T]) elementBack(b *roiBox, dx, x []T, dy T, row, col int) {
	best, bestWeight, greatest := -1, 0.0, 0.0
	for n := range b.ny * b.nx {
		at, weight, inside := b.sample(n, row, col, j.h, j.w)
		for i, w := range weight {
			if !j.greatest {
				dx[at[i]] += T(float64(dy) * w / float64(max(1, b.nx*b.ny)))
				continue
			}
			part := 0.0
			if inside {
				part = w * float64(x[at[i]])
			}
			if best < 0 || part > greatest {
				best, bestWeight, greatest = at[i], w, part
			}
		}
	}
	if j.greatest && best >= 0 {
		dx[best] += T(float64(dy) * bestWeight)
	}
}

// Back gives the gradient by the picture. Of equal greatest elements the first takes it, of NaN the last.
func (k *maxRoiPool) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	g := b.Into(0)
	if g == nil {
		return nil
	}
	return onFloats(g, func() error { return maxRoiBack[float32](k, b, g) }, func() error { return maxRoiBack[float64](k, b, g) })
}

func maxRoiBack[T simd.Float](k *maxRoiPool, b *Back, g *value.Value) error {
	dx, up := value.Data[T](g), value.Data[T](b.Up[0])
	return eachRoi(k, g.Shape, value.Data[T](b.In[0]), value.Data[T](b.In[1]), func(to, from int) {
		if from >= 0 {
			dx[from] += up[to]
		}
	})
}
