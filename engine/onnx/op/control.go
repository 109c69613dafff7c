package op

import (
	"errors"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
)

var control = []Operator{
	{Name: "If", Since: 1, In: [2]int{1, 1}, Out: [2]int{1, Many}, Make: branchOf},
	{Name: "Loop", Since: 1, In: [2]int{0, Many}, Out: [2]int{0, Many}, Make: loopOf},
	{Name: "Scan", Since: 8, In: [2]int{0, Many}, Out: [2]int{1, Many}, Make: scanByBatch},
	{Name: "Scan", Since: 9, In: [2]int{1, Many}, Out: [2]int{1, Many}, Make: scanOf},
}

// branch runs one of two graphs.
type branch struct{ then, otherwise Graph }

func branchOf(n *Node) (Kernel, error) {
	k := &branch{n.Graph("then_branch"), n.Graph("else_branch")}
	for _, g := range []Graph{k.then, k.otherwise} {
		if g == nil {
			return nil, errors.New("a branch is missing")
		}
		if g.Inputs() != 0 || g.Outputs() != len(n.Outputs) {
			return nil, fmt.Errorf("a branch has %d inputs and %d outputs, must have none and %d", g.Inputs(), g.Outputs(), len(n.Outputs))
		}
	}
	return k, nil
}

func (k *branch) Run(c *Call) error {
	yes, err := truthOf(c.In[0], "the condition")
	if err != nil {
		return err
	}
	g := k.otherwise
	if yes {
		g = k.then
	}
	out, err := g.Run(c, nil)
	if err != nil {
		return err
	}
	return shareAll(c, out, 0)
}

// shareAll makes values outputs of the call, from output first on.
func shareAll(c *Call, values []*value.Value, first int) error {
	for i, v := range values {
		if v == nil {
			return fmt.Errorf("output %d has no value", first+i)
		}
		if !c.Needs(first + i) {
			continue
		}
		if err := c.Share(first+i, v, v.Shape...); err != nil {
			return err
		}
	}
	return nil
}

// truthOf gives the one element of a tensor of truth values.
func truthOf(v *value.Value, what string) (bool, error) {
	if v == nil || v.Memory() != value.Bool || v.Len() != 1 {
		return false, fmt.Errorf("%s is %v, must be one truth value", what, v)
	}
	return value.Data[bool](v)[0], nil
}

// loop runs its body until that says that it is enough, or as often as an input says.
type loop struct {
	body    Graph
	carried int // values that a round hands to the next
	region  grid
}

func loopOf(n *Node) (Kernel, error) {
	k := &loop{body: n.Graph("body"), carried: max(0, len(n.Inputs)-2)}
	if k.body == nil {
		return nil, errors.New("the body is missing")
	}
	if k.body.Inputs() != 2+k.carried || k.body.Outputs() < 1+k.carried || k.body.Outputs()-1 < len(n.Outputs) {
		return nil, fmt.Errorf("the body has %d inputs and %d outputs, must have %d and at least %d", k.body.Inputs(), k.body.Outputs(), 2+k.carried, 1+max(k.carried, len(n.Outputs)))
	}
	return k, nil
}

func (k *loop) Run(c *Call) error {
	trips, on := -1, true
	var err error
	if v := c.Input(0); v != nil {
		if trips, err = scalarOf(v, "the number of rounds"); err != nil {
			return err
		}
		trips = max(trips, 0)
	}
	if v := c.Input(1); v != nil {
		if on, err = truthOf(v, "the condition"); err != nil {
			return err
		}
	}
	in := make([]*value.Value, 2+k.carried)
	for i := 2; i < len(in); i++ {
		if in[i] = c.In[i]; in[i] == nil {
			return fmt.Errorf("input %d is missing", i)
		}
	}
	stacks := make([]stack, k.body.Outputs()-1-k.carried)
	for i := 0; on && i != trips; i++ {
		if in[0], err = value.Of([]int64{int64(i)}); err != nil {
			return err
		}
		if in[1], err = value.Of([]bool{on}); err != nil {
			return err
		}
		out, err := k.body.Run(c, in)
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		if on, err = truthOf(out[0], "the body's condition"); err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
		copy(in[2:], out[1:])
		for j := range stacks {
			if err := stacks[j].push(c, out[1+k.carried+j]); err != nil {
				return fmt.Errorf("round %d: output %d: %w", i, k.carried+j, err)
			}
		}
	}
	if err := shareAll(c, in[2:], 0); err != nil {
		return err
	}
	for j := range stacks {
		if err := k.join(c, k.carried+j, stacks[j].values); err != nil {
			return err
		}
	}
	return nil
}

