package serve

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/energo-ml/energo/serve/bearer"
)

// tokenFile has a token of each scope, which is called as the scope is.
func tokenFile() string {
	var b strings.Builder
	for _, s := range bearer.Scopes() {
		b.WriteString(bearer.Line(bearer.Holder{Name: "the-" + string(s), Scopes: []bearer.Scope{s}}, string(s)))
	}
	b.WriteString(bearer.Line(bearer.Holder{Name: "all", Scopes: bearer.Scopes()}, "all"))
	return b.String()
}

// Each request needs a token of its scope, and is told what is wrong with the one that it has.
func TestTokens(t *testing.T) {
	s := newProbe(t, Options{Tokens: fileOf(t, "tokens", tokenFile())})
	for _, c := range []struct {
		request, authorization string
		status                 int
		challenge              string // in WWW-Authenticate
	}{
		{"GET /", "", 200, ""},
		{"GET /healthz", "", 200, ""},
		{"GET /readyz", "", 200, ""},
		{"GET /healthz", "Bearer nobody's", 200, ""},
		{"GET /metrics", "", 401, `Bearer realm="energo", scope="read"`},
		{"GET /openapi.json", "", 401, `Bearer realm="energo", scope="read"`},
		{"GET /v1/thing", "", 401, `Bearer realm="energo", scope="read"`},
		{"HEAD /v1/thing", "", 401, `scope="read"`},
		{"POST /v1/thing", "", 401, `scope="write"`},
		{"GET /nothing", "", 404, ""},
		{"PUT /v1/thing", "", 405, ""},

		{"GET /metrics", "Bearer read", 200, ""},
		{"GET /v1/thing", "Bearer read", 200, ""},
		{"GET /v1/thing", "bEaReR   read", 200, ""},
		{"HEAD /v1/thing", "Bearer all", 200, ""},
		{"POST /v1/ask", "Bearer read", 200, ""},
		{"POST /v1/thing", "Bearer write", 200, ""},
		{"DELETE /v1/thing", "Bearer admin", 200, ""},
		{"DELETE /v1/thing", "Bearer all", 200, ""},

		{"POST /v1/thing", "Bearer read", 403, `error="insufficient_scope", error_description="the token of the-read has not the scope write", scope="write"`},
		{"GET /v1/thing", "Bearer write", 403, `scope="read"`},
		{"POST /v1/ask", "Bearer write", 403, `scope="read"`},
		{"DELETE /v1/thing", "Bearer write", 403, `scope="admin"`},

		{"GET /v1/thing", "Bearer reader", 401, `error="invalid_token"`},
		{"GET /v1/thing", "Bearer " + strings.Repeat("read", 4000), 401, `error="invalid_token"`},
		{"GET /v1/thing", "Bearer", 400, `error="invalid_request"`},
		{"GET /v1/thing", "Bearer ", 400, `error="invalid_request"`},
		{"GET /v1/thing", "Bearer =", 400, `error="invalid_request"`},
		{"GET /v1/thing", "Bearer read read", 400, `error="invalid_request"`},
		{"GET /v1/thing", `Bearer "read"`, 400, `error="invalid_request"`},
		{"GET /v1/thing", "Bearer re\x00ad", 400, `error="invalid_request"`},
		{"GET /v1/thing", "Bearer lösung", 400, `error="invalid_request"`},
		{"GET /v1/thing", "Bearer read, Bearer all", 400, `error="invalid_request"`},
		{"GET /v1/thing", "Basic cmVhZDpyZWFk", 401, `Bearer realm="energo", scope`},
		{"GET /v1/thing", "read", 401, `Bearer realm="energo", scope`},
		{"GET /v1/thing", "Bearerread", 401, `Bearer realm="energo", scope`},
		{"GET /v1/thing?access_token=read", "", 401, "Bearer"},
	} {
		var headers []string
		if c.authorization != "" {
			headers = []string{"Authorization: " + c.authorization}
		}
		w := ask(s, c.request, headers...)
		challenge := w.Header().Get("WWW-Authenticate")
		if w.Code != c.status || !strings.Contains(challenge, c.challenge) || (c.challenge == "") != (challenge == "") {
			t.Errorf("%s, %.60s: %d, %q; want %d, %q", c.request, c.authorization, w.Code, challenge, c.status, c.challenge)
		}
		if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s, %.60s: %s", c.request, c.authorization, w.Header().Get("Content-Type"))
		}
	}
	if w := ask(s, "GET /v1/thing", "Authorization: Bearer read", "Authorization: Bearer all"); w.Code != 400 {
		t.Errorf("two headers: %d %s", w.Code, w.Body)
	}
	if w := ask(s, "GET /v1/thing", "Authorization: Bearer read"); !strings.Contains(w.Body.String(), `"Client":"the-read"`) {
		t.Errorf("the service does not know its client: %s", w.Body)
	}
}

