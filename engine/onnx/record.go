package onnx

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/op"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
)

// record is what the way back through a run needs beside the values in the frame's slots.
type record struct {
	frame  *frame
	around *frame     // for a graph inside a node
	rounds [][]*frame // by step: the runs of the graphs inside it
	active []bool     // by slot: some value that a derivative is asked for moves it
	grads  []gradient // by slot
	call   op.Back
}

// gradient is the derivative of what the way back began with by one value.
type gradient struct {
	v     *value.Value
	chunk *chunk // nil where the memory is not the pool's
	holds bool   // something that must be added to
}

func newRecord(f, around *frame) *record {
	return &record{
		frame: f, around: around, rounds: make([][]*frame, len(f.program.steps)),
		active: make([]bool, len(f.slots)), grads: make([]gradient, len(f.slots)),
	}
}

// reset forgets a run and gives its memory back.
func (r *record) reset() {
	for i := range r.rounds {
		r.rounds[i] = nil
	}
	r.forget()
	for slot := range r.frame.slots {
		r.frame.drop(slot)
	}
}

// spread finds which values move with the active ones.
func (r *record) spread() {
	f := r.frame
	for i := range f.program.steps {
		st := &f.program.steps[i]
		moves := false
		for j, slot := range st.in {
			moves = moves || slot != absent && r.active[slot] && !st.flat(j)
		}
		for _, g := range st.graphs {
			for _, c := range g.captures {
				moves = moves || r.active[c.outer]
			}
		}
		for _, slot := range st.out {
			if slot != absent {
				r.active[slot] = moves && isFloat(f.slots[slot])
			}
		}
	}
}

func isFloat(v *value.Value) bool {
	return v != nil && (v.Memory() == value.F32 || v.Memory() == value.F64)
}

// forget drops the gradients of an earlier way back.
func (r *record) forget() {
	for slot := range r.grads {
		r.release(slot)
	}
}

// back goes through the steps from the last to the first. The gradients of the outputs are there.
func (r *record) back() error {
	f := r.frame
	for i := len(f.program.steps) - 1; i >= 0; i-- {
		if err := r.step(i); err != nil {
			return fmt.Errorf("%s: %w", f.program.steps[i].title, err)
		}
	}
	return nil
}

// step goes back through step i, if anything reaches its results.
func (r *record) step(i int) (err error) {
	f, st := r.frame, &r.frame.program.steps[i]
	b := &r.call
	*b = op.Back{In: b.In[:0], Out: b.Out[:0], Up: b.Up[:0], Rounds: b.Rounds[:0], Store: r}
	reached := false
	for _, slot := range st.out {
		var v, up *value.Value
		if slot != absent {
			v = f.slots[slot]
			if g := &r.grads[slot]; r.active[slot] && g.holds {
				up, reached = g.v, true
			}
		}
		b.Out, b.Up = append(b.Out, v), append(b.Up, up)
	}
	if !reached {
		return nil
	}
	for _, slot := range st.in {
		var v *value.Value
		if slot != absent {
			v = f.slots[slot]
		}
		b.In = append(b.In, v)
	}
	for _, inner := range r.rounds[i] {
		b.Rounds = append(b.Rounds, round{inner})
	}
	f.at = i
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("a fault of energo's own: %v", e)
		}
	}()
	d, ok := f.kernel(i).(op.Differentiable)
	if !ok {
		return fmt.Errorf("has no derivative")
	}
	if err := d.Back(b); err != nil {
		return err
	}
	for _, slot := range st.out {
		if slot != absent {
			r.release(slot)
		}
	}
	return nil
}

// release ends the use of a gradient.
func (r *record) release(slot int) {
	g := &r.grads[slot]
	if g.chunk != nil {
		r.frame.pool.release(g.chunk)
	}
	*g = gradient{v: g.v}
}

// Wants implements op.Store.
func (r *record) Wants(_ *op.Back, i int) bool {
	st := &r.frame.program.steps[r.frame.at]
	return i < len(st.in) && st.in[i] != absent && r.active[st.in[i]] && !st.flat(i)
}

// Gradient implements op.Store.
func (r *record) Gradient(b *op.Back, i int) (*value.Value, bool) {
	if !r.Wants(b, i) {
		return nil, false
	}
	return r.gradient(r.frame.program.steps[r.frame.at].in[i])
}

// gradient gives the memory of the gradient by a value, and tells whether it holds a sum.
func (r *record) gradient(slot int) (*value.Value, bool) {
	g, v := &r.grads[slot], r.frame.slots[slot]
	if g.holds {
		return g.v, true
	}
	if g.v == nil {
		g.v = new(value.Value)
	}
	g.holds = true
	bytes := v.Len() * v.Memory().Size()
	if r.frame.pool != nil {
		g.chunk = r.frame.pool.take(bytes)
		g.v.Place(v.Kind, g.chunk.mem, v.Len(), v.Shape...)
	} else {
		g.v.Place(v.Kind, value.Chunk(bytes), v.Len(), v.Shape...)
	}
	return g.v, false
}

// lend makes memory of another's the gradient by a value. It holds a sum already.
func (r *record) lend(slot int, g *value.Value) { r.grads[slot] = gradient{v: g, holds: true} }

// add adds to the gradient by a value.
func (r *record) add(slot int, g *value.Value) {
	if slot == absent || !r.active[slot] || g == nil {
		return
	}
	sum, holds := r.gradient(slot)
	switch {
	case !holds:
		sum.CopyFrom(g)
	case sum.Memory() == value.F64:
		simd.AddTo(value.Data[float64](sum), value.Data[float64](g))
	default:
		simd.AddTo(value.Data[float32](sum), value.Data[float32](g))
	}
}

// round is a run of a graph inside a node.
type round struct{ frame *frame }

// In implements op.Round.
func (r round) In() []*value.Value { return r.frame.values(r.frame.program.inputs) }

// Out implements op.Round.
func (r round) Out() []*value.Value { return r.frame.values(r.frame.program.outputs) }

// values gives those of slots.
func (f *frame) values(slots []int) []*value.Value {
	list := make([]*value.Value, len(slots))
	for i, slot := range slots {
		if slot != absent {
			list[i] = f.slots[slot]
		}
	}
	return list
}

// Back implements op.Round.
func (r round) Back(up []*value.Value) ([]*value.Value, error) {
	p, rec := r.frame.program, r.frame.record
	rec.forget()
	for _, slot := range p.inputs {
		rec.active[slot] = isFloat(r.frame.slots[slot])
	}
	around := rec.around.record
	for _, c := range p.captures {
		rec.active[c.inner] = around.active[c.outer]
	}
	rec.spread()
	for i, slot := range p.outputs {
		rec.add(slot, up[i])
	}
	if err := rec.back(); err != nil {
		return nil, err
	}
	for _, c := range p.captures {
		if rec.grads[c.inner].holds {
			around.add(c.outer, rec.grads[c.inner].v)
		}
	}
	inputs := make([]*value.Value, len(p.inputs))
	for i, slot := range p.inputs {
		if rec.grads[slot].holds {
			inputs[i] = rec.grads[slot].v
		}
	}
	return inputs, nil
}
