package op

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// testStore keeps the gradients of one node's inputs, which begin with something to add to, or with what must be written over.
type testStore struct {
	grads []*value.Value
	add   bool
	seen  []bool
}

func newTestStore(in []*value.Value, add bool) *testStore {
	s := &testStore{grads: make([]*value.Value, len(in)), add: add, seen: make([]bool, len(in))}
	for i, v := range in {
		if v == nil || v.Memory() != value.F32 && v.Memory() != value.F64 {
			continue
		}
		g, err := value.New(v.Kind, v.Shape...)
		if err != nil {
			panic(err)
		}
		for j := range g.Len() {
			if set(g, j, math.NaN()); add {
				set(g, j, 0.5)
			}
		}
		s.grads[i] = g
	}
	return s
}

func (s *testStore) Wants(_ *Back, i int) bool { return i < len(s.grads) && s.grads[i] != nil }

func (s *testStore) Gradient(b *Back, i int) (*value.Value, bool) {
	if !s.Wants(b, i) {
		return nil, false
	}
	add := s.add || s.seen[i]
	s.seen[i] = true
	return s.grads[i], add
}

// differentiates checks the derivatives of a node at its float inputs by central differences in float64, and those in float32 beside them. Inputs that steer the operator are left out. The derivative
// is of the sum of all outputs, weighted by fixed numbers.
func (n testNode) differentiates(t *testing.T, in ...*value.Value) {
	t.Helper()
	o, err := Lookup(n.domain, n.op, n.version)
	if err != nil {
		t.Fatal(err)
	}
	steering, _ := o.ShapedBy(len(in)) // and of a type that does not change
	double := make([]*value.Value, len(in))
	for i, v := range in {
		if double[i] = v; v != nil && v.Memory() == value.F32 && !slices.Contains(steering, i) {
			double[i] = converted(v, format.Double)
		}
	}
	exact := n.gradients(t, double, false)
	added := n.gradients(t, double, true)
	single := make([]*value.Value, len(in))
	for i, v := range double {
		if single[i] = v; v != nil && v.Memory() == value.F64 {
			single[i] = converted(v, format.Float)
		}
	}
	rough := n.gradients(t, single, false)
	for i, v := range double {
		if v == nil || v.Memory() != value.F64 || o.Flat(i) {
			continue
		}
		for j := range v.Len() {
			const h = 1e-5
			x := element(v, j)
			set(v, j, x+h)
			above := n.weighted(t, double)
			set(v, j, x-h)
			below := n.weighted(t, double)
			set(v, j, x)
			slope, g := (above-below)/(2*h), element(exact[i], j)
			if !(math.Abs(slope-g) <= 1e-6*(1+math.Abs(slope))) {
				t.Fatalf("%s %v: input %d, element %d: derivative %.9g, by differences %.9g", n.op, n.attributes, i, j, g, slope)
			}
			if !(math.Abs(element(added[i], j)-g-0.5) <= 1e-9*(1+math.Abs(g))) {
				t.Fatalf("%s %v: input %d, element %d: derivative %.9g, added to 0.5: %.9g", n.op, n.attributes, i, j, g, element(added[i], j))
			}
			if f := element(rough[i], j); !(math.Abs(f-g) <= 1e-4*(1+math.Abs(g))) {
				t.Fatalf("%s %v: input %d, element %d: derivative %.9g, in float32 %.9g", n.op, n.attributes, i, j, g, f)
			}
		}
	}
}

// gradients runs the node forth and back.
func (n testNode) gradients(t *testing.T, in []*value.Value, add bool) []*value.Value {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	return n.back(t, add, func(int, int) float64 { return r.NormFloat64() }, in...)
}

