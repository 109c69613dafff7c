package op

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
)

var resizers = []Operator{
	{Name: "Upsample", Since: 7, In: [2]int{1, 1}, Out: [2]int{1, 1}, Make: newUpsample},
	{Name: "Upsample", Since: 9, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: newUpsample},
	{Name: "Upsample", Since: 10, Removed: true},
	{Name: "Resize", Since: 10, In: [2]int{2, 2}, Out: [2]int{1, 1}, Make: newResize10},
	{Name: "Resize", Since: 11, In: [2]int{3, 4}, Out: [2]int{1, 1}, Make: newResize},
	{Name: "Resize", Since: 13, In: [2]int{1, 4}, Out: [2]int{1, 1}, Make: newResize},
	{Name: "Resize", Since: 18, In: [2]int{1, 4}, Out: [2]int{1, 1}, Make: newResize},
	{Name: "Resize", Since: 19, In: [2]int{1, 4}, Out: [2]int{1, 1}, Make: newResize},
}

// The ways from a place in the result to one in the input.
const (
	halfPixel          = "half_pixel"
	halfPixelSymmetric = "half_pixel_symmetric"
	halfPixelPyTorch   = "pytorch_half_pixel"
	halfPixelNearest   = "tf_half_pixel_for_nn"
	alignCorners       = "align_corners"
	asymmetric         = "asymmetric"
	cropAndResize      = "tf_crop_and_resize"
)

// The ways of rounding a place to an element.
const (
	preferFloor = "round_prefer_floor"
	preferCeil  = "round_prefer_ceil"
	roundFloor  = "floor"
	roundCeil   = "ceil"
	upDown      = "" // down if the result is larger than the input, else up, as before opset 11
)

// resize makes each dimension longer or shorter, one after the other. An element of the result is a weighted sum of elements around the place from which it comes.
type resize struct {
	mode, coordinates, nearest string
	cubic, extrapolation       float32
	excludeOutside, antialias  bool
	axes                       []int // nil for all
	policy                     string
	inRoi, inScales, inSizes   int // inputs; -1 for none
	fixed                      []float32
	key                        []float64 // sizes, scales and region that the tables are of
	tables                     []resizeTable
	single, single2            []float32 // intermediate results
	singlePass                 resizePass[float32]
	gather8                    resizeGather[uint8]
	gather16                   resizeGather[uint16]
	gather32                   resizeGather[uint32]
	gather64                   resizeGather[uint64]
}

func newUpsample(n *Node) (Kernel, error) {
	k, err := newResize10(n)
	if err != nil || n.Version >= 9 {
		return k, err
	}
	r := k.(*resize)
	r.inScales, r.fixed = -1, n.Floats("scales")
	if r.fixed == nil {
		return nil, fmt.Errorf("attribute \"scales\" is missing")
	}
	return r, nil
}

func newResize10(n *Node) (Kernel, error) {
	return &resize{
		mode: n.Text("mode", "nearest", "nearest", "linear"), coordinates: asymmetric, nearest: upDown,
		policy: "stretch", inRoi: -1, inScales: 1, inSizes: -1,
	}, nil
}

func newResize(n *Node) (Kernel, error) {
	ways := []string{halfPixel, halfPixelPyTorch, alignCorners, asymmetric, cropAndResize}
	if n.Version < 13 {
		ways = append(ways, halfPixelNearest)
	}
	if n.Version >= 19 {
		ways = append(ways, halfPixelSymmetric)
	}
	k := &resize{
		mode:           n.Text("mode", "nearest", "nearest", "linear", "cubic"),
		coordinates:    n.Text("coordinate_transformation_mode", halfPixel, ways...),
		nearest:        n.Text("nearest_mode", preferFloor, preferFloor, preferCeil, roundFloor, roundCeil),
		cubic:          n.Float("cubic_coeff_a", -0.75),
		extrapolation:  n.Float("extrapolation_value", 0),
		excludeOutside: n.Bool("exclude_outside", false),
		policy:         "stretch",
		inRoi:          1, inScales: 2, inSizes: 3,
	}
	if n.Version >= 18 {
		k.antialias = n.Bool("antialias", false)
		k.axes = n.Ints("axes")
		k.policy = n.Text("keep_aspect_ratio_policy", "stretch", "stretch", "not_larger", "not_smaller")
	}
	if k.antialias && k.mode == "nearest" {
		return nil, fmt.Errorf("attribute \"antialias\" is 1, which is for modes linear and cubic only")
	}
	return k, nil
}

