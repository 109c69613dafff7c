package op

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var selections = []Operator{
	{Name: "TopK", Since: 1, In: [2]int{1, 1}, Out: [2]int{2, 2}, Make: func(n *Node) (Kernel, error) {
		k := &topK{axis: n.Int("axis", -1), largest: true, count: n.Int("k", -1)}
		if k.count < 0 {
			return nil, fmt.Errorf("attribute \"k\" is %d or missing, must be 0 or more", k.count)
		}
		return k, nil
	}},
	{Name: "TopK", Since: 10, In: [2]int{2, 2}, Out: [2]int{2, 2}, Make: func(n *Node) (Kernel, error) {
		return &topK{axis: n.Int("axis", -1), largest: true}, nil
	}},
	{Name: "TopK", Since: 11, In: [2]int{2, 2}, Out: [2]int{2, 2}, Make: func(n *Node) (Kernel, error) {
		n.Bool("sorted", true) // what is not to be sorted may be
		return &topK{axis: n.Int("axis", -1), largest: n.Bool("largest", true)}, nil
	}},
	{Name: "Unique", Since: 11, In: [2]int{1, 1}, Out: [2]int{1, 4}, Make: func(n *Node) (Kernel, error) {
		return &unique{axis: n.Int("axis", 0), flat: !n.Has("axis"), sorted: n.Bool("sorted", true)}, nil
	}},
	{Name: "NonZero", Since: 9, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &nonZero{}, nil }},
	{Name: "OneHot", Since: 9, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return &oneHot{axis: n.Int("axis", -1)}, nil }},
}

// topK gives the count greatest or least elements along an axis, in order; of equal ones the first come first. NaN counts as greater than all numbers.
type topK struct {
	axis    int
	count   int // where no input says it
	largest bool
	order   []int32
}

func (k *topK) Run(c *Call) error {
	x := c.In[0]
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	count := k.count
	if v := c.Input(1); v != nil {
		if count, err = scalarOf(v, "k"); err != nil {
			return err
		}
	}
	n := x.Shape[axis]
	if n > math.MaxInt32 {
		return fmt.Errorf("axis %d of %s is longer than %d, the most that is supported", axis, x, math.MaxInt32)
	}
	if count < 0 || count > n {
		return fmt.Errorf("k is %d, must be 0 to %d, the length of axis %d of %s", count, n, axis, x)
	}
	shape := slices.Clone(x.Shape)
	shape[axis] = count
	values, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	indices, err := c.Result(1, format.Int64, shape...)
	if err != nil || values.Len() == 0 {
		return err
	}
	return k.choose(values, indices, x, axis)
}

// choose fills values and indices.
func (k *topK) choose(values, indices, x *value.Value, axis int) error {
	switch x.Memory() {
	case value.F32:
		selectTop[float32](k, values, indices, x, axis)
	case value.F64:
		selectTop[float64](k, values, indices, x, axis)
	case value.I8:
		selectTop[int8](k, values, indices, x, axis)
	case value.I16:
		selectTop[int16](k, values, indices, x, axis)
	case value.I32:
		selectTop[int32](k, values, indices, x, axis)
	case value.I64:
		selectTop[int64](k, values, indices, x, axis)
	case value.U8:
		selectTop[uint8](k, values, indices, x, axis)
	case value.U16:
		selectTop[uint16](k, values, indices, x, axis)
	case value.U32:
		selectTop[uint32](k, values, indices, x, axis)
	case value.U64:
		selectTop[uint64](k, values, indices, x, axis)
	default:
		return notFor(x.Kind)
	}
	return nil
}

// nanLast compares as cmp.Compare does, but has NaN greater than every number.
func nanLast[T value.Number](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	case a == a: // b is NaN
		return -1
	case b == b:
		return 1
	}
	return 0
}

func selectTop[T value.Number](k *topK, values, indices, x *value.Value, axis int) {
	src, dst, at := value.Data[T](x), value.Data[T](values), value.Data[int64](indices)
	n, count := x.Shape[axis], values.Shape[axis]
	outer, inner := insideOut(x.Shape, axis)
	line := make([]T, n)
	before := func(a, b int32) int { // of indices in the line
		d := nanLast(line[a], line[b])
		if k.largest {
			d = -d
		}
		return cmp.Or(d, cmp.Compare(a, b))
	}
	for o := range outer {
		for i := range inner {
			for j := range line {
				line[j] = src[(o*n+j)*inner+i]
			}
			k.order = best(k.order, n, count, before)
			for j, e := range k.order {
				to := (o*count+j)*inner + i
				dst[to], at[to] = line[e], int64(e)
			}
		}
	}
}

