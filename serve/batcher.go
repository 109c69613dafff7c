package serve

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
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
	rules Rules[In]
	work  func([]In) ([]Out, error)
	ended chan struct{}

	remove func() // from the metrics; nil without

	mu     sync.Mutex
	calls  []*call[In, Out] // that wait, the oldest first
	closed bool
	wake   chan struct{} // something has changed
}

// Rules say which calls go together; the zero value joins all, and counts each input as one item.
type Rules[In any] struct {
	Joins func(a, b In) bool // whether the inputs of two calls can be worked on together; a may be b, where false is that it goes alone
	Items func(In) int       // of an input, for the bound of the queue
}

// call is one caller's part of a batch.
type call[In, Out any] struct {
	ctx   context.Context
	came  time.Time
	in    []In
	items int
	taken bool // out of the queue
	out   []Out
	err   error
	free  func() // called once in is not held any more; may be nil
	done  chan struct{}
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
	return NewJoined(q, Rules[In]{}, work)
}

// NewJoined is NewQueued where not all calls can be worked on together.
func NewJoined[In, Out any](q Queue, rules Rules[In], work func([]In) ([]Out, error)) *Batcher[In, Out] {
	b := &Batcher[In, Out]{q: q, rules: rules, work: work, ended: make(chan struct{}), wake: make(chan struct{}, 1)}
	if q.Metrics != nil {
		b.remove = q.Metrics.add(&b.q, b.length)
	}
	go b.run()
	return b
}

// length is how many calls wait.
func (b *Batcher[In, Out]) length() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.calls)
}

// Close waits until all is done that was asked for. Calls that are made from then on are refused.
func (b *Batcher[In, Out]) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.changed()
	<-b.ended
	if b.remove != nil {
		b.remove()
	}
}

// changed wakes the worker.
func (b *Batcher[In, Out]) changed() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Do has the work done on in. When the context ends it returns; work that has begun is still done. Once in
// is held no more, which may be later, free is called, unless it is nil.
func (b *Batcher[In, Out]) Do(ctx context.Context, free func(), in ...In) ([]Out, error) {
	c := &call[In, Out]{ctx: ctx, came: time.Now(), in: in, items: len(in), free: free, done: make(chan struct{})}
	if b.rules.Items != nil {
		c.items = 0
		for _, v := range in {
			c.items += b.rules.Items(v)
		}
	}
	if !b.add(c) {
		c.end()
		return nil, errClosed
	}
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		b.leave(c)
		return nil, ctx.Err()
	}
}

// add has a call wait; ok is false once the batcher is closed.
func (b *Batcher[In, Out]) add(c *call[In, Out]) (ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.calls = append(b.calls, c)
	b.changed()
	return true
}

// leave takes a call out of the queue, unless it is worked on.
func (b *Batcher[In, Out]) leave(c *call[In, Out]) {
	b.mu.Lock()
	taken := c.taken
	c.taken = true
	b.drop()
	b.mu.Unlock()
	if !taken {
		c.end()
	}
}

// drop takes the calls out that are taken. The mutex is held.
func (b *Batcher[In, Out]) drop() {
	b.calls = slices.DeleteFunc(b.calls, func(c *call[In, Out]) bool { return c.taken })
}

func (b *Batcher[In, Out]) run() {
	defer close(b.ended)
	for {
		batch := b.next()
		if batch == nil {
			return
		}
		b.together(batch)
		for _, c := range batch {
			c.end()
		}
	}
}

// next waits for the calls that are worked on together; nil once the batcher is closed and empty.
func (b *Batcher[In, Out]) next() []*call[In, Out] {
	var since time.Time // when the first call had the worker to itself
	for {
		batch, left, over := b.gather()
		switch {
		case over:
			return nil
		case batch != nil:
			if !since.IsZero() {
				b.q.Metrics.waited(b.q.Name, time.Since(since))
			}
			return batch
		case left == 0: // nobody is there
			since = time.Time{}
			<-b.wake
			continue
		case since.IsZero():
			since = time.Now()
		}
		timer := time.NewTimer(left)
		select {
		case <-b.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// gather takes the oldest call with those that can join it, unless they may wait for more: left is for how long. It is 0 where
// there is no call. It is over once the batcher is closed and empty.
func (b *Batcher[In, Out]) gather() (batch []*call[In, Out], left time.Duration, over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.calls) == 0 {
		return nil, 0, b.closed
	}
	first := b.calls[0]
	batch, n := []*call[In, Out]{first}, first.items
	for _, c := range b.calls[1:] {
		if n == b.q.Items {
			break
		}
		if n+c.items <= b.q.Items && b.join(first, c) {
			batch = append(batch, c)
			n += c.items
		}
	}
	if left = b.q.Wait - time.Since(first.came); n < b.q.Items && left > 0 && !b.closed && b.join(first, first) {
		return nil, left, false
	}
	for _, c := range batch {
		c.taken = true
	}
	b.drop()
	return batch, 0, false
}

// join tells whether two calls can be worked on together.
func (b *Batcher[In, Out]) join(a, c *call[In, Out]) bool {
	return b.rules.Joins == nil || len(a.in) > 0 && len(c.in) > 0 && b.rules.Joins(a.in[0], c.in[0])
}

// together does the work of a batch at once, or, where that fails, of each call by itself: an error is its
// own caller's alone. Where the work ran out of its time there is none for more.
func (b *Batcher[In, Out]) together(batch []*call[In, Out]) {
	var in []In
	items, live := 0, batch[:0:0]
	for _, c := range batch {
		if c.err = c.ctx.Err(); c.err == nil {
			live = append(live, c)
			in = append(in, c.in...)
			items += c.items
			b.q.Metrics.queued(b.q.Name, time.Since(c.came))
		}
	}
	if len(live) == 0 {
		return
	}
	start := time.Now()
	out, err := b.guarded(in)
	b.q.Metrics.ran(b.q.Name, len(live), items, time.Since(start))
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
