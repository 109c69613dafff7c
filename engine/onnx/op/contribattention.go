package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

// headed is what the contributed attentions have in common. Keys that a mask hides get a number added to their scores, by default −10000.
type headed struct {
	heads  int
	scale  float64 // NaN: 1/√size
	hide   float64
	causal bool
	f32    contribution[float32]
	f64    contribution[float64]
}

// contribution is the state of a contributed attention.
type contribution[T simd.Float] struct {
	attend[T]
	packed [3][]T // query, key and value with their biases
	hidden []T
}

func (k *headed) read(n *Node) error {
	*k = headed{
		heads: n.Int("num_heads", 0), scale: scaleOf(n), hide: float64(n.Float("mask_filter_value", -10000)),
		causal: n.Bool("unidirectional", false),
	}
	if k.heads <= 0 {
		return fmt.Errorf("attribute \"num_heads\" is %d, must be positive", k.heads)
	}
	if k.scale == 0 {
		k.scale = math.NaN()
	}
	return nil
}

// see reads the masks of attention of what q, k and v of a hold, with past keys in front of them.
func (a *contribution[T]) see(k *headed, padding, bias *value.Value, past int) error {
	if err := a.checkSizes(); err != nil {
		return err
	}
	a.masks = a.masks[:0]
	if err := a.addMask(bias); err != nil {
		return err
	}
	if err := a.hide(padding, T(k.hide)); err != nil {
		return err
	}
	a.causal, a.left, a.right = k.causal, -1, -1
	a.setScale(k.scale)
	return a.positions(nil, past)
}

// hide makes a mask of what says which keys count: [batch] lengths, or [batch, keys] or [batch, rows, keys] of zeros and ones; nil for no mask.
func (a *contribution[T]) hide(v *value.Value, number T) error {
	if v == nil {
		return nil
	}
	x, err := value.Integers(v)
	if err != nil {
		return fmt.Errorf("mask: %w", err)
	}
	batch, rows, columns := a.q.batch, a.q.rows, a.k.rows
	m := bias[T]{columns: columns, strides: [3]int{columns, 0, 0}}
	switch {
	case slices.Equal(v.Shape, []int{batch}):
		a.hidden = scratch.Sized(a.hidden, batch*columns)
		for i := range a.hidden {
			a.hidden[i] = 0
			if int64(i%columns) >= x[i/columns] {
				a.hidden[i] = number
			}
		}
	case slices.Equal(v.Shape, []int{batch, columns}), slices.Equal(v.Shape, []int{batch, rows, columns}):
		a.hidden = scratch.Sized(a.hidden, len(x))
		for i, e := range x {
			a.hidden[i] = 0
			if e == 0 {
				a.hidden[i] = number
			}
		}
		if len(v.Shape) == 3 {
			m.strides = [3]int{rows * columns, 0, columns}
		}
	default:
		return fmt.Errorf("mask is %s, must have shape [%d], [%d,%d] or [%d,%d,%d]", v, batch, batch, columns, batch, rows, columns)
	}
	m.add = a.hidden
	a.masks = append(a.masks, m)
	return nil
}

// multiHead is MultiHeadAttention of query, key and value, each [batch, rows, heads·size] — key and value also [batch, heads, rows, size] —
// with a bias for each, a mask of keys, a number added to each score, and past keys and values.
type multiHead struct{ headed }

func newMultiHead(n *Node) (Kernel, error) {
	k := new(multiHead)
	if err := k.read(n); err != nil {
		return nil, err
	}
	if !n.HasInput(1) || !n.HasInput(2) {
		return nil, fmt.Errorf("packed queries, keys and values are not supported: inputs 1 and 2 must be there")
	}
	if n.HasInput(6) != n.HasInput(7) {
		return nil, fmt.Errorf("has one of past_key and past_value, must have both or neither")
	}
	return k, nil
}

func (k *multiHead) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return multiHeadRun(k, &k.f32, c) }, func() error { return multiHeadRun(k, &k.f64, c) })
}

func multiHeadRun[T simd.Float](k *multiHead, a *contribution[T], c *Call) error {
	if err := multiHeadOperands(k, a, c); err != nil {
		return err
	}
	if err := a.output(c, 3); err != nil {
		return err
	}
	a.run()
	return nil
}