// The description says which scope an operation needs.
func TestTokensDescribed(t *testing.T) {
	type document struct {
		Paths map[string]map[string]struct {
			Security  []map[string][]string
			Responses map[string]any
		}
		Components struct {
			SecuritySchemes map[string]struct{ Type, Scheme string }
		}
	}
	read := func(s *Server) (d document) {
		w := ask(s, "GET /openapi.json", "Authorization: Bearer read")
		if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
			t.Fatal(err, w.Body)
		}
		return d
	}
	d := read(newProbe(t, Options{Tokens: fileOf(t, "tokens", tokenFile())}))
	if got := d.Components.SecuritySchemes["bearer"]; got.Type != "http" || got.Scheme != "bearer" {
		t.Error(got)
	}
	for _, c := range []struct{ path, method, scope string }{
		{"/v1/thing", "get", "read"},
		{"/v1/thing", "post", "write"},
		{"/v1/ask", "post", "read"},
		{"/v1/thing", "delete", "admin"},
		{"/metrics", "get", "read"},
		{"/healthz", "get", ""},
		{"/readyz", "get", ""},
	} {
		o, scope := d.Paths[c.path][c.method], ""
		if len(o.Security) == 1 && len(o.Security[0]["bearer"]) == 1 {
			scope = o.Security[0]["bearer"][0]
		}
		if _, refuses := o.Responses["401"]; scope != c.scope || refuses != (scope != "") {
			t.Errorf("%s %s: scope %q, want %q; 401 is described: %v", c.method, c.path, scope, c.scope, refuses)
		}
	}
	d = read(newProbe(t, Options{}))
	if len(d.Components.SecuritySchemes) > 0 || len(d.Paths["/v1/thing"]["get"].Security) > 0 {
		t.Error("a server without tokens describes them")
	}
}

// A file of tokens that is changed is read again; where it is wrong, the tokens stay, and the log says why once.
func TestTokensReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuffer
		path := fileOf(t, "tokens", tokenFile())
		s := newProbe(t, Options{Tokens: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
		for i, c := range []struct {
			text    string // of the file; "-" is no file
			status  int    // with the token read
			failure int
		}{
			{tokenFile(), 200, 0},
			{bearer.Line(bearer.Holder{Name: "a", Scopes: bearer.Scopes()}, "other"), 401, 0},
			{tokenFile(), 200, 0},
			{"a reed x", 200, 1},
			{"-", 200, 2},
			{strings.Repeat("# long\n", 1<<18), 200, 3},
			{"", 401, 3},
			{tokenFile(), 200, 3},
		} {
			if c.text == "-" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			} else {
				write(t, path, c.text)
			}
			time.Sleep(3 * watchTime)
			synctest.Wait()
			if w := ask(s, "GET /v1/thing", "Authorization: Bearer read"); w.Code != c.status {
				t.Errorf("%d: status %d, want %d", i, w.Code, c.status)
			}
			if got := strings.Count(log.String(), "level=ERROR"); got != c.failure {
				t.Errorf("%d: the log has %d failures, want %d:\n%s", i, got, c.failure, log.String())
			}
		}
		if text := ask(s, "GET /metrics", "Authorization: Bearer read").Body.String(); !strings.Contains(text, "\nenergo_tokens 4\n") ||
			!strings.Contains(text, `energo_reloads_total{of="tokens",result="failure"} 3`) {
			t.Error(text)
		}
		write(t, path, "a reed x")
		for range 2 { // asked for, it says so each time
			if err := s.Reload(); err == nil || !strings.Contains(err.Error(), "tokens:1: ") {
				t.Error(err)
			}
		}
	})
}

// Files that cannot be read when the server starts.
func TestTokensRefused(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir + "/none":                      "none: no such file",
		dir:                                "not a file",
		fileOf(t, "tokens", "a b c d e f"): "tokens:1: 6 parts",
	} {
		if _, err := New(t.Context(), Options{Tokens: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// lockedBuffer is a log that is read while a server writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