// stack collects values of one type and shape.
type stack struct {
	values []*value.Value
	bytes  int
}

func (s *stack) push(c *Call, v *value.Value) error {
	if v == nil {
		return errors.New("has no value")
	}
	if first := s.values; len(first) > 0 && (first[0].Kind != v.Kind || !slices.Equal(first[0].Shape, v.Shape)) {
		return fmt.Errorf("is %s, in the first round it was %s", v, first[0])
	}
	s.bytes += v.Len() * v.Memory().Size()
	if err := c.Room(s.bytes); err != nil {
		return fmt.Errorf("all rounds together: %w", err)
	}
	s.values = append(s.values, v)
	return nil
}

// join puts values one after the other in output i.
func (k *loop) join(c *Call, i int, values []*value.Value) error {
	if !c.Needs(i) {
		return nil
	}
	if len(values) == 0 {
		return emptyOutput(c, i, k.body.Output(1+i), 0)
	}
	out, err := c.Result(i, values[0].Kind, append([]int{len(values)}, values[0].Shape...)...)
	if err != nil {
		return err
	}
	n := values[0].Len()
	for j, v := range values {
		k.region.reset()
		k.region.add(n, 1, 1)
		k.region.copy(out, j*n, v, 0)
	}
	return nil
}

// emptyOutput is what no round has given: of the shape that the file says, with a dimension of 0 at axis. Dimensions that the file leaves open are 0, too.
func emptyOutput(c *Call, i int, info *format.ValueInfo, axis int) error {
	if info == nil || info.Type == nil || value.MemoryOf(info.Type.Elem) == value.None {
		return fmt.Errorf("output %d: there was no round, and the file does not say the type", i)
	}
	var shape []int
	for _, d := range info.Type.Shape {
		shape = append(shape, max(0, d.Size))
	}
	axis, err := axisWithin(axis, len(shape)+1)
	if err != nil {
		return fmt.Errorf("output %d: %w", i, err)
	}
	_, err = c.Result(i, info.Type.Elem, slices.Insert(shape, axis, 0)...)
	return err
}

// scan runs its body for each step along an axis of its last inputs. The body hands states on, and gives what is put together along an axis of the last outputs.
type scan struct {
	body            Graph
	states, inputs  int
	outputs         int
	inAxes, outAxes []int
	inBack, outBack []int // 1 for backward
	batched         bool  // the form of version 8: a first dimension of samples, each with a length of its own
	region          grid
	results         []*value.Value
}

func scanByBatch(n *Node) (Kernel, error) {
	k := &scan{batched: true, inBack: n.Ints("directions")}
	if _, err := k.of(n, len(n.Inputs)-1); err != nil {
		return nil, err
	}
	return KernelFunc(k.Run), nil // which has no derivative
}

func scanOf(n *Node) (Kernel, error) {
	k := &scan{
		inAxes: n.Ints("scan_input_axes"), outAxes: n.Ints("scan_output_axes"),
		inBack: n.Ints("scan_input_directions"), outBack: n.Ints("scan_output_directions"),
	}
	return k.of(n, len(n.Inputs))
}

