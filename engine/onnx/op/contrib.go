package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// Operators that ONNX Runtime brought, and files that it has optimised have.
var contributed = []Operator{
	{Domain: Microsoft, Name: "SkipLayerNormalization", Since: 1, In: [2]int{3, 5}, Out: [2]int{1, 4}, Make: skipNormOf(false)},
	{Domain: Microsoft, Name: "SkipSimplifiedLayerNormalization", Since: 1, In: [2]int{3, 4}, Out: [2]int{1, 4}, Make: skipNormOf(true)},
	{Domain: Microsoft, Name: "EmbedLayerNormalization", Since: 1, In: [2]int{1, 9}, Out: [2]int{1, 3}, Make: newEmbedNorm},
	{Domain: Microsoft, Name: "MultiHeadAttention", Since: 1, In: [2]int{1, 8}, Out: [2]int{1, 3}, Make: newMultiHead},
	{Domain: Microsoft, Name: "Attention", Since: 1, In: [2]int{2, 7}, Out: [2]int{1, 2}, Make: newPackedAttention},
}

// skipNorm is layer norm of x + skip + bias, over the last axis; root leaves the mean out. Outputs: the result, mean, 1/√(variance + ε), the sum.
type skipNorm struct {
	epsilon float64
	root    bool
	f32     normRows[float32]
	f64     normRows[float64]
}

func skipNormOf(root bool) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		return &skipNorm{epsilon: float64(n.Float("epsilon", 1e-12)), root: root}, nil
	}
}

func (k *skipNorm) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return skipNormRun(k, &k.f32, c) }, func() error { return skipNormRun(k, &k.f64, c) })
}

func skipNormRun[T simd.Float](k *skipNorm, r *normRows[T], c *Call) error {
	x, skip := c.In[0], c.In[1]
	rank := len(x.Shape)
	if rank < 2 || x.Len() == 0 {
		return fmt.Errorf("input is %s, must have two or three dimensions, none of them 0", x)
	}
	beta, bias := c.Input(3), c.Input(4)
	if k.root {
		beta, bias = nil, beta
	}
	r.cols, r.epsilon, r.root = x.Shape[rank-1], k.epsilon, k.root
	if err := r.affine(x.Shape, rank-1, c.In[2], beta); err != nil {
		return err
	}
	if err := broadcastsTo(skip.Shape, x.Shape); err != nil {
		return fmt.Errorf("skip: %w", err)
	}
	added, err := floatsAs[T](skip)
	if err != nil {
		return fmt.Errorf("skip: %w", err)
	}
	y, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	r.y = value.Data[T](y)
	sum := r.y
	if c.Needs(3) {
		v, err := c.Result(3, x.Kind, x.Shape...)
		if err != nil {
			return err
		}
		sum = value.Data[T](v)
	}
	stretch(sum, x.Shape, added, skip.Shape)
	simd.Add(sum, sum, value.Data[T](x))
	if bias != nil {
		b, err := vector[T](bias, "bias", r.cols)
		if err != nil {
			return err
		}
		simd.AddRow(sum, sum, b, len(sum)/r.cols, r.cols)
	}
	r.x = sum
	reduced := append(slices.Clone(x.Shape[:rank-1]), 1)
	if r.mean, err = statistic(c, 1, format.Float, reduced); err != nil {
		return err
	}
	if r.inverse, err = statistic(c, 2, format.Float, reduced); err != nil {
		return err
	}
	r.run()
	return nil
}

// embedNorm is layer norm of the sum of the embeddings of words, positions and segments. Further outputs are the number of tokens that the mask
// leaves of each sequence (0 without a mask), and the sum.
type embedNorm struct {
	epsilon float64
	f32     normRows[float32]
	f64     normRows[float64]
}

func newEmbedNorm(n *Node) (Kernel, error) {
	for _, i := range []int{2, 3, 5, 6} {
		if !n.HasInput(i) {
			return nil, fmt.Errorf("input %d is missing", i)
		}
	}
	n.Int("mask_index_type", 0) // for the shape of the second output alone
	return &embedNorm{epsilon: float64(n.Float("epsilon", 1e-12))}, nil
}

