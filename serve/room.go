package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/energo-ml/energo/serve/wire"
)

const (
	// bodyCopies is how many bytes a request holds, at most, for each of its body: as it came, while the buffer
	// grows, and what is read from it.
	bodyCopies = 3
	// visitSize is about what a request holds besides.
	visitSize = 32 << 10
	// smallVisit is what a request may hold to have its part of what is spared for small ones.
	smallVisit = visitSize + 32<<10
	// patience is how long a client may take before its request may be cut off for the room that it holds.
	patience = time.Second
)

// room is the memory that the bodies and answers of all requests hold together. It is taken as bytes come. Where
// there is no more, a request that waits for a slow client is cut off: the one that holds the most for the longest.
// Large requests leave an eighth to small ones.
type room struct {
	mu      sync.Mutex
	changed sync.Cond
	size    int64
	free    int64
	spared  int64               // for small visits
	leaving int64               // held by visits that were cut off and have not left yet
	waiting map[*visit]struct{} // for their clients
}

func newRoom(size int64) *room {
	r := &room{size: size, free: size, spared: size / 8, waiting: map[*visit]struct{}{}}
	r.changed.L = &r.mu
	return r
}

// take gives a visit n bytes; ok is false if there are none, or if it was cut off.
func (r *room) take(v *visit, n int64) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	need := n
	if v.held+n > smallVisit {
		need += r.spared
	}
	for r.free < need && !v.cutOff {
		switch {
		case r.free+r.leaving >= need:
			r.changed.Wait()
		case !r.cut(v):
			return false
		}
	}
	if v.cutOff {
		return false
	}
	r.free -= n
	v.held += n
	return true
}

// cut cuts off the slow visit, other than v, that holds the most for the longest; ok is false if there is none.
func (r *room) cut(v *visit) (ok bool) {
	var slowest *visit
	var most float64
	for w := range r.waiting {
		if age := time.Since(w.since); w != v && age >= patience && float64(w.held)*age.Seconds() > most {
			slowest, most = w, float64(w.held)*age.Seconds()
		}
	}
	if slowest == nil {
		return false
	}
	delete(r.waiting, slowest)
	if slowest.expire(time.Now()) == nil { // else it cannot be cut off
		slowest.cutOff = true
		r.leaving += slowest.held
		r.changed.Broadcast()
	}
	return true
}

// await says that a visit waits for its client from now on, and how that is ended.
func (r *room) await(v *visit, expire func(time.Time) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v.since, v.expire = time.Now(), expire
	r.waiting[v] = struct{}{}
}

// arrived says that a visit does not wait any more; ok is false if it was cut off.
func (r *room) arrived(v *visit) (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, v)
	return !v.cutOff
}

// leave gives back what a visit holds.
func (r *room) leave(v *visit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, v)
	r.free += v.held
	if v.cutOff {
		r.leaving -= v.held
	}
	v.held = 0
	r.changed.Broadcast()
}

// figures returns how many bytes are held, and how many visits wait for their clients.
func (r *room) figures() (held int64, waiting int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size - r.free, len(r.waiting)
}

// visit is a request from its header to the end of its answer: its body, and the writer of its answer. It has a
// place, of which there are few, while it is worked on: from the end of its body to the beginning of its answer.
type visit struct {
	http.ResponseWriter
	s      *Server
	body   io.ReadCloser
	stream bool          // it has no deadline once the body is read
	places chan struct{} // that it needs one of
	placed bool
	read   bool // the body, to its end
	begun  bool // the answer has begun

	// The room's.
	held   int64
	since  time.Time
	expire func(time.Time) error
	cutOff bool
}

// bounded gives a request its bounds of bytes and of time, and a place when its body is there. Where all places
// are taken it is refused at once: those who wait would hold memory, too. A stream has a place of its own kind from the start to its end.
func (s *Server) bounded(route Route) http.HandlerFunc {
	return s.answered(func(w http.ResponseWriter, r *http.Request) error {
		if !s.ready.Load() {
			return errClosed
		}
		v := &visit{ResponseWriter: w, s: s, body: http.MaxBytesReader(w, r.Body, s.o.Limits.Body), stream: route.Stream, places: s.places}
		if route.Stream {
			v.places = s.streams
		}
		defer v.leave()
		if err := v.begin(r); err != nil {
			return err
		}
		ctx, cancel := s.bound(r.Context(), route.Stream)
		defer cancel()
		r = r.WithContext(context.WithValue(ctx, visitKey{}, v))
		r.Body = v
		return route.Do(v, r)
	}, route.Tell)
}

