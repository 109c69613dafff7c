package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var rotaries = []Operator{
	{Name: "RotaryEmbedding", Since: 23, In: [2]int{3, 4}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		k := &rotary{heads: n.Int("num_heads", 0), size: n.Int("rotary_embedding_dim", 0), interleaved: n.Bool("interleaved", false)}
		if k.size < 0 || k.size%2 != 0 {
			return nil, fmt.Errorf("attribute \"rotary_embedding_dim\" is %d, must be even and not negative", k.size)
		}
		return k, nil
	}},
}

// rotary is RotaryEmbedding: the first size elements of each head are turned in pairs (a, b) to (a·cos − b·sin, a·sin + b·cos), by the angles
// of the row's position. A pair is an element of the first half and its counterpart of the second, or two neighbours where interleaved.
type rotary struct {
	heads, size int // 0: as the input has it
	interleaved bool
}

func (k *rotary) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return rotaryRun[float32](k, c) }, func() error { return rotaryRun[float64](k, c) })
}

func rotaryRun[T simd.Float](k *rotary, c *Call) error {
	x, err := headsOf[T](c.In[0], "input", k.heads)
	if err != nil {
		return err
	}
	size := k.size
	if size == 0 {
		size = x.size
	}
	if size%2 != 0 || size > x.size {
		return fmt.Errorf("%d elements of a head of %d are turned, must be an even number of them", size, x.size)
	}
	angles, err := anglesOf[T](c, x.batch, x.rows, size/2)
	if err != nil {
		return err
	}
	out, err := c.Result(0, c.In[0].Kind, c.In[0].Shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	y := x
	y.data = value.Data[T](out)
	inParts(x.batch*x.rows, x.heads*x.size, func(from, to int) {
		for i := from; i < to; i++ {
			b, r := i/x.rows, i%x.rows
			cos, sin := angles.row(b, r)
			for h := range x.heads {
				dst, src := y.from(b, h, r)[:x.size], x.from(b, h, r)[:x.size]
				turn(dst[:size], src[:size], cos, sin, k.interleaved)
				copy(dst[size:], src[size:])
			}
		}
	})
	return nil
}

// angles are the cosines and sines of each row of each batch.
type angles[T simd.Float] struct {
	cos, sin   []T
	half, rows int
	positions  []int64 // of each row: its place in the tables; nil: tables have all rows of all batches
}

func anglesOf[T simd.Float](c *Call, batch, rows, half int) (*angles[T], error) {
	cos, sin, at := c.In[1], c.In[2], c.Input(3)
	a := &angles[T]{half: half, rows: rows}
	need := []int{batch, rows, half}
	if at != nil {
		if len(cos.Shape) != 2 {
			return nil, fmt.Errorf("table of cosines is %s, must have two dimensions with position_ids", cos)
		}
		need = []int{cos.Shape[0], half}
	}
	for _, v := range []*value.Value{cos, sin} {
		if !slices.Equal(v.Shape, need) {
			return nil, fmt.Errorf("tables of cosines and sines are %s and %s, must have shape %v", cos, sin, need)
		}
	}
	var err error
	if a.cos, err = floatsAs[T](cos); err != nil {
		return nil, err
	}
	if a.sin, err = floatsAs[T](sin); err != nil || at == nil {
		return a, err
	}
	if !slices.Equal(at.Shape, []int{batch, rows}) {
		return nil, fmt.Errorf("position_ids is %s, must have shape [%d,%d]", at, batch, rows)
	}
	if a.positions, err = value.Integers(at); err != nil {
		return nil, fmt.Errorf("position_ids: %w", err)
	}
	for i, p := range a.positions {
		if p < 0 || p >= int64(need[0]) {
			return nil, fmt.Errorf("position_ids has %d at element %d, must be in [0, %d]", p, i, need[0]-1)
		}
	}
	return a, nil
}

func (a *angles[T]) row(batch, row int) (cos, sin []T) {
	i := batch*a.rows + row
	if a.positions != nil {
		i = int(a.positions[i])
	}
	return a.cos[i*a.half : (i+1)*a.half], a.sin[i*a.half : (i+1)*a.half]
}

func turn[T simd.Float](dst, src, cos, sin []T, interleaved bool) {
	half := len(cos)
	if interleaved {
		for i := range half {
			a, b := src[2*i], src[2*i+1]
			dst[2*i] = T(a*cos[i]) - T(b*sin[i])
			dst[2*i+1] = T(a*sin[i]) + T(b*cos[i])
		}
		return
	}
	for i := range half {
		a, b := src[i], src[half+i]
		dst[i] = T(a*cos[i]) - T(b*sin[i])
		dst[half+i] = T(a*sin[i]) + T(b*cos[i])
	}
}
