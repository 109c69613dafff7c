package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

var scatters = []Operator{
	{Name: "Scatter", Since: 9, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return scatterElementsOf(n, "none") }},
	{Name: "Scatter", Since: 11, Removed: true},
	{Name: "ScatterElements", Since: 11, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return scatterElementsOf(n, "none") }},
	{Name: "ScatterElements", Since: 16, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return scatterElementsOf(n, n.Text("reduction", "none", "none", "add", "mul"))
	}},
	{Name: "ScatterElements", Since: 18, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return scatterElementsOf(n, n.Text("reduction", "none", "none", "add", "mul", "max", "min"))
	}},
	{Name: "ScatterND", Since: 11, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &scatterND{reduction: "none"}, nil }},
	{Name: "ScatterND", Since: 16, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &scatterND{reduction: n.Text("reduction", "none", "none", "add", "mul")}, nil
	}},
	{Name: "ScatterND", Since: 18, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &scatterND{reduction: n.Text("reduction", "none", "none", "add", "mul", "max", "min")}, nil
	}},
	{Name: "TensorScatter", Since: 24, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &tensorScatter{axis: n.Int("axis", -2), circular: n.Text("mode", "linear", "linear", "circular") == "circular"}, nil
	}},
}

// scatterElements puts updates into a copy of the data. Of several updates of one element the last counts, or all do where they are combined.
type scatterElements struct {
	axis      int
	reduction string
	places    []int
}

func scatterElementsOf(n *Node, reduction string) (Kernel, error) {
	return &scatterElements{axis: n.Int("axis", 0), reduction: reduction}, nil
}

func (k *scatterElements) Run(c *Call) error {
	x, indices, updates := c.In[0], c.In[1], c.In[2]
	if updates.Kind != x.Kind || !slices.Equal(updates.Shape, indices.Shape) {
		return fmt.Errorf("updates are %s, must be of %s and shape %v", updates, x.Kind, indices.Shape)
	}
	if err := k.find(x, indices); err != nil {
		return err
	}
	return scatter(c, k.places, 1, k.reduction)
}

// find notes the places of the updates.
func (k *scatterElements) find(x, indices *value.Value) error {
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err == nil {
		k.places, err = elementPlaces(k.places, x, indices, axis)
	}
	return err
}

type scatterND struct {
	reduction string
	places    []int
}

func (k *scatterND) Run(c *Call) error {
	x, indices, updates := c.In[0], c.In[1], c.In[2]
	var err error
	if k.places, err = tuplePlaces(k.places, x, indices, 0); err != nil {
		return err
	}
	rank := len(indices.Shape)
	rest := x.Shape[indices.Shape[rank-1]:]
	if shape := slices.Concat(indices.Shape[:rank-1], rest); updates.Kind != x.Kind || !slices.Equal(updates.Shape, shape) {
		return fmt.Errorf("updates are %s, must be of %s and shape %v", updates, x.Kind, shape)
	}
	return scatter(c, k.places, volume(rest), k.reduction)
}

// scatter copies the data, input 0, and puts the rows of the updates, input 2, where places say.
func scatter(c *Call, places []int, inner int, reduction string) error {
	x, updates := c.In[0], c.In[2]
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	out.CopyFrom(x)
	if updates.Len() == 0 {
		return nil
	}
	if reduction == "none" {
		switch x.Memory().Size() {
		case 1:
			putRows(value.Bits[uint8](out), value.Bits[uint8](updates), places, inner)
		case 2:
			putRows(value.Bits[uint16](out), value.Bits[uint16](updates), places, inner)
		case 4:
			putRows(value.Bits[uint32](out), value.Bits[uint32](updates), places, inner)
		case 8:
			putRows(value.Bits[uint64](out), value.Bits[uint64](updates), places, inner)
		}
		return nil
	}
	switch x.Memory() {
	case value.F32:
		combineRows[float32](out, updates, places, inner, reduction)
	case value.F64:
		combineRows[float64](out, updates, places, inner, reduction)
	case value.I8:
		combineRows[int8](out, updates, places, inner, reduction)
	case value.I16:
		combineRows[int16](out, updates, places, inner, reduction)
	case value.I32:
		combineRows[int32](out, updates, places, inner, reduction)
	case value.I64:
		combineRows[int64](out, updates, places, inner, reduction)
	case value.U8:
		combineRows[uint8](out, updates, places, inner, reduction)
	case value.U16:
		combineRows[uint16](out, updates, places, inner, reduction)
	case value.U32:
		combineRows[uint32](out, updates, places, inner, reduction)
	case value.U64:
		combineRows[uint64](out, updates, places, inner, reduction)
	default:
		return fmt.Errorf("reduction %q %w", reduction, notFor(x.Kind))
	}
	return nil
}

