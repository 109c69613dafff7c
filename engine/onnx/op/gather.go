package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var gathers = []Operator{
	{Name: "Gather", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return &gatherKernel{axis: n.Int("axis", 0)}, nil }},
	{Name: "GatherElements", Since: 11, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &gatherElements{axis: n.Int("axis", 0)}, nil
	}},
	{Name: "GatherND", Since: 11, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &gatherND{}, nil }},
	{Name: "GatherND", Since: 12, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &gatherND{batch: n.Int("batch_dims", 0)}, nil
	}},
	{Domain: Microsoft, Name: "GatherND", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &gatherND{}, nil }},
	{Name: "Compress", Since: 9, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &compress{axis: n.Int("axis", 0), flat: !n.Has("axis")}, nil
	}},
}

// rows copies rows of elements: of each of outer parts of the source, those that begin at places, one after the other.
type rows struct {
	outer, inner int
	step         int   // from one part of the source to the next
	places       []int // within a part
	x, out       *value.Value
	perTask      int
}

// gather fills out with rows of x. All places must lie within x.
func (r *rows) gather(out, x *value.Value) {
	if out.Len() == 0 {
		return
	}
	r.x, r.out = x, out
	r.perTask = max(1, pieceElements/r.inner)
	n := r.outer * len(r.places)
	simd.Run((n+r.perTask-1)/r.perTask, r)
	r.x, r.out = nil, nil
}

// Do copies the rows of a task.
func (r *rows) Do(task, _ int) {
	switch r.x.Memory().Size() {
	case 1:
		gatherRows(r, value.Bits[uint8](r.out), value.Bits[uint8](r.x), task)
	case 2:
		gatherRows(r, value.Bits[uint16](r.out), value.Bits[uint16](r.x), task)
	case 4:
		gatherRows(r, value.Bits[uint32](r.out), value.Bits[uint32](r.x), task)
	case 8:
		gatherRows(r, value.Bits[uint64](r.out), value.Bits[uint64](r.x), task)
	}
}

func gatherRows[T word](r *rows, dst, src []T, task int) {
	n := len(r.places)
	for i := task * r.perTask; i < min((task+1)*r.perTask, r.outer*n); i++ {
		from := i/n*r.step + r.places[i%n]
		if r.inner == 1 {
			dst[i] = src[from]
		} else {
			copy(dst[i*r.inner:(i+1)*r.inner], src[from:from+r.inner])
		}
	}
}

type gatherKernel struct {
	axis  int
	shape []int
	rows  rows
}

func (k *gatherKernel) Run(c *Call) error {
	x := c.In[0]
	if err := k.find(x, c.In[1]); err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, k.shape...)
	if err != nil {
		return err
	}
	k.rows.gather(out, x)
	return nil
}

// find notes the rows that are taken, and the shape of the result.
func (k *gatherKernel) find(x, indices *value.Value) error {
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	list, err := value.Integers(indices)
	if err != nil {
		return fmt.Errorf("the indices: %w", err)
	}
	r, d := &k.rows, x.Shape[axis]
	r.outer, r.inner = insideOut(x.Shape, axis)
	r.step, r.places = d*r.inner, r.places[:0]
	for _, i := range list {
		j, err := indexWithin(i, d)
		if err != nil {
			return fmt.Errorf("axis %d of %s: %w", axis, x, err)
		}
		r.places = append(r.places, j*r.inner)
	}
	k.shape = append(append(append(k.shape[:0], x.Shape[:axis]...), indices.Shape...), x.Shape[axis+1:]...)
	return nil
}

// elementPlaces gives for each of the indices of GatherElements and ScatterElements the place in the data: that of the index itself, with the coordinate
// along axis replaced.
func elementPlaces(places []int, data, indices *value.Value, axis int) ([]int, error) {
	list, err := value.Integers(indices)
	if err != nil {
		return nil, fmt.Errorf("the indices: %w", err)
	}
	if len(data.Shape) != len(indices.Shape) {
		return nil, fmt.Errorf("data and indices are %s and %s, must be of one rank", data, indices)
	}
	for i, d := range indices.Shape {
		if i != axis && d > data.Shape[i] {
			return nil, fmt.Errorf("data and indices are %s and %s, the indices must not be longer along axis %d", data, indices, i)
		}
	}
	places = places[:0]
	if len(list) == 0 {
		return places, nil
	}
	strides := stridesOf(nil, data.Shape)
	along, d := strides[axis], data.Shape[axis]
	strides[axis] = 0
	last := len(strides) - 1
	row := indices.Shape[last]
	for start := 0; start < len(list); start += row {
		base, rest := 0, start/row
		for k := last - 1; k >= 0; k-- {
			base += rest % indices.Shape[k] * strides[k]
			rest /= indices.Shape[k]
		}
		for j, i := range list[start : start+row] {
			at, err := indexWithin(i, d)
			if err != nil {
				return nil, fmt.Errorf("axis %d of %s: %w", axis, data, err)
			}
			places = append(places, base+j*strides[last]+at*along)
		}
	}
	return places, nil
}

