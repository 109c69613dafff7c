package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var shapes = []Operator{
	{Name: "Constant", Since: 1, In: [2]int{0, 0}, Out: [2]int{1, 1}, Make: constant},
	{Name: "ConstantOfShape", Since: 9, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: constantOfShape},
	{Name: "Shape", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &shapeOf{}, nil }},
	{Name: "Shape", Since: 15, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &shapeOf{start: n.Int("start", 0), end: n.Int("end", 0), ends: n.Has("end")}, nil
	}},
	{Name: "Size", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return KernelFunc(size), nil }},
	{Name: "Reshape", Since: 5, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &reshape{}, nil }},
	{Name: "Reshape", Since: 14, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &reshape{zero: n.Bool("allowzero", false)}, nil
	}},
	{Name: "Flatten", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return &flatten{n.Int("axis", 1)}, nil }},
	{Name: "Squeeze", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &squeeze{axes: n.Ints("axes"), all: !n.Has("axes")}, nil
	}},
	{Name: "Squeeze", Since: 13, In: [2]int{1, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return &squeeze{all: !n.HasInput(1)}, nil }},
	{Name: "Unsqueeze", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: unsqueezeOf},
	{Name: "Unsqueeze", Since: 13, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &unsqueeze{}, nil }},
	{Domain: Microsoft, Name: "ExpandDims", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &unsqueeze{}, nil }},
	{Name: "Expand", Since: 8, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &expand{}, nil }},
	{Name: "Tile", Since: 6, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &tiles{}, nil }},
}

// constant gives the one of its attributes that is there.
func constant(n *Node) (Kernel, error) {
	var v *value.Value
	count := 0
	is := func(name string) bool {
		if n.Has(name) {
			count++
			return true
		}
		return false
	}
	if is("value") {
		v = n.Tensor("value")
	}
	if is("value_float") {
		v, _ = value.Of([]float32{n.Float("value_float", 0)})
	}
	if is("value_floats") {
		f := n.Floats("value_floats")
		v, _ = value.Of(f, len(f))
	}
	if is("value_int") {
		v, _ = value.Of([]int64{int64(n.Int("value_int", 0))})
	}
	if is("value_ints") {
		x := []int64{}
		for _, i := range n.Ints("value_ints") {
			x = append(x, int64(i))
		}
		v = value.Ints(x...)
	}
	for _, name := range []string{"value_string", "value_strings", "sparse_value"} {
		if n.Has(name) {
			return nil, fmt.Errorf("attribute %q is not supported: only dense tensors of numbers and truth values are", name)
		}
	}
	if count != 1 {
		return nil, fmt.Errorf("has %d of the attributes value, value_float, value_floats, value_int and value_ints, must have one", count)
	}
	return KernelFunc(func(c *Call) error { return c.Share(0, v, v.Shape...) }), nil
}

func constantOfShape(n *Node) (Kernel, error) {
	v, err := value.New(format.Float)
	if err != nil {
		return nil, err
	}
	if n.Has("value") {
		if v = n.Tensor("value"); v != nil && v.Len() != 1 {
			return nil, fmt.Errorf("attribute \"value\" is %s, must be one element", v)
		}
	}
	r := &grid{}
	return KernelFunc(func(c *Call) error {
		shape, err := listOf(c.In[0], "the sizes")
		if err != nil {
			return err
		}
		out, err := c.Result(0, v.Kind, shape...)
		if err != nil {
			return err
		}
		r.reset()
		r.add(out.Len(), 1, 0)
		r.copy(out, 0, v, 0)
		return nil
	}), nil
}

// shapeOf is Shape. A start or an end beyond the dimensions is brought to them.
type shapeOf struct {
	start, end int
	ends       bool
}

func (s *shapeOf) Run(c *Call) error {
	shape := c.In[0].Shape
	rank := len(shape)
	within := func(i int) int {
		if i < 0 {
			i += rank
		}
		return min(max(i, 0), rank)
	}
	start, end := within(s.start), rank
	if s.ends {
		end = within(s.end)
	}
	shape = shape[start:max(start, end)]
	out, err := c.Result(0, format.Int64, len(shape))
	if err != nil {
		return err
	}
	for i, d := range shape {
		value.Data[int64](out)[i] = int64(d)
	}
	return nil
}

func size(c *Call) error {
	out, err := c.Result(0, format.Int64)
	if err != nil {
		return err
	}
	value.Data[int64](out)[0] = int64(c.In[0].Len())
	return nil
}

type reshape struct {
	zero bool // a 0 in the shape is a dimension of 0, not one that is copied
}

func (k *reshape) Run(c *Call) error {
	shape, err := listOf(c.In[1], "the shape")
	if err != nil {
		return err
	}
	if err := k.resolve(shape, c.In[0]); err != nil {
		return err
	}
	return c.Share(0, c.In[0], shape...)
}

