package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

// maxUnpool is MaxUnpool, which puts each element where MaxPool took it from, and 0 elsewhere. Indices count in the tensor that MaxPool had, of
//
//	d = stride·(in − 1) + kernel − pads
//
// elements along each dimension of space. With a shape as third input, that tensor lies in the corner of a result of this shape.
type maxUnpool struct{ window *window }

func newMaxUnpool(n *Node) (Kernel, error) {
	w := &window{kernel: n.Ints("kernel_shape"), strides: n.Ints("strides"), pads: n.Ints("pads"), auto: padNotSet}
	if w.kernel == nil {
		return nil, fmt.Errorf("attribute \"kernel_shape\" is missing")
	}
	return &maxUnpool{w}, w.check()
}

// shapes gives those of the result and of what was pooled.
func (k *maxUnpool) shapes(in []*value.Value) (shape, pooled []int, err error) {
	x, indices := in[0], in[1]
	if indices.Memory() != value.I64 || !slices.Equal(x.Shape, indices.Shape) {
		return nil, nil, fmt.Errorf("indices are %s, must be integers of 64 bits in the shape of the input %s", indices, x)
	}
	if pooled, err = k.window.unpooled(x); err != nil {
		return nil, nil, err
	}
	shape = pooled
	if len(in) > 2 && in[2] != nil {
		if shape, err = extents("input 2, the result's shape,", in[2]); err != nil {
			return nil, nil, err
		}
		if len(shape) != len(pooled) || !slices.Equal(shape[:2], pooled[:2]) {
			return nil, nil, fmt.Errorf("the result's shape is %v, must begin with %v and have %d dimensions", shape, pooled[:2], len(pooled))
		}
	}
	return shape, pooled, nil
}

// Run puts the elements in place.
func (k *maxUnpool) Run(c *Call) error {
	x := c.In[0]
	shape, pooled, err := k.shapes(c.In)
	if err != nil {
		return err
	}
	y, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	y.Clear()
	indices := value.Data[int64](c.In[1])
	switch x.Memory().Size() {
	case 1:
		return unpool(value.Bits[uint8](y), value.Bits[uint8](x), indices, shape, pooled)
	case 2:
		return unpool(value.Bits[uint16](y), value.Bits[uint16](x), indices, shape, pooled)
	case 4:
		return unpool(value.Bits[uint32](y), value.Bits[uint32](x), indices, shape, pooled)
	}
	return unpool(value.Bits[uint64](y), value.Bits[uint64](x), indices, shape, pooled)
}

// unpooled is the shape of what was pooled.
func (w *window) unpooled(x *value.Value) ([]int, error) {
	if err := spatial("input 0", x); err != nil {
		return nil, err
	}
	n := len(x.Shape) - 2
	if len(w.kernel) != n || w.strides != nil && len(w.strides) != n || w.pads != nil && len(w.pads) != 2*n {
		return nil, fmt.Errorf("kernel %v, strides %v and pads %v do not fit the input %s", w.kernel, w.strides, w.pads, x)
	}
	shape := slices.Clone(x.Shape)
	for i := range n {
		stride, pads := 1, 0
		if w.strides != nil {
			stride = w.strides[i]
		}
		if w.pads != nil {
			pads = w.pads[i] + w.pads[n+i]
		}
		shape[2+i] = (shape[2+i]-1)*stride + w.kernel[i] - pads
	}
	if _, err := value.Volume(shape); err != nil {
		return nil, err
	}
	return shape, nil
}

// unpool puts the elements in place.
func unpool[T uint8 | uint16 | uint32 | uint64](y, x []T, indices []int64, shape, pooled []int) error {
	return unpoolPlaces(indices, shape, pooled, func(to, i int) { y[to] = x[i] })
}

// unpoolPlaces calls f with the place of each element in the result. An index counts in a tensor of shape pooled, which lies in the corner of the result.
func unpoolPlaces(indices []int64, shape, pooled []int, f func(to, i int)) error {
	size, err := value.Volume(pooled)
	if err != nil {
		return err
	}
	for i, at := range indices {
		if at < 0 || at >= int64(size) {
			return fmt.Errorf("index %d of element %d is not in a tensor of shape %v", at, i, slices.Clone(pooled))
		}
		rest, to, stride := int(at), 0, 1
		for d := len(shape) - 1; d >= 0; d-- {
			place := rest % pooled[d]
			if place >= shape[d] {
				return fmt.Errorf("index %d of element %d lies beyond the result of shape %v", at, i, slices.Clone(shape))
			}
			to += place * stride
			rest, stride = rest/pooled[d], stride*shape[d]
		}
		f(to, i)
	}
	return nil
}
