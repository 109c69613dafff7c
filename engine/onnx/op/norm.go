package op

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

// Norms take their sums in float64, so that those of float16 do not overflow, and round the result once.
var norms = []Operator{
	// LayerNormalization came to the default domain with 17, and published files of older opsets have it as well.
	{Name: "LayerNormalization", Since: 1, In: [2]int{2, 3}, Out: [2]int{1, 3}, Make: layerNormOf(false)},
	{Name: "RMSNormalization", Since: 23, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: layerNormOf(true)},
	{Name: "SimplifiedLayerNormalization", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 2}, Make: layerNormOf(true)},
	{Domain: Microsoft, Name: "SimplifiedLayerNormalization", Since: 1, In: [2]int{2, 2}, Out: [2]int{1, 2}, Make: layerNormOf(true)},
	{Name: "InstanceNormalization", Since: 6, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &groupNorm{epsilon: float64(n.Float("epsilon", 1e-5)), each: true}, nil
	}},
	{Name: "GroupNormalization", Since: 18, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return newGroupNorm(n, true)
	}},
	{Name: "GroupNormalization", Since: 21, In: [2]int{3, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		n.Kind("stash_type", format.Float)
		return newGroupNorm(n, false)
	}},
}

// layerNorm is LayerNormalization: of each row x of the axes from axis on,
//
//	y = (x − mean)/√(variance + ε)·scale + bias
//
// and with root RMSNormalization, which takes no mean: y = x/√(Σx²/n + ε)·scale. Scale and bias broadcast to x.
// Further outputs are the mean, which root has none of, and 1/√(variance + ε).
type layerNorm struct {
	axis    int
	epsilon float64
	root    bool
	stash   format.DataType // of the further outputs
	f32     normRows[float32]
	f64     normRows[float64]
}

func layerNormOf(root bool) func(n *Node) (Kernel, error) {
	return func(n *Node) (Kernel, error) {
		k := &layerNorm{axis: n.Int("axis", -1), epsilon: float64(n.Float("epsilon", 1e-5)), root: root, stash: n.Kind("stash_type", format.Float)}
		if m := value.MemoryOf(k.stash); m != value.F32 && m != value.F64 && m != value.None {
			return nil, fmt.Errorf("attribute \"stash_type\" is %s, must be a float type", k.stash)
		}
		return k, nil
	}
}

func (k *layerNorm) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return layerNormRun(k, &k.f32, c) }, func() error { return layerNormRun(k, &k.f64, c) })
}

func layerNormRun[T simd.Float](k *layerNorm, r *normRows[T], c *Call) error {
	x := c.In[0]
	axis, err := axisWithin(k.axis, len(x.Shape))
	if err != nil {
		return err
	}
	r.cols, r.epsilon, r.root = volume(x.Shape[axis:]), k.epsilon, k.root
	y, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil {
		return err
	}
	reduced := append([]int(nil), x.Shape...)
	for i := axis; i < len(reduced); i++ {
		reduced[i] = 1
	}
	mean, deviation := 1, 2
	if k.root {
		mean, deviation = -1, 1
	}
	r.mean, r.inverse = nil, nil
	if r.mean, err = statistic(c, mean, k.stash, reduced); err != nil {
		return err
	}
	if r.inverse, err = statistic(c, deviation, k.stash, reduced); err != nil {
		return err
	}
	if x.Len() == 0 {
		r.undefined()
		return nil
	}
	if err := r.affine(x.Shape, axis, c.In[1], c.Input(2)); err != nil {
		return err
	}
	r.y, r.x = value.Data[T](y), value.Data[T](x)
	r.run()
	return nil
}

// statistic asks for an output of statistics where it is asked for.
func statistic(c *Call, i int, kind format.DataType, shape []int) (*value.Value, error) {
	if i < 0 || !c.Needs(i) {
		return nil, nil
	}
	return c.Result(i, kind, shape...)
}

// set writes an element of an output of statistics.
func set(v *value.Value, i int, x float64) {
	if v == nil {
		return
	}
	if v.Memory() == value.F64 {
		value.Data[float64](v)[i] = x
	} else {
		value.Data[float32](v)[i] = float32(x)
	}
}

// normRows normalises rows of cols elements.
type normRows[T simd.Float] struct {
	y, x          []T
	scale, bias   []T // one row for all, or one for each; bias may be nil
	cols          int
	epsilon       float64
	root          bool
	mean, inverse *value.Value // nil where nobody asks for it
	spare         [2][]T
}

// affine brings scale and bias, which broadcast to shape, to whole rows.
func (r *normRows[T]) affine(shape []int, axis int, scale, bias *value.Value) (err error) {
	if r.scale, err = r.row(0, "scale", shape, axis, scale); err != nil || bias == nil {
		r.bias = nil
		return err
	}
	r.bias, err = r.row(1, "bias", shape, axis, bias)
	return err
}

