package serve

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
)

// Each request has one line, whatever came of it.
func TestAccessLog(t *testing.T) {
	var access, log bytes.Buffer
	s := newProbe(t, Options{
		Tokens: fileOf(t, "tokens", tokenFile()), Log: slog.New(slog.NewJSONHandler(&log, nil)), Access: slog.New(slog.NewJSONHandler(&access, nil)),
	})
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, c := range []struct {
		request string
		headers []string
		want    map[string]any
	}{
		{"GET /v1/thing", []string{"Authorization: Bearer read", "X-Request-Id: mine-1"}, map[string]any{"method": "GET", "route": "/v1/thing", "status": 200., "token": "the-read", "client": "192.0.2.1", "request": "mine-1", "level": "INFO"}},
		{"GET /v1/thing", []string{"Traceparent: " + parent}, map[string]any{"status": 401., "token": nil, "trace": "0af7651916cd43dd8448eb211c80319c", "parent": "b7ad6b7169203331"}},
		{"GET /nothing/secret", nil, map[string]any{"route": "other", "status": 404., "trace": nil}},
		{strings.Repeat("LONG", 1000) + " /v1/thing", nil, map[string]any{"method": "other", "status": 405.}},
		{"GET /v1/panic", []string{"Authorization: Bearer read", "X-Request-Id: mine-2"}, map[string]any{"status": 500., "level": "ERROR", "request": "mine-2"}},
	} {
		access.Reset()
		w := ask(s, c.request, c.headers...)
		var line map[string]any
		if err := json.Unmarshal(access.Bytes(), &line); err != nil || strings.Count(access.String(), "\n") != 1 {
			t.Fatalf("%.40s: %v: %s", c.request, err, access.String())
		}
		for name, want := range c.want {
			if line[name] != want {
				t.Errorf("%.40s: %s is %v, want %v", c.request, name, line[name], want)
			}
		}
		if line["bytes"] != float64(w.Body.Len()) || line["request"] != w.Header().Get("X-Request-Id") || line["seconds"].(float64) <= 0 {
			t.Errorf("%.40s: %v, and the answer has %d bytes and %v", c.request, line, w.Body.Len(), w.Header())
		}
		if strings.Contains(access.String(), "secret") || access.Len() > 1000 {
			t.Errorf("%.1000s", access.String())
		}
	}
	if !strings.Contains(log.String(), `"request":"mine-2"`) || !strings.Contains(log.String(), "thirteen") {
		t.Errorf("the line of the failure does not name the request: %s", log.String())
	}
}

// A logger that has no requests is not written to.
func TestAccessLogLevel(t *testing.T) {
	var b bytes.Buffer
	s := newProbe(t, Options{Access: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if ask(s, "GET /v1/thing"); b.Len() > 0 {
		t.Error(b.String())
	}
	if ask(s, "GET /v1/panic"); !strings.Contains(b.String(), "status=500") {
		t.Error(b.String())
	}
}

// A client's identifier is repeated if it is short and plain; otherwise there is one of ours, which is another each time.
func TestRequestID(t *testing.T) {
	s, seen := newProbe(t, Options{}), map[string]bool{}
	for _, sent := range []string{"a", "0af76519-16cd.43_DD", strings.Repeat("x", 128)} {
		if got := ask(s, "GET /healthz", "X-Request-Id: "+sent).Header().Get("X-Request-Id"); got != sent {
			t.Errorf("%q became %q", sent, got)
		}
	}
	for _, sent := range []string{"", " ", "a b", "a\"b", "a\x1b[31mb", "ä", strings.Repeat("x", 129), strings.Repeat("x", 1<<20)} {
		got := ask(s, "GET /healthz", "X-Request-Id: "+sent).Header().Get("X-Request-Id")
		if len(got) != 32 || !isHex(got) || seen[got] {
			t.Errorf("%.20q became %q", sent, got)
		}
		seen[got] = true
	}
	if got := ask(s, "GET /healthz", "X-Request-Id: a", "X-Request-Id: b").Header().Get("X-Request-Id"); len(got) != 32 {
		t.Errorf("two became %q", got)
	}
}

// Traces are those of W3C's Trace Context, and others are not taken.
func TestTrace(t *testing.T) {
	s := newProbe(t, Options{})
	const id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for _, c := range []struct {
		sent  string
		flags string // "" is no trace
	}{
		{"00-" + id + "-" + parent + "-01", "01"},
		{"00-" + id + "-" + parent + "-00", "00"},
		{"00-" + id + "-" + parent + "-ff", "01"},
		{"cc-" + id + "-" + parent + "-01", "01"},
		{"cc-" + id + "-" + parent + "-01-more", "01"},
		{"cc-" + id + "-" + parent + "-01.more", ""},
		{"cc-" + id + "-" + parent + "-01-" + strings.Repeat("x", 1000), ""},
		{"00-" + id + "-" + parent + "-01-more", ""},
		{"ff-" + id + "-" + parent + "-01", ""},
		{"00-" + strings.ToUpper(id) + "-" + parent + "-01", ""},
		{"00-" + strings.Repeat("0", 32) + "-" + parent + "-01", ""},
		{"00-" + id + "-" + strings.Repeat("0", 16) + "-01", ""},
		{"00-" + id + "-" + parent + "-0x", ""},
		{"00_" + id + "-" + parent + "-01", ""},
		{"00-" + id + "-" + parent, ""},
		{"", ""},
	} {
		w := ask(s, "GET /v1/thing", "Traceparent: "+c.sent, "Tracestate: a=1", "Tracestate: b=2")
		var q Request
		if err := json.Unmarshal(w.Body.Bytes(), &q); err != nil {
			t.Fatal(err)
		}
		onward := q.Trace.Traceparent()
		if c.flags == "" {
			if q.Trace != (Trace{}) || onward != "" {
				t.Errorf("%.80s is taken: %+v", c.sent, q.Trace)
			}
			continue
		}
		if q.Trace.ID != id || q.Trace.Parent != parent || q.Trace.State != "a=1,b=2" || q.Trace.Span == parent || len(q.Trace.Span) != 16 ||
			onward != "00-"+id+"-"+q.Trace.Span+"-"+c.flags {
			t.Errorf("%s: %+v, passed on as %s", c.sent, q.Trace, onward)
		}
	}
	for _, state := range []string{strings.Repeat("a", 513), "a=\x1b[31m", "ä"} {
		w := ask(s, "GET /v1/thing", "Traceparent: 00-"+id+"-"+parent+"-01", "Tracestate: "+state)
		if !strings.Contains(w.Body.String(), `"State":""`) || !strings.Contains(w.Body.String(), id) {
			t.Errorf("%.20q: %s", state, w.Body)
		}
	}
	if w := ask(s, "GET /v1/thing", "Traceparent: 00-"+id+"-"+parent+"-01", "Traceparent: 00-"+id+"-"+parent+"-01"); strings.Contains(w.Body.String(), id) {
		t.Errorf("two are taken: %s", w.Body)
	}
}