// best gives the first count of the numbers below n in the order that before says. It keeps the best so far in a heap whose root is the last of them.
func best(heap []int32, n, count int, before func(a, b int32) int) []int32 {
	heap = heap[:0]
	for i := range count {
		heap = append(heap, int32(i))
	}
	down := func(i int) {
		for {
			c := 2*i + 1
			if c >= count {
				return
			}
			if c+1 < count && before(heap[c], heap[c+1]) < 0 {
				c++
			}
			if before(heap[c], heap[i]) < 0 {
				return
			}
			heap[i], heap[c] = heap[c], heap[i]
			i = c
		}
	}
	for i := count/2 - 1; i >= 0; i-- {
		down(i)
	}
	for i := count; i < n; i++ {
		if before(int32(i), heap[0]) < 0 {
			heap[0] = int32(i)
			down(0)
		}
	}
	slices.SortFunc(heap, before)
	return heap
}

// unique keeps of equal elements, or equal slices along an axis, the first. NaN equals NaN, and comes last.
type unique struct {
	axis         int
	flat, sorted bool
	rows         rows
}

func (k *unique) Run(c *Call) error {
	x := c.In[0]
	shape, inverse, counts, err := k.find(x)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil {
		return err
	}
	k.rows.gather(out, x)
	indices := make([]int64, len(counts))
	for i, at := range k.rows.places {
		indices[i] = int64(at / k.rows.inner)
	}
	for i, list := range [][]int64{indices, inverse, counts} {
		if !c.Needs(i + 1) {
			continue
		}
		v, err := c.Result(i+1, format.Int64, len(list))
		if err != nil {
			return err
		}
		copy(value.Data[int64](v), list)
	}
	return nil
}

// find notes the rows that are kept, and gives the shape of the result, the group of each row and the sizes of the groups.
func (k *unique) find(x *value.Value) (shape []int, inverse, counts []int64, err error) {
	shape, axis := []int{x.Len()}, 0
	if !k.flat {
		if axis, err = axisWithin(k.axis, len(x.Shape)); err != nil {
			return nil, nil, nil, err
		}
		shape = slices.Clone(x.Shape)
	}
	var compare func(a, b int) int
	switch x.Memory() {
	case value.F32:
		compare = compareSlices(value.Data[float32](x), shape, axis)
	case value.F64:
		compare = compareSlices(value.Data[float64](x), shape, axis)
	case value.I8:
		compare = compareSlices(value.Data[int8](x), shape, axis)
	case value.I16:
		compare = compareSlices(value.Data[int16](x), shape, axis)
	case value.I32:
		compare = compareSlices(value.Data[int32](x), shape, axis)
	case value.I64:
		compare = compareSlices(value.Data[int64](x), shape, axis)
	case value.U16:
		compare = compareSlices(value.Data[uint16](x), shape, axis)
	case value.U32:
		compare = compareSlices(value.Data[uint32](x), shape, axis)
	case value.U64:
		compare = compareSlices(value.Data[uint64](x), shape, axis)
	default:
		compare = compareSlices(value.Bits[uint8](x), shape, axis)
	}
	if x.Len() == 0 && shape[axis] > 0 {
		return nil, nil, nil, fmt.Errorf("input is %s, its slices along axis %d must have elements", x, axis)
	}
	first, inverse, counts := groups(shape[axis], k.sorted, compare)
	r := &k.rows
	r.outer, r.inner = insideOut(shape, axis)
	r.step, r.places = shape[axis]*r.inner, r.places[:0]
	for _, f := range first {
		r.places = append(r.places, f*r.inner)
	}
	shape[axis] = len(first)
	return shape, inverse, counts, nil
}

// compareSlices makes a function that compares two slices along an axis, element by element.
func compareSlices[T value.Number](x []T, shape []int, axis int) func(a, b int) int {
	outer, inner := insideOut(shape, axis)
	n := shape[axis]
	return func(a, b int) int {
		for o := range outer {
			for i := range inner {
				if d := nanLast(x[(o*n+a)*inner+i], x[(o*n+b)*inner+i]); d != 0 {
					return d
				}
			}
		}
		return 0
	}
}

// groups puts the numbers below n that compare as equal together: the first of each group, of each number the group, and the sizes.
func groups(n int, sorted bool, compare func(a, b int) int) (first []int, inverse, counts []int64) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(compare(a, b), a-b) })
	inverse = make([]int64, n)
	for i, e := range order {
		if i == 0 || compare(order[i-1], e) != 0 {
			first, counts = append(first, e), append(counts, 0)
		}
		inverse[e] = int64(len(first) - 1)
		counts[len(first)-1]++
	}
	if sorted {
		return first, inverse, counts
	}
	byFirst := make([]int, len(first)) // groups in the order of their first numbers
	for i := range byFirst {
		byFirst[i] = i
	}
	slices.SortFunc(byFirst, func(a, b int) int { return first[a] - first[b] })
	rank := make([]int64, len(first))
	newFirst, newCounts := make([]int, len(first)), make([]int64, len(first))
	for i, g := range byFirst {
		rank[g], newFirst[i], newCounts[i] = int64(i), first[g], counts[g]
	}
	for i, g := range inverse {
		inverse[i] = rank[g]
	}
	return newFirst, inverse, newCounts
}

