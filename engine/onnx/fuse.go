package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// Exported models spell out what one operator does better: a layer norm as nine nodes, GELU as five. fuse looks for such spellings, and for nodes that the one before
// them can do in passing, as a convolution can add and cut off. It puts one step where the last was; the others go when tidy finds that nobody needs them, and stay where somebody does, an
// output of the model for one.
func (p *program) fuse() error {
	e := &editor{program: p}
	e.look()
	for i := range p.steps {
		for _, pattern := range []func(*editor, *step) *replacement{layerNorm, geluByErf, hardSwish, swish} {
			r := pattern(e, &p.steps[i])
			if r == nil {
				continue
			}
			if err := e.replace(i, r); err != nil {
				return err
			}
			break
		}
	}
	e.look()
	for i := range p.steps {
		if err := e.absorb(i); err != nil {
			return err
		}
	}
	return nil
}

// editor knows who computes and who reads each value.
type editor struct {
	program  *program
	producer []int // by slot: the step, or none
	users    []int // by slot
}

const none = -1

func (e *editor) look() {
	p := e.program
	e.producer, e.users = make([]int, len(p.constant)), make([]int, len(p.constant))
	for i := range e.producer {
		e.producer[i] = none
	}
	for i := range p.steps {
		for _, slot := range p.steps[i].uses() {
			e.users[slot]++
		}
		for _, slot := range p.steps[i].out {
			if slot != absent {
				e.producer[slot] = i
			}
		}
	}
	for _, slot := range p.outputs {
		if slot != absent {
			e.users[slot]++
		}
	}
}

// replacement is an operator that computes what a step does, from other values.
type replacement struct {
	operator   string
	in         []int
	attributes []*format.Attribute
}

func (e *editor) replace(i int, r *replacement) error {
	old := &e.program.steps[i]
	operator, err := op.Lookup("", r.operator, op.Newest)
	if err != nil {
		return err
	}
	n := &format.Node{Name: old.node.Name, Op: r.operator, Inputs: make([]string, len(r.in)), Outputs: []string{"y"}, Attributes: r.attributes}
	for j := range n.Inputs {
		n.Inputs[j] = fmt.Sprint(j)
	}
	node, err := op.NewNode(n, operator, op.Newest)
	if err != nil {
		return err
	}
	st := step{title: fmt.Sprintf("%s, as %s", old.title, r.operator), operator: operator, node: node, in: r.in, out: old.out}
	node.Constant = e.program.constantOf(&st)
	if st.kernel, err = node.Kernel(); err != nil {
		return fmt.Errorf("%s: %w", st.title, err)
	}
	e.program.steps[i] = st
	return nil
}

// constantOf gives the inputs of a step that never change.
func (p *program) constantOf(st *step) func(i int) *value.Value {
	return func(i int) *value.Value {
		if i >= len(st.in) || st.in[i] == absent {
			return nil
		}
		if w := p.weights.at(st.in[i]); w != nil && st.operator.Flat(i) {
			return w
		}
		return p.constant[st.in[i]]
	}
}

// absorb lets the step before step i do what i does, where its kernel can and nobody else needs its result.
func (e *editor) absorb(i int) error {
	st := &e.program.steps[i]
	if len(st.out) != 1 || len(st.graphs) > 0 {
		return nil
	}
	for k, slot := range st.in {
		if slot == absent || e.producer[slot] == none || e.users[slot] != 1 {
			continue
		}
		before := &e.program.steps[e.producer[slot]]
		fuser, ok := before.kernel.(op.Fuser)
		if !ok || len(before.out) != 1 {
			continue
		}
		kernel, err := fuser.Fuse(st.node, k)
		if err != nil {
			return fmt.Errorf("%s: %w", st.title, err)
		}
		if kernel == nil {
			continue
		}
		read := st.in // st becomes the new step
		in := slices.Concat(before.in, read[:k], read[k+1:])
		e.program.steps[i] = step{
			title: fmt.Sprintf("%s with %s", before.title, st.title), operator: before.operator, node: before.node,
			kernel: kernel, in: in, out: st.out,
		}
		for _, other := range read {
			if other != absent && other != slot {
				e.users[other]-- // in balance with those of the new step below
			}
		}
		for _, s := range in {
			if s != absent {
				e.users[s]++
			}
		}
		for _, s := range before.in {
			if s != absent {
				e.users[s]-- // it goes
			}
		}
		e.users[slot] = 0
		e.producer[st.out[0]] = i
		return nil
	}
	return nil
}

