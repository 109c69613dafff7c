package onnx

import (
	"errors"
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
)

// frame holds the values of a program while it runs.
type frame struct {
	program *program
	slots   []*value.Value
	calls   []op.Call
	limit   int // of bytes that a result has
	root    *frame
	rounds  int // of the root: how often graphs inside nodes have run

	// A model's own graph keeps its memory; graphs inside nodes, whose results outlive a run of them, leave theirs to the garbage collector.
	pool   *pool
	chunks []*chunk       // by slot
	own    []*value.Value // by slot: the value that a result becomes, the same in each run
	at     int            // the step that runs
	watch  *planner       // of a first run with inputs of new shapes
	record *record        // of a run that is to be gone back through, which drops nothing
	batch  []bool         // by step: normalises by the batch's statistics; nil where none does
}

func newFrame(p *program, limit int, memory *pool) *frame {
	f := &frame{program: p, limit: limit, pool: memory, slots: make([]*value.Value, len(p.constant)), calls: make([]op.Call, len(p.steps))}
	for i := range p.steps {
		st := &p.steps[i]
		f.calls[i] = op.Call{In: make([]*value.Value, len(st.in)), Out: make([]*value.Value, len(st.out)), Place: f, Limit: limit, Scope: f}
	}
	f.root = f
	if memory != nil {
		f.chunks = make([]*chunk, len(p.constant))
		f.own = make([]*value.Value, len(p.constant))
	}
	return f
}

// Result is where output i of the step that runs goes.
func (f *frame) Result(c *op.Call, i int, kind format.DataType, shape []int) (*value.Value, error) {
	n, err := value.Volume(shape)
	if err != nil {
		return nil, err
	}
	size := value.MemoryOf(kind).Size()
	if size == 0 {
		return nil, fmt.Errorf("tensors of %s are not supported", kind)
	}
	if n > f.limit/size {
		return nil, fmt.Errorf("output %d, %s, needs more than %d MiB, the limit of one result", i, value.Describe(kind, shape), f.limit>>20)
	}
	if f.pool == nil || f.slot(i) == absent {
		v, err := value.New(kind, shape...)
		if err == nil && i < len(c.Out) {
			c.Out[i] = v
		}
		return v, err
	}
	v, slot := f.value(i), f.slot(i)
	f.pool.release(f.chunks[slot]) // of one that was asked for twice
	f.chunks[slot] = nil
	v.Place(kind, nil, 0, shape...)
	if n > 0 {
		k := f.pool.take(n * size)
		f.chunks[slot] = k
		v.Place(kind, k.mem, n, shape...)
	}
	c.Out[i] = v
	return v, nil
}

// Share makes output i of the step that runs a view of src.
func (f *frame) Share(c *op.Call, i int, src *value.Value, shape []int) error {
	n, err := value.Volume(shape)
	if err != nil {
		return err
	}
	if n != src.Len() {
		return fmt.Errorf("the %d elements of %s do not make shape %v", src.Len(), src, shape)
	}
	if i >= len(c.Out) {
		return nil
	}
	v := new(value.Value)
	if slot := f.slot(i); f.pool != nil && slot != absent {
		v = f.value(i)
		f.chunks[slot] = f.pool.share(src)
	}
	v.View(src, shape...)
	c.Out[i] = v
	return nil
}

// slot is that of output i of the step that runs, absent where nobody has asked for it.
func (f *frame) slot(i int) int {
	if out := f.program.steps[f.at].out; i < len(out) {
		return out[i]
	}
	return absent
}

func (f *frame) value(i int) *value.Value {
	slot := f.slot(i)
	if f.own[slot] == nil {
		f.own[slot] = new(value.Value)
	}
	return f.own[slot]
}

