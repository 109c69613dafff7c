package op

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/simd/gemm"
)

var recurrents = slices.Concat(
	recurrentOf("LSTM", lstmCell, [2]int{3, 8}, [2]int{0, 3}),
	recurrentOf("GRU", gruCell, [2]int{3, 6}, [2]int{0, 2}),
	recurrentOf("RNN", rnnCell, [2]int{3, 6}, [2]int{0, 2}),
)

// recurrentOf lists the versions of a recurrent operator: layout came with opset 14.
func recurrentOf(name string, cell cellKind, in, out [2]int) []Operator {
	return []Operator{
		{Name: name, Since: 7, In: in, Out: out, Make: func(n *Node) (Kernel, error) { return newRecurrent(n, cell) }},
		{Name: name, Since: 14, In: in, Out: out, Make: func(n *Node) (Kernel, error) {
			batchFirst := n.Bool("layout", false)
			k, err := newRecurrent(n, cell)
			if err != nil {
				return nil, err
			}
			k.batchFirst = batchFirst
			return k, nil
		}},
	}
}

// cellKind is what a recurrent layer computes of a step.
type cellKind int

const (
	lstmCell cellKind = iota
	gruCell
	rnnCell
)

// gates is the number of blocks that the weights of a cell have: i, o, f, c of LSTM, z, r, h of GRU, one of RNN.
func (c cellKind) gates() int { return [...]int{4, 3, 1}[c] }

// functions are the activations of a cell where the node names none.
func (c cellKind) functions() []string {
	return [...][]string{{"Sigmoid", "Tanh", "Tanh"}, {"Sigmoid", "Tanh"}, {"Tanh"}}[c]
}

// recurrent is LSTM, GRU or RNN, of one direction or two. The product of the input with its weights is taken over many steps at once; each step
// then adds that of the state. A step is cut by units: a task computes all gates of its units and their new state.
type recurrent struct {
	cell              cellKind
	reverse           []bool // of each direction
	functions         [][]gateFunction
	clip              float64 // of what activations get; 0 means none
	hidden            int     // 0: what the weights have
	batchFirst        bool
	coupled           bool // LSTM: the forget gate is 1 − the input gate
	linearBeforeReset bool // GRU
	constant          bool // W and R never change, and are arranged once
	f32               lanes[float32]
	f64               lanes[float64]
}

func newRecurrent(n *Node, cell cellKind) (*recurrent, error) {
	k := &recurrent{
		cell: cell, clip: float64(n.Float("clip", 0)), hidden: n.Int("hidden_size", 0),
		constant: n.Constant(1) != nil && n.Constant(2) != nil,
	}
	switch n.Text("direction", "forward", "forward", "reverse", "bidirectional") {
	case "forward":
		k.reverse = []bool{false}
	case "reverse":
		k.reverse = []bool{true}
	case "bidirectional":
		k.reverse = []bool{false, true}
	}
	switch cell {
	case lstmCell:
		k.coupled = n.Bool("input_forget", false)
	case gruCell:
		k.linearBeforeReset = n.Int("linear_before_reset", 0) != 0
	}
	if k.clip < 0 || k.clip != k.clip {
		return nil, fmt.Errorf("attribute \"clip\" is %v, must not be negative", k.clip)
	}
	var err error
	k.functions, err = gateFunctionsOf(n, cell.functions(), len(k.reverse))
	return k, err
}

func (k *recurrent) Run(c *Call) error {
	return onFloats(c.In[0], func() error { return runLanes(k, &k.f32, c) }, func() error { return runLanes(k, &k.f64, c) })
}

// lanes is the state of a recurrent kernel.
type lanes[T simd.Float] struct {
	lane     [2]lane[T] // of each direction
	x        []T        // the input with the steps first
	steps    int
	batch    int
	input    int
	hidden   int
	length   []int64 // of each sequence; nil: all steps
	arranged bool
}

// lane is one direction.
type lane[T simd.Float] struct {
	w        gemm.Panels[T]    // the weights of the input
	r        [4]gemm.Panels[T] // those of the state, of each gate
	bias     []T               // added to all gates
	late     []T               // of GRU with linear_before_reset: the bias that the reset gate scales
	peephole []T               // of LSTM: i, o, f; nil: none
	gates    []T               // of some steps, [steps, batch, gates·hidden]
	h, c     []T               // the state, [batch, hidden]
	next     []T               // the h that a step computes
	spare    []T               // GRU: what the third gate adds of the state, in its place, or else the state as the second gate scales it
	job      stepJob[T]
}