func (k *scan) of(n *Node, inputs int) (Kernel, error) {
	k.body, k.inputs = n.Graph("body"), n.Int("num_scan_inputs", 0)
	if k.body == nil {
		return nil, errors.New("the body is missing")
	}
	if k.inputs < 1 || k.inputs > inputs {
		return nil, fmt.Errorf("num_scan_inputs is %d, must be 1 to %d", k.inputs, inputs)
	}
	k.states = inputs - k.inputs
	k.outputs = k.body.Outputs() - k.states
	if k.body.Inputs() != inputs || k.outputs < 0 || k.body.Outputs() < len(n.Outputs) {
		return nil, fmt.Errorf("the body has %d inputs and %d outputs, must have %d and at least %d", k.body.Inputs(), k.body.Outputs(), inputs, max(k.states, len(n.Outputs)))
	}
	for _, l := range []struct {
		name      string
		list      *[]int
		n         int
		direction bool
	}{
		{"the input axes", &k.inAxes, k.inputs, false},
		{"the output axes", &k.outAxes, k.outputs, false},
		{"the input directions", &k.inBack, k.inputs, true},
		{"the output directions", &k.outBack, k.outputs, true},
	} {
		if *l.list == nil {
			*l.list = make([]int, l.n)
		}
		if len(*l.list) != l.n {
			return nil, fmt.Errorf("%s are %v, must be %d", l.name, *l.list, l.n)
		}
		if l.direction && slices.ContainsFunc(*l.list, func(d int) bool { return d != 0 && d != 1 }) {
			return nil, fmt.Errorf("%s are %v, must be 0 and 1", l.name, *l.list)
		}
	}
	return k, nil
}

func (k *scan) Run(c *Call) error {
	in := c.In
	if k.batched {
		in = in[1:]
	}
	if i := slices.Index(in, nil); i >= 0 {
		return fmt.Errorf("input %d is missing", i+len(c.In)-len(in))
	}
	k.results = scratch.Sized(k.results, k.outputs)
	clear(k.results)
	defer clear(k.results)
	if k.batched {
		return k.samples(c, in)
	}
	states, steps, err := k.sequence(c, in[:k.states], in[k.states:], nil, -1)
	if err != nil {
		return err
	}
	if err := shareAll(c, states, 0); err != nil {
		return err
	}
	return k.finish(c, steps)
}

// finish gives the outputs that no step has given.
func (k *scan) finish(c *Call, steps int) error {
	for i, v := range k.results {
		if v != nil || !c.Needs(k.states+i) {
			continue
		}
		if steps > 0 {
			return fmt.Errorf("output %d has no value", k.states+i)
		}
		if err := emptyOutput(c, k.states+i, k.body.Output(k.states+i), k.outAxes[i]); err != nil {
			return err
		}
	}
	return nil
}

// samples runs the sequences of version 8, one after the other. What lies beyond a sequence's length is 0.
func (k *scan) samples(c *Call, in []*value.Value) error {
	n := -1
	for i, v := range in {
		if len(v.Shape) == 0 || i >= k.states && len(v.Shape) < 2 || n >= 0 && v.Shape[0] != n {
			return fmt.Errorf("input %d is %s, must begin with the dimension of the samples, as the others do", i+1, v)
		}
		n = v.Shape[0]
	}
	longest := in[k.states].Shape[1]
	if n == 0 || longest == 0 {
		return errors.New("has no samples, or none with a step")
	}
	lengths := slices.Repeat([]int{longest}, n)
	if v := c.In[0]; v != nil {
		var err error
		if lengths, err = listOf(v, "the lengths"); err != nil {
			return err
		}
		if len(lengths) != n {
			return fmt.Errorf("has %d lengths for %d samples", len(lengths), n)
		}
	}
	states := make([]*value.Value, k.states)
	for b, length := range lengths {
		if length < 1 || length > longest {
			return fmt.Errorf("length %d is %d, must be 1 to %d", b, length, longest)
		}
		own := make([]*value.Value, len(in))
		for i, v := range in {
			var err error
			if own[i], err = k.at(v, 0, b); err != nil {
				return err
			}
		}
		last, _, err := k.sequence(c, own[:k.states], own[k.states:], &scanSample{b, n, longest}, length)
		if err != nil {
			return fmt.Errorf("sample %d: %w", b, err)
		}
		for i, v := range last {
			if b == 0 {
				if states[i], err = c.Result(i, v.Kind, append([]int{n}, v.Shape...)...); err != nil {
					return err
				}
			}
			if states[i].Kind != v.Kind || !slices.Equal(states[i].Shape[1:], v.Shape) {
				return fmt.Errorf("sample %d: state %d is %s, must be as the first sample's", b, i, v)
			}
			k.put(states[i], 0, b, v, 0)
		}
	}
	return nil
}

