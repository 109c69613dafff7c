package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var causalConvs = []Operator{
	{Name: "CausalConvWithState", Since: 27, In: [2]int{2, 4}, Out: [2]int{1, 2}, Make: newCausalConv},
}

// causalConv is CausalConvWithState: each channel of x [batch, channels, length] is correlated with its own k taps, which look back; what is
// before the input comes from the past state, or is 0. The state is the last k−1 elements.
type causalConv struct{ silu bool }

func newCausalConv(n *Node) (Kernel, error) {
	return &causalConv{silu: n.Text("activation", "none", "none", "silu", "swish") != "none"}, nil
}

func (k *causalConv) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return causalConvRun[float32](k, c) }, func() error { return causalConvRun[float64](k, c) })
}

func causalConvRun[T simd.Float](k *causalConv, c *Call) error {
	x, w := c.In[0], c.In[1]
	if len(x.Shape) != 3 || len(w.Shape) != 3 || w.Shape[0] != x.Shape[1] || w.Shape[1] != 1 || w.Shape[2] == 0 {
		return fmt.Errorf("input is %s and weight %s, must have shapes [batch,channels,length] and [channels,1,taps]", x, w)
	}
	channels, length, taps := x.Shape[1], x.Shape[2], w.Shape[2]
	weight, err := floatsAs[T](w)
	if err != nil {
		return err
	}
	var shift, past []T
	if v := c.Input(2); v != nil {
		if shift, err = vector[T](v, "bias", channels); err != nil {
			return err
		}
	}
	shape := []int{x.Shape[0], channels, taps - 1}
	if v := c.Input(3); v != nil {
		if !slices.Equal(v.Shape, shape) {
			return fmt.Errorf("past_state is %s, must have shape %v", v, shape)
		}
		if past, err = floatsAs[T](v); err != nil {
			return err
		}
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	last, err := c.Result(1, x.Kind, shape...)
	if err != nil || out.Len()+last.Len() == 0 {
		return err
	}
	src, dst, state := value.Data[T](x), value.Data[T](out), value.Data[T](last)
	inParts(x.Shape[0]*channels, (length+taps)*taps, func(from, to int) {
		row := make([]T, taps-1+length)
		for i := from; i < to; i++ {
			if past != nil {
				copy(row, past[i*(taps-1):(i+1)*(taps-1)])
			}
			copy(row[taps-1:], src[i*length:(i+1)*length])
			y := dst[i*length : (i+1)*length]
			clear(y)
			for j, e := range weight[i%channels*taps : (i%channels+1)*taps] {
				simd.AXPY(y, e, row[j:j+length])
			}
			if shift != nil {
				simd.AddScalar(y, y, shift[i%channels])
			}
			if k.silu {
				simd.SiLU(y, y)
			}
			copy(state[i*(taps-1):(i+1)*(taps-1)], row[length:])
		}
	})
	return nil
}
