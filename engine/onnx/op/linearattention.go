package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

var linearAttentions = []Operator{
	{Name: "LinearAttention", Since: 27, In: [2]int{3, 6}, Out: [2]int{1, 2}, Make: newLinearAttention},
}

// linearAttention is LinearAttention: of each head of keys a state S [size, width] goes through the steps,
//
//	S ← exp(g)·S                   with a gate
//	v ← β·(v − Sᵀk)                with delta
//	S ← S + k⊗v, y = scale·Sᵀq
//
// in float32, or float64 for inputs of that type. Each head of keys serves a group of heads of queries.
type linearAttention struct {
	heads, kvHeads int
	scale          float64 // 0: 1/√size
	gated, delta   bool
}

func newLinearAttention(n *Node) (Kernel, error) {
	k := &linearAttention{heads: n.Int("q_num_heads", 0), kvHeads: n.Int("kv_num_heads", 0), scale: float64(n.Float("scale", 0))}
	n.Int("chunk_size", 64) // how others cut the steps; it does not change the result
	rule := n.Text("update_rule", "gated_delta", "linear", "gated", "delta", "gated_delta")
	k.gated, k.delta = rule == "gated" || rule == "gated_delta", rule == "delta" || rule == "gated_delta"
	switch {
	case k.heads <= 0 || k.kvHeads <= 0 || k.heads%k.kvHeads != 0:
		return nil, fmt.Errorf("%d heads of queries and %d of keys, the first must be a multiple of the second", k.heads, k.kvHeads)
	case n.HasInput(4) != k.gated:
		return nil, fmt.Errorf("update_rule %q and an input decay: rules with gated must have it, others must not", rule)
	case n.HasInput(5) != k.delta:
		return nil, fmt.Errorf("update_rule %q and an input beta: rules with delta must have it, others must not", rule)
	}
	return k, nil
}

func (k *linearAttention) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return linearAttentionRun[float32](k, c) }, func() error { return linearAttentionRun[float64](k, c) })
}

func linearAttentionRun[T simd.Float](k *linearAttention, c *Call) error {
	l, err := linearOperands[T](k, c)
	if err != nil {
		return err
	}
	q, v := &l.q, &l.v
	out, err := c.Result(0, c.In[0].Kind, q.batch, q.rows, k.heads*v.size)
	if err != nil {
		return err
	}
	l.y = packedHeads(value.Data[T](out), q.batch, q.rows, k.heads, v.size)
	if err := l.initial(c); err != nil {
		return err
	}
	inParts(q.batch*k.kvHeads, q.rows*q.size*v.size, func(from, to int) {
		exp, moved := make([]T, q.size), make([]T, v.size)
		for i := from; i < to; i++ {
			l.head(i/k.kvHeads, i%k.kvHeads, exp, moved)
		}
	})
	return nil
}

// linearOperands reads the inputs, but the state.
func linearOperands[T simd.Float](k *linearAttention, c *Call) (*linearRun[T], error) {
	for i, name := range [...]string{"query", "key", "value"} {
		if len(c.In[i].Shape) != 3 {
			return nil, fmt.Errorf("%s is %s, must have three dimensions", name, c.In[i])
		}
	}
	q, err := headsOf[T](c.In[0], "query", k.heads)
	if err != nil {
		return nil, err
	}
	key, err := headsOf[T](c.In[1], "key", k.kvHeads)
	if err != nil {
		return nil, err
	}
	v, err := headsOf[T](c.In[2], "value", k.kvHeads)
	if err != nil {
		return nil, err
	}
	if q.batch != key.batch || q.batch != v.batch || q.rows != key.rows || q.rows != v.rows || q.size != key.size || q.size == 0 || v.size == 0 {
		return nil, fmt.Errorf("query %s, key %s and value %s must have the same batch and steps, queries the size of keys, and heads elements", c.In[0], c.In[1], c.In[2])
	}
	l := &linearRun[T]{linearAttention: k, q: q, k: key, v: v, scale: T(k.scale)}
	if k.scale == 0 {
		l.scale = T(1 / math.Sqrt(float64(q.size)))
	}
	if l.decay, l.decays, err = gate[T](c, 4, q, k.kvHeads, k.kvHeads*q.size); err != nil {
		return nil, err
	}
	if l.beta, l.betas, err = gate[T](c, 5, q, k.kvHeads, 1); err != nil {
		return nil, err
	}
	return l, nil
}