// by gives the step that computes a value, where it is of an operator of that name.
func (e *editor) by(slot int, operator string) *step {
	if slot == absent || e.producer[slot] == none {
		return nil
	}
	st := &e.program.steps[e.producer[slot]]
	if st.operator.Domain != "" || st.operator.Name != operator {
		return nil
	}
	return st
}

// scalar gives a value that never changes and is one number.
func (e *editor) scalar(slot int) (float64, bool) {
	if slot == absent {
		return 0, false
	}
	v := e.program.constant[slot]
	if v == nil || v.Len() != 1 {
		return 0, false
	}
	switch v.Memory() {
	case value.F32:
		return float64(value.Data[float32](v)[0]), true
	case value.F64:
		return value.Data[float64](v)[0], true
	}
	return 0, false
}

func near(x, y float64) bool { return math.Abs(x-y) <= 1e-4*math.Abs(y) }

// is tells whether a value is the number y.
func (e *editor) is(slot int, y float64) bool {
	x, ok := e.scalar(slot)
	return ok && (x == y || near(x, y))
}

// with gives the other operand of a step of two, of an operator of that name, one of whose operands is the number y. The order counts for Sub, Div and Pow.
func (e *editor) with(slot int, operator string, y float64) (int, bool) {
	st := e.by(slot, operator)
	if st == nil || len(st.in) != 2 {
		return 0, false
	}
	if e.is(st.in[1], y) {
		return st.in[0], true
	}
	if (operator == "Add" || operator == "Mul") && e.is(st.in[0], y) {
		return st.in[1], true
	}
	return 0, false
}

func named(st *step, operators ...string) bool {
	return st.operator.Domain == "" && slices.Contains(operators, st.operator.Name)
}

// times takes a factor off a value: where slot is z·y or z/(1/y), it gives z.
func (e *editor) times(slot int, y float64) (int, bool) {
	if z, ok := e.with(slot, "Mul", y); ok {
		return z, true
	}
	return e.with(slot, "Div", 1/y)
}

// geluByErf is x·½·(1 + erf(x/√2)), with the factors in any order.
func geluByErf(e *editor, st *step) *replacement {
	if !named(st, "Mul") {
		return nil
	}
	out := st.out[0]
	// (x·(1+erf))·½, or (x·½)·(1+erf)
	if product, ok := e.times(out, 0.5); ok {
		if p := e.by(product, "Mul"); p != nil {
			for k := range p.in {
				if x, ok := e.onePlusErf(p.in[k]); ok && x == p.in[1-k] {
					return gelu(x)
				}
			}
		}
	}
	for k := range st.in {
		x, ok := e.onePlusErf(st.in[k])
		if !ok {
			continue
		}
		if half, ok := e.times(st.in[1-k], 0.5); ok && half == x {
			return gelu(x)
		}
	}
	return nil
}

func gelu(x int) *replacement {
	return &replacement{operator: "Gelu", in: []int{x}}
}

// onePlusErf matches 1 + erf(x/√2).
func (e *editor) onePlusErf(slot int) (x int, ok bool) {
	inner, ok := e.with(slot, "Add", 1)
	if !ok {
		return 0, false
	}
	erf := e.by(inner, "Erf")
	if erf == nil {
		return 0, false
	}
	return e.times(erf.in[0], 1/math.Sqrt2)
}

// hardSwish is x·min(max(x+3, 0), 6)/6, or x·HardSigmoid(x) with alpha 1/6 and beta ½.
func hardSwish(e *editor, st *step) *replacement {
	if !named(st, "Div", "Mul") {
		return nil
	}
	if product, ok := e.times(st.out[0], 1.0/6); ok {
		if p := e.by(product, "Mul"); p != nil {
			for k := range p.in {
				if x, ok := e.relu6PlusThree(p.in[k]); ok && x == p.in[1-k] {
					return &replacement{operator: "HardSwish", in: []int{x}}
				}
			}
		}
	}
	if !named(st, "Mul") {
		return nil
	}
	for k := range st.in {
		x := st.in[1-k]
		if inner, ok := e.times(st.in[k], 1.0/6); ok {
			if z, ok := e.relu6PlusThree(inner); ok && z == x {
				return &replacement{operator: "HardSwish", in: []int{x}}
			}
		}
		if h := e.by(st.in[k], "HardSigmoid"); h != nil && h.in[0] == x &&
			near(float64(h.node.Float("alpha", 0.2)), 1.0/6) && near(float64(h.node.Float("beta", 0.5)), 0.5) {
			return &replacement{operator: "HardSwish", in: []int{x}}
		}
	}
	return nil
}