// nonZero lists the coordinates of the elements that are not 0, a row for each dimension. A scalar has no dimension, so that there is no row.
type nonZero struct{ places []int }

func (k *nonZero) Run(c *Call) error {
	x := c.In[0]
	k.places = k.places[:0]
	switch x.Memory() {
	case value.F32:
		k.places = appendNonZero(k.places, value.Data[float32](x))
	case value.F64:
		k.places = appendNonZero(k.places, value.Data[float64](x))
	case value.I64, value.U64:
		k.places = appendNonZero(k.places, value.Bits[uint64](x))
	case value.I32, value.U32:
		k.places = appendNonZero(k.places, value.Bits[uint32](x))
	case value.I16, value.U16:
		k.places = appendNonZero(k.places, value.Bits[uint16](x))
	default:
		k.places = appendNonZero(k.places, value.Bits[uint8](x))
	}
	n := len(k.places)
	out, err := c.Result(0, format.Int64, len(x.Shape), n)
	if err != nil || n == 0 {
		return err
	}
	dst, stride := value.Data[int64](out), x.Len()
	for i, d := range x.Shape {
		stride /= d
		for j, at := range k.places {
			dst[i*n+j] = int64(at / stride % d)
		}
	}
	return nil
}

func appendNonZero[T value.Number](places []int, x []T) []int {
	for i, e := range x {
		if e != 0 {
			places = append(places, i)
		}
	}
	return places
}

// oneHot puts the second of two values where the indices say, along a new axis, and the first everywhere else.
type oneHot struct {
	axis   int
	places []int
	region grid
}

func (k *oneHot) Run(c *Call) error {
	indices, values := c.In[0], c.In[2]
	depth, err := oneNumber(c.In[1], "depth")
	if err != nil {
		return err
	}
	if !(depth >= 0 && depth < 1<<40) {
		return fmt.Errorf("depth is %v, must be 0 or more", depth)
	}
	if values.Len() != 2 {
		return fmt.Errorf("values are %s, must be two elements", values)
	}
	axis, err := axisWithin(k.axis, len(indices.Shape)+1)
	if err != nil {
		return err
	}
	n := int(depth)
	if err := k.find(indices, axis, n); err != nil {
		return err
	}
	out, err := c.Result(0, values.Kind, slices.Insert(slices.Clone(indices.Shape), axis, n)...)
	if err != nil || out.Len() == 0 {
		return err
	}
	r := &k.region
	r.reset()
	r.add(out.Len(), 1, 0)
	r.copy(out, 0, values, 0)
	switch values.Memory().Size() {
	case 1:
		putOne(value.Bits[uint8](out), k.places, value.Bits[uint8](values)[1])
	case 2:
		putOne(value.Bits[uint16](out), k.places, value.Bits[uint16](values)[1])
	case 4:
		putOne(value.Bits[uint32](out), k.places, value.Bits[uint32](values)[1])
	case 8:
		putOne(value.Bits[uint64](out), k.places, value.Bits[uint64](values)[1])
	}
	return nil
}

// find notes where the indices, below n, stand along an axis.
func (k *oneHot) find(indices *value.Value, axis, n int) error {
	hot, err := wholeNumbers(indices)
	if err != nil {
		return err
	}
	inner := volume(indices.Shape[axis:])
	k.places = k.places[:0]
	for i, e := range hot {
		if j, err := indexWithin(e, n); err == nil {
			k.places = append(k.places, (i/inner*n+j)*inner+i%inner)
		}
	}
	return nil
}

func putOne[T word](dst []T, places []int, e T) {
	for _, at := range places {
		dst[at] = e
	}
}

// wholeNumbers gives numbers as int64, fractions cut off. What is no int64, NaN included, becomes the least one.
func wholeNumbers(v *value.Value) ([]int64, error) {
	switch v.Memory() {
	case value.F32:
		return truncated(value.Data[float32](v)), nil
	case value.F64:
		return truncated(value.Data[float64](v)), nil
	case value.U64:
		list := make([]int64, v.Len())
		for i, e := range value.Data[uint64](v) {
			list[i] = int64(min(e, math.MaxInt64))
		}
		return list, nil
	}
	return value.Integers(v)
}

func truncated[T float32 | float64](x []T) []int64 {
	list := make([]int64, len(x))
	for i, e := range x {
		list[i] = math.MinInt64
		if f := float64(e); math.Abs(f) < 1<<63 {
			list[i] = int64(f)
		}
	}
	return list
}
