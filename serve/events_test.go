package serve_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
)

// streams is a service whose answers last.
type streams struct {
	routes []serve.Route
}

func (s *streams) Routes() []serve.Route     { return s.routes }
func (*streams) Name() string                { return "streams" }
func (*streams) Ready(context.Context) error { return nil }
func (*streams) Close()                      {}

// serveStreams serves routes with short times until stop is called, whose result is the server's.
func serveStreams(t *testing.T, l serve.Limits, routes func(*serve.Server) []serve.Route) (address string, stop func() error) {
	t.Helper()
	s, err := serve.New(t.Context(), serve.Options{Limits: l, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.Mount(&streams{routes(s)})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, listener) }()
	stop = func() error {
		cancel()
		select {
		case err := <-ended:
			ended <- err
			return err
		case <-time.After(5 * time.Second):
			return errors.New("the server does not stop")
		}
	}
	t.Cleanup(func() { _ = stop() })
	return listener.Addr().String(), stop
}

// ticks answers with events: one at the start, one when there is a tick, and one at the end.
func ticks(s *serve.Server, tick <-chan struct{}) serve.Route {
	return serve.Route{Pattern: "POST /events", Stream: true, Scope: bearer.ScopeRead, Do: func(w http.ResponseWriter, r *http.Request) error {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		e := s.Events(w, r)
		defer e.Close()
		if e.Send("a\nb", "", nil) == nil {
			return errors.New("a name of two lines is taken")
		}
		if err := e.Send("", "1", fmt.Appendf(nil, "%s\r\nagain", sent)); err != nil {
			return err
		}
		select {
		case <-tick:
			return e.Send("tick", "", []byte("2"))
		case <-r.Context().Done():
			return e.Send("end", "", nil) // which is too late
		}
	}}
}

// line reads the next line that is not empty.
func line(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
}

// A stream outlives the deadlines of requests, is kept alive by comments, and ends when the server is ended to stop.
func TestEvents(t *testing.T) {
	tick := make(chan struct{})
	short := serve.Limits{Read: 50 * time.Millisecond, Answer: 50 * time.Millisecond, Ping: 100 * time.Millisecond, Streams: 1, Stop: 3 * time.Second}
	address, stop := serveStreams(t, short, func(s *serve.Server) []serve.Route { return []serve.Route{ticks(s, tick)} })
	open := func() *http.Response {
		a, err := http.Post("http://"+address+"/events", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	defer a.Body.Close()
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, type %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	r := bufio.NewReader(a.Body)
	for _, want := range []string{"id: 1", "data: hello", "data: again", ":", ":", ":"} { // by which all deadlines have passed
		if got := line(t, r); got != want {
			t.Fatalf("line %q, want %q", got, want)
		}
	}
	if b := open(); b.StatusCode != 429 || b.Header.Get("Retry-After") == "" {
		t.Errorf("status %d of a stream too many, want 429 with Retry-After", b.StatusCode)
	} else {
		b.Body.Close()
	}
	close(tick)
	if got := line(t, r) + " " + line(t, r); got != "event: tick data: 2" {
		t.Errorf("lines %q after a tick", got)
	}
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("the end: %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A stream that is open when the server is told to stop ends at once, without an error of the server.
func TestStreamsEndAtStop(t *testing.T) {
	address, stop := serveStreams(t, serve.Limits{}, func(s *serve.Server) []serve.Route { return []serve.Route{ticks(s, nil)} })
	a, err := http.Post("http://"+address+"/events", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	r := bufio.NewReader(a.Body)
	line(t, r)
	start := time.Now()
	if err := stop(); err != nil || time.Since(start) > 2*time.Second {
		t.Errorf("error %v after %v", err, time.Since(start))
	}
}

// A client that does not take its events is cut off after Limits.Answer.
func TestSlowEvents(t *testing.T) {
	result := make(chan error, 1)
	flood := func(s *serve.Server) []serve.Route {
		return []serve.Route{{Pattern: "GET /flood", Stream: true, Do: func(w http.ResponseWriter, r *http.Request) error {
			e := s.Events(w, r)
			defer e.Close()
			for {
				if err := e.Send("", "", make([]byte, 1<<16)); err != nil {
					result <- err
					return nil
				}
			}
		}}}
	}
	address, _ := serveStreams(t, serve.Limits{Answer: 200 * time.Millisecond}, flood)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n")
	select {
	case <-result:
	case <-time.After(5 * time.Second):
		t.Error("the client is waited for")
	}
}

// A connection that is taken over has no deadlines, and its handler hears when the server stops.
func TestHijacked(t *testing.T) {
	ended := make(chan struct{})
	take := func(*serve.Server) []serve.Route {
		return []serve.Route{{Pattern: "GET /socket", Stream: true, Do: func(w http.ResponseWriter, r *http.Request) error {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return err
			}
			defer c.Close()
			go func() { _, _ = io.Copy(c, c) }()
			<-r.Context().Done()
			close(ended)
			return nil
		}}}
	}
	address, stop := serveStreams(t, serve.Limits{Read: 50 * time.Millisecond, Answer: 50 * time.Millisecond}, take)
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /socket HTTP/1.1\r\nHost: localhost\r\n\r\n")
	r := bufio.NewReader(c)
	for range 3 {
		time.Sleep(60 * time.Millisecond)
		fmt.Fprintln(c, "hello")
		if got := line(t, r); got != "hello" {
			t.Fatalf("line %q", got)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the handler does not hear of it")
	}
}
