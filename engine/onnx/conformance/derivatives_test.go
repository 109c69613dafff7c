package conformance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// TestDerivatives compares the derivatives of every ONNX test of one node, in float64, with central differences.
func TestDerivatives(t *testing.T) {
	root := os.Getenv("ONNX_TESTS")
	if root == "" {
		t.Skip("ONNX_TESTS does not name the folder of the tests")
	}
	dirs, err := Find(root)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, dir := range dirs {
		n, err := loneNode(dir)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(dir), err)
		}
		if n == nil {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			checked += n.differentiate(t)
		})
	}
	t.Logf("%d derivatives checked", checked)
	if checked < 1000 {
		t.Errorf("only %d derivatives checked, expected thousands", checked)
	}
}

// without are the operators that have no derivative yet.
var without = []string{"FlexAttention"}

// lone is a node with inputs at which its derivatives are checked.
type lone struct {
	node   *op.Node
	kernel op.Differentiable
	in     []*value.Value
	moves  []bool // which inputs have derivatives
}

// loneNode gives the one node of a test's model, nil where it has several, or no derivative.
func loneNode(dir string) (*lone, error) {
	m, err := format.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil || m.Graph == nil || len(m.Graph.Nodes) != 1 || len(m.Graph.Initializers) > 0 || len(m.Functions) > 0 {
		return nil, nil // those of strings and the like are not read
	}
	f := m.Graph.Nodes[0]
	version := int64(0)
	for _, o := range m.Opsets {
		if o.Domain == f.Domain {
			version = o.Version
		}
	}
	o, err := op.Lookup(f.Domain, f.Op, int(version))
	if err != nil || o.Random {
		return nil, nil
	}
	l := &lone{in: make([]*value.Value, len(f.Inputs)), moves: make([]bool, len(f.Inputs))}
	if l.node, err = op.NewNode(f, o, int(version)); err != nil {
		return nil, err
	}
	l.node.Constant = func(int) *value.Value { return nil }
	l.node.Subgraph = func(*format.Graph) (op.Graph, error) { return nil, fmt.Errorf("has a graph") }
	k, err := l.node.Kernel()
	if err != nil {
		return nil, nil // refused: TestONNX says so where it must not be
	}
	if s, ok := k.(op.Still); ok && s.Still() {
		return nil, nil
	}
	for i, name := range f.Inputs {
		port := slices.IndexFunc(m.Graph.Inputs, func(v *format.ValueInfo) bool { return v.Name == name })
		if port < 0 {
			continue
		}
		v, err := read(filepath.Join(dir, "test_data_set_0", fmt.Sprintf("input_%d.pb", port)))
		if err != nil {
			return nil, nil // one without data, or of a type that is not supported
		}
		if l.in[i] = v; (v.Kind == format.Float || v.Kind == format.Double) && !o.Flat(i) {
			l.moves[i] = true
			if l.in[i], err = asDouble(v); err != nil {
				return nil, err
			}
		}
	}
	if !slices.Contains(l.moves, true) {
		return nil, nil
	}
	var ok bool
	if l.kernel, ok = k.(op.Differentiable); ok == slices.Contains(without, f.Op) {
		return nil, fmt.Errorf("%s has a derivative: %v, and stands in without: %v", f.Op, ok, ok)
	}
	if !ok {
		return nil, nil
	}
	return l, nil
}

func asDouble(v *value.Value) (*value.Value, error) {
	w, err := value.New(format.Double, v.Shape...)
	if err != nil || v.Kind == format.Double {
		return v, err
	}
	for i, x := range value.Data[float32](v) {
		value.Data[float64](w)[i] = float64(x)
	}
	return w, nil
}

// place gives every result memory of its own.
type place struct{}

func (place) Result(c *op.Call, i int, kind format.DataType, shape []int) (*value.Value, error) {
	v, err := value.New(kind, shape...)
	if err == nil && i < len(c.Out) {
		c.Out[i] = v
	}
	return v, err
}

func (place) Share(c *op.Call, i int, src *value.Value, shape []int) error {
	v := new(value.Value)
	v.View(src, shape...)
	if i < len(c.Out) {
		c.Out[i] = v
	}
	return nil
}

// grads keeps the gradients of the inputs that have any.
type grads struct {
	list []*value.Value
	add  []bool
}

func (g *grads) Wants(_ *op.Back, i int) bool { return i < len(g.list) && g.list[i] != nil }

func (g *grads) Gradient(b *op.Back, i int) (*value.Value, bool) {
	if !g.Wants(b, i) {
		return nil, false
	}
	add := g.add[i]
	g.add[i] = true
	return g.list[i], add
}

// weighted is the sum of the float outputs with weights drawn from a fixed seed, and gives these.
func (l *lone) weighted() (sum float64, out, up []*value.Value, err error) {
	c := &op.Call{In: l.in, Out: make([]*value.Value, len(l.node.Outputs)), Place: place{}}
	if err := l.kernel.Run(c); err != nil {
		return 0, nil, nil, err
	}
	r := rand.New(rand.NewPCG(1, 2))
	up = make([]*value.Value, len(c.Out))
	for i, v := range c.Out {
		if v == nil || v.Kind != format.Double {
			continue
		}
		if up[i], err = value.New(v.Kind, v.Shape...); err != nil {
			return 0, nil, nil, err
		}
		for j, y := range value.Data[float64](v) {
			w := r.NormFloat64()
			value.Data[float64](up[i])[j] = w
			sum += w * y
		}
	}
	return sum, c.Out, up, nil
}

// most is how many elements of an input are checked.
const most = 40

// differentiate compares the derivatives by elements, and gives their number. Where the differences to both sides, or at half the distance, are not
// alike, at kinks and steps, there is nothing to compare.
func (l *lone) differentiate(t *testing.T) (checked int) {
	middle, out, up, err := l.weighted()
	if err != nil {
		t.Skip(err) // one that is not for float64
	}
	g := &grads{list: make([]*value.Value, len(l.in)), add: make([]bool, len(l.in))}
	for i, v := range l.in {
		if l.moves[i] {
			if g.list[i], err = value.New(v.Kind, v.Shape...); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.kernel.Back(&op.Back{In: l.in, Out: out, Up: up, Store: g}); err != nil {
		t.Fatal(err)
	}
	const h = 1e-5
	at := func(x []float64, j int, e float64) float64 {
		was := x[j]
		x[j] = e
		sum, _, _, err := l.weighted()
		x[j] = was
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	for i, v := range l.in {
		if !l.moves[i] {
			continue
		}
		x := value.Data[float64](v)
		for j := 0; j < len(x); j += max(1, len(x)/most) {
			above, below := at(x, j, x[j]+h), at(x, j, x[j]-h)
			slope, near := (above-below)/(2*h), (at(x, j, x[j]+h/2)-at(x, j, x[j]-h/2))/h
			if !(math.Abs(above+below-2*middle) <= 1e-3*h*(1+math.Abs(slope)) && math.Abs(near-slope) <= 1e-3*(1+math.Abs(slope))) {
				continue
			}
			checked++
			if d := value.Data[float64](g.list[i])[j]; !(math.Abs(d-slope) <= 1e-5*(1+math.Abs(slope)+math.Abs(middle))) {
				t.Fatalf("input %d, element %d: derivative %.9g, by differences %.9g", i, j, d, slope)
			}
		}
	}
	return checked
}
