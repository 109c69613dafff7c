package studio

import (
	"context"
	"sync"
)

// hold keeps what was read of runs within a bound of bytes: what was asked for last stays, and what several ask for is read once.
type hold[T any] struct {
	most int64

	mu    sync.Mutex
	bytes int64
	kept  []*held[T] // what was asked for last in front
	work  sync.WaitGroup
}

type held[T any] struct {
	path  string
	stamp fileStamp
	ready chan struct{} // closed once it is read
	value T
	size  int64 // once it is weighed
	err   error
}

// get returns what read makes of a file as it is now, and takes down its bytes. It waits no longer than ctx; what is being read then, is read on until base ends.
func (h *hold[T]) get(ctx, base context.Context, path string, stamp fileStamp, read func(context.Context) (T, int64, error)) (none T, err error) {
	e := h.find(base, path, stamp, read)
	select {
	case <-e.ready:
	case <-ctx.Done():
		select {
		case <-e.ready: // both, as where there is no time to wait
		default:
			return none, ctx.Err()
		}
	}
	return e.value, e.err
}

// find returns the entry of a file, and begins to read it where there is none, or one of the file as it was.
func (h *hold[T]) find(base context.Context, path string, stamp fileStamp, read func(context.Context) (T, int64, error)) *held[T] {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, e := range h.kept {
		if e.path != path {
			continue
		}
		if e.stamp == stamp {
			copy(h.kept[1:], h.kept[:i])
			h.kept[0] = e
			return e
		}
		h.drop(i)
		break
	}
	e := &held[T]{path: path, stamp: stamp, ready: make(chan struct{})}
	h.kept = append([]*held[T]{e}, h.kept...)
	h.work.Go(func() {
		value, size, err := read(base)
		e.value, e.err = value, err
		h.weigh(e, size)
		close(e.ready)
	})
	return e
}

// drop lets go of an entry; h.mu is held.
func (h *hold[T]) drop(i int) {
	h.bytes -= h.kept[i].size
	h.kept = append(h.kept[:i], h.kept[i+1:]...)
}

// weigh takes down what an entry has, and lets go of those that were asked for longest ago where all are too large. One that could not be read is read again.
func (h *hold[T]) weigh(e *held[T], size int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, other := range h.kept {
		if other != e {
			continue
		}
		if e.err != nil {
			h.kept = append(h.kept[:i], h.kept[i+1:]...)
			return
		}
		e.size = size
		h.bytes += size
		break
	}
	for i := len(h.kept) - 1; i > 0 && h.bytes > h.most; i-- {
		select {
		case <-h.kept[i].ready:
			h.drop(i)
		default: // it is being read
		}
	}
}

// forget lets go of all that was read.
func (h *hold[T]) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.kept) - 1; i >= 0; i-- {
		select {
		case <-h.kept[i].ready:
			h.drop(i)
		default: // it is being read
		}
	}
}

// close waits for what is being read, whose context must have ended.
func (h *hold[T]) close() { h.work.Wait() }