type gatherElements struct {
	axis int
	rows rows
}

func (k *gatherElements) Run(c *Call) error {
	x, indices := c.In[0], c.In[1]
	if err := k.find(x, indices); err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, indices.Shape...)
	if err != nil {
		return err
	}
	k.rows.gather(out, x)
	return nil
}

// find notes the elements that are taken.
func (k *gatherElements) find(x, indices *value.Value) error {
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	r := &k.rows
	r.outer, r.inner = 1, 1
	r.places, err = elementPlaces(r.places, x, indices, axis)
	return err
}

// tuplePlaces gives for each tuple along the last dimension of indices the place where its slice of the data begins. The first batch dimensions are common to both.
func tuplePlaces(places []int, data, indices *value.Value, batch int) ([]int, error) {
	rank := len(indices.Shape)
	if len(data.Shape) == 0 || rank == 0 {
		return nil, fmt.Errorf("data and indices are %s and %s, must have a dimension each", data, indices)
	}
	depth := indices.Shape[rank-1]
	if batch < 0 || batch >= rank || batch >= len(data.Shape) || !slices.Equal(data.Shape[:batch], indices.Shape[:batch]) {
		return nil, fmt.Errorf("data and indices are %s and %s, must share the first %d dimensions", data, indices, batch)
	}
	if depth < 1 || depth > len(data.Shape)-batch {
		return nil, fmt.Errorf("indices %s have %d coordinates, must have 1 to %d for %s", indices, depth, len(data.Shape)-batch, data)
	}
	list, err := value.Integers(indices)
	if err != nil {
		return nil, fmt.Errorf("the indices: %w", err)
	}
	places = places[:0]
	count, err := value.Volume(indices.Shape[:rank-1])
	if err != nil || count == 0 {
		return places, err
	}
	strides := stridesOf(nil, data.Shape)
	perBatch := count / volume(indices.Shape[:batch])
	step := volume(data.Shape[batch:])
	for t := range count {
		at := t / perBatch * step
		for j, i := range list[t*depth : (t+1)*depth] {
			k, err := indexWithin(i, data.Shape[batch+j])
			if err != nil {
				return nil, fmt.Errorf("axis %d of %s: %w", batch+j, data, err)
			}
			at += k * strides[batch+j]
		}
		places = append(places, at)
	}
	return places, nil
}

type gatherND struct {
	batch int
	rows  rows
}

func (k *gatherND) Run(c *Call) error {
	x := c.In[0]
	shape, err := k.find(x, c.In[1])
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	k.rows.gather(out, x)
	return nil
}

// find notes the rows that are taken, and gives the shape of the result.
func (k *gatherND) find(x, indices *value.Value) (shape []int, err error) {
	r := &k.rows
	if r.places, err = tuplePlaces(r.places, x, indices, k.batch); err != nil {
		return nil, err
	}
	rank := len(indices.Shape)
	rest := x.Shape[k.batch+indices.Shape[rank-1]:]
	r.outer, r.inner = 1, volume(rest)
	return slices.Concat(indices.Shape[:rank-1], rest), nil
}

type compress struct {
	axis int
	flat bool // no axis: of all elements
	rows rows
}

func (k *compress) Run(c *Call) error {
	x := c.In[0]
	shape, err := k.find(x, c.In[1])
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	k.rows.gather(out, x)
	return nil
}

// find notes the rows that are kept, and gives the shape of the result.
func (k *compress) find(x, condition *value.Value) (shape []int, err error) {
	if condition.Memory() != value.Bool || len(condition.Shape) != 1 {
		return nil, fmt.Errorf("the condition is %s, must be a list of truth values", condition)
	}
	axis := 0
	shape = []int{x.Len()}
	if !k.flat {
		if axis, err = axisWithin(k.axis, len(x.Shape)); err != nil {
			return nil, err
		}
		shape = slices.Clone(x.Shape)
	}
	if condition.Len() > shape[axis] {
		return nil, fmt.Errorf("the condition is %s, must have at most %d elements for %s", condition, shape[axis], x)
	}
	r := &k.rows
	r.outer, r.inner = insideOut(shape, axis)
	r.step, r.places = shape[axis]*r.inner, r.places[:0]
	for i, keep := range value.Data[bool](condition) {
		if keep {
			r.places = append(r.places, i*r.inner)
		}
	}
	shape[axis] = len(r.places)
	return shape, nil
}