func (k *embedNorm) Run(c *Call) error {
	return onFloats(c.In[2], func() error { return embedNormRun(k, &k.f32, c) }, func() error { return embedNormRun(k, &k.f64, c) })
}

func embedNormRun[T simd.Float](k *embedNorm, r *normRows[T], c *Call) error {
	ids := c.In[0]
	if len(ids.Shape) != 2 || ids.Len() == 0 {
		return fmt.Errorf("input_ids is %s, must have shape [batch,length], neither 0", ids)
	}
	words := c.In[2]
	if len(words.Shape) != 2 || words.Shape[1] == 0 {
		return fmt.Errorf("word embedding is %s, must have two dimensions", words)
	}
	width := words.Shape[1]
	shape := []int{ids.Shape[0], ids.Shape[1], width}
	y, err := c.Result(0, words.Kind, shape...)
	if err != nil {
		return err
	}
	r.y = value.Data[T](y)
	r.x = r.y
	if c.Needs(2) {
		v, err := c.Result(2, words.Kind, shape...)
		if err != nil {
			return err
		}
		r.x = value.Data[T](v)
	}
	clear(r.x)
	if err := embed(r.x, "input_ids", ids, ids.Shape, words, width); err != nil {
		return err
	}
	if err := embed(r.x, "position_ids", c.Input(8), ids.Shape, c.In[3], width); err != nil {
		return err
	}
	if c.Input(1) != nil && c.Input(4) != nil {
		if err := embed(r.x, "segment_ids", c.Input(1), ids.Shape, c.Input(4), width); err != nil {
			return err
		}
	}
	r.cols, r.epsilon, r.mean, r.inverse = width, k.epsilon, nil, nil
	if err := r.affine(shape, 2, c.In[5], c.In[6]); err != nil {
		return err
	}
	r.run()
	return countMask(c, c.Input(7), ids)
}

// embed adds to dst [batch, length, width] the rows of a table that ids name; without ids the rows in order.
func embed[T simd.Float](dst []T, name string, ids *value.Value, shape []int, table *value.Value, width int) error {
	if len(table.Shape) != 2 || table.Shape[1] != width {
		return fmt.Errorf("table of %s is %s, must have rows of %d", name, table, width)
	}
	rows, err := floatsAs[T](table)
	if err != nil {
		return err
	}
	var index []int64
	if ids != nil {
		if !slices.Equal(ids.Shape, shape) && !slices.Equal(ids.Shape, []int{1, shape[1]}) {
			return fmt.Errorf("%s is %s, must have shape %v", name, ids, shape)
		}
		if index, err = value.Integers(ids); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for i := range shape[0] * shape[1] {
		at := int64(i % shape[1])
		if index != nil {
			at = index[i%len(index)]
		}
		if at < 0 || at >= int64(table.Shape[0]) {
			return fmt.Errorf("%s has %d at element %d, must be in [0, %d]", name, at, i, table.Shape[0]-1)
		}
		simd.AddTo(dst[i*width:(i+1)*width], rows[int(at)*width:(int(at)+1)*width])
	}
	return nil
}

// countMask writes the second output of EmbedLayerNormalization.
func countMask(c *Call, mask, ids *value.Value) error {
	if !c.Needs(1) {
		return nil
	}
	v, err := c.Result(1, format.Int32, ids.Shape[0])
	if err != nil {
		return err
	}
	n := value.Data[int32](v)
	clear(n)
	if mask == nil {
		return nil
	}
	if !slices.Equal(mask.Shape, ids.Shape) {
		return fmt.Errorf("mask is %s, must have shape %v", mask, ids.Shape)
	}
	m, err := value.Integers(mask)
	if err != nil {
		return fmt.Errorf("mask: %w", err)
	}
	for i, e := range m {
		if e != 0 {
			n[i/ids.Shape[1]]++
		}
	}
	return nil
}