// stretchOf is the number of elements that the gates of the steps worked on at once have, or more where one step has more.
const stretchOf = 1 << 18

func runLanes[T simd.Float](k *recurrent, s *lanes[T], c *Call) error {
	if err := s.measure(k, c); err != nil {
		return err
	}
	directions := len(k.reverse)
	if err := s.prepare(k, c); err != nil {
		return err
	}
	var y []T
	if c.Needs(0) {
		shape := []int{s.steps, directions, s.batch, s.hidden}
		if k.batchFirst {
			shape = []int{s.batch, s.steps, directions, s.hidden}
		}
		v, err := c.Result(0, c.In[0].Kind, shape...)
		if err != nil {
			return err
		}
		y = value.Data[T](v)
	}
	if directions == 1 {
		s.direction(k, 0, y)
	} else {
		simd.Run(directions, task(func(d int) { s.direction(k, d, y) }))
	}
	if err := s.last(k, c, 1, func(d int) []T { return s.lane[d].h }); err != nil || k.cell != lstmCell {
		return err
	}
	return s.last(k, c, 2, func(d int) []T { return s.lane[d].c })
}

// measure reads the sizes and checks those of the inputs.
func (s *lanes[T]) measure(k *recurrent, c *Call) error {
	x, w, r := c.In[0], c.In[1], c.In[2]
	d, gates := len(k.reverse), k.cell.gates()
	if len(x.Shape) != 3 || len(w.Shape) != 3 || len(r.Shape) != 3 {
		return fmt.Errorf("inputs X %s, W %s and R %s must have three dimensions", x, w, r)
	}
	s.steps, s.batch, s.input, s.hidden = x.Shape[0], x.Shape[1], x.Shape[2], r.Shape[2]
	if k.batchFirst {
		s.steps, s.batch = s.batch, s.steps
	}
	if s.input == 0 || s.hidden == 0 {
		return fmt.Errorf("input X, %s, and input R, %s, must have features", x, r)
	}
	if k.hidden != 0 && k.hidden != s.hidden {
		return fmt.Errorf("attribute \"hidden_size\" is %d, R is %s", k.hidden, r)
	}
	if s.batch > scratchLimit/(gates*s.hidden) {
		return fmt.Errorf("a batch of %d with %d units is larger than %d elements, the limit of one step", s.batch, s.hidden, scratchLimit)
	}
	state := []int{d, s.batch, s.hidden}
	if k.batchFirst {
		state = []int{s.batch, d, s.hidden}
	}
	for i, need := range [][]int{
		1: {d, gates * s.hidden, s.input},
		2: {d, gates * s.hidden, s.hidden},
		3: {d, 2 * gates * s.hidden},
		4: {s.batch},
		5: state,
		6: state,
		7: {d, 3 * s.hidden},
	} {
		v := c.Input(i)
		if i == 0 || v == nil {
			continue
		}
		if !slices.Equal(v.Shape, need) {
			return fmt.Errorf("input %d is %s, must have shape %v", i, v, need)
		}
		if i != 4 && v.Memory() != x.Memory() {
			return fmt.Errorf("input %d is %s, must be of X's type, %s", i, v, x.Kind)
		}
	}
	return s.lengths(c.Input(4))
}

func (s *lanes[T]) lengths(v *value.Value) error {
	s.length = nil
	if v == nil {
		return nil
	}
	length, err := value.Integers(v)
	if err != nil {
		return fmt.Errorf("sequence_lens: %w", err)
	}
	for i, n := range length {
		if n < 0 || n > int64(s.steps) {
			return fmt.Errorf("sequence_lens[%d] is %d, must be in [0, %d]", i, n, s.steps)
		}
	}
	s.length = length
	return nil
}

// prepare arranges weights and states.
func (s *lanes[T]) prepare(k *recurrent, c *Call) error {
	n := k.cell.gates() * s.hidden
	s.x = value.Data[T](c.In[0])
	if k.batchFirst && s.batch > 1 && s.steps > 1 {
		s.x = swapOuter(make([]T, len(s.x)), s.x, s.batch, s.steps, s.input)
	}
	for d := range k.reverse {
		l := &s.lane[d]
		if !s.arranged {
			s.arrange(k, l, part(c.In[1], d, n*s.input, l.bias), part(c.In[2], d, n*s.hidden, l.bias))
		}
		l.biases(k, s.hidden, part(c.Input(3), d, 2*n, l.bias))
		l.peephole = part(c.Input(7), d, 3*s.hidden, l.peephole)
		l.h = s.initial(k, c.Input(5), d, scratch.Sized(l.h, s.batch*s.hidden))
		if k.cell == lstmCell {
			l.c = s.initial(k, c.Input(6), d, scratch.Sized(l.c, s.batch*s.hidden))
		}
	}
	s.arranged = k.constant
	return nil
}