func putRows[T word](dst, updates []T, places []int, inner int) {
	for i, at := range places {
		copy(dst[at:at+inner], updates[i*inner:])
	}
}

func combineRows[T value.Number](out, updates *value.Value, places []int, inner int, reduction string) {
	dst, src := value.Data[T](out), value.Data[T](updates)
	for i, at := range places {
		d, s := dst[at:at+inner], src[i*inner:(i+1)*inner]
		switch reduction {
		case "add":
			for j := range d {
				d[j] += s[j]
			}
		case "mul":
			for j := range d {
				d[j] *= s[j]
			}
		case "max":
			for j := range d {
				d[j] = max(d[j], s[j])
			}
		case "min":
			for j := range d {
				d[j] = min(d[j], s[j])
			}
		}
	}
}

// tensorScatter puts the update of each sample into its cache, from the sample's own index on.
type tensorScatter struct {
	axis     int
	circular bool
	region   grid
}

func (k *tensorScatter) Run(c *Call) error {
	cache, update := c.In[0], c.In[1]
	starts, err := k.find(c.In)
	if err != nil {
		return err
	}
	out, err := c.Result(0, cache.Kind, cache.Shape...)
	if err != nil {
		return err
	}
	out.CopyFrom(cache)
	k.each(cache.Shape, update.Shape, starts, func(at, from int) { k.region.copy(out, at, update, from) })
	return nil
}

// find gives where the update of each sample begins.
func (k *tensorScatter) find(in []*value.Value) (starts []int, err error) {
	cache, update := in[0], in[1]
	axis, err := axisWithin(k.axis, len(cache.Shape))
	if err != nil {
		return nil, err
	}
	if axis == 0 {
		return nil, fmt.Errorf("axis is 0, must not be the samples' own")
	}
	ok := update.Kind == cache.Kind && len(update.Shape) == len(cache.Shape)
	for i := 0; ok && i < len(cache.Shape); i++ {
		ok = update.Shape[i] == cache.Shape[i] || i == axis && update.Shape[i] < cache.Shape[i]
	}
	if !ok {
		return nil, fmt.Errorf("cache and update are %s and %s, must be alike but for a shorter axis %d", cache, update, axis)
	}
	samples, length, steps := cache.Shape[0], cache.Shape[axis], update.Shape[axis]
	starts = make([]int, samples)
	if v := inputOf(in, 2); v != nil {
		if starts, err = listOf(v, "the indices"); err != nil {
			return nil, err
		}
	}
	if len(starts) != samples {
		return nil, fmt.Errorf("has %d indices for %d samples", len(starts), samples)
	}
	for i, s := range starts {
		if s < 0 || !k.circular && s > length-steps {
			return nil, fmt.Errorf("index %d is %d, must be 0 to %d", i, s, length-steps)
		}
	}
	return starts, nil
}

// each makes region the grid of each stretch of the updates, and calls f with where it begins in the cache and in the update.
func (k *tensorScatter) each(cache, update, starts []int, f func(at, from int)) {
	if volume(update) == 0 {
		return
	}
	axis, _ := axisWithin(k.axis, len(cache))
	outer, inner := insideOut(cache[1:], axis-1)
	length, steps := cache[axis], update[axis]
	stretch := func(sample, at, from, n int) {
		k.region.reset()
		k.region.add(outer, length*inner, steps*inner)
		k.region.add(n*inner, 1, 1)
		f((sample*outer*length+at)*inner, (sample*outer*steps+from)*inner)
	}
	for i, s := range starts {
		s %= length
		first := min(steps, length-s)
		stretch(i, s, 0, first)
		if first < steps {
			stretch(i, 0, first, steps-first)
		}
	}
}
