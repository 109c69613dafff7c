package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Events are an answer of server-sent events, as EventSource of browsers takes them: text/event-stream. Its methods may be called by
// several goroutines at once.
type Events struct {
	w    http.ResponseWriter
	c    *http.ResponseController
	ping time.Duration
	ctx  context.Context

	mu     sync.Mutex
	failed error
	idle   *time.Timer
}

// errEnded is for events after Close.
var errEnded = errors.New("serve: the events were closed")

// Events begins an answer of events, of a route with Stream. While nothing is sent for Limits.Ping, a comment is, so that proxies
// keep the connection and a client that has gone is noticed. The handler calls Close before it returns, which it does when the request's
// context ends.
func (s *Server) Events(w http.ResponseWriter, r *http.Request) *Events {
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no") // of nginx, which would keep events back
	w.WriteHeader(http.StatusOK)
	e := &Events{w: w, c: http.NewResponseController(w), ping: s.o.Limits.Ping, ctx: r.Context()}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.idle = time.AfterFunc(e.ping, func() { _ = e.write([]byte(":\n\n")) })
	e.failed = e.c.Flush()
	return e
}

// Close ends the events: nothing is written from then on.
func (e *Events) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.idle.Stop()
	e.failed = errEnded
}

// Send sends an event. Its name is "" for that of EventSource, message; id is what a client that comes again has seen last, as Last-Event-ID, and ""
// for an event without. data may have several lines.
// Errors: a name or id with line breaks; the context's error once it has ended; a client that has gone, or does not take what is sent.
func (e *Events) Send(name, id string, data []byte) error {
	var b bytes.Buffer
	for _, f := range []struct{ field, text string }{{"event", name}, {"id", id}} {
		if strings.ContainsAny(f.text, "\r\n\x00") {
			return fmt.Errorf("serve: the %s of an event is %.60q; it must be of one line", f.field, f.text)
		}
		if f.text != "" {
			fmt.Fprintf(&b, "%s: %s\n", f.field, f.text)
		}
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		b.WriteString("data: ")
		b.Write(line)
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return e.write(b.Bytes())
}

// write sends some bytes at once, and sets the clock of pings back. After an error, and the end of the context, nothing is sent any more.
func (e *Events) write(p []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed == nil {
		e.failed = e.ctx.Err()
	}
	if e.failed == nil {
		_, e.failed = e.w.Write(p)
	}
	if e.failed == nil {
		e.failed = e.c.Flush()
	}
	if e.failed != nil {
		e.idle.Stop()
		return e.failed
	}
	e.idle.Reset(e.ping)
	return nil
}