// resizeTable is how one dimension changes.
type resizeTable struct {
	in, out int
	first   []int // of the taps of each place; one more than places
	at      []int
	weight  []float32
	outside []bool       // places that come from outside; nil for none
	pairs   []resizePair // where no place has more than two taps, else nil
	doubled bool         // each element stands twice
}

// same tells whether the dimension stays as it is.
func (t *resizeTable) same() bool {
	if t.in != t.out || t.outside != nil || len(t.at) != t.out {
		return false
	}
	for i, at := range t.at {
		if at != i || t.weight[i] != 1 {
			return false
		}
	}
	return true
}

// input gives input i, nil where it is missing or empty.
func (k *resize) input(c *Call, i int) *value.Value {
	if i < 0 {
		return nil
	}
	if v := c.Input(i); v != nil && v.Len() > 0 {
		return v
	}
	return nil
}

// region is what happens to the dimensions.
type region struct {
	out        []int
	scale      []float32
	length     []float32 // of the result before it was rounded
	start, end []float32 // of the part of the input
}

// region reads sizes, scales and the part of the input, for all dimensions.
func (k *resize) region(c *Call) (*region, error) {
	shape := c.In[0].Shape
	rank := len(shape)
	axes, err := k.axesOf(rank)
	if err != nil {
		return nil, err
	}
	r := &region{out: slices.Clone(shape), scale: make([]float32, rank), length: make([]float32, rank), start: make([]float32, rank), end: make([]float32, rank)}
	for i := range shape {
		r.scale[i], r.end[i], r.length[i] = 1, 1, float32(shape[i])
	}
	if k.coordinates == cropAndResize {
		v := k.input(c, k.inRoi)
		if v == nil || v.Memory() != value.F32 && v.Memory() != value.F64 || v.Len() != 2*len(axes) {
			return nil, fmt.Errorf("input roi must be there, %d floats, for coordinates %s", 2*len(axes), cropAndResize)
		}
		roi := float32s(v)
		for i, a := range axes {
			r.start[a], r.end[a] = roi[i], roi[len(axes)+i]
		}
	}
	scales, sizes := k.fixed, k.input(c, k.inSizes)
	if v := k.input(c, k.inScales); v != nil {
		if v.Memory() != value.F32 {
			return nil, fmt.Errorf("input scales is %s, must be floats", v)
		}
		scales = value.Data[float32](v)
	}
	switch {
	case scales != nil && sizes != nil:
		return nil, fmt.Errorf("has scales and sizes, must have one of them")
	case scales != nil:
		return r, k.byScales(r, shape, axes, scales)
	case sizes != nil:
		return r, k.bySizes(r, shape, axes, sizes)
	case k.input(c, k.inRoi) == nil && rank == 0 || len(axes) == 0:
		return r, nil
	}
	return nil, fmt.Errorf("has neither scales nor sizes")
}

func (k *resize) axesOf(rank int) ([]int, error) {
	if k.axes == nil {
		axes := make([]int, rank)
		for i := range axes {
			axes[i] = i
		}
		return axes, nil
	}
	axes := slices.Clone(k.axes)
	for i, a := range axes {
		if a < -rank || a >= rank {
			return nil, fmt.Errorf("attribute \"axes\" is %v, must be from %d to %d for an input of %d dimensions", k.axes, -rank, rank-1, rank)
		}
		if a < 0 {
			axes[i] += rank
		}
		if slices.Contains(axes[:i], axes[i]) {
			return nil, fmt.Errorf("attribute \"axes\" is %v: dimension %d stands twice", k.axes, axes[i])
		}
	}
	return axes, nil
}

func float32s(v *value.Value) []float32 {
	if v.Memory() == value.F32 {
		return value.Data[float32](v)
	}
	x := make([]float32, v.Len())
	for i, e := range value.Data[float64](v) {
		x[i] = float32(e)
	}
	return x
}

