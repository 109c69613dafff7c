package onnx

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
)

// ModuleOptions says which part of a model is trained, and how.
type ModuleOptions struct {
	Input  string                  // the input of a batch, of floats; "" for the only one
	Output string                  // what is computed: an output of the model, or any value of its graph; "" for the first output
	Fixed  map[string]*value.Value // the other inputs
	// Freeze is a pattern of the parameters that stay as they are: of their names, or of those of nodes that take them, as exporters call folded weights by numbers. Nil freezes nothing.
	Freeze *regexp.Regexp
	// Constants are initializers that are no parameters, whatever Freeze says.
	Constants []string
	// RunningStatistics holds batch norms to their running statistics also on a tape that trains. Those whose scale is frozen always are.
	RunningStatistics bool
}

// Module is a model as a part of a network: its parameters can be trained by any loss. It is an nn.Module.
//
// Parameters are the float32 initializers and constants with a dimension or more through which a derivative of the output flows, under their names in the file. Running
// statistics of batch norms are frozen, and what has one dimension does not decay. On a tape that trains batch norms take the batch's statistics, and move the running ones by the node's momentum, as
// PyTorch does; dropout that the file has left in stands still.
type Module struct {
	Input, Output Port // Output has no shape where it is not an output of the model

	file    *format.Model
	program *program
	at      int            // which of the program's inputs takes the batch
	fixed   []*value.Value // by input of the program
	params  []*autodiff.Param
	norms   []int // steps
	running bool
	pool    *pool
	alone   *frame // of runs that nobody goes back through
	double  []*value.Value
	in      []*autodiff.Var // scratch
}

// Module makes a network of the model, from one input to one output. The model stays as it is: its weights are copied. It fails where a derivative cannot pass.
func (m *Model) Module(o *ModuleOptions) (*Module, error) {
	if o == nil {
		o = &ModuleOptions{}
	}
	n := &Module{file: m.Format, pool: newPool(), running: o.RunningStatistics}
	if err := n.choose(m, o); err != nil {
		return nil, err
	}
	graph := withOutputs(m.Format.Graph, n.Output.Name)
	c := newCompiler(m.Format)
	c.trained, c.fixed = true, o.Constants
	var err error
	if n.program, err = c.compileGraph(graph, nil, opsetsOf(m.Format.Opsets), false); err != nil {
		return nil, err
	}
	if n.program.outputs[0] == absent {
		return nil, fmt.Errorf("output %q is what a function's call leaves out", n.Output.Name)
	}
	n.program.settle()
	n.addNorms()
	n.alone = newFrame(n.program, m.frame.limit, n.pool)
	return n, n.addParams(o.Freeze)
}

// choose finds the input and the output.
func (n *Module) choose(m *Model, o *ModuleOptions) error {
	var open []string
	n.at = -1
	for _, p := range m.Inputs {
		switch v := o.Fixed[p.Name]; {
		case p.Optional:
			continue
		case v != nil:
			if err := p.check(v); err != nil {
				return err
			}
		case o.Input == "" || o.Input == p.Name:
			n.Input, n.at = p, len(n.fixed)
			open = append(open, p.Name)
		default:
			open = append(open, p.Name)
		}
		n.fixed = append(n.fixed, o.Fixed[p.Name])
	}
	switch {
	case n.at < 0:
		return fmt.Errorf("the model has no input %q without a value; it takes %s", o.Input, m.ports())
	case len(open) > 1:
		return fmt.Errorf("one input takes the batch, and the others need fixed values; open are %q", open)
	case n.Input.Kind != 0 && n.Input.Kind != format.Float:
		return fmt.Errorf("input %q is %s, must be %s to be trained through", n.Input.Name, n.Input.Kind, format.Float)
	}
	if o.Output == "" {
		if len(m.Outputs) == 0 {
			return errors.New("the model has no outputs")
		}
		n.Output = m.Outputs[0]
		return nil
	}
	var err error
	n.Output, err = portOf(m.Format.Graph, o.Output)
	return err
}

// addNorms notes the steps that normalise in either way.
func (n *Module) addNorms() {
	for i := range n.program.steps {
		st := &n.program.steps[i]
		k, ok := st.kernel.(op.Norming)
		if !ok {
			continue
		}
		st.kernel, st.batch = k.Mode(false), k.Mode(true)
		for len(st.out) < 3 {
			st.out = append(st.out, n.program.slot(nil))
		}
		for j, slot := range st.out[1:3] {
			if slot == absent {
				st.out[1+j] = n.program.slot(nil)
			}
		}
		st.out = st.out[:3]
		n.norms = append(n.norms, i)
	}
}