// linearRun is one call of linearAttention.
type linearRun[T simd.Float] struct {
	*linearAttention
	q, k, v, y    heads[T]
	scale         T
	decay, beta   []T
	decays, betas int // elements a step
	state         []T // [batch, heads of keys, size, width]
}

// gate reads an input of numbers of each step, of one of two widths.
func gate[T simd.Float](c *Call, i int, q heads[T], a, b int) (x []T, width int, err error) {
	v := c.Input(i)
	if v == nil {
		return nil, 0, nil
	}
	if len(v.Shape) != 3 || v.Shape[0] != q.batch || v.Shape[1] != q.rows || v.Shape[2] != a && v.Shape[2] != b {
		return nil, 0, fmt.Errorf("input %d is %s, must have shape [%d,%d,%d] or [%d,%d,%d]", i, v, q.batch, q.rows, a, q.batch, q.rows, b)
	}
	x, err = floatsAs[T](v)
	return x, v.Shape[2], err
}

// initial makes the state of the past one, or of zeros, in the memory of the output where that is asked for.
func (l *linearRun[T]) initial(c *Call) error {
	shape := []int{l.q.batch, l.kvHeads, l.q.size, l.v.size}
	past, kind := c.Input(3), c.In[0].Kind
	if past != nil {
		if !slices.Equal(past.Shape, shape) {
			return fmt.Errorf("past_state is %s, must have shape %v", past, shape)
		}
		if past.Memory() != c.In[0].Memory() {
			return fmt.Errorf("past_state is %s, must be kept as the query is, %s", past, c.In[0].Kind)
		}
		kind = past.Kind
	}
	v, err := c.Result(1, kind, shape...)
	if err != nil {
		return err
	}
	l.state = value.Data[T](v)
	if past != nil {
		copy(l.state, value.Data[T](past))
	} else {
		clear(l.state)
	}
	return nil
}

// head runs through the steps of a head of keys.
func (l *linearRun[T]) head(batch, head int, exp, moved []T) {
	size, width := l.q.size, l.v.size
	at := (batch*l.kvHeads + head) * size * width
	state := l.state[at : at+size*width]
	for t := range l.q.rows {
		l.step(state, exp, moved, batch, head, t)
		group := l.heads / l.kvHeads
		for h := head * group; h < (head+1)*group; h++ {
			y := l.y.from(batch, h, t)[:width]
			clear(y)
			for i, e := range l.q.from(batch, h, t)[:size] {
				simd.AXPY(y, e, state[i*width:(i+1)*width])
			}
			simd.Scale(y, y, l.scale)
		}
	}
}

// step moves the state of a head of keys on by a step.
func (l *linearRun[T]) step(state, exp, moved []T, batch, head, t int) {
	width := l.v.size
	key, v := l.k.from(batch, head, t)[:l.q.size], l.v.from(batch, head, t)[:width]
	step := batch*l.q.rows + t
	if l.gated {
		l.fade(state, exp, step, head)
	}
	if l.delta {
		l.differ(moved, state, key, v)
		simd.Scale(moved, moved, l.beta[step*l.betas+min(head, l.betas-1)])
		v = moved
	}
	for i, e := range key {
		simd.AXPY(state[i*width:(i+1)*width], e, v)
	}
}

// differ computes v − Sᵀk.
func (l *linearRun[T]) differ(dst, state, key, v []T) {
	copy(dst, v)
	for i, e := range key {
		simd.AXPY(dst, -e, state[i*len(v):(i+1)*len(v)])
	}
}

// fade multiplies the state by the exponential of a step's decay: one number a head, or one a row of the state.
func (l *linearRun[T]) fade(state, exp []T, step, head int) {
	size, width := l.q.size, l.v.size
	if l.decays == l.kvHeads {
		simd.Exp(exp[:1], l.decay[step*l.decays+head:][:1])
		simd.Scale(state, state, exp[0])
		return
	}
	simd.Exp(exp, l.decay[step*l.decays+head*size:][:size])
	for i, e := range exp {
		simd.Scale(state[i*width:(i+1)*width], state[i*width:(i+1)*width], e)
	}
}
