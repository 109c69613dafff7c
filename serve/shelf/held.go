package shelf

import (
	"context"
	"fmt"

	"github.com/energo-ml/energo/serve/wire"
)

// Held is a model that a request has taken. It belongs to one goroutine.
type Held[T any] struct {
	Model T

	s               *Shelf[T]
	m               *model[T]
	placed, running bool
}

// Take gives a request the model of a name, which is not closed until Done is called.
// Errors: status 404 for a name that is not there, and 503 while it is warmed up.
func (s *Shelf[T]) Take(name string) (*Held[T], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, err := s.at(name)
	if err != nil {
		return nil, err
	}
	m.users++
	return &Held[T]{Model: m.Model, s: s, m: m}, nil
}

// Only gives a request the one model that there is.
// Errors: status 404 where there is none or more than one, which it names, and 503 while it is warmed up.
func (s *Shelf[T]) Only() (*Held[T], error) {
	switch names := s.Names(); len(names) {
	case 0:
		return nil, wire.Absent("there is no %s", s.what)
	case 1:
		return s.Take(names[0])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return nil, wire.Absent("there is more than one %s, so one must be named: %s", s.what, s.list())
}

// Name is the one that the model was taken by.
func (h *Held[T]) Name() string { return h.m.name }

// Enter takes a place, and waits until the model may be used: Runs requests use it at once. It is called when the request was read, so that
// a client that sends slowly has no place. Once more does nothing.
// Errors: status 429 where all places are taken; the context's where it ends before.
func (h *Held[T]) Enter(ctx context.Context) error {
	if h.running {
		return nil
	}
	if err := h.place(); err != nil {
		return err
	}
	select {
	case h.m.running <- struct{}{}:
		h.running = true
		return nil
	case <-ctx.Done():
		h.leave()
		return ctx.Err()
	}
}

func (h *Held[T]) place() error {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.m.placed >= h.m.Places {
		if at := h.s.slots[h.m.name]; at != nil {
			at.rejected++
		}
		return wire.Busy(fmt.Sprintf("%d requests use the %s %s or wait for it, which is the most that may", h.m.placed, h.s.what, h.m.name))
	}
	h.m.placed++
	h.placed = true
	return nil
}

// leave gives the place back.
func (h *Held[T]) leave() {
	if h.running {
		<-h.m.running
		h.running = false
	}
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.placed {
		h.m.placed--
		h.placed = false
	}
}

// Leave gives the place back before the request is done, as where its answer is sent slowly. The model stays its own until Done.
func (h *Held[T]) Leave() { h.leave() }

// Done gives the model back. Nobody waits for the end of one that was replaced. A second call does nothing.
func (h *Held[T]) Done() {
	if h.m == nil {
		return
	}
	h.leave()
	h.s.mu.Lock()
	h.m.users--
	last := h.m.retired && h.m.users == 0
	h.s.mu.Unlock()
	if last {
		go h.s.end(h.m)
	}
	h.m = nil
}
