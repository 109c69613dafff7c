package inference

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/serve/wire"
)

// call is a request that waits for its model.
type call struct {
	ctx  context.Context
	in   []*value.Value // in the order of the model's inputs; nil for one that is left out
	rows int            // along the first dimension; 0 where it cannot be joined with others
	came time.Time
	out  []*value.Value
	err  error
	done chan struct{}
}

// joins tells whether two calls can go through the model together: all but the first dimension is alike.
func (c *call) joins(o *call) bool {
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

// queue holds the calls that wait for a model, the oldest first.
type queue struct {
	rows int           // of a batch; 1 joins nothing
	wait time.Duration // for company, since a call came

	mu     sync.Mutex
	calls  []*call
	closed bool
	wake   chan struct{} // something has changed
}

func newQueue(m *Model) *queue {
	return &queue{rows: m.Batch, wait: m.Wait, wake: make(chan struct{}, 1)}
}

// do waits for a call's results. How many calls there are is bounded by the model's places.
func (q *queue) do(c *call) error {
	c.came, c.done = time.Now(), make(chan struct{})
	if err := q.add(c); err != nil {
		return err
	}
	select {
	case <-c.done:
		return c.err
	case <-c.ctx.Done():
		q.remove(c)
		return c.ctx.Err()
	}
}

func (q *queue) add(c *call) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return wire.Unavailable("the server is being stopped")
	}
	q.calls = append(q.calls, c)
	q.changed()
	return nil
}

// changed wakes the worker.
func (q *queue) changed() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) remove(c *call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls = slices.DeleteFunc(q.calls, func(o *call) bool { return o == c })
}

// close has the queue take no more calls; next gives those that wait.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed()
}

// next returns the calls that go through the model together, and how long it waited for more than the first; none once the queue
// is closed and empty.
func (q *queue) next() (batch []*call, waited time.Duration) {
	var since time.Time // when the first call had the model to itself
	for {
		batch, left, over := q.gather()
		if over {
			return nil, 0
		}
		if batch != nil {
			if !since.IsZero() {
				waited = time.Since(since)
			}
			return batch, waited
		}
		if left == 0 { // nobody is there
			since = time.Time{}
			<-q.wake
			continue
		}
		if since.IsZero() {
			since = time.Now()
		}
		timer := time.NewTimer(left)
		select {
		case <-q.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// gather takes the oldest call with those that can join it, unless they may wait for more: left is for how long. It is 0 where
// there is no call. It is over once the queue is closed and empty.
func (q *queue) gather() (batch []*call, left time.Duration, over bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.calls) == 0 {
		return nil, 0, q.closed
	}
	first := q.calls[0]
	batch, rows := []*call{first}, first.rows
	for _, c := range q.calls[1:] {
		if rows < q.rows && first.joins(c) && rows+c.rows <= q.rows {
			batch = append(batch, c)
			rows += c.rows
		}
	}
	joinable := first.rows > 0 && rows < q.rows
	if left = q.wait - time.Since(first.came); joinable && left > 0 && !q.closed {
		return nil, left, false
	}
	q.calls = slices.DeleteFunc(q.calls, func(c *call) bool { return slices.Contains(batch, c) })
	return batch, 0, false
}