// resolve replaces the 0 and the −1 of a shape.
func (k *reshape) resolve(shape []int, x *value.Value) error {
	free, rest := -1, 1
	for i, d := range shape {
		switch {
		case d == 0 && !k.zero:
			if i >= len(x.Shape) {
				return fmt.Errorf("shape %v copies dimension %d, and the tensor is %s", shape, i, x)
			}
			shape[i] = x.Shape[i]
		case d == -1 && free >= 0:
			return fmt.Errorf("shape %v has more than one -1", shape)
		case d == -1:
			free = i
			continue
		case d < 0:
			return fmt.Errorf("shape %v has the dimension %d, must be -1 or more", shape, d)
		}
		var err error
		if rest, err = times(rest, shape[i]); err != nil {
			return fmt.Errorf("shape %v: %w", shape, err)
		}
	}
	if free < 0 {
		return nil
	}
	if rest == 0 {
		return fmt.Errorf("shape %v leaves the size of -1 open, for the other dimensions hold 0 elements", shape)
	}
	if x.Len()%rest != 0 {
		return fmt.Errorf("shape %v does not hold the %d elements of %s", shape, x.Len(), x)
	}
	shape[free] = x.Len() / rest
	return nil
}

type flatten struct{ axis int }

func (k *flatten) Run(c *Call) error {
	x := c.In[0]
	axis := k.axis
	if axis < 0 {
		axis += len(x.Shape)
	}
	if axis < 0 || axis > len(x.Shape) {
		return fmt.Errorf("axis is %d, must be %d to %d for %s", k.axis, -len(x.Shape), len(x.Shape), x)
	}
	rows, err := value.Volume(x.Shape[:axis])
	if err != nil {
		return err
	}
	columns, err := value.Volume(x.Shape[axis:])
	if err != nil {
		return err
	}
	return c.Share(0, x, rows, columns)
}

type squeeze struct {
	axes []int
	all  bool // every dimension of 1
}

func (k *squeeze) Run(c *Call) error {
	x := c.In[0]
	axes := k.axes
	var err error
	if v := c.Input(1); v != nil {
		if axes, err = listOf(v, "the axes"); err != nil {
			return err
		}
	}
	if axes, err = axesWithin(axes, len(x.Shape)); err != nil {
		return err
	}
	shape := make([]int, 0, len(x.Shape))
	for i, d := range x.Shape {
		drop := k.all && d == 1 || slices.Contains(axes, i)
		if drop && d != 1 {
			return fmt.Errorf("axis %d of %s is to go, must be 1", i, x)
		}
		if !drop {
			shape = append(shape, d)
		}
	}
	return c.Share(0, x, shape...)
}

type unsqueeze struct{ axes []int }

func unsqueezeOf(n *Node) (Kernel, error) {
	if !n.Has("axes") {
		return nil, errors.New("attribute \"axes\" is missing")
	}
	return &unsqueeze{n.Ints("axes")}, nil
}

func (k *unsqueeze) Run(c *Call) error {
	x := c.In[0]
	axes := k.axes
	var err error
	if v := c.Input(1); v != nil {
		if axes, err = listOf(v, "the axes"); err != nil {
			return err
		}
	}
	rank := len(x.Shape) + len(axes)
	if axes, err = axesWithin(axes, rank); err != nil {
		return err
	}
	shape, rest := make([]int, rank), x.Shape
	for i := range shape {
		if slices.Contains(axes, i) {
			shape[i] = 1
		} else {
			shape[i], rest = rest[0], rest[1:]
		}
	}
	return c.Share(0, x, shape...)
}

type expand struct{ region grid }

func (k *expand) Run(c *Call) error {
	x := c.In[0]
	to, err := listOf(c.In[1], "the shape")
	if err != nil {
		return err
	}
	if _, err := value.Volume(to); err != nil {
		return err
	}
	shape, err := broadcastShape(x.Shape, to)
	if err != nil {
		return err
	}
	if slices.Equal(shape, x.Shape) {
		return c.Share(0, x, shape...)
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	k.region.stretch(out, x)
	return nil
}

// stretch fills out with x, whose shape broadcasts to out's.
func (r *grid) stretch(out, x *value.Value) {
	if out.Len() == 0 {
		return
	}
	r.reset()
	missing := len(out.Shape) - len(x.Shape)
	target, source := out.Len(), x.Len()
	for i, n := range out.Shape {
		target /= n
		if i < missing || x.Shape[i-missing] == 1 {
			r.add(n, target, 0)
			continue
		}
		source /= n
		r.add(n, target, source)
	}
	r.copy(out, 0, x, 0)
}

type tiles struct{ region grid }

func (k *tiles) Run(c *Call) error {
	x := c.In[0]
	repeats, err := listOf(c.In[1], "the repeats")
	if err != nil {
		return err
	}
	if len(repeats) != len(x.Shape) {
		return fmt.Errorf("has %d repeats for %s, must have one for each dimension", len(repeats), x)
	}
	shape := make([]int, len(repeats))
	for i, r := range repeats {
		if r < 0 {
			return fmt.Errorf("repeat %d is %d, must be 0 or more", i, r)
		}
		if shape[i], err = times(x.Shape[i], r); err != nil {
			return err
		}
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	k.region.reset()
	target, source := out.Len(), x.Len()
	for i, n := range x.Shape {
		target /= shape[i]
		source /= n
		k.region.add(repeats[i], n*target, 0)
		k.region.add(n, target, source)
	}
	k.region.copy(out, 0, x, 0)
	return nil
}