// bound is the context of a request that may take some time, and of a stream as long as the server is not told to stop.
func (s *Server) bound(ctx context.Context, stream bool) (context.Context, context.CancelFunc) {
	if !stream {
		return context.WithTimeout(ctx, s.o.Limits.Read+s.o.Limits.Answer)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.serving, func() { cancel(errClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

type visitKey struct{}

// Hold takes memory for what a request is made into, until it is answered: its body is counted three times by itself, as it comes and as it is read.
// A context that is not of a request holds nothing.
// Errors: status 429 where there is not as much left, 413 where there never is.
func Hold(ctx context.Context, bytes int64) error {
	v, ok := ctx.Value(visitKey{}).(*visit)
	switch {
	case !ok || bytes <= 0:
		return nil
	case bytes > v.s.room.size-v.s.room.spared-visitSize:
		return &wire.Problem{Status: http.StatusRequestEntityTooLarge, Code: wire.CodeTooLarge, Detail: fmt.Sprintf("the request takes %d MiB of memory; that is more than all requests may hold", bytes>>20)}
	case !v.s.room.take(v, bytes):
		return wire.Busy("the requests under way hold too much together")
	}
	return nil
}

func (v *visit) begin(r *http.Request) error {
	if !v.s.room.take(v, visitSize) {
		return wire.Busy("the requests under way hold too much together")
	}
	if limit := v.s.o.Limits.Body; r.ContentLength > limit { // which need not be sent first
		return &http.MaxBytesError{Limit: limit}
	}
	none := r.ContentLength == 0 || r.Method != http.MethodPost // nobody reads what comes
	if none || v.stream {
		if err := v.place(); err != nil {
			return err
		}
	}
	if none {
		v.whole()
		return nil
	}
	v.s.room.await(v, http.NewResponseController(v.ResponseWriter).SetReadDeadline)
	return nil
}

// whole says that the body was read to its end. From then on a stream is as long as it likes.
func (v *visit) whole() {
	v.read = true
	if v.stream {
		c := http.NewResponseController(v.ResponseWriter) // errors are of writers that have no deadlines
		_ = errors.Join(c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}))
	}
}

// place takes a place, unless there is one already.
func (v *visit) place() error {
	if v.placed {
		return nil
	}
	select {
	case v.places <- struct{}{}:
		v.placed = true
		return nil
	default:
		if v.stream {
			return wire.Busy("too many streams are open")
		}
		return wire.Busy("too many requests are under way")
	}
}

func (v *visit) unplace() {
	if v.placed {
		v.placed = false
		<-v.places
	}
}

func (v *visit) leave() {
	v.unplace()
	v.s.room.leave(v)
}

// tooSlow is for clients that others do not wait for.
func tooSlow() *wire.Problem {
	return &wire.Problem{Status: http.StatusRequestTimeout, Code: wire.CodeSlow, Detail: "the request came too slowly, and others need its room", Retry: 1}
}

// Read reads the body. Its end comes with a place.
func (v *visit) Read(p []byte) (int, error) {
	n, err := v.body.Read(p)
	if v.read {
		return n, err
	}
	if !v.s.room.take(v, bodyCopies*int64(n)) {
		if v.s.room.arrived(v) {
			return 0, wire.Busy("the requests under way have too large bodies together")
		}
		return 0, tooSlow()
	}
	if errors.Is(err, io.EOF) {
		if !v.s.room.arrived(v) {
			return 0, tooSlow()
		}
		v.whole()
		if err := v.place(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// Close closes the body.
func (v *visit) Close() error { return v.body.Close() }

// Write writes the answer, which is whole when it begins. The place is free from then on, so that a client that is slow
// to take it keeps nobody out; where there is no room for the answer without the place, it is kept. A stream keeps its place, and has
// the same time for each part.
func (v *visit) Write(p []byte) (int, error) {
	if v.stream {
		_ = http.NewResponseController(v.ResponseWriter).SetWriteDeadline(time.Now().Add(v.s.o.Limits.Answer))
		return v.ResponseWriter.Write(p)
	}
	if !v.begun {
		v.begun = true
		if v.s.room.take(v, int64(len(p))) {
			v.unplace()
			v.s.room.await(v, http.NewResponseController(v.ResponseWriter).SetWriteDeadline)
		}
	}
	return v.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (v *visit) Unwrap() http.ResponseWriter { return v.ResponseWriter }
