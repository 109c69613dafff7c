package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

var attentions = []Operator{
	attentionOf(23, 6, false), attentionOf(24, 7, false), attentionOf(25, 7, true),
}

// attentionOf is a version of Attention: lengths of padded keys came with 24, windows with 25.
func attentionOf(since, inputs int, windows bool) Operator {
	return Operator{Name: "Attention", Since: since, In: [2]int{3, inputs}, Out: [2]int{1, 4}, Make: func(n *Node) (Kernel, error) {
		k := &attention{
			heads: n.Int("q_num_heads", 0), kvHeads: n.Int("kv_num_heads", 0), scale: scaleOf(n), softcap: float64(n.Float("softcap", 0)),
			causal: n.Bool("is_causal", false), left: -1, right: -1, mode: scoresMode(n.Int("qk_matmul_output_mode", 0)),
			precision: n.Kind("softmax_precision", format.Float),
		}
		if windows {
			k.left, k.right = n.Int("left_window_size", -1), n.Int("right_window_size", -1)
		}
		return k, k.check(n)
	}}
}

// scaleOf reads the attribute scale, NaN where there is none.
func scaleOf(n *Node) float64 {
	if !n.Has("scale") {
		return math.NaN()
	}
	return float64(n.Float("scale", 0))
}

// attention is Attention of query, key and value, each [batch, heads, rows, size] or [batch, rows, heads·size]. Query head h takes key head
// ⌊h·kv/q⌋. A row that sees no key gives 0.
type attention struct {
	heads, kvHeads int     // 0: the inputs tell
	scale          float64 // NaN: 1/√size
	softcap        float64
	causal         bool
	left, right    int
	mode           scoresMode
	precision      format.DataType
	f32            attend[float32]
	f64            attend[float64]
}

func (k *attention) check(n *Node) error {
	switch {
	case k.heads < 0 || k.kvHeads < 0 || k.kvHeads > 0 && k.heads%k.kvHeads != 0:
		return fmt.Errorf("%d heads of queries and %d of keys, the first must be a multiple of the second", k.heads, k.kvHeads)
	case k.mode < rawScores || k.mode > probabilities:
		return fmt.Errorf("attribute \"qk_matmul_output_mode\" is %d, must be in [0, 3]", k.mode)
	case k.left < -1 || k.right < -1:
		return fmt.Errorf("window is %d back and %d ahead, must be −1 or more", k.left, k.right)
	case !(k.softcap >= 0):
		return fmt.Errorf("attribute \"softcap\" is %v, must not be negative", k.softcap)
	case n.HasInput(4) != n.HasInput(5):
		return fmt.Errorf("has one of past_key and past_value, must have both or neither")
	case n.HasInput(6) && n.HasInput(4):
		return fmt.Errorf("has nonpad_kv_seqlen and past_key, must have only one")
	}
	return nil
}

func (k *attention) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return attentionRun(k, &k.f32, c) }, func() error { return attentionRun(k, &k.f64, c) })
}

func attentionRun[T simd.Float](k *attention, a *attend[T], c *Call) error {
	if err := attentionOperands(k, a, c); err != nil {
		return err
	}
	if err := a.output(c, len(c.In[0].Shape)); err != nil {
		return err
	}
	a.scores = nil
	if c.Needs(3) {
		v, err := c.Result(3, c.In[0].Kind, a.q.batch, a.q.heads, a.q.rows, a.k.rows)
		if err != nil {
			return err
		}
		a.scores = value.Data[T](v)
	}
	a.run()
	return nil
}

// attentionOperands reads the inputs.
func attentionOperands[T simd.Float](k *attention, a *attend[T], c *Call) (err error) {
	if a.q, err = headsOf[T](c.In[0], "query", k.heads); err != nil {
		return err
	}
	if a.k, err = headsOf[T](c.In[1], "key", k.kvHeads); err != nil {
		return err
	}
	if a.v, err = headsOf[T](c.In[2], "value", k.kvHeads); err != nil {
		return err
	}
	past := 0
	if c.Input(4) != nil {
		past = c.Input(4).Shape[min(2, len(c.Input(4).Shape)-1)]
	}
	if a.k, err = present(c, 4, 1, c.In[1], a.k); err != nil {
		return err
	}
	if a.v, err = present(c, 5, 2, c.In[2], a.v); err != nil {
		return err
	}
	if err := a.checkSizes(); err != nil {
		return err
	}
	a.masks = a.masks[:0]
	if err := a.addMask(c.Input(3)); err != nil {
		return err
	}
	if err := a.positions(c.Input(6), past); err != nil {
		return err
	}
	a.softcap, a.causal, a.left, a.right, a.mode = T(k.softcap), k.causal, k.left, k.right, k.mode
	a.wide = value.MemoryOf(k.precision) == value.F64
	a.setScale(k.scale)
	return nil
}

