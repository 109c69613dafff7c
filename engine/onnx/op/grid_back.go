package op

import (
	"math"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Back gives the gradients by the input and by the grid. A place that is brought back to the border moves nothing, nor does one of the nearest element.
func (k *gridSample) Back(b *Back) error {
	if b.Up[0] == nil {
		return nil
	}
	if b.Up[0].Len() == 0 {
		b.Into(0)
		b.Into(1)
		return nil
	}
	s, err := k.shape(b.In[0], b.In[1])
	if err != nil {
		return err
	}
	return onFloats(b.In[0], func() error { gridBack[float32](s, b); return nil }, func() error { gridBack[float64](s, b); return nil })
}

// gridChannels is the number of channels that one search for the taps of a place serves.
const gridChannels = 16

func gridBack[T simd.Float](s *gridShape, b *Back) {
	x, up := value.Data[T](b.In[0]), value.Data[T](b.Up[0])
	if g := b.Into(0); g != nil {
		dx := value.Data[T](g)
		groups := (s.channels + gridChannels - 1) / gridChannels
		simd.Run(s.n*groups, task(func(i int) {
			var taps gridTaps
			n, first := i/groups, i%groups*gridChannels
			for place := range s.out {
				s.find(&taps, n*s.out+place, -1)
				for ch := n*s.channels + first; ch < n*s.channels+min(first+gridChannels, s.channels); ch++ {
					dy, plane := float64(up[ch*s.out+place]), dx[ch*s.in:][:s.in]
					for t := range taps.n {
						plane[taps.at[t]] += T(dy * taps.weight[t])
					}
				}
			}
		}))
	}
	if g := b.Into(1); g != nil && s.mode != "nearest" {
		slopes := make([]float64, g.Len())
		simd.Run(s.tasks(), task(func(i int) {
			var taps gridTaps
			lo, hi := s.part(i)
			for p := lo; p < hi; p++ {
				for axis := maxSpace - s.dims; axis < maxSpace; axis++ {
					s.find(&taps, p, axis)
					n, place, sum := p/s.out, p%s.out, 0.0
					for ch := n * s.channels; ch < (n+1)*s.channels; ch++ {
						plane, v := x[ch*s.in:][:s.in], 0.0
						for t := range taps.n {
							v += float64(taps.weight[t] * float64(plane[taps.at[t]]))
						}
						sum += float64(v * float64(up[ch*s.out+place]))
					}
					slopes[p*s.dims+maxSpace-1-axis] = sum
				}
			}
		}))
		for i, e := range slopes {
			set(g, i, numberAt(g, i)+e)
		}
	}
}

// slopes are the derivatives of the weights at x, to which a number v of the grid leads, by that number.
func (s *gridShape) slopes(x, v float64, size int) (w [4]float64) {
	d := s.pace(v, size)
	switch low := math.Floor(x); s.mode {
	case "linear":
		w[0], w[1] = -d, d
	case "cubic":
		for i := range w {
			w[i] = d * gridCubic.keysSlope(x-low+1-float64(i))
		}
	}
	return w
}

// pace is how fast a place among the elements moves with a number of the grid.
func (s *gridShape) pace(v float64, size int) float64 {
	pace := float64(size) / 2
	if s.corners {
		pace = float64(size-1) / 2
	}
	if s.mode == "cubic" || s.padding == "zeros" {
		return pace
	}
	x := s.scaled(v, size)
	if s.padding == "reflection" {
		low, span := -0.5, float64(size)
		if s.corners {
			low, span = 0, float64(size-1)
		}
		if span == 0 {
			return 0
		}
		if x < low {
			pace = -pace
		}
		if math.Mod(math.Floor(math.Abs(x-low)/span), 2) != 0 {
			pace = -pace
		}
		x = s.reflect(x, size)
	}
	if x <= 0 || x >= float64(size-1) {
		return 0
	}
	return pace
}

// keysSlope is the derivative of keys.
func (k *resize) keysSlope(d float64) float64 {
	a, sign := float64(k.cubic), 1.0
	if d < 0 {
		d, sign = -d, -1
	}
	switch {
	case d <= 1:
		return sign * d * (float64(3*(a+2)*d) - float64(2*(a+3)))
	case d < 2:
		return sign * a * (float64((float64(3*d)-10)*d) + 8)
	}
	return 0
}

// Back gives the gradient by theta.
func (k *affineGrid) Back(b *Back) error {
	if b.Up[0] == nil || !b.Wants(0) {
		return nil
	}
	size, err := k.size(b.In[0], b.In[1])
	if err != nil {
		return err
	}
	up, err := floatsAs[float64](b.Up[0])
	if err != nil {
		return err
	}
	dims := len(size) - 2
	each := len(up) / size[0] / dims
	slopes := make([]float64, b.In[0].Len())
	for i := range len(up) / dims {
		place := k.place(i%each, size)
		matrix := slopes[i/each*dims*(dims+1):]
		for r := range dims {
			for d := range dims + 1 {
				matrix[r*(dims+1)+d] += float64(up[i*dims+r] * place[d])
			}
		}
	}
	addFloats(b, 0, slopes)
	return nil
}
