package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var signals = []Operator{
	windowOf("HannWindow", 0.5, 0.5, 0), windowOf("HammingWindow", 25.0/46, 21.0/46, 0), windowOf("BlackmanWindow", 0.42, 0.5, 0.08),
	{Name: "DFT", Since: 17, In: [2]int{1, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &dft{axis: n.Int("axis", 1), inverse: n.Bool("inverse", false), onesided: n.Bool("onesided", false)}, nil
	}},
	{Name: "DFT", Since: 20, In: [2]int{1, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &dft{axis: -2, inverse: n.Bool("inverse", false), onesided: n.Bool("onesided", false)}, nil
	}},
	{Name: "STFT", Since: 17, In: [2]int{2, 4}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &stft{onesided: n.Bool("onesided", true)}, nil
	}},
	{Name: "MelWeightMatrix", Since: 17, In: [2]int{5, 5}, Out: [2]int{1, 1}, Make: melOf},
}

// windowOf is an operator that computes a − b·cos(2πi/n) + d·cos(4πi/n) for i below the size; n is the size of a periodic window, and one less of a symmetric one.
func windowOf(name string, a, b, d float64) Operator {
	return Operator{Name: name, Since: 17, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		kind, periodic := n.Kind("output_datatype", format.Float), n.Bool("periodic", true)
		return KernelFunc(func(c *Call) error {
			size, err := scalarOf(c.In[0], "the size")
			if err != nil {
				return err
			}
			out, err := c.Result(0, kind, size)
			if err != nil {
				return err
			}
			period := float64(size)
			if !periodic {
				period = max(1, period-1) // of a window of one element the angle is 0
			}
			fill(out, func(i int) float64 {
				angle := 2 * math.Pi * float64(i) / period
				return a - float64(b*math.Cos(angle)) + float64(d*math.Cos(2*angle))
			})
			return nil
		}), nil
	}}
}

// dft transforms lines of real or complex numbers, the last dimension, along an axis.
type dft struct {
	axis              int
	inverse, onesided bool
	transform         transform
}

func (k *dft) Run(c *Call) error {
	x := c.In[0]
	shape, axis, length, err := k.shape(c)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	k.transform.resize(length)
	if x.Memory() == value.F32 {
		transformLines[float32](k, out, x, axis, length)
	} else {
		transformLines[float64](k, out, x, axis, length)
	}
	return nil
}

// shape gives the shape of the result, the axis and the length of the transform.
func (k *dft) shape(c *Call) (shape []int, axis, length int, err error) {
	x := c.In[0]
	rank := len(x.Shape)
	if rank < 2 || x.Shape[rank-1] != 1 && x.Shape[rank-1] != 2 {
		return nil, 0, 0, fmt.Errorf("input is %s, must have a last dimension of 1, for real numbers, or of 2", x)
	}
	if m := x.Memory(); m != value.F32 && m != value.F64 {
		return nil, 0, 0, notFor(x.Kind)
	}
	axis = k.axis
	if v := c.Input(2); v != nil {
		if axis, err = scalarOf(v, "the axis"); err != nil {
			return nil, 0, 0, err
		}
	}
	if axis, err = axisWithin(axis, rank); err != nil {
		return nil, 0, 0, err
	}
	if axis == rank-1 {
		return nil, 0, 0, fmt.Errorf("axis is %d, must not be the last, which holds real and imaginary parts", axis)
	}
	complexes := x.Shape[rank-1] == 2
	if k.onesided && complexes != k.inverse {
		return nil, 0, 0, fmt.Errorf("input is %s; with onesided a transform takes real numbers, and an inverse one complex ones", x)
	}
	length = x.Shape[axis]
	if k.onesided && k.inverse {
		length = 2 * (length - 1)
	}
	if v := c.Input(1); v != nil {
		if length, err = scalarOf(v, "the length"); err != nil {
			return nil, 0, 0, err
		}
	}
	if length < 1 {
		return nil, 0, 0, fmt.Errorf("the length is %d, must be 1 or more", length)
	}
	shape = append([]int(nil), x.Shape...)
	bins := length
	if k.onesided && !k.inverse {
		bins = length/2 + 1
	}
	shape[axis], shape[rank-1] = bins, 2
	if k.onesided && k.inverse {
		shape[rank-1] = 1
	}
	return shape, axis, length, nil
}

func transformLines[T float32 | float64](k *dft, out, x *value.Value, axis, length int) {
	src, dst := value.Data[T](x), value.Data[T](out)
	parts, results := x.Shape[len(x.Shape)-1], out.Shape[len(out.Shape)-1]
	outer, inner := insideOut(x.Shape[:len(x.Shape)-1], axis)
	n, bins := x.Shape[axis], out.Shape[axis]
	t := &k.transform
	for o := range outer {
		for i := range inner {
			clear(t.line)
			for j := range min(n, length) {
				at := ((o*n+j)*inner + i) * parts
				t.line[j] = complex(float64(src[at]), 0)
				if parts == 2 {
					t.line[j] = complex(float64(src[at]), float64(src[at+1]))
				}
			}
			if k.inverse && k.onesided {
				mirror(t.line)
			}
			t.run(k.inverse)
			for j, e := range t.line[:bins] {
				at := ((o*bins+j)*inner + i) * results
				dst[at] = T(real(e))
				if results == 2 {
					dst[at+1] = T(imag(e))
				}
			}
		}
	}
}

// mirror fills the second half of the spectrum of a real signal from the first; what must be real there is.
func mirror(x []complex128) {
	n := len(x)
	x[0] = complex(real(x[0]), 0)
	for i := 1; 2*i <= n; i++ {
		if 2*i == n {
			x[i] = complex(real(x[i]), 0)
			continue
		}
		x[n-i] = complex(real(x[i]), -imag(x[i]))
	}
}