func (k *resize) byScales(r *region, shape, axes []int, scales []float32) error {
	if len(scales) != len(axes) {
		return fmt.Errorf("there are %d scales, must be %d", len(scales), len(axes))
	}
	for i, a := range axes {
		s := scales[i]
		if !(s > 0) || s > maxExtent {
			return fmt.Errorf("scales are %v, must be greater than 0 and at most %d", scales, maxExtent)
		}
		length := float32(shape[a]) * s
		r.scale[a], r.length[a] = s, length
		if k.coordinates == cropAndResize {
			length *= r.end[a] - r.start[a]
		}
		if !(length >= 0 && length < 1<<40) {
			return fmt.Errorf("dimension %d would have %v elements", a, length)
		}
		r.out[a] = int(length)
		if k.coordinates == cropAndResize {
			r.length[a] = float32(r.out[a])
		}
	}
	return nil
}

func (k *resize) bySizes(r *region, shape, axes []int, sizes *value.Value) error {
	n, err := value.Integers(sizes)
	if err != nil || len(n) != len(axes) {
		return fmt.Errorf("input sizes is %s, must be %d integers", sizes, len(axes))
	}
	common := math.NaN()
	for i, a := range axes {
		if n[i] < 0 || n[i] > 1<<40 {
			return fmt.Errorf("sizes are %v, must not be negative nor greater than 2⁴⁰", n)
		}
		r.out[a], r.length[a] = int(n[i]), float32(n[i])
		if shape[a] == 0 {
			continue
		}
		scale := float64(n[i]) / float64(shape[a])
		r.scale[a] = float32(scale)
		if math.IsNaN(common) || (scale < common) == (k.policy == "not_larger") {
			common = scale
		}
	}
	if k.policy == "stretch" || math.IsNaN(common) {
		return nil
	}
	for _, a := range axes {
		length := common * float64(shape[a])
		if length > 1<<40 {
			return fmt.Errorf("dimension %d would have %v elements", a, length)
		}
		r.out[a], r.scale[a], r.length[a] = int(math.Floor(length+0.5)), float32(common), float32(length)
	}
	return nil
}

// Run computes the result.
func (k *resize) Run(c *Call) error {
	x := c.In[0]
	r, err := k.region(c)
	if err != nil {
		return err
	}
	for i, d := range x.Shape {
		if d == 0 && r.out[i] > 0 {
			return fmt.Errorf("input is %s: dimension %d is empty, must be %d", x, i, r.out[i])
		}
	}
	y, err := c.Result(0, x.Kind, r.out...)
	if err != nil || y.Len() == 0 {
		return err
	}
	if err := k.prepare(x.Shape, r); err != nil {
		return err
	}
	if k.mode == "nearest" {
		k.move(y, x)
	} else if err := k.interpolate(y, x); err != nil {
		return err
	}
	k.extrapolate(y)
	return nil
}

// prepare makes the tables, if they are not there from the last call.
func (k *resize) prepare(in []int, r *region) error {
	var key []float64
	for i, d := range in {
		key = append(key, float64(d), float64(r.out[i]), float64(r.scale[i]), float64(r.length[i]), float64(r.start[i]), float64(r.end[i]))
	}
	if k.key != nil && slices.Equal(k.key, key) {
		return nil
	}
	k.key = nil
	k.tables = make([]resizeTable, len(in))
	for i, d := range in {
		if err := k.table(&k.tables[i], i, d, r); err != nil {
			return fmt.Errorf("dimension %d: %w", i, err)
		}
		k.tables[i].pair()
		k.tables[i].doubled = k.tables[i].double()
	}
	k.key = key
	return nil
}

