package op

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
)

var cuts = []Operator{
	{Name: "Slice", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: sliceOf},
	{Name: "Slice", Since: 10, In: [2]int{3, 5}, Out: [2]int{1, 1}, Make: func(*Node) (Kernel, error) { return &slice{}, nil }},
	{Name: "Pad", Since: 2, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: padOf},
	{Name: "Pad", Since: 11, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return padByInput(n, "constant", "reflect", "edge") }},
	{Name: "Pad", Since: 18, In: [2]int{2, 4}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) { return padByInput(n, "constant", "reflect", "edge") }},
	{Name: "Pad", Since: 19, In: [2]int{2, 4}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return padByInput(n, "constant", "reflect", "edge", "wrap")
	}},
	{Domain: Microsoft, Name: "Pad", Since: 1, In: [2]int{2, 3}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return padByInput(n, "constant", "reflect", "edge")
	}},
	{Name: "CenterCropPad", Since: 18, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: func(n *Node) (Kernel, error) {
		return &centerCropPad{axes: n.Ints("axes"), all: !n.Has("axes")}, nil
	}},
}

// slice keeps, along each of axes, every step-th element from start on up to and without end.
type slice struct {
	starts, ends, axes []int
	shape              []int
	cuts               []sliceAxis
	region             grid
}

type sliceAxis struct{ start, n, step int }

func sliceOf(n *Node) (Kernel, error) {
	if !n.Has("starts") || !n.Has("ends") {
		return nil, errors.New("attributes \"starts\" and \"ends\" must be there")
	}
	return &slice{starts: n.Ints("starts"), ends: n.Ints("ends"), axes: n.Ints("axes")}, nil
}

