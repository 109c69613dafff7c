package op

import (
	"fmt"
	gomaps "maps"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var flexible = []Operator{
	{Domain: Preview, Name: "FlexAttention", Since: 1, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: newFlex},
}

// flex is FlexAttention: mod₂(softmax(mod₁(scale·Q·Kᵀ)))·V of [batch, heads, rows, size], where the two are graphs of the node that take all
// scores and give as many.
type flex struct {
	scale        float64 // NaN: 1/√size
	score, prob  Graph
	precision    format.DataType
	anyPrecision bool
	f32          attend[float32]
	f64          attend[float64]
}

func newFlex(n *Node) (Kernel, error) {
	k := &flex{scale: scaleOf(n), anyPrecision: !n.Has("softmax_precision"), precision: n.Kind("softmax_precision", format.Float)}
	named := map[string]*Graph{"score_mod": &k.score, "prob_mod": &k.prob}
	for _, name := range slices.Sorted(gomaps.Keys(named)) {
		g := named[name]
		if !n.Has(name) {
			continue
		}
		if *g = n.Graph(name); *g != nil && ((*g).Inputs() != 1 || (*g).Outputs() != 1) {
			return nil, fmt.Errorf("graph %q has %d inputs and %d outputs, must have one of each", name, (*g).Inputs(), (*g).Outputs())
		}
	}
	if m := value.MemoryOf(k.precision); m != value.F32 && m != value.F64 {
		return nil, fmt.Errorf("attribute \"softmax_precision\" is %s, must be a float type", k.precision)
	}
	return k, nil
}

func (k *flex) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return flexRun(k, &k.f32, c) }, func() error { return flexRun(k, &k.f64, c) })
}

func flexRun[T simd.Float](k *flex, a *attend[T], c *Call) (err error) {
	for i, h := range []*heads[T]{&a.q, &a.k, &a.v} {
		name := [...]string{"query", "key", "value"}[i]
		if len(c.In[i].Shape) != 4 {
			return fmt.Errorf("%s is %s, must have four dimensions", name, c.In[i])
		}
		if *h, err = headsOf[T](c.In[i], name, 0); err != nil {
			return err
		}
	}
	if err := a.checkSizes(); err != nil {
		return err
	}
	a.setScale(k.scale)
	if err := a.output(c, 4); err != nil {
		return err
	}
	kind := k.precision
	if k.anyPrecision && c.In[0].Memory() == value.F64 {
		kind = format.Double
	}
	shape := []int{a.q.batch, a.q.heads, a.q.rows, a.k.rows}
	if n, err := value.Volume(shape); err != nil || n > scratchLimit {
		return fmt.Errorf("scores of shape %v have more than %d elements, the limit", shape, scratchLimit)
	}
	if value.MemoryOf(kind) == value.F64 {
		return flexScores[T, float64](k, a, c, kind, shape)
	}
	return flexScores[T, float32](k, a, c, kind, shape)
}

// flexScores computes with scores of type S.
func flexScores[T, S simd.Float](k *flex, a *attend[T], c *Call, kind format.DataType, shape []int) error {
	scores := make([]T, volume(shape))
	plane := a.q.rows * a.k.rows
	group := a.q.heads / a.k.heads
	for i := range a.q.batch * a.q.heads {
		b, h := i/a.q.heads, i%a.q.heads
		gemm.Mul(false, true, a.q.rows, a.k.rows, a.q.size, a.q.from(b, h, 0), a.q.perRow, a.k.from(b, h/group, 0), a.k.perRow, 0, scores[i*plane:(i+1)*plane], a.k.rows)
	}
	simd.Scale(scores, scores, a.scale)
	s, err := modify(k.score, c, convertTo[S](scores), kind, shape)
	if err != nil {
		return fmt.Errorf("score_mod: %w", err)
	}
	p := make([]S, len(s))
	if a.k.rows > 0 {
		simd.SoftmaxRows(p, s, len(s)/a.k.rows, a.k.rows)
	}
	if p, err = modify(k.prob, c, p, kind, shape); err != nil {
		return fmt.Errorf("prob_mod: %w", err)
	}
	weights := convertTo[T](p)
	for i := range a.q.batch * a.q.heads {
		b, h := i/a.q.heads, i%a.q.heads
		gemm.Mul(false, false, a.q.rows, a.v.size, a.k.rows, weights[i*plane:(i+1)*plane], a.k.rows, a.v.from(b, h/group, 0), a.v.perRow, 0, a.y.from(b, h, 0), a.y.perRow)
	}
	return nil
}

// modify runs a graph over scores, nil for none.
func modify[S simd.Float](g Graph, c *Call, x []S, kind format.DataType, shape []int) ([]S, error) {
	if g == nil {
		return x, nil
	}
	v, err := value.Of(x, shape...)
	if err != nil {
		return nil, err
	}
	v.Kind = kind
	if value.Narrow(kind) {
		value.Round(kind, value.Data[float32](v))
	}
	out, err := g.Run(c, []*value.Value{v})
	if err != nil {
		return nil, err
	}
	if out[0] == nil || !slices.Equal(out[0].Shape, shape) || out[0].Kind != kind {
		return nil, fmt.Errorf("gives %v, must give %s", out[0], value.Describe(kind, shape))
	}
	return value.Data[S](out[0]), nil
}