// origin is the place in the input from which place i of dimension a comes.
func (k *resize) origin(i, a, in int, r *region) float32 {
	x, scale, out := float32(i), r.scale[a], r.length[a]
	switch k.coordinates {
	case halfPixel:
		return (x+0.5)/scale - 0.5
	case halfPixelPyTorch:
		if r.out[a] > 1 {
			return (x+0.5)/scale - 0.5
		}
		return 0
	case halfPixelNearest:
		return (x + 0.5) / scale
	case halfPixelSymmetric:
		offset := float32(in) / 2 * (1 - float32(r.out[a])/out)
		return offset + (x+0.5)/scale - 0.5
	case alignCorners:
		if out == 1 || r.out[a] == 1 {
			return 0
		}
		return x * float32(in-1) / (out - 1)
	case cropAndResize:
		last := float32(in - 1)
		if r.out[a] > 1 {
			return float32(r.start[a]*last) + x*(r.end[a]-r.start[a])*last/(out-1)
		}
		return 0.5 * (r.start[a] + r.end[a]) * last
	}
	return x / scale
}

// table makes the table of dimension a.
func (k *resize) table(t *resizeTable, a, in int, r *region) error {
	t.in, t.out = in, r.out[a]
	t.first = append(make([]int, 0, t.out+1), 0)
	if r.scale[a] == 1 && t.in == t.out && k.coordinates != cropAndResize {
		for i := range in {
			t.add(i, 1)
			t.first = append(t.first, i+1)
		}
		return nil
	}
	scale := 1.0
	if k.antialias {
		scale = min(1, float64(r.scale[a]))
	}
	if 1/scale > float64(4*in+4) {
		return fmt.Errorf("scale %v is too small for %d elements", r.scale[a], in)
	}
	for i := range t.out {
		x := k.origin(i, a, in, r)
		if !(x > -maxExtent && x < 1<<40) {
			return fmt.Errorf("element %d comes from place %v of the input", i, x)
		}
		if k.coordinates == cropAndResize && (x < 0 || x > float32(in-1)) {
			if t.outside == nil {
				t.outside = make([]bool, t.out)
			}
			t.outside[i] = true
			x = 0
		}
		k.taps(t, float64(x), scale, float64(r.scale[a]))
		t.first = append(t.first, len(t.at))
	}
	return nil
}

// add adds a tap, or its weight to the last one where that is of the same element.
func (t *resizeTable) add(at int, weight float32) {
	if n := len(t.at); n > t.first[len(t.first)-1] && t.at[n-1] == at {
		t.weight[n-1] += weight
		return
	}
	t.at, t.weight = append(t.at, at), append(t.weight, weight)
}

// taps adds those of a place x. A filter is as wide as scale, at most 1, says.
func (k *resize) taps(t *resizeTable, x, scale, full float64) {
	if k.mode == "nearest" {
		t.add(min(max(k.round(x, full), 0), t.in-1), 1)
		return
	}
	reach, filter := 1.0, func(d float64) float64 { return max(0, 1-math.Abs(d)) }
	if k.mode == "cubic" {
		reach, filter = 2, k.keys
	}
	low, high := int(math.Floor(x-reach/scale)), int(math.Ceil(x+reach/scale))
	var total float64
	for i := low; i <= high; i++ {
		if k.excludeOutside && (i < 0 || i >= t.in) {
			continue
		}
		total += filter((float64(i) - x) * scale)
	}
	if total == 0 {
		total = 1
	}
	for i := low; i <= high; i++ {
		if k.excludeOutside && (i < 0 || i >= t.in) {
			continue
		}
		if w := filter((float64(i) - x) * scale); w != 0 {
			t.add(min(max(i, 0), t.in-1), float32(w/total))
		}
	}
}

// keys is the cubic filter of Keys, whose parameter is a node's.
func (k *resize) keys(d float64) float64 {
	a, d := float64(k.cubic), math.Abs(d)
	switch {
	case d <= 1:
		return float64(float64(float64((a+2)*d)-(a+3))*d*d) + 1
	case d < 2:
		return a * (float64(float64(float64(d-5)*d+8)*d) - 4)
	}
	return 0
}

// round gives the element that is near a place.
func (k *resize) round(x, scale float64) int {
	switch k.nearest {
	case preferFloor:
		x = math.Ceil(x - 0.5)
	case preferCeil:
		x = math.Floor(x + 0.5)
	case roundFloor:
		x = math.Floor(x)
	case roundCeil:
		x = math.Ceil(x)
	default:
		if scale < 1 {
			x = math.Ceil(x)
		} else {
			x = math.Floor(x)
		}
	}
	return int(x)
}