// addMask takes a mask, nil for none.
func (a *attend[T]) addMask(v *value.Value) error {
	if v == nil {
		return nil
	}
	m, err := biasOf[T](v, a.q.batch, a.q.heads, a.q.rows, a.k.rows)
	a.masks = append(a.masks, m)
	return err
}

// setScale takes scale, or 1/√size where that is NaN.
func (a *attend[T]) setScale(scale float64) {
	if scale != scale {
		scale = 1 / math.Sqrt(float64(a.q.size))
	}
	a.scale = T(scale)
}

func (a *attend[T]) checkSizes() error {
	q, k, v := &a.q, &a.k, &a.v
	switch {
	case q.batch != k.batch || q.batch != v.batch:
		return fmt.Errorf("query, key and value have batches of %d, %d and %d, must be the same", q.batch, k.batch, v.batch)
	case q.size != k.size:
		return fmt.Errorf("heads of query and key have %d and %d elements, must have the same", q.size, k.size)
	case k.rows != v.rows || k.heads != v.heads:
		return fmt.Errorf("key and value have %d and %d heads of %d and %d rows, must have the same", k.heads, v.heads, k.rows, v.rows)
	case q.size == 0 || v.size == 0:
		return fmt.Errorf("heads of query and value have %d and %d elements, must have some", q.size, v.size)
	case k.heads == 0 || q.heads%k.heads != 0:
		return fmt.Errorf("%d heads of queries and %d of keys, the first must be a multiple of the second", q.heads, k.heads)
	}
	return nil
}

// positions sets, of each batch, where the rows stand among the columns and how many columns count.
func (a *attend[T]) positions(valid *value.Value, past int) error {
	a.offset, a.valid = scratch.Sized(a.offset, a.q.batch), nil
	for i := range a.offset {
		a.offset[i] = past
	}
	if valid == nil {
		return nil
	}
	n, err := value.Integers(valid)
	if err != nil {
		return fmt.Errorf("nonpad_kv_seqlen: %w", err)
	}
	if len(n) != a.q.batch {
		return fmt.Errorf("nonpad_kv_seqlen is %s, must have shape [%d]", valid, a.q.batch)
	}
	for i, e := range n {
		if e < 0 || e > int64(a.k.rows) {
			return fmt.Errorf("nonpad_kv_seqlen[%d] is %d, must be in [0, %d]", i, e, a.k.rows)
		}
		a.valid = append(a.valid, int(e))
		a.offset[i] = int(e) - a.q.rows
	}
	return nil
}

// present puts rows behind those of input past, and gives the whole out as an output where it is asked for. Without either the rows stay as they are.
func present[T simd.Float](c *Call, past, out int, like *value.Value, rows heads[T]) (heads[T], error) {
	old := c.Input(past)
	if old == nil && !c.Needs(out) {
		return rows, nil
	}
	before, data := 0, []T(nil)
	if old != nil {
		if len(old.Shape) != 4 || old.Shape[0] != rows.batch || old.Shape[1] != rows.heads || old.Shape[3] != rows.size {
			return rows, fmt.Errorf("input %d is %s, must have shape [%d,%d,past,%d]", past, old, rows.batch, rows.heads, rows.size)
		}
		var err error
		if data, err = floatsAs[T](old); err != nil {
			return rows, fmt.Errorf("input %d: %w", past, err)
		}
		before = old.Shape[2]
	}
	shape := []int{rows.batch, rows.heads, before + rows.rows, rows.size}
	var all []T
	if c.Needs(out) {
		v, err := c.Result(out, like.Kind, shape...)
		if err != nil {
			return rows, err
		}
		if v.Memory() != value.MemoryOf(value.KindOf[T]()) {
			return rows, fmt.Errorf("input %d is %s, must be of the query's type", out, like)
		}
		all = value.Data[T](v)
	} else {
		all = make([]T, volume(shape))
	}
	if old != nil {
		was := splitHeads(data, old.Shape)
		was.appendTo(all, 0, shape[2])
	}
	rows.appendTo(all, before, shape[2])
	return splitHeads(all, shape), nil
}

// output asks for the result, in the order of heads that the query has.
func (a *attend[T]) output(c *Call, rank int) error {
	shape := []int{a.q.batch, a.q.heads, a.q.rows, a.v.size}
	if rank == 3 {
		shape = []int{a.q.batch, a.q.rows, a.q.heads * a.v.size}
	}
	y, err := c.Result(0, c.In[0].Kind, shape...)
	if err != nil {
		return err
	}
	if rank == 3 {
		a.y = packedHeads(value.Data[T](y), a.q.batch, a.q.rows, a.q.heads, a.v.size)
	} else {
		a.y = splitHeads(value.Data[T](y), shape)
	}
	return nil
}