// step computes step i. Inputs are in their slots, and results go to theirs.
func (f *frame) step(i int) (err error) {
	st, c := &f.program.steps[i], &f.calls[i]
	f.at = i
	for j, slot := range st.in {
		if slot == absent {
			c.In[j] = nil
		} else {
			c.In[j] = f.slots[slot]
		}
	}
	clear(c.Out)
	if err := compute(f.kernel(i), c); err != nil {
		return fmt.Errorf("%s: %w", st.title, err)
	}
	for j, slot := range st.out {
		if slot == absent {
			continue
		}
		if c.Out[j] == nil && (j == 0 || st.batch == nil) {
			return fmt.Errorf("%s: gives no output %d", st.title, j)
		}
		f.slots[slot] = c.Out[j]
	}
	if f.watch != nil {
		f.watch.follow(f, i)
	}
	if f.record != nil {
		return nil
	}
	for _, slot := range st.last {
		f.drop(slot)
	}
	if f.pool == nil { // or the call would keep the memory of its values
		clear(c.In)
		clear(c.Out)
	}
	return nil
}

func (f *frame) drop(slot int) {
	f.slots[slot] = nil
	if f.pool != nil {
		f.pool.release(f.chunks[slot])
		f.chunks[slot] = nil
	}
}

// kernel is that of step i in this run.
func (f *frame) kernel(i int) op.Kernel {
	if f.batch != nil && f.batch[i] {
		return f.program.steps[i].batch
	}
	return f.program.steps[i].kernel
}

// ErrFault is behind the error of a run that failed by no doing of the inputs.
var ErrFault = errors.New("a fault of energo's own")

// compute runs a kernel, and rounds what it gives to the precision of its type.
func compute(k op.Kernel, c *op.Call) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrFault, r)
		}
	}()
	if err := k.Run(c); err != nil {
		return err
	}
	for _, v := range c.Out {
		if v != nil && value.Narrow(v.Kind) {
			value.Round(v.Kind, value.Data[float32](v))
		}
	}
	return nil
}

// results gives the values of the outputs, in order.
func (f *frame) results() []*value.Value {
	out := make([]*value.Value, len(f.program.outputs))
	for i, slot := range f.program.outputs {
		if slot != absent {
			out[i] = f.slots[slot]
		}
	}
	return out
}

// mostRounds is how often the graphs inside nodes run, all together, in one run of a model, and mostFoldedRounds when it is loaded. A loop of a broken model
// may have no end.
const (
	mostRounds       = 1 << 22
	mostFoldedRounds = 1 << 12
)

// round counts a run of a graph inside a node.
func (f *frame) round() error {
	most := mostRounds
	if f.root.program.folding {
		most = mostFoldedRounds
	}
	if f.root.rounds++; f.root.rounds > most {
		return fmt.Errorf("graphs inside nodes run more than %d times, the limit of one run of the model", most)
	}
	return nil
}

// Inputs is the number of inputs of a graph inside a node.
func (p *program) Inputs() int { return len(p.inputs) }

// Outputs is the number of its outputs.
func (p *program) Outputs() int { return len(p.outputs) }

// Output is what the file says of output i.
func (p *program) Output(i int) *format.ValueInfo { return p.stated[i] }

// frameIn gives the frame for a run of a graph inside a node: always the same, but where the run around is recorded.
func (p *program) frameIn(around *frame) *frame {
	if around.record != nil {
		f := newFrame(p, around.limit, nil)
		f.record = newRecord(f, around)
		around.record.rounds[around.at] = append(around.record.rounds[around.at], f)
		return f
	}
	if p.frame == nil || p.frame.limit != around.limit {
		p.frame = newFrame(p, around.limit, nil)
	}
	return p.frame
}

// Run computes a graph inside a node. Its frame serves again and again: the results are in memory of their own.
func (p *program) Run(c *op.Call, in []*value.Value) ([]*value.Value, error) {
	around := c.Scope.(*frame)
	if err := around.round(); err != nil {
		return nil, err
	}
	if len(in) != len(p.inputs) {
		return nil, fmt.Errorf("graph %q takes %d inputs, is given %d", p.name, len(p.inputs), len(in))
	}
	f := p.frameIn(around)
	f.root = around.root
	copy(f.slots, p.constant)
	for i, slot := range p.inputs {
		f.slots[slot] = in[i]
	}
	for _, k := range p.captures {
		f.slots[k.inner] = around.slots[k.outer]
	}
	for i := range p.steps {
		if err := f.step(i); err != nil {
			return nil, err
		}
	}
	return f.results(), nil
}