// back runs the node forth and back, from the gradients that up says for element j of output i.
func (n testNode) back(t *testing.T, add bool, up func(i, j int) float64, in ...*value.Value) []*value.Value {
	t.Helper()
	k, err := n.kernel(in...)
	if err != nil {
		t.Fatalf("%s: %v", n.op, err)
	}
	d, ok := k.(Differentiable)
	if !ok {
		t.Fatalf("%s: %T has no derivative", n.op, k)
	}
	out, err := runKernel(k, max(1, n.outputs), in...)
	if err != nil {
		t.Fatalf("%s: %v", n.op, err)
	}
	if _, err := runKernel(k, max(1, n.outputs), in...); err != nil { // another run must not matter
		t.Fatalf("%s: %v", n.op, err)
	}
	s := newTestStore(in, add)
	b := &Back{In: in, Out: out, Up: make([]*value.Value, len(out)), Store: s}
	for i, v := range out {
		if v == nil || v.Memory() != value.F32 && v.Memory() != value.F64 {
			continue
		}
		g, err := value.New(v.Kind, v.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		for j := range g.Len() {
			set(g, j, up(i, j))
		}
		b.Up[i] = g
	}
	if err := d.Back(b); err != nil {
		t.Fatalf("%s: %v", n.op, err)
	}
	for i, seen := range s.seen {
		if !seen && s.grads[i] != nil && !add {
			s.grads[i].Clear() // nothing reaches it
		}
	}
	return s.grads
}

// weighted is the sum of the outputs with the weights of gradients.
func (n testNode) weighted(t *testing.T, in []*value.Value) float64 {
	t.Helper()
	out, err := n.run(in...)
	if err != nil {
		t.Fatalf("%s: %v", n.op, err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	sum := 0.0
	for _, v := range out {
		if v == nil || v.Memory() != value.F32 && v.Memory() != value.F64 {
			continue
		}
		for j := range v.Len() {
			sum += element(v, j) * r.NormFloat64()
		}
	}
	return sum
}

// element is element i of a float tensor.
func element(v *value.Value, i int) float64 {
	if v.Memory() == value.F32 {
		return float64(value.Data[float32](v)[i])
	}
	return value.Data[float64](v)[i]
}

func converted(v *value.Value, kind format.DataType) *value.Value {
	w, err := value.New(kind, v.Shape...)
	if err != nil {
		panic(err)
	}
	for i := range v.Len() {
		set(w, i, element(v, i))
	}
	return w
}

// slope is a node with inputs at which its derivatives are checked.
type slope struct {
	node testNode
	in   []*value.Value
}

// slopes lists the cases of all families.
var slopes = [][]slope{
	unarySlopes,
	convSlopes, poolSlopes, batchNormSlopes, productSlopes,
	binarySlopes,
	normSlopes, lossSlopes,
	reduceSlopes, alongSlopes, castSlopes,
	moveSlopes,
	resizeSlopes, gridSlopes, regionSlopes,
	attendSlopes, recurrentSlopes, einsumSlopes, sequenceSlopes,
	quantizeSlopes, dropoutSlopes,
}

func (n testNode) key() string {
	if n.domain != "" {
		return n.domain + "." + n.op
	}
	return n.op
}

// TestDerivatives checks the derivatives of every operator that has any.
func TestDerivatives(t *testing.T) {
	for _, family := range slopes {
		for _, s := range family {
			t.Run(s.node.key(), func(t *testing.T) { s.node.differentiates(t, s.in...) })
		}
	}
}

// elsewhere lists operators without a case here, and why.
var elsewhere = map[string]string{
	"BlackmanWindow": "its input is an integer", "HammingWindow": "its input is an integer", "HannWindow": "its input is an integer",
	"If": "graphs inside nodes need a model", "Loop": "graphs inside nodes need a model", "Scan": "graphs inside nodes need a model",
	Microsoft + ".DequantizeLinear": "its kernel is that of DequantizeLinear",
	Microsoft + ".FusedConv":        "it has float32 alone: TestFusedConvBack",
	Microsoft + ".QuantizeLinear":   "it stands still, as QuantizeLinear",
	Preview + ".FlexAttention":      "has none: its graphs would have to be gone back through in the middle of it",
}

// TestEveryOperatorIsDifferentiated: each has a case of derivatives, stands still, or is listed with a reason.
func TestEveryOperatorIsDifferentiated(t *testing.T) {
	have := map[string]bool{}
	for _, family := range slopes {
		for _, s := range family {
			have[s.node.key()] = true
		}
	}
	for _, o := range All() {
		key := testNode{domain: o.Domain, op: o.Name}.key()
		if _, excused := elsewhere[key]; excused == (have[key] || o.Flat(Many)) {
			t.Errorf("%s has a case of derivatives or stands still: %v, and a reason for having none: %v", key, !excused, excused)
			have[key] = !excused
		}
	}
}