// stft transforms frames of a signal, each a step after the other, by a window.
type stft struct {
	onesided  bool
	transform transform
}

func (k *stft) Run(c *Call) error {
	x, window := c.In[0], c.Input(2)
	step, length, err := k.frames(c)
	if err != nil {
		return err
	}
	frames, bins := (x.Shape[1]-length)/step+1, length
	if k.onesided {
		bins = length/2 + 1
	}
	out, err := c.Result(0, x.Kind, x.Shape[0], frames, bins, 2)
	if err != nil || out.Len() == 0 {
		return err
	}
	k.transform.resize(length)
	if x.Memory() == value.F32 {
		transformFrames[float32](k, out, x, window, step)
	} else {
		transformFrames[float64](k, out, x, window, step)
	}
	return nil
}

// frames gives the step from frame to frame and the length of one.
func (k *stft) frames(c *Call) (step, length int, err error) {
	x, window := c.In[0], c.Input(2)
	if len(x.Shape) != 3 || x.Shape[2] != 1 && x.Shape[2] != 2 {
		return 0, 0, fmt.Errorf("the signal is %s, must be [N,L,1], of real numbers, or [N,L,2]", x)
	}
	if m := x.Memory(); m != value.F32 && m != value.F64 {
		return 0, 0, notFor(x.Kind)
	}
	if k.onesided && x.Shape[2] == 2 {
		return 0, 0, fmt.Errorf("the signal is %s, must be of real numbers with onesided", x)
	}
	if step, err = scalarOf(c.In[1], "the step"); err != nil {
		return 0, 0, err
	}
	samples := x.Shape[1]
	length = samples
	if window != nil {
		if window.Kind != x.Kind || len(window.Shape) != 1 {
			return 0, 0, fmt.Errorf("the window is %s, must be a list of %s", window, x.Kind)
		}
		length = window.Len()
	}
	if v := c.Input(3); v != nil {
		if length, err = scalarOf(v, "the length of a frame"); err != nil {
			return 0, 0, err
		}
	}
	if window != nil && window.Len() != length {
		return 0, 0, fmt.Errorf("the window is %s, must have %d elements, the length of a frame", window, length)
	}
	if step < 1 || length < 1 || length > samples {
		return 0, 0, fmt.Errorf("the step is %d and the length of a frame %d, must be 1 or more, and the latter at most %d", step, length, samples)
	}
	return step, length, nil
}

func transformFrames[T float32 | float64](k *stft, out, x, window *value.Value, step int) {
	src, dst := value.Data[T](x), value.Data[T](out)
	var weights []T
	if window != nil {
		weights = value.Data[T](window)
	}
	samples, parts, frames, bins := x.Shape[1], x.Shape[2], out.Shape[1], out.Shape[2]
	line := k.transform.line
	for i := range out.Shape[0] * frames {
		at := (i/frames*samples + i%frames*step) * parts
		for j := range line {
			w := 1.0
			if weights != nil {
				w = float64(weights[j])
			}
			im := 0.0
			if parts == 2 {
				im = float64(src[at+1])
			}
			line[j] = complex(float64(src[at])*w, im*w)
			at += parts
		}
		k.transform.run(false)
		for j, e := range line[:bins] {
			dst[(i*bins+j)*2], dst[(i*bins+j)*2+1] = T(real(e)), T(imag(e))
		}
	}
}

// melOf is MelWeightMatrix: triangles that are evenly spaced in mel, 2595·log₁₀(1 + f/700), over the bins of a spectrum. The edges of triangles lie at whole bins, and the distance
// between them is the range divided by two more than the number of triangles, as the standard has it.
func melOf(n *Node) (Kernel, error) {
	kind := n.Kind("output_datatype", format.Float)
	return KernelFunc(func(c *Call) error {
		var whole [3]int
		var edges [2]float64
		var err error
		for i, what := range []string{"the number of bands", "the length of the transform", "the sample rate"} {
			if whole[i], err = scalarOf(c.In[i], what); err != nil {
				return err
			}
		}
		for i, what := range []string{"the lower edge", "the upper edge"} {
			if edges[i], err = oneNumber(c.In[3+i], what); err != nil {
				return err
			}
		}
		bands, length, rate := whole[0], whole[1], whole[2]
		if bands < 1 || length < 1 || rate < 1 || bands > 1<<30 || length > 1<<40 {
			return fmt.Errorf("the number of bands is %d, the length %d and the sample rate %d, must be 1 or more", bands, length, rate)
		}
		if !(edges[0] >= 0 && edges[1] >= edges[0] && edges[1] <= float64(rate)/2) {
			return fmt.Errorf("the edges are %v and %v, must rise from 0 on and be at most half the sample rate %d", edges[0], edges[1], rate)
		}
		bins := length/2 + 1
		out, err := c.Result(0, kind, bins, bands)
		if err != nil {
			return err
		}
		mel := func(f float64) float64 { return 2595 * math.Log1p(f/700) / math.Ln10 }
		low := mel(edges[0])
		step := (mel(edges[1]) - low) / float64(bands+2)
		corner := func(i int) int {
			f := 700 * math.Expm1((low+float64(i)*step)/2595*math.Ln10)
			return int(math.Floor(float64(length+1) * f / float64(rate)))
		}
		fill(out, func(i int) float64 {
			bin, band := i/bands, i%bands
			left, middle, right := corner(band), corner(band+1), corner(band+2)
			switch {
			case bin >= middle && bin < right:
				return float64(right-bin) / float64(right-middle)
			case bin == middle:
				return 1
			case bin >= left && bin < middle:
				return float64(bin-left) / float64(middle-left)
			}
			return 0
		})
		return nil
	}), nil
}
