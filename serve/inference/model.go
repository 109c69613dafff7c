package inference

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// model is one that is served: its requests wait in a queue, and one goroutine runs it.
type model struct {
	Model
	name  string
	queue *serve.Batcher[*call, []*value.Value]
	log   *slog.Logger
	joins bool // requests may be joined; set while it is warmed up
}

// call is what a request has the model run on.
type call struct {
	in   []*value.Value // in the order of the model's inputs; nil for one that is left out
	rows int            // along the first dimension; 0 where it cannot be joined with others
	out  []*value.Value
}

// items are the rows for the bound of a batch.
func (c *call) items() int { return max(c.rows, 1) }

// joinable tells whether two calls can go through the model together: all but the first dimension is alike.
func (c *call) joinable(o *call) bool {
	if c.rows == 0 || o.rows == 0 {
		return false
	}
	for i, v := range c.in {
		w := o.in[i]
		if (v == nil) != (w == nil) || v != nil && !slices.Equal(v.Shape[1:], w.Shape[1:]) {
			return false
		}
	}
	return true
}

// newModel starts a model.
func newModel(name string, m Model, to *serve.QueueMetrics, log *slog.Logger) *model {
	run := &model{Model: m, name: name, log: log}
	run.queue = serve.NewJoined(
		serve.Queue{Name: name, Items: m.Batch, Calls: m.Queue, Wait: m.Wait, Metrics: to},
		serve.Rules[*call]{Joins: (*call).joinable, Items: (*call).items}, run.together,
	)
	return run
}

// inProtocol checks that the protocol has a model's tensors.
func inProtocol(net *onnx.Model) error {
	for i, p := range append(net.Inputs[:len(net.Inputs):len(net.Inputs)], net.Outputs...) {
		what := "input"
		if i >= len(net.Inputs) {
			what = "output"
		}
		if known, _ := datatype(p.Kind); known == "" {
			return fmt.Errorf("%s %q is of %v, which the protocol does not have", what, p.Name, p.Kind)
		}
	}
	return nil
}

// close ends the model, which no request uses.
func (m *model) close() error {
	m.queue.Close()
	if m.Close == nil {
		return nil
	}
	return m.Close()
}

// warm runs the model on inputs of its own, and finds out whether requests may be joined. One that takes no such inputs may still take those of clients.
func (m *model) warm(context.Context) error {
	start := time.Now()
	joins, err := m.try()
	m.joins = joins && m.Batch > 1
	switch {
	case err != nil:
		m.log.Warn("a model was not warmed up, and its requests are not joined", "model", m.name, "error", err)
	default:
		m.log.Debug("a model was warmed up", "model", m.name, "joins", m.joins, "took", time.Since(start))
	}
	return nil
}

// rowsOf is how many rows inputs have; 0 where they cannot be joined with others.
func (m *model) rowsOf(in []*value.Value) int {
	rows := 0
	for i, v := range in {
		if v == nil {
			continue
		}
		if m.Net.Inputs[i].Optional { // the trial was without it
			return 0
		}
		if rows == 0 {
			rows = v.Shape[0]
		}
		if v.Shape[0] != rows {
			return 0
		}
	}
	return rows
}

// infer has the model run, together with other calls where that is possible.
func (m *model) infer(ctx context.Context, in []*value.Value) ([]*value.Value, error) {
	c := &call{in: in}
	if m.joins {
		c.rows = m.rowsOf(in)
	}
	out, err := m.queue.Do(ctx, nil, c)
	if err != nil {
		return nil, err
	}
	return out[0], nil
}

// together runs calls as one.
func (m *model) together(calls []*call) (outs [][]*value.Value, err error) {
	in, rows := calls[0].in, 0
	for _, c := range calls {
		rows += c.items()
	}
	if len(calls) > 1 {
		if in, err = stacked(calls, rows); err != nil {
			return nil, err
		}
	}
	if err := m.Net.RunFunc(in, func(out []*value.Value) error { return split(calls, rows, out) }); err != nil {
		return nil, ofRun(err)
	}
	for _, c := range calls {
		outs = append(outs, c.out)
	}
	return outs, nil
}

// ofRun is what a client is told of a run that failed: by its inputs, mostly.
func ofRun(err error) error {
	if p := (*wire.Problem)(nil); errors.As(err, &p) || errors.Is(err, onnx.ErrFault) || errors.Is(err, errRows) {
		return err
	}
	return wire.Malformed("inputs", "the model cannot run on these inputs: %v", err)
}

// errRows is for a model that gives other rows than it was given, though its trial did not show that.
var errRows = errors.New("serve/inference: the outputs of a batch do not have its rows")

// stacked puts the inputs of calls one behind the other.
func stacked(calls []*call, rows int) ([]*value.Value, error) {
	in := make([]*value.Value, len(calls[0].in))
	for i, first := range calls[0].in {
		if first == nil {
			continue
		}
		shape := append([]int{rows}, first.Shape[1:]...)
		v, err := value.New(first.Kind, shape...)
		if err != nil {
			return nil, err
		}
		part, at := new(value.Value), 0
		for _, c := range calls {
			part.Part(v, at, c.in[i].Shape...)
			part.CopyFrom(c.in[i])
			at += c.in[i].Len()
		}
		in[i] = v
	}
	return in, nil
}

// split gives each call its rows of the outputs, in memory of their own.
func split(calls []*call, rows int, out []*value.Value) error {
	for _, c := range calls {
		c.out = make([]*value.Value, len(out))
	}
	for i, v := range out {
		if len(calls) == 1 {
			calls[0].out[i] = v.Clone()
			continue
		}
		if len(v.Shape) == 0 || v.Shape[0] != rows {
			return errRows
		}
		at := 0
		for _, c := range calls {
			shape := append([]int{c.rows}, v.Shape[1:]...)
			n, err := value.Volume(shape)
			if err != nil {
				return err
			}
			part := new(value.Value)
			part.Part(v, at, shape...)
			c.out[i] = part.Clone()
			at += n
		}
	}
	return nil
}