// multiHeadOperands reads the inputs.
func multiHeadOperands[T simd.Float](k *multiHead, a *contribution[T], c *Call) (err error) {
	if len(c.In[0].Shape) != 3 {
		return fmt.Errorf("query is %s, must have three dimensions", c.In[0])
	}
	at := 0
	for i, h := range []*heads[T]{&a.q, &a.k, &a.v} {
		name := [...]string{"query", "key", "value"}[i]
		if *h, err = headsOf[T](c.In[i], name, k.heads); err != nil {
			return err
		}
		if len(c.In[i].Shape) == 3 {
			if err := a.shift(h, i, c.Input(3), at); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		at += h.heads * h.size
	}
	past := 0
	if old := c.Input(6); old != nil && len(old.Shape) == 4 {
		past = old.Shape[2]
	}
	if a.k, err = present(c, 6, 1, c.In[1], a.k); err != nil {
		return err
	}
	if a.v, err = present(c, 7, 2, c.In[2], a.v); err != nil {
		return err
	}
	return a.see(&k.headed, c.Input(4), c.Input(5), past)
}

// shift adds the biases from an element on to rows of heads that lie one behind the other.
func (a *contribution[T]) shift(h *heads[T], i int, bias *value.Value, at int) error {
	if bias == nil {
		return nil
	}
	width := h.heads * h.size
	b, err := floatsAs[T](bias)
	if err != nil {
		return err
	}
	if len(bias.Shape) != 1 || at+width > len(b) {
		return fmt.Errorf("bias is %s, must have one dimension, of the widths of query, key and value", bias)
	}
	a.packed[i] = scratch.Sized(a.packed[i], len(h.data))
	simd.AddRow(a.packed[i], h.data, b[at:at+width], len(h.data)/max(1, width), width)
	h.data = a.packed[i]
	return nil
}

// packedAttention is the contributed Attention: query, key and value are x·weights + bias, side by side.
type packedAttention struct {
	headed
	sizes []int // of query, key and value; nil: thirds
}

func newPackedAttention(n *Node) (Kernel, error) {
	k := &packedAttention{sizes: n.Ints("qkv_hidden_sizes")}
	if err := k.read(n); err != nil {
		return nil, err
	}
	if n.Bool("do_rotary", false) || n.Bool("past_present_share_buffer", false) || n.HasInput(6) {
		return nil, fmt.Errorf("rotary embeddings and shared buffers of the past are not supported: attributes \"do_rotary\" and \"past_present_share_buffer\" must be 0")
	}
	n.Int("rotary_embedding_dim", 0)
	if k.sizes != nil && len(k.sizes) != 3 || slices.ContainsFunc(k.sizes, func(s int) bool { return s <= 0 || s%k.heads != 0 }) {
		return nil, fmt.Errorf("attribute \"qkv_hidden_sizes\" is %v, must be three multiples of the %d heads", k.sizes, k.heads)
	}
	return k, nil
}

func (k *packedAttention) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return packedAttentionRun(k, &k.f32, c) }, func() error { return packedAttentionRun(k, &k.f64, c) })
}

func packedAttentionRun[T simd.Float](k *packedAttention, a *contribution[T], c *Call) error {
	if err := packedOperands(k, a, c); err != nil {
		return err
	}
	if err := a.output(c, 3); err != nil {
		return err
	}
	a.run()
	return nil
}

// packedOperands reads the inputs and computes query, key and value.
func packedOperands[T simd.Float](k *packedAttention, a *contribution[T], c *Call) error {
	x, w := c.In[0], c.In[1]
	if len(x.Shape) != 3 || len(w.Shape) != 2 || w.Shape[0] != x.Shape[2] || w.Memory() != x.Memory() {
		return fmt.Errorf("input is %s and weights %s, must have shapes [batch,rows,width] and [width,columns], and one type", x, w)
	}
	columns, rows := w.Shape[1], x.Shape[0]*x.Shape[1]
	sizes := k.sizes
	if sizes == nil {
		sizes = []int{columns / 3, columns / 3, columns / 3}
	}
	if sizes[0]+sizes[1]+sizes[2] != columns || sizes[0]%k.heads != 0 || columns == 0 {
		return fmt.Errorf("weights are %s, must have columns for query, key and value of %d heads", w, k.heads)
	}
	if rows > scratchLimit/columns {
		return fmt.Errorf("%d rows of %d columns are more than %d elements, the limit", rows, columns, scratchLimit)
	}
	var e gemm.Epilogue[T]
	if b := c.Input(2); b != nil {
		var err error
		if e.Bias, err = vector[T](b, "bias", columns); err != nil {
			return err
		}
	}
	all := scratch.Sized(a.packed[0], rows*columns)
	a.packed[0] = all
	gemm.MulEpilogue(false, false, rows, columns, w.Shape[0], value.Data[T](x), w.Shape[0], value.Data[T](w), columns, 0, all, columns, e)
	at := 0
	for i, h := range []*heads[T]{&a.q, &a.k, &a.v} {
		*h = heads[T]{
			data: all[min(at, len(all)):], batch: x.Shape[0], heads: k.heads, rows: x.Shape[1], size: sizes[i] / k.heads,
			perBatch: x.Shape[1] * columns, perHead: sizes[i] / k.heads, perRow: columns,
		}
		at += sizes[i]
	}
	past, err := a.withPast(c, x)
	if err != nil {
		return err
	}
	return a.see(&k.headed, c.Input(3), c.Input(5), past)
}

// withPast puts keys and values behind past ones, which lie one behind the other in one tensor [2, batch, heads, rows, size].
func (a *contribution[T]) withPast(c *Call, x *value.Value) (past int, err error) {
	old := c.Input(4)
	if old == nil && !c.Needs(1) {
		return 0, nil
	}
	var was []T
	if old != nil {
		if len(old.Shape) != 5 || old.Shape[0] != 2 || old.Shape[1] != a.k.batch || old.Shape[2] != a.k.heads || old.Shape[4] != a.k.size {
			return 0, fmt.Errorf("past is %s, must have shape [2,%d,%d,past,%d]", old, a.k.batch, a.k.heads, a.k.size)
		}
		past = old.Shape[3]
		if was, err = floatsAs[T](old); err != nil {
			return 0, fmt.Errorf("past: %w", err)
		}
	}
	if a.k.size != a.v.size {
		return 0, fmt.Errorf("heads of keys and values have %d and %d elements, must have as many for a past", a.k.size, a.v.size)
	}
	shape := []int{2, a.k.batch, a.k.heads, past + a.k.rows, a.k.size}
	var both []T
	if c.Needs(1) {
		v, err := c.Result(1, x.Kind, shape...)
		if err != nil {
			return 0, err
		}
		both = value.Data[T](v)
	} else {
		both = make([]T, volume(shape))
	}
	half := len(both) / 2
	for i, h := range []*heads[T]{&a.k, &a.v} {
		all := both[i*half : (i+1)*half]
		if old != nil {
			p := splitHeads(was[i*len(was)/2:(i+1)*len(was)/2], old.Shape[1:])
			p.appendTo(all, 0, shape[3])
		}
		h.appendTo(all, past, shape[3])
		*h = splitHeads(all, shape[1:])
	}
	return past, nil
}
