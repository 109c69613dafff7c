package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

var layouts = []Operator{
	{Name: "Transpose", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &transpose{perm: n.Ints("perm"), reverse: !n.Has("perm")}, nil
	}},
	{Name: "DepthToSpace", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return depthToSpace(n, "DCR") }},
	{Name: "DepthToSpace", Since: 11, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return depthToSpace(n, n.Text("mode", "DCR", "DCR", "CRD"))
	}},
	{Name: "SpaceToDepth", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return spaceToDepth(n, "DCR") }},
	{Name: "SpaceToDepth", Since: 28, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return spaceToDepth(n, n.Text("mode", "DCR", "DCR", "CRD"))
	}},
	{Name: "ReverseSequence", Since: 10, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		k := &reverseSequence{batch: n.Int("batch_axis", 1), time: n.Int("time_axis", 0)}
		if k.batch+k.time != 1 || k.batch*k.time != 0 {
			return nil, fmt.Errorf("batch_axis is %d and time_axis %d, must be 0 and 1 or 1 and 0", k.batch, k.time)
		}
		return k, nil
	}},
}

type transpose struct {
	perm    []int
	reverse bool // no perm: the dimensions in reverse order
	region  grid
	strides []int
	shape   []int
}

func (k *transpose) Run(c *Call) error {
	x := c.In[0]
	rank := len(x.Shape)
	k.order(rank)
	if len(k.perm) != rank {
		return fmt.Errorf("perm is %v, must have %d entries for %s", k.perm, rank, x)
	}
	k.shape = k.shape[:0]
	for i, p := range k.perm {
		if p < 0 || p >= rank || slices.Contains(k.perm[:i], p) {
			return fmt.Errorf("perm is %v, must have each of 0 to %d once", k.perm, rank-1)
		}
		k.shape = append(k.shape, x.Shape[p])
	}
	out, err := c.Result(0, x.Kind, k.shape...)
	if err != nil {
		return err
	}
	k.strides = stridesOf(k.strides, x.Shape)
	k.region.transpose(out, x, x.Shape, k.perm, k.strides)
	return nil
}

// order reverses the dimensions where there is no perm.
func (k *transpose) order(rank int) {
	if k.reverse && len(k.perm) != rank {
		k.perm = k.perm[:0]
		for i := range rank {
			k.perm = append(k.perm, rank-1-i)
		}
	}
}

// transpose fills out with the elements of x in the order that perm gives: x has the shape and the strides, which need not be x's own.
func (r *grid) transpose(out, x *value.Value, shape, perm, strides []int) {
	r.reset()
	if out.Len() == 0 {
		return
	}
	target := out.Len()
	for _, p := range perm {
		target /= shape[p]
		r.add(shape[p], target, strides[p])
	}
	r.copy(out, 0, x, 0)
}

// blocks is DepthToSpace or SpaceToDepth: a transposition of a view of six dimensions.
type blocks struct {
	size   int
	perm   []int
	deep   bool // SpaceToDepth
	inner  bool // the depth stands behind the two dimensions of a block
	region grid
}

func blockSize(n *Node) (int, error) {
	b := n.Int("blocksize", 0)
	if b < 1 || b > 1<<15 {
		return 0, fmt.Errorf("blocksize is %d, must be 1 to %d", b, 1<<15)
	}
	return b, nil
}

func depthToSpace(n *Node, mode string) (Kernel, error) {
	b, err := blockSize(n)
	if mode == "CRD" {
		return &blocks{size: b, perm: []int{0, 1, 4, 2, 5, 3}}, err
	}
	return &blocks{size: b, inner: true, perm: []int{0, 3, 4, 1, 5, 2}}, err
}

func spaceToDepth(n *Node, mode string) (Kernel, error) {
	b, err := blockSize(n)
	if mode == "CRD" {
		return &blocks{size: b, deep: true, perm: []int{0, 1, 3, 5, 2, 4}}, err
	}
	return &blocks{size: b, deep: true, perm: []int{0, 3, 5, 1, 2, 4}}, err
}

func (k *blocks) Run(c *Call) error {
	x := c.In[0]
	if len(x.Shape) != 4 {
		return fmt.Errorf("input is %s, must have 4 dimensions", x)
	}
	view, shape, err := k.views(x)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	k.region.transpose(out, x, view, k.perm, stridesOf(nil, view))
	return nil
}

// views gives the shape of six dimensions that is transposed, and the result's.
func (k *blocks) views(x *value.Value) (view, shape []int, err error) {
	n, depth, h, w := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	b := k.size
	if k.deep {
		if h%b != 0 || w%b != 0 {
			return nil, nil, fmt.Errorf("input is %s, its height and width must be multiples of blocksize %d", x, b)
		}
		view = []int{n, depth, h / b, b, w / b, b}
		shape = []int{n, depth * b * b, h / b, w / b}
	} else {
		if depth%(b*b) != 0 {
			return nil, nil, fmt.Errorf("input is %s, its depth must be a multiple of %d, the square of blocksize", x, b*b)
		}
		view = []int{n, depth / (b * b), b, b, h, w}
		if k.inner {
			view = []int{n, b, b, depth / (b * b), h, w}
		}
		shape = []int{n, depth / (b * b), h * b, w * b}
	}
	return view, shape, nil
}

type reverseSequence struct {
	batch, time int
	region      grid
}

func (k *reverseSequence) Run(c *Call) error {
	x := c.In[0]
	if len(x.Shape) < 2 {
		return fmt.Errorf("input is %s, must have 2 dimensions or more", x)
	}
	lengths, err := listOf(c.In[1], "the lengths")
	if err != nil {
		return err
	}
	batches, steps := x.Shape[k.batch], x.Shape[k.time]
	if len(lengths) != batches {
		return fmt.Errorf("has %d lengths for %s, must have %d", len(lengths), x, batches)
	}
	for i, n := range lengths {
		if n < 0 || n > steps {
			return fmt.Errorf("length %d is %d, must be 0 to %d", i, n, steps)
		}
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	k.turn(out, x, lengths)
	return nil
}

// turn fills out with x, the first steps of each sample in reverse.
func (k *reverseSequence) turn(out, x *value.Value, lengths []int) {
	batches, steps := x.Shape[k.batch], x.Shape[k.time]
	inner := volume(x.Shape[2:])
	alongBatch, alongTime := inner, batches*inner
	if k.batch == 0 {
		alongBatch, alongTime = steps*inner, inner
	}
	r := &k.region
	for i, n := range lengths {
		at := i * alongBatch
		r.reset()
		r.add(n, alongTime, -alongTime)
		r.add(inner, 1, 1)
		r.copy(out, at, x, at+(n-1)*alongTime)
		r.reset()
		r.add(steps-n, alongTime, alongTime)
		r.add(inner, 1, 1)
		r.copy(out, at+n*alongTime, x, at+n*alongTime)
	}
}