func (r *normRows[T]) row(i int, name string, shape []int, axis int, v *value.Value) ([]T, error) {
	x, err := floatsAs[T](v)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := broadcastsTo(v.Shape, shape); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	tail := shape[axis:]
	from := v.Shape
	if lead := len(from) - len(tail); lead > 0 {
		if volume(from[:lead]) != 1 { // rows differ
			tail = shape
		} else {
			from = from[lead:]
		}
	}
	n := volume(tail)
	if len(x) == n {
		return x, nil
	}
	r.spare[i] = scratch.Sized(r.spare[i], n)
	stretch(r.spare[i], tail, x, from)
	return r.spare[i], nil
}

// broadcastsTo checks that a shape stretches to another, which it does not stretch in turn.
func broadcastsTo(from, to []int) error {
	lead := len(to) - len(from)
	for i, d := range from {
		if lead < 0 || d != 1 && d != to[lead+i] {
			return fmt.Errorf("shape %v does not broadcast to %v", append([]int(nil), from...), append([]int(nil), to...))
		}
	}
	return nil
}

// undefined writes the statistics of rows without elements.
func (r *normRows[T]) undefined() {
	for _, v := range []*value.Value{r.mean, r.inverse} {
		if v == nil {
			continue
		}
		for i := range v.Len() {
			set(v, i, math.NaN())
		}
	}
}

func (r *normRows[T]) run() {
	inParts(len(r.x)/r.cols, r.cols, r.rows)
}

func (r *normRows[T]) rows(from, to int) {
	for i := from; i < to; i++ {
		y, x := r.y[i*r.cols:(i+1)*r.cols], r.x[i*r.cols:(i+1)*r.cols]
		mean, inverse := standardise(y, x, r.epsilon, r.root)
		simd.Mul(y, y, r.rowOf(r.scale, i))
		if r.bias != nil {
			simd.Add(y, y, r.rowOf(r.bias, i))
		}
		set(r.mean, i, mean)
		set(r.inverse, i, inverse)
	}
}

func (r *normRows[T]) rowOf(v []T, i int) []T {
	if len(v) == r.cols {
		return v
	}
	return v[i*r.cols : (i+1)*r.cols]
}

// standardise computes y = (x − mean)/√(variance + ε), without the mean where root is set, and gives the mean and the factor. x is not empty.
func standardise[T simd.Float](y, x []T, epsilon float64, root bool) (mean, inverse float64) {
	n := float64(len(x))
	if !root {
		mean = simd.Sum(x) / n
		simd.AddScalar(y, x, T(-mean))
		x = y
	}
	inverse = 1 / math.Sqrt(simd.SumSquares(x)/n+epsilon)
	simd.Scale(y, x, T(inverse))
	return mean, inverse
}

// groupNorm is GroupNormalization of x [N, C, …]: the channels of each group are normalised together, then scaled, each by the numbers of
// its channel or, as opset 18 has it, of its group. InstanceNormalization has as many groups as channels.
type groupNorm struct {
	groups   int
	each     bool // a group is a channel
	perGroup bool // scale and bias have an element a group
	epsilon  float64
}

func newGroupNorm(n *Node, perGroup bool) (Kernel, error) {
	k := &groupNorm{groups: n.Int("num_groups", 0), perGroup: perGroup, epsilon: float64(n.Float("epsilon", 1e-5))}
	if k.groups <= 0 {
		return nil, fmt.Errorf("attribute \"num_groups\" is %d, must be positive", k.groups)
	}
	return k, nil
}

func (k *groupNorm) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return groupNormRun[float32](k, c) }, func() error { return groupNormRun[float64](k, c) })
}

func groupNormRun[T simd.Float](k *groupNorm, c *Call) error {
	x := c.In[0]
	if len(x.Shape) < 2 {
		return fmt.Errorf("input is %s, must have a batch and channels", x)
	}
	channels, groups := x.Shape[1], k.groups
	if k.each {
		groups = channels
	}
	if groups > 0 && channels%groups != 0 {
		return fmt.Errorf("%d channels do not make %d groups", channels, groups)
	}
	factors := channels
	if k.perGroup {
		factors = groups
	}
	scale, err := vector[T](c.In[1], "scale", factors)
	if err != nil {
		return err
	}
	bias, err := vector[T](c.In[2], "bias", factors)
	if err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, x.Shape...)
	if err != nil || x.Len() == 0 {
		return err
	}
	plane := volume(x.Shape[2:])
	members := channels / groups
	src, dst := value.Data[T](x), value.Data[T](out)
	inParts(x.Shape[0]*groups, members*plane, func(from, to int) {
		for i := from; i < to; i++ {
			at := i * members * plane
			standardise(dst[at:at+members*plane], src[at:at+members*plane], k.epsilon, false)
			for m := range members {
				f := i%groups*members + m
				if k.perGroup {
					f = i % groups
				}
				y := dst[at+m*plane : at+(m+1)*plane]
				simd.Scale(y, y, scale[f])
				simd.AddScalar(y, y, bias[f])
			}
		}
	})
	return nil
}
