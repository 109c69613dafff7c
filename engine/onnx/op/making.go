package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

var making = []Operator{
	{Name: "Trilu", Since: 14, In: [2]int{1, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return &trilu{upper: n.Bool("upper", true)}, nil }},
	{Name: "EyeLike", Since: 9, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: makeEyeLike},
	{Name: "Range", Since: 11, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: makeRange},
	{Name: "Range", Since: 27, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: makeRange},
}

// trilu keeps the elements on and above a diagonal of matrices, or on and below it; the others are 0. The diagonal begins k columns to the right.
type trilu struct{ upper bool }

func (k *trilu) Run(c *Call) error {
	x := c.In[0]
	if len(x.Shape) < 2 {
		return fmt.Errorf("input 0 is %s, must have rank 2 or more", x)
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	return k.keep(out, x, c.Input(1))
}

// keep fills out from x. The diagonal may be missing: 0.
func (k *trilu) keep(out, x, first *value.Value) error {
	diagonal, rank := 0, len(x.Shape)
	if first != nil {
		var err error
		if diagonal, err = scalarOf(first, "the diagonal"); err != nil {
			return err
		}
	}
	rows, cols := x.Shape[rank-2], x.Shape[rank-1]
	diagonal = max(-rows, min(diagonal, cols))
	switch x.Memory().Size() {
	case 1:
		triangle(k.upper, value.Bits[uint8](out), value.Bits[uint8](x), rows, cols, diagonal)
	case 2:
		triangle(k.upper, value.Bits[uint16](out), value.Bits[uint16](x), rows, cols, diagonal)
	case 4:
		triangle(k.upper, value.Bits[uint32](out), value.Bits[uint32](x), rows, cols, diagonal)
	default:
		triangle(k.upper, value.Bits[uint64](out), value.Bits[uint64](x), rows, cols, diagonal)
	}
	return nil
}

func triangle[T word](upper bool, dst, x []T, rows, cols, diagonal int) {
	for at, i := 0, 0; at < len(dst); at, i = at+cols, (i+1)%rows {
		row, from := dst[at:at+cols], x[at:at+cols]
		clear(row)
		if upper {
			if first := max(0, i+diagonal); first < cols {
				copy(row[first:], from[first:])
			}
		} else if end := min(cols, i+diagonal+1); end > 0 {
			copy(row[:end], from[:end])
		}
	}
}

// eyeLike gives a matrix with ones on a diagonal and zeros elsewhere.
type eyeLike struct {
	kind     format.DataType // Undefined: that of the input
	diagonal int
}

func makeEyeLike(n *Node) (Kernel, error) {
	k := &eyeLike{diagonal: n.Int("k", 0)}
	if n.Has("dtype") {
		k.kind = n.Kind("dtype", format.Float)
	}
	return k, nil
}

func (k *eyeLike) Run(c *Call) error {
	x, kind := c.In[0], k.kind
	if len(x.Shape) != 2 {
		return fmt.Errorf("input 0 is %s, must have rank 2", x)
	}
	if kind == format.Undefined {
		kind = x.Kind
	}
	out, err := c.Result(0, kind, x.Shape...)
	if err != nil {
		return err
	}
	switch out.Memory() {
	case value.F32:
		eye(value.Data[float32](out), 1, x.Shape, k.diagonal)
	case value.F64:
		eye(value.Data[float64](out), 1, x.Shape, k.diagonal)
	default: // integers and truth values, whose 1 has one bit
		switch out.Memory().Size() {
		case 1:
			eye(value.Bits[uint8](out), 1, x.Shape, k.diagonal)
		case 2:
			eye(value.Bits[uint16](out), 1, x.Shape, k.diagonal)
		case 4:
			eye(value.Bits[uint32](out), 1, x.Shape, k.diagonal)
		default:
			eye(value.Bits[uint64](out), 1, x.Shape, k.diagonal)
		}
	}
	return nil
}

func eye[T value.Number](dst []T, one T, shape []int, diagonal int) {
	clear(dst)
	rows, cols := shape[0], shape[1]
	if diagonal < -rows || diagonal > cols {
		return
	}
	for i := range rows {
		if j := i + diagonal; j >= 0 && j < cols {
			dst[i*cols+j] = one
		}
	}
}

// makeRange makes Range: start, start + delta, …, before limit. Narrow floats are computed in float32, as its attribute stash_type says by default, or rounded.
func makeRange(n *Node) (Kernel, error) {
	if n.Op.Since >= 27 {
		if s := n.Int("stash_type", 1); s != 1 {
			return nil, fmt.Errorf(`attribute "stash_type" is %d, only 1 is supported`, s)
		}
	}
	return KernelFunc(progression), nil
}

func progression(c *Call) error {
	start := c.In[0]
	for i, v := range c.In {
		if v.Kind != start.Kind || v.Len() != 1 {
			return fmt.Errorf("input %d is %s, must be one element of %s", i, v, start.Kind)
		}
	}
	switch start.Memory() {
	case value.F32:
		return floatRange[float32](c)
	case value.F64:
		return floatRange[float64](c)
	case value.I16:
		return integerRange[int16](c)
	case value.I32:
		return integerRange[int32](c)
	case value.I64:
		return integerRange[int64](c)
	}
	return notFor(start.Kind)
}

// longest is more elements than memory has.
const longest = 1 << 48

func floatRange[T float32 | float64](c *Call) error {
	start, limit, delta := value.Data[T](c.In[0])[0], value.Data[T](c.In[1])[0], value.Data[T](c.In[2])[0]
	n := math.Ceil((float64(limit) - float64(start)) / float64(delta))
	if !(n < longest) { // delta is 0, or one is NaN or infinite
		return fmt.Errorf("from %v to %v by %v there is no end", start, limit, delta)
	}
	out, err := c.Result(0, c.In[0].Kind, max(0, int(n)))
	if err != nil {
		return err
	}
	dst := value.Data[T](out)
	for i := range dst {
		dst[i] = start + T(T(i)*delta)
	}
	return nil
}

func integerRange[T int16 | int32 | int64](c *Call) error {
	start, limit, delta := value.Data[T](c.In[0])[0], value.Data[T](c.In[1])[0], value.Data[T](c.In[2])[0]
	if delta == 0 {
		return fmt.Errorf("from %v to %v by %v there is no end", start, limit, delta)
	}
	n := uint64(0)
	switch {
	case delta > 0 && start < limit:
		n = (uint64(limit)-uint64(start)-1)/uint64(delta) + 1
	case delta < 0 && start > limit:
		n = (uint64(start)-uint64(limit)-1)/-uint64(delta) + 1
	}
	if n > longest {
		return fmt.Errorf("from %v to %v by %v there are %d elements", start, limit, delta, n)
	}
	out, err := c.Result(0, c.In[0].Kind, int(n))
	if err != nil {
		return err
	}
	dst := value.Data[T](out)
	for i := range dst {
		dst[i] = start + T(i)*delta
	}
	return nil
}