func (k *slice) Run(c *Call) error {
	x := c.In[0]
	if err := k.measure(c.In); err != nil {
		return err
	}
	if slices.Equal(k.shape, x.Shape) && !slices.ContainsFunc(k.cuts, func(s sliceAxis) bool { return s.step < 0 && s.n > 1 }) {
		return c.Share(0, x, k.shape...)
	}
	out, err := c.Result(0, x.Kind, k.shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	from := k.plan(out.Len(), x)
	k.region.copy(out, 0, x, from)
	return nil
}

// plan makes region the grid of what is kept of x, as many elements as target, and gives where it begins.
func (k *slice) plan(target int, x *value.Value) (from int) {
	k.region.reset()
	source := x.Len()
	for i, s := range k.cuts {
		target /= s.n
		source /= x.Shape[i]
		from += s.start * source
		k.region.add(s.n, target, s.step*source)
	}
	return from
}

// measure works out what is kept of each dimension, and the shape of the result.
func (k *slice) measure(in []*value.Value) error {
	x := in[0]
	starts, ends, axes := k.starts, k.ends, k.axes
	var steps []int
	for i, p := range []*[]int{nil, &starts, &ends, &axes, &steps} {
		v := inputOf(in, i)
		if p == nil || v == nil {
			continue
		}
		var err error
		if *p, err = listOf(v, [...]string{"", "the starts", "the ends", "the axes", "the steps"}[i]); err != nil {
			return err
		}
	}
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if len(ends) != len(starts) || len(axes) != len(starts) || steps != nil && len(steps) != len(starts) {
		return fmt.Errorf("has %d starts, %d ends, %d axes and %d steps, must have as many of each", len(starts), len(ends), len(axes), len(steps))
	}
	axes, err := axesWithin(axes, len(x.Shape))
	if err != nil {
		return err
	}
	k.cuts, k.shape = k.cuts[:0], append(k.shape[:0], x.Shape...)
	for _, d := range x.Shape {
		k.cuts = append(k.cuts, sliceAxis{0, d, 1})
	}
	for i, a := range axes {
		step := 1
		if steps != nil {
			step = steps[i]
		}
		if step == 0 {
			return fmt.Errorf("the step along axis %d is 0", a)
		}
		k.cuts[a] = sliceRange(starts[i], ends[i], step, x.Shape[a])
		k.shape[a] = k.cuts[a].n
	}
	return nil
}

// sliceRange brings start and end into a dimension of d: for a step forward to 0 to d, for one backward start to 0 to d−1 and end to −1 to d−1.
func sliceRange(start, end, step, d int) sliceAxis {
	low, high := 0, d
	if step < 0 {
		low, high = -1, d-1
	}
	within := func(i, low int) int {
		if i < 0 {
			i = max(i+d, low)
		}
		return min(max(i, low), high)
	}
	start, end = within(start, 0), within(end, low)
	n := 0
	if step > 0 && end > start {
		n = (end-start-1)/step + 1
	}
	if step < 0 && start > end {
		n = int((uint(start-end)-1)/uint(-step)) + 1
	}
	if n < 2 {
		step = 1
	}
	return sliceAxis{start, n, step}
}

// pad puts elements before and behind each dimension, or takes them away where the number is negative. What is taken away is gone before the rest is
// repeated or reflected; reflection turns as often as it must.
type pad struct {
	mode   string
	pads   []int
	fill   *value.Value // of the attribute
	shape  []int
	before []int
	kept   []span // of each dimension of the input
	maps   [][]int
	region grid
	rows   padRows
}

type span struct{ start, n int }

func padOf(n *Node) (Kernel, error) {
	if !n.Has("pads") {
		return nil, errors.New("attribute \"pads\" is missing")
	}
	fill, err := value.Of([]float32{n.Float("value", 0)})
	return &pad{mode: n.Text("mode", "constant", "constant", "reflect", "edge"), pads: n.Ints("pads"), fill: fill}, err
}

func padByInput(n *Node, modes ...string) (Kernel, error) {
	return &pad{mode: n.Text("mode", "constant", modes...)}, nil
}

// mostPads is the greatest number of elements that Pad adds to a side.
const mostPads = math.MaxInt32

func (k *pad) Run(c *Call) error {
	x := c.In[0]
	if err := k.measure(c.In); err != nil {
		return err
	}
	out, err := c.Result(0, x.Kind, k.shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	if k.mode == "constant" || len(x.Shape) == 0 {
		return k.constant(c, out)
	}
	k.mapAxes(x)
	k.rows = padRows{maps: k.maps, before: max(0, k.before[len(k.before)-1]), kept: k.kept[len(k.kept)-1], x: x, out: out}
	k.rows.run()
	k.rows.x, k.rows.out = nil, nil
	return nil
}

// measure works out the shape of the result and what is kept of the input.
func (k *pad) measure(in []*value.Value) error {
	x := in[0]
	rank := len(x.Shape)
	pads := k.pads
	var err error
	if v := inputOf(in, 1); v != nil {
		if v.Len() > 0 && len(v.Shape) == 2 && v.Shape[0] == 1 { // as the contributed operator once had it
			view := &value.Value{}
			view.View(v, v.Len())
			v = view
		}
		if pads, err = listOf(v, "the pads"); err != nil {
			return err
		}
	}
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = i
	}
	if v := inputOf(in, 3); v != nil {
		if axes, err = listOf(v, "the axes"); err != nil {
			return err
		}
		if axes, err = axesWithin(axes, rank); err != nil {
			return err
		}
	}
	if len(pads) != 2*len(axes) {
		return fmt.Errorf("has %d pads for %d axes of %s, must have two for each", len(pads), len(axes), x)
	}
	k.shape, k.before, k.kept = append(k.shape[:0], x.Shape...), k.before[:0], k.kept[:0]
	for _, d := range x.Shape {
		k.before, k.kept = append(k.before, 0), append(k.kept, span{0, d})
	}
	for i, a := range axes {
		front, back, d := pads[i], pads[len(axes)+i], x.Shape[a]
		if max(front, back) > mostPads || min(front, back) < -mostPads || max(0, -front) > d-max(0, -back) {
			return fmt.Errorf("pads of axis %d are %d and %d, must be at most %d and leave something of %d", a, front, back, mostPads, d)
		}
		start := max(0, -front)
		kept := span{start, d - max(0, -back) - start}
		if kept.n == 0 && k.mode != "constant" && max(front, back) > 0 {
			return fmt.Errorf("axis %d has nothing that mode %q could repeat", a, k.mode)
		}
		k.shape[a], k.before[a], k.kept[a] = d+front+back, front, kept
	}
	return nil
}

// constant fills out and copies what is kept into it.
func (k *pad) constant(c *Call, out *value.Value) error {
	x := c.In[0]
	fill := c.Input(2)
	if k.fill != nil {
		if fill = k.fill; x.Memory() != value.F32 {
			number, err := value.New(x.Kind)
			if err != nil {
				return err
			}
			if x.Memory() != value.F64 {
				return fmt.Errorf("input is %s, must be of floats", x)
			}
			value.Data[float64](number)[0] = float64(value.Data[float32](k.fill)[0])
			fill = number
		}
	} else if fill != nil && (fill.Len() != 1 || fill.Kind != x.Kind) {
		return fmt.Errorf("the constant is %s, must be one element of %s", fill, x.Kind)
	}
	if fill == nil {
		var err error
		if fill, err = value.New(x.Kind); err != nil {
			return err
		}
	}
	r := &k.region
	kept := 1
	for _, s := range k.kept {
		kept *= s.n
	}
	if kept < out.Len() {
		r.reset()
		r.add(out.Len(), 1, 0)
		r.copy(out, 0, fill, 0)
	}
	if kept == 0 {
		return nil
	}
	at, from := k.inner(x, out)
	r.copy(out, at, x, from)
	return nil
}

// inner makes region the grid of what is kept, and gives where it begins in out and in x.
func (k *pad) inner(x, out *value.Value) (at, from int) {
	r := &k.region
	r.reset()
	target, source := out.Len(), x.Len()
	for i, s := range k.kept {
		target /= out.Shape[i]
		source /= x.Shape[i]
		at += max(0, k.before[i]) * target
		from += s.start * source
		r.add(s.n, target, source)
	}
	return at, from
}

// mapAxes notes for each place along each dimension of the result where in the input it comes from.
func (k *pad) mapAxes(x *value.Value) {
	k.maps = scratch.Sized(k.maps, len(x.Shape))
	stride := x.Len()
	for i, n := range k.shape {
		stride /= x.Shape[i]
		s, m := k.kept[i], k.maps[i][:0]
		for j := range n {
			m = append(m, (s.start+k.source(j-max(0, k.before[i]), s.n))*stride)
		}
		k.maps[i] = m
	}
}

// source is the element, of n, that stands at i, which may lie before or behind them.
func (k *pad) source(i, n int) int {
	switch {
	case i >= 0 && i < n:
		return i
	case k.mode == "edge" || n == 1:
		return min(max(i, 0), n-1)
	case k.mode == "wrap":
		return ((i % n) + n) % n
	}
	period := 2 * (n - 1)
	i = ((i % period) + period) % period
	return min(i, period-i)
}

// padRows fills a result row by row where it is looked up where each element comes from.
type padRows struct {
	maps    [][]int
	before  int
	kept    span
	x, out  *value.Value
	perTask int
}

func (p *padRows) run() {
	row := p.out.Shape[len(p.out.Shape)-1]
	p.perTask = max(1, pieceElements/row)
	rows := p.out.Len() / row
	simd.Run((rows+p.perTask-1)/p.perTask, p)
}

// Do fills the rows of a task.
func (p *padRows) Do(task, _ int) {
	switch p.x.Memory().Size() {
	case 1:
		fillRows(p, value.Bits[uint8](p.out), value.Bits[uint8](p.x), task)
	case 2:
		fillRows(p, value.Bits[uint16](p.out), value.Bits[uint16](p.x), task)
	case 4:
		fillRows(p, value.Bits[uint32](p.out), value.Bits[uint32](p.x), task)
	case 8:
		fillRows(p, value.Bits[uint64](p.out), value.Bits[uint64](p.x), task)
	}
}

func fillRows[T word](p *padRows, dst, src []T, task int) {
	last := len(p.out.Shape) - 1
	row := p.out.Shape[last]
	for i := task * p.perTask; i < min((task+1)*p.perTask, len(dst)/row); i++ {
		from, rest := 0, i
		for k := last - 1; k >= 0; k-- {
			from += p.maps[k][rest%p.out.Shape[k]]
			rest /= p.out.Shape[k]
		}
		d := dst[i*row : (i+1)*row]
		for j, m := range p.maps[last][:p.before] {
			d[j] = src[from+m]
		}
		n := copy(d[p.before:], src[from+p.kept.start:][:p.kept.n])
		for j, m := range p.maps[last][p.before+n:] {
			d[p.before+n+j] = src[from+m]
		}
	}
}

// centerCropPad brings dimensions to a size: what is too much goes, and zeros come, half in front and half behind, of an odd number the smaller part
// in front.
type centerCropPad struct {
	axes   []int
	all    bool // every axis
	region grid
}

func (k *centerCropPad) Run(c *Call) error {
	x := c.In[0]
	rank := len(x.Shape)
	sizes, err := listOf(c.In[1], "the sizes")
	if err != nil {
		return err
	}
	axes := k.axes
	if k.all {
		axes = nil
		for i := range rank {
			axes = append(axes, i)
		}
	}
	if axes, err = axesWithin(axes, rank); err != nil {
		return err
	}
	if len(sizes) != len(axes) {
		return fmt.Errorf("has %d sizes for %d axes of %s", len(sizes), len(axes), x)
	}
	shape := slices.Clone(x.Shape)
	for i, a := range axes {
		shape[a] = sizes[i]
	}
	out, err := c.Result(0, x.Kind, shape...)
	if err != nil || out.Len() == 0 {
		return err
	}
	zero, err := value.New(x.Kind)
	if err != nil {
		return err
	}
	r := &k.region
	r.reset()
	r.add(out.Len(), 1, 0)
	r.copy(out, 0, zero, 0)
	if x.Len() == 0 {
		return nil
	}
	at, from := k.inner(x, out)
	r.copy(out, at, x, from)
	return nil
}

// inner makes region the grid of what is kept, and gives where it begins in out and in x.
func (k *centerCropPad) inner(x, out *value.Value) (at, from int) {
	k.region.reset()
	target, source := out.Len(), x.Len()
	for i, n := range out.Shape {
		d := x.Shape[i]
		target /= n
		source /= d
		at += max(0, n-d) / 2 * target
		from += max(0, d-n) / 2 * source
		k.region.add(min(n, d), target, source)
	}
	return at, from
}
