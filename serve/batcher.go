package serve

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/energo-ml/energo/serve/wire"
)

// errClosed is for requests to a server that is being stopped.
var errClosed = wire.Unavailable("the server is being stopped")

// Batcher joins the calls that come while it works into its next piece of work. At rest a call
// goes through at once; under load many share one pass over weights or vectors. Nobody waits for
// company, unless a Queue says so.
type Batcher[In, Out any] struct {
	q     Queue
	work  func([]In) ([]Out, error)
	queue chan *call[In, Out]
	ended chan struct{}

	remove func() // from the metrics; nil without
}

// call is one caller's part of a batch.
type call[In, Out any] struct {
	ctx  context.Context
	came time.Time
	in   []In
	out  []Out
	err  error
	free func() // called once in is not held any more; may be nil
	done chan struct{}
}

// end tells the caller, who may have gone.
func (c *call[In, Out]) end() {
	c.in = nil
	if c.free != nil {
		c.free()
	}
	close(c.done)
}

// NewBatcher starts one. At most callers calls may be made at once, which is the caller's to see to.
func NewBatcher[In, Out any](most, callers int, work func([]In) ([]Out, error)) *Batcher[In, Out] {
	return NewQueued(Queue{Items: most, Calls: callers}, work)
}

// NewQueued starts one by the settings of a queue, which Check has checked.
func NewQueued[In, Out any](q Queue, work func([]In) ([]Out, error)) *Batcher[In, Out] {
	b := &Batcher[In, Out]{q: q, work: work, queue: make(chan *call[In, Out], q.Calls), ended: make(chan struct{})}
	if q.Metrics != nil {
		b.remove = q.Metrics.add(&b.q, func() int { return len(b.queue) })
	}
	go b.run()
	return b
}

// Close waits until all is done that was asked for. No call may be made from then on.
func (b *Batcher[In, Out]) Close() {
	close(b.queue)
	<-b.ended
	if b.remove != nil {
		b.remove()
	}
}

// Do has the work done on in. When the context ends it returns; the work may still be done. Once in
// is held no more, which may be later, free is called, unless it is nil.
func (b *Batcher[In, Out]) Do(ctx context.Context, free func(), in ...In) ([]Out, error) {
	c := &call[In, Out]{ctx: ctx, came: time.Now(), in: in, free: free, done: make(chan struct{})}
	select {
	case b.queue <- c:
	case <-ctx.Done():
		c.end()
		return nil, ctx.Err()
	}
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (b *Batcher[In, Out]) run() {
	defer close(b.ended)
	var batch []*call[In, Out]
	for first := range b.queue {
		batch = b.gather(append(batch[:0], first))
		b.together(batch)
		for _, c := range batch {
			c.end()
		}
		clear(batch)
	}
}

// gather adds the calls that wait until there is enough: the last may bring more than fits. Where the queue has a wait, the
// first waits as long for others since it came.
func (b *Batcher[In, Out]) gather(batch []*call[In, Out]) []*call[In, Out] {
	n, begun := len(batch[0].in), time.Now()
	var late <-chan time.Time // nil until the queue is empty
	for n < b.q.Items {
		var c *call[In, Out]
		ok := true
		select {
		case c, ok = <-b.queue:
		default:
			if late == nil {
				left := b.q.Wait - time.Since(batch[0].came)
				if left <= 0 {
					return batch
				}
				timer := time.NewTimer(left)
				defer timer.Stop()
				late = timer.C
				defer func() { b.q.Metrics.waited(b.q.Name, time.Since(begun)) }()
			}
			select {
			case c, ok = <-b.queue:
			case <-late:
				return batch
			}
		}
		if !ok { // nobody else comes
			return batch
		}
		batch = append(batch, c)
		n += len(c.in)
	}
	return batch
}

// together does the work of a batch at once, or, where that fails, of each call by itself: an error is its
// own caller's alone. Where the work ran out of its time there is none for more.
func (b *Batcher[In, Out]) together(batch []*call[In, Out]) {
	var in []In
	live := batch[:0:0]
	for _, c := range batch {
		if c.err = c.ctx.Err(); c.err == nil {
			live = append(live, c)
			in = append(in, c.in...)
			b.q.Metrics.queued(b.q.Name, time.Since(c.came))
		}
	}
	if len(live) == 0 {
		return
	}
	start := time.Now()
	out, err := b.guarded(in)
	b.q.Metrics.ran(b.q.Name, len(live), len(in), time.Since(start))
	switch {
	case err == nil:
		for _, c := range live {
			c.out, out = out[:len(c.in):len(c.in)], out[len(c.in):]
		}
	case len(live) == 1:
		live[0].err = err
	default:
		for _, c := range live {
			switch c.err = c.ctx.Err(); {
			case c.err != nil:
			case Overtime(err):
				c.err = err
			default:
				c.out, err = b.guarded(c.in)
				c.err = err
			}
		}
	}
}

// Overtime tells whether an error is that time ran out.
func Overtime(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// guarded makes a panic an error: it would end the program, not one request.
func (b *Batcher[In, Out]) guarded(in []In) (out []Out, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	out, err = b.work(in)
	if err == nil && len(out) != len(in) {
		err = fmt.Errorf("serve: %d results of %d", len(out), len(in))
	}
	return out, err
}