// relu6PlusThree matches min(max(x+3, 0), 6).
func (e *editor) relu6PlusThree(slot int) (x int, ok bool) {
	clip := e.by(slot, "Clip")
	if clip == nil {
		return 0, false
	}
	switch {
	case len(clip.in) == 3:
		ok = e.is(clip.in[1], 0) && e.is(clip.in[2], 6)
	case len(clip.in) == 1:
		ok = clip.node.Float("min", -1) == 0 && clip.node.Float("max", 0) == 6
	}
	if !ok {
		return 0, false
	}
	return e.with(clip.in[0], "Add", 3)
}

// swish is x·sigmoid(x).
func swish(e *editor, st *step) *replacement {
	if !named(st, "Mul") {
		return nil
	}
	for k := range st.in {
		if s := e.by(st.in[k], "Sigmoid"); s != nil && s.in[0] == st.in[1-k] {
			return &replacement{operator: "Swish", in: []int{st.in[1-k]}}
		}
	}
	return nil
}

// layerNorm is (x − mean)/√(variance + ε)·γ + β over the last axes.
func layerNorm(e *editor, st *step) *replacement {
	if !named(st, "Add") {
		return nil
	}
	for k := range st.in {
		scaled, beta := e.by(st.in[k], "Mul"), st.in[1-k]
		if scaled == nil || !e.constant(beta) {
			continue
		}
		for j := range scaled.in {
			gamma := scaled.in[1-j]
			if !e.constant(gamma) {
				continue
			}
			if x, axes, epsilon, ok := e.normalised(scaled.in[j]); ok && e.sameShape(gamma, beta, axes) {
				return &replacement{operator: "LayerNormalization", in: []int{x, gamma, beta}, attributes: []*format.Attribute{
					{Name: "axis", Type: format.AttrInt, Int: int64(-axes)},
					{Name: "epsilon", Type: format.AttrFloat, Float: epsilon},
				}}
			}
		}
	}
	return nil
}

func (e *editor) constant(slot int) bool { return slot != absent && e.program.constant[slot] != nil }

// sameShape tells whether two constants have as many dimensions as are normalised over.
func (e *editor) sameShape(a, b, axes int) bool {
	x, y := e.program.constant[a].Shape, e.program.constant[b].Shape
	return len(x) == axes && slices.Equal(x, y)
}

// normalised matches (x − mean(x))/√(mean((x − mean(x))²) + ε), and says over how many of the last axes.
func (e *editor) normalised(slot int) (x, axes int, epsilon float32, ok bool) {
	div := e.by(slot, "Div")
	if div == nil {
		return 0, 0, 0, false
	}
	centred := e.by(div.in[0], "Sub")
	root := e.by(div.in[1], "Sqrt")
	if centred == nil || root == nil {
		return 0, 0, 0, false
	}
	sum := e.by(root.in[0], "Add")
	if sum == nil {
		return 0, 0, 0, false
	}
	variance := e.by(sum.in[0], "ReduceMean")
	eps, isNumber := e.scalar(sum.in[1])
	if variance == nil || !isNumber {
		return 0, 0, 0, false
	}
	square, isSquare := e.with(variance.in[0], "Pow", 2)
	if m := e.by(variance.in[0], "Mul"); m != nil && m.in[0] == m.in[1] {
		square, isSquare = m.in[0], true
	}
	if !isSquare {
		return 0, 0, 0, false
	}
	if again := e.by(square, "Sub"); square != div.in[0] && (again == nil || !slices.Equal(again.in, centred.in)) {
		return 0, 0, 0, false
	}
	x = centred.in[0]
	mean := e.by(centred.in[1], "ReduceMean")
	if mean == nil || mean.in[0] != x {
		return 0, 0, 0, false
	}
	a, okA := e.lastAxes(mean)
	b, okB := e.lastAxes(variance)
	return x, a, float32(eps), okA && okB && a == b
}

// lastAxes tells over how many of the last axes a step reduces, where it names them from the end and keeps them.
func (e *editor) lastAxes(st *step) (int, bool) {
	axes := st.node.Ints("axes")
	if len(st.in) > 1 && st.in[1] != absent {
		v := e.program.constant[st.in[1]]
		if v == nil {
			return 0, false
		}
		x, err := value.Integers(v)
		if err != nil {
			return 0, false
		}
		for _, a := range x {
			axes = append(axes, int(a))
		}
	}
	if len(axes) == 0 || st.node.Int("keepdims", 1) != 1 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(axes))
	for i, a := range sorted {
		if a != i-len(sorted) {
			return 0, false
		}
	}
	return len(sorted), true
}
