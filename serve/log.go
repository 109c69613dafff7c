package serve

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// Request is what is known of a request besides what it asks.
type Request struct {
	ID     string // as the client sent it in X-Request-Id, or one of ours; the answer has it, too
	Client string // the name of its token; empty without
	Trace  Trace
}

type requestKey struct{}

// RequestOf returns that of a request's context. Where there is none it is empty.
func RequestOf(ctx context.Context) *Request {
	if q, ok := ctx.Value(requestKey{}).(*Request); ok {
		return q
	}
	return &Request{}
}

// identify gives a request its identifier and its place in a trace.
func identify(r *http.Request) (*Request, *http.Request) {
	q := &Request{Trace: traceOf(r.Header)}
	if sent := r.Header.Values("X-Request-Id"); len(sent) == 1 && isID(sent[0]) {
		q.ID = sent[0]
	} else {
		q.ID = randomHex(16)
	}
	return q, r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
}

// isID tells whether a client's identifier can be repeated.
func isID(text string) bool {
	return text != "" && len(text) <= 128 && !strings.ContainsFunc(text, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-._:+/=", c))
	})
}

// attrs are those by which the lines of one request are found.
func (q *Request) attrs() []any {
	all := []any{"request", q.ID}
	if q.Trace.ID != "" {
		all = append(all, "trace", q.Trace.ID, "span", q.Trace.Span, "parent", q.Trace.Parent)
	}
	return all
}

// logAccess writes the line of a request that was answered. Its path is not in it: it may name an item, and be as long as the client likes.
func (s *Server) logAccess(r *http.Request, q *Request, pattern string, seen *witness, took time.Duration) {
	level := slog.LevelInfo
	if seen.status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if s.o.Access == nil || !s.o.Access.Enabled(r.Context(), level) {
		return
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	route := pattern
	if _, path, ok := strings.Cut(pattern, " "); ok {
		route = path
	}
	all := []any{
		"method", methodName(r.Method), "route", cmp.Or(route, "other"), "status", seen.status, "bytes", seen.bytes,
		"seconds", took.Seconds(), "client", client,
	}
	if q.Client != "" {
		all = append(all, "token", q.Client)
	}
	s.o.Access.Log(r.Context(), level, "request", append(all, q.attrs()...)...)
}

// methodName is a method that may be as long as the client likes.
func methodName(method string) string {
	if len(method) > 16 {
		return "other"
	}
	return method
}