// arrange packs the weights of a direction.
func (s *lanes[T]) arrange(k *recurrent, l *lane[T], w, r []T) {
	l.w.Pack(true, s.input, k.cell.gates()*s.hidden, w, s.input)
	for g := range k.cell.gates() {
		l.r[g].Pack(true, s.hidden, s.hidden, r[g*s.hidden*s.hidden:], s.hidden)
	}
}

// part gives elements d·n to (d+1)·n of an input, nil where there is none. The last argument serves to tell the type.
func part[T simd.Float](v *value.Value, d, n int, _ []T) []T {
	if v == nil {
		return nil
	}
	return value.Data[T](v)[d*n : (d+1)*n]
}

// swapOuter swaps the two outer dimensions of src [a, b, inner].
func swapOuter[T any](dst, src []T, a, b, inner int) []T {
	for i := range a {
		for j := range b {
			copy(dst[(j*a+i)*inner:(j*a+i+1)*inner], src[(i*b+j)*inner:])
		}
	}
	return dst
}

// biases adds the biases of input and state, which come one behind the other, except where the reset gate stands between.
func (l *lane[T]) biases(k *recurrent, hidden int, b []T) {
	n := k.cell.gates() * hidden
	l.bias, l.late = scratch.Sized(l.bias, n), scratch.Sized(l.late, hidden)
	clear(l.late)
	if b == nil {
		clear(l.bias)
		return
	}
	copy(l.bias, b[:n])
	state := b[n:]
	if k.linearBeforeReset {
		copy(l.late, state[2*hidden:])
		state = state[:2*hidden]
	}
	simd.AddTo(l.bias[:len(state)], state)
}

func (s *lanes[T]) initial(k *recurrent, v *value.Value, d int, dst []T) []T {
	if v == nil {
		clear(dst)
		return dst
	}
	src := value.Data[T](v)
	for b := range s.batch {
		copy(dst[b*s.hidden:(b+1)*s.hidden], src[s.place(k, d, b)*s.hidden:])
	}
	return dst
}

// place is where the row of a direction and a sequence is in a state.
func (s *lanes[T]) place(k *recurrent, d, b int) int {
	if k.batchFirst {
		return b*len(k.reverse) + d
	}
	return d*s.batch + b
}

// last writes the final state.
func (s *lanes[T]) last(k *recurrent, c *Call, i int, state func(d int) []T) error {
	if !c.Needs(i) {
		return nil
	}
	shape := []int{len(k.reverse), s.batch, s.hidden}
	if k.batchFirst {
		shape = []int{s.batch, len(k.reverse), s.hidden}
	}
	v, err := c.Result(i, c.In[0].Kind, shape...)
	if err != nil {
		return err
	}
	dst := value.Data[T](v)
	for d := range k.reverse {
		for b := range s.batch {
			at := s.place(k, d, b) * s.hidden
			copy(dst[at:at+s.hidden], state(d)[b*s.hidden:])
		}
	}
	return nil
}

// direction runs through the steps, in time's order or against it. Steps behind a sequence's end leave its state as it is, so that a
// reversed sequence begins at its own last step; their outputs are 0.
func (s *lanes[T]) direction(k *recurrent, d int, y []T) {
	l := &s.lane[d]
	n := k.cell.gates() * s.hidden
	row := s.batch * n
	if row == 0 {
		return
	}
	chunk := min(s.steps, max(1, stretchOf/row))
	l.gates = scratch.Sized(l.gates, chunk*row)
	l.ready(s, k, d)
	for done := 0; done < s.steps; done += chunk {
		count := min(chunk, s.steps-done)
		first := done
		if k.reverse[d] {
			first = s.steps - done - count
		}
		for i := range count * s.batch {
			copy(l.gates[i*n:(i+1)*n], l.bias)
		}
		gemm.MulPanels(count*s.batch, s.x[first*s.batch*s.input:], s.input, &l.w, 1, l.gates, n, gemm.Epilogue[T]{})
		for i := range count {
			t := first + i
			if k.reverse[d] {
				t = first + count - 1 - i
			}
			l.step(t, l.gates[(t-first)*row:(t-first+1)*row], y)
		}
	}
}

// over tells whether step t is behind the end of sequence b.
func (s *lanes[T]) over(t, b int) bool { return s.length != nil && int64(t) >= s.length[b] }