// scanSample says which of how many samples, of how many steps, a sequence is.
type scanSample struct{ index, samples, steps int }

// sequence runs the steps of one sequence; length -1 stands for all.
func (k *scan) sequence(c *Call, states, inputs []*value.Value, s *scanSample, length int) (last []*value.Value, steps int, err error) {
	axes := make([]int, len(inputs))
	for i, v := range inputs {
		if axes[i], err = axisWithin(k.inAxes[i], len(v.Shape)); err != nil {
			return nil, 0, fmt.Errorf("scan input %d, %s: %w", i, v, err)
		}
		if n := v.Shape[axes[i]]; i == 0 {
			steps = n
		} else if n != steps {
			return nil, 0, fmt.Errorf("scan inputs 0 and %d have %d and %d steps", i, steps, n)
		}
	}
	if length >= 0 {
		steps = length
	}
	in := slices.Concat(states, inputs)
	for t := range steps {
		for i, v := range inputs {
			at := t
			if k.inBack[i] == 1 {
				at = steps - 1 - t
			}
			if in[k.states+i], err = k.at(v, axes[i], at); err != nil {
				return nil, 0, err
			}
		}
		out, err := k.body.Run(c, in)
		if err != nil {
			return nil, 0, fmt.Errorf("step %d: %w", t, err)
		}
		copy(in[:k.states], out)
		for i, v := range out[k.states:] {
			at := t
			if k.outBack[i] == 1 {
				at = steps - 1 - t
			}
			if err := k.collect(c, i, v, at, steps, s); err != nil {
				return nil, 0, fmt.Errorf("step %d: output %d: %w", t, k.states+i, err)
			}
		}
	}
	return in[:k.states], steps, nil
}

// collect puts what a step gives into scan output i.
func (k *scan) collect(c *Call, i int, v *value.Value, at, steps int, s *scanSample) error {
	if v == nil {
		return errors.New("has no value")
	}
	if !c.Needs(k.states + i) {
		return nil
	}
	axis, err := axisWithin(k.outAxes[i], len(v.Shape)+1)
	if err != nil {
		return err
	}
	var shape []int
	if s == nil {
		shape = slices.Insert(slices.Clone(v.Shape), axis, steps)
	} else {
		shape = append([]int{s.samples, s.steps}, v.Shape...)
	}
	out := k.results[i]
	if out == nil {
		if out, err = c.Result(k.states+i, v.Kind, shape...); err != nil {
			return err
		}
		if k.results[i] = out; s != nil {
			zero, err := value.New(v.Kind)
			if err != nil {
				return err
			}
			k.region.stretch(out, zero)
		}
	}
	if out.Kind != v.Kind || !slices.Equal(out.Shape, shape) {
		return fmt.Errorf("is %s, must be as in the first step: the whole is %s", v, out)
	}
	first := 0
	if s != nil {
		first = s.index * s.steps * v.Len()
	}
	k.put(out, axis, at, v, first)
	return nil
}

// put copies v to place i along an axis of out that v does not have, in the part of out that begins at first.
func (k *scan) put(out *value.Value, axis, i int, v *value.Value, first int) {
	if v.Len() == 0 {
		return
	}
	outer, inner := volume(v.Shape[:axis]), volume(v.Shape[axis:])
	steps := out.Shape[len(out.Shape)-len(v.Shape)-1+axis]
	k.region.reset()
	k.region.add(outer, steps*inner, inner)
	k.region.add(inner, 1, 1)
	k.region.copy(out, first+i*inner, v, 0)
}

// at copies what stands at place i along an axis, in memory of its own: a body may give it back.
func (k *scan) at(v *value.Value, axis, i int) (*value.Value, error) {
	out, err := value.New(v.Kind, slices.Concat(v.Shape[:axis], v.Shape[axis+1:])...)
	if err != nil || out.Len() == 0 {
		return out, err
	}
	outer, inner := insideOut(v.Shape, axis)
	k.region.reset()
	k.region.add(outer, inner, v.Shape[axis]*inner)
	k.region.add(inner, 1, 1)
	k.region.copy(out, 0, v, i*inner)
	return out, nil
}
