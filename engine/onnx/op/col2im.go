package op

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// col2Im is Col2Im: blocks, the columns of x [N, C·kernel, windows], are added up where their windows lie on an image [N, C, d…].
type col2Im struct{ window *window }

func newCol2Im(n *Node) (Kernel, error) {
	w := &window{auto: padNotSet, strides: n.Ints("strides"), pads: n.Ints("pads")}
	return &col2Im{w}, w.dilated(n)
}

// space lays the window over the image.
func (k *col2Im) space(in []*value.Value) (s *space, image []int, err error) {
	if image, err = extents("input 1, the image's shape,", in[1]); err != nil {
		return nil, nil, err
	}
	block, err := extents("input 2, the block's shape,", in[2])
	if err != nil {
		return nil, nil, err
	}
	s, err = k.window.fit(image, block)
	return s, image, err
}

// Run adds up the blocks.
func (k *col2Im) Run(c *Call) error {
	x := c.In[0]
	s, image, err := k.space(c.In)
	if err != nil {
		return err
	}
	in, out, kernel := s.volumes()
	if len(x.Shape) != 3 || x.Shape[1]%kernel != 0 || x.Shape[2] != out {
		return fmt.Errorf("input 0 is %s, must be [N, C·%d, %d]", x, kernel, out)
	}
	y, err := c.Result(0, x.Kind, append([]int{x.Shape[0], x.Shape[1] / kernel}, image...)...)
	if err != nil {
		return err
	}
	planes := x.Shape[0] * x.Shape[1] / kernel
	switch x.Memory() {
	case value.F32:
		addBlocks(s, value.Data[float32](y), value.Data[float32](x), planes, in, out, kernel)
	case value.F64:
		addBlocks(s, value.Data[float64](y), value.Data[float64](x), planes, in, out, kernel)
	case value.I8:
		addBlocks(s, value.Data[int8](y), value.Data[int8](x), planes, in, out, kernel)
	case value.I16:
		addBlocks(s, value.Data[int16](y), value.Data[int16](x), planes, in, out, kernel)
	case value.I32:
		addBlocks(s, value.Data[int32](y), value.Data[int32](x), planes, in, out, kernel)
	case value.I64:
		addBlocks(s, value.Data[int64](y), value.Data[int64](x), planes, in, out, kernel)
	case value.U8:
		addBlocks(s, value.Data[uint8](y), value.Data[uint8](x), planes, in, out, kernel)
	case value.U16:
		addBlocks(s, value.Data[uint16](y), value.Data[uint16](x), planes, in, out, kernel)
	case value.U32:
		addBlocks(s, value.Data[uint32](y), value.Data[uint32](x), planes, in, out, kernel)
	case value.U64:
		addBlocks(s, value.Data[uint64](y), value.Data[uint64](x), planes, in, out, kernel)
	default:
		return notFor(x.Kind)
	}
	return nil
}

// extents reads a shape of a tensor of integers.
func extents(what string, v *value.Value) ([]int, error) {
	x, err := value.Integers(v)
	if err != nil || len(v.Shape) != 1 {
		return nil, fmt.Errorf("%s is %s, must be a list of integers", what, v)
	}
	shape := make([]int, len(x))
	for i, e := range x {
		if e < 1 || e > maxExtent {
			return nil, fmt.Errorf("%s is %v, must be at least 1 and at most %d", what, x, maxExtent)
		}
		shape[i] = int(e)
	}
	return shape, nil
}

func addBlocks[T value.Number](s *space, y, x []T, planes, in, out, kernel int) {
	clear(y)
	d, h, v := &s[0], &s[1], &s[2]
	for p := range planes {
		to, from := y[p*in:][:in], x[p*kernel*out:][:kernel*out]
		for i := range out {
			d0, d1, z := d.taps(i / v.out / h.out)
			h0, h1, r := h.taps(i / v.out % h.out)
			w0, w1, q := v.taps(i % v.out)
			for a := d0; a < d1; a++ {
				for e := h0; e < h1; e++ {
					at := ((z+(a-d0)*d.dilation)*h.in+r+(e-h0)*h.dilation)*v.in + q
					for f := w0; f < w1; f++ {
						to[at+(f-w0)*v.dilation] += from[((a*h.kernel+e)*v.kernel+f)*out+i]
					}
				}
			}
		}
	}
}