// addParams makes a parameter of each weight, and checks that a derivative passes.
func (n *Module) addParams(freeze *regexp.Regexp) error {
	p := n.program
	active := make([]bool, len(p.constant))
	active[p.inputs[n.at]] = true
	matched := freeze == nil
	for _, w := range p.weights.list {
		t, err := tensor.FromFloat32(slices.Clone(value.Data[float32](w.value)), w.value.Shape...)
		if err != nil {
			return fmt.Errorf("weight %q: %w", w.name, err)
		}
		n.params = append(n.params, &autodiff.Param{
			Name: w.name, Value: t, NoDecay: t.Rank() == 1,
			Frozen: w.buffer || freeze != nil && w.matches(freeze),
		})
		matched = matched || freeze != nil && w.matches(freeze)
		active[w.slot] = !w.buffer
	}
	if !matched {
		return fmt.Errorf("freeze is %q, which matches no parameter and no node that takes one; there are %s", freeze, p.weights.names())
	}
	if err := p.differentiable(active); err != nil {
		return err
	}
	if !active[p.outputs[0]] {
		return fmt.Errorf("output %q moves neither with input %q nor with a parameter", n.Output.Name, n.Input.Name)
	}
	return nil
}

// Params gives the parameters in the order of the file, frozen ones included.
func (n *Module) Params() []*autodiff.Param { return n.params }

// Forward records the model on the tape of x. It panics where the model does not take x, as layers do.
func (n *Module) Forward(x *autodiff.Var) *autodiff.Var {
	t := x.Tape()
	n.in = append(n.in[:0], x)
	for _, p := range n.params {
		n.in = append(n.in, t.Param(p))
	}
	out := t.Custom(n, n.in)
	f := n.frameFor(out)
	err := n.run(f, x, t.Training)
	if err == nil {
		err = n.give(out, f)
	}
	if err != nil {
		panic(fmt.Sprintf("onnx: %v", err))
	}
	return out
}

// frameFor gives the frame for a run: one that stays with its place on the tape where somebody may go back through it.
func (n *Module) frameFor(out *autodiff.Var) *frame {
	if !out.Needs() {
		return n.alone
	}
	if f, ok := out.Kept().(*frame); ok && f.program == n.program {
		f.record.reset()
		return f
	}
	f := newFrame(n.program, n.alone.limit, n.pool)
	f.record = newRecord(f, nil)
	out.Keep(f)
	return f
}

// run computes the steps.
func (n *Module) run(f *frame, x *autodiff.Var, training bool) error {
	p := n.program
	f.rounds = 0
	copy(f.slots, n.constants(x.Value.DType()))
	for i, slot := range p.inputs {
		f.slots[slot] = n.fixed[i]
	}
	batch, err := valueOf(x.Value)
	if err != nil {
		return err
	}
	if batch.Kind == format.Float {
		if err := n.Input.check(batch); err != nil {
			return err
		}
	}
	f.slots[p.inputs[n.at]] = batch
	for i, w := range p.weights.list {
		if f.slots[w.slot], err = valueOf(n.params[i].Value); err != nil {
			return err
		}
	}
	n.setModes(f, training)
	for i := range p.steps {
		if err := f.step(i); err != nil {
			return err
		}
	}
	return nil
}

// valueOf wraps a tensor, whose memory it shares.
func valueOf(t *tensor.Tensor) (*value.Value, error) {
	if t.DType() == tensor.Float64 {
		return value.Of(t.Float64s(), t.Shape()...)
	}
	return value.Of(t.Float32s(), t.Shape()...)
}

// constants gives what never changes, by slot, with floats of the tape's type.
func (n *Module) constants(dt tensor.DType) []*value.Value {
	if dt == tensor.Float32 {
		return n.program.constant
	}
	if n.double == nil {
		n.double = slices.Clone(n.program.constant)
		for i, v := range n.double {
			if v != nil && v.Kind == format.Float {
				n.double[i] = widened(v)
			}
		}
	}
	return n.double
}

func widened(v *value.Value) *value.Value {
	x := make([]float64, v.Len())
	for i, e := range value.Data[float32](v) {
		x[i] = float64(e)
	}
	w, err := value.Of(x, v.Shape...)
	if err != nil {
		panic(err) // v has as many elements
	}
	return w
}

// setModes settles which norms take the batch's statistics in a run.
func (n *Module) setModes(f *frame, training bool) {
	f.batch = f.batch[:0]
	for range n.program.steps {
		f.batch = append(f.batch, false)
	}
	for _, i := range n.norms {
		f.batch[i] = training && !n.running && !n.frozen(n.program.steps[i].in[1])
	}
}

// frozen tells whether the value of a slot is no parameter that moves.
func (n *Module) frozen(slot int) bool {
	i := n.param(slot)
	return i < 0 || n.params[i].Frozen
}

// param is the parameter in a slot, or negative.
func (n *Module) param(slot int) int {
	return slices.IndexFunc(n.program.weights.list, func(w weight) bool { return w.slot == slot })
}

// give moves what a run has computed to the tape, and the running statistics to their parameters.
func (n *Module) give(out *autodiff.Var, f *frame) error {
	y := f.slots[n.program.outputs[0]]
	out.Value.Resize(y.Shape...)
	to, err := valueOf(out.Value)
	if err != nil {
		return err
	}
	if to.Kind != y.Kind {
		return fmt.Errorf("output %q is %s, must be %s", n.Output.Name, y, to.Kind)
	}
	to.CopyFrom(y)
	for _, i := range n.norms {
		if st := &n.program.steps[i]; f.batch[i] {
			n.keep(st.in[3], f.slots[st.out[1]])
			n.keep(st.in[4], f.slots[st.out[2]])
		}
	}
	if f.record == nil {
		for slot := range f.slots {
			f.drop(slot)
		}
	}
	return nil
}

// keep makes v the value of the parameter in a slot, if one is there.
func (n *Module) keep(slot int, v *value.Value) {
	i := n.param(slot)
	if i < 0 {
		return
	}
	if t := n.params[i].Value; v.Memory() == value.F64 {
		copy(t.Float64s(), value.Data[float64](v))
	} else {
		copy(t.Float32s(), value.Data[float32](v))
	}
}

// Backward implements autodiff.Op.
func (n *Module) Backward(out *autodiff.Var, in []*autodiff.Var) {
	if err := n.back(out, in); err != nil {
		panic(fmt.Sprintf("onnx: %v", err))
	}
}

func (n *Module) back(out *autodiff.Var, in []*autodiff.Var) error {
	f, ok := out.Kept().(*frame)
	if !ok || f.program != n.program {
		return errors.New("the run is not there any more")
	}
	r, p := f.record, n.program
	r.forget()
	clear(r.active)
	slots := []int{p.inputs[n.at]}
	for _, w := range p.weights.list {
		slots = append(slots, w.slot)
	}
	for i, slot := range slots {
		if !in[i].Needs() {
			continue
		}
		g, err := valueOf(in[i].AddGrad())
		if err != nil {
			return err
		}
		r.active[slot] = true
		r.lend(slot, g)
	}
	r.spread()
	up, err := valueOf(out.Grad())
	if err != nil {
		return err
	}
	r.add(p.outputs[0], up)
	return r.back()
}

// File is the model's file with the parameters as they are now, in memory of its own; the rest is the model's. Batch norms take the running statistics, as a file for inference has them, also where they
// trained in the model's file.
func (n *Module) File() (*format.Model, error) {
	now := map[string]*format.Tensor{}
	for _, p := range n.params {
		if p.Value.DType() != tensor.Float32 {
			return nil, fmt.Errorf("parameter %q is %v; a file has float32", p.Name, p.Value.DType())
		}
		v, err := value.Of(slices.Clone(p.Value.Float32s()), p.Value.Shape()...)
		if err != nil {
			return nil, err
		}
		now[p.Name] = v.Tensor(p.Name)
	}
	file, graph := *n.file, *n.file.Graph
	graph.Initializers = slices.Clone(graph.Initializers)
	for i, t := range graph.Initializers {
		if v := now[t.Name]; v != nil {
			graph.Initializers[i] = v
		}
	}
	graph.Nodes = slices.Clone(graph.Nodes)
	for i, node := range graph.Nodes {
		changed := *node
		switch v := now[outputOf(node)]; {
		case v != nil && node.Op == "Constant":
			changed.Attributes = []*format.Attribute{{Name: "value", Type: format.AttrTensor, Tensor: v}}
		case node.Op == "BatchNormalization" && node.Domain == "":
			changed.Outputs = node.Outputs[:1]
			changed.Attributes = slices.DeleteFunc(slices.Clone(node.Attributes), func(a *format.Attribute) bool { return a.Name == "training_mode" })
		}
		graph.Nodes[i] = &changed
	}
	file.Graph = &graph
	return &file, nil
}

// outputOf is the name of a node's first output.
func outputOf(n *format.Node) string {
	if len(n.Outputs) == 0 {
		return ""
	}
	return n.Outputs[0]
}
