package serve

import (
	"strings"
	"testing"
)

// Pages of listed origins send requests and see answers; those of others do not.
func TestOrigins(t *testing.T) {
	tokens := fileOf(t, "tokens", tokenFile())
	none, listed, every := newProbe(t, Options{}), newProbe(t, Options{Origins: []string{"https://a.example", "http://b.example:8080"}}),
		newProbe(t, Options{Origins: []string{"*"}, Tokens: tokens})
	both := newProbe(t, Options{Origins: []string{"https://a.example", "*"}, Tokens: tokens})
	const a, evil, cross, method, write = "Origin: https://a.example", "Origin: https://a.example.evil.example", "Sec-Fetch-Site: cross-site", "Access-Control-Request-Method: POST", "Authorization: Bearer write"
	for i, c := range []struct {
		s       *Server
		request string
		headers []string
		status  int
		origin  string // that the answer allows
	}{
		{none, "POST /v1/thing", nil, 200, ""},
		{none, "POST /v1/thing", []string{a, cross}, 403, ""},
		{none, "GET /v1/thing", []string{a, cross}, 200, ""},
		{none, "OPTIONS /v1/thing", []string{a, method}, 405, ""},
		{none, "GET /v1/thing", []string{a, "Connection: Upgrade", "Upgrade: websocket"}, 403, ""},
		{none, "GET /v1/thing", []string{"Origin: http://localhost", "Connection: Upgrade", "Upgrade: websocket"}, 200, ""},
		{none, "GET /v1/thing", []string{"Connection: Upgrade", "Upgrade: websocket"}, 200, ""},

		{listed, "POST /v1/thing", nil, 200, ""},
		{listed, "POST /v1/thing", []string{a, cross}, 200, "https://a.example"},
		{listed, "GET /v1/thing", []string{"Origin: http://b.example:8080"}, 200, "http://b.example:8080"},
		{listed, "GET /v1/thing", []string{a, "Upgrade: websocket"}, 200, "https://a.example"},
		{listed, "GET /v1/nothing", []string{a}, 404, "https://a.example"},
		{listed, "POST /v1/thing", []string{evil, cross}, 403, ""},
		{listed, "GET /v1/thing", []string{evil}, 200, ""},
		{listed, "GET /v1/thing", []string{"Origin: null"}, 200, ""},
		{listed, "GET /v1/thing", []string{"Origin: *"}, 200, ""},
		{listed, "POST /v1/thing", []string{"Origin: http://a.example"}, 403, ""},
		{listed, "POST /v1/thing", []string{"Origin: http://b.example"}, 403, ""},
		{listed, "GET /v1/thing", []string{a, evil}, 403, ""},
		{every, "POST /v1/thing", []string{a, evil, write}, 403, ""},
		{listed, "OPTIONS /v1/thing", []string{a, method}, 204, "https://a.example"},
		{listed, "OPTIONS /v1/thing", []string{evil, method}, 405, ""},
		{listed, "OPTIONS /v1/thing", []string{a}, 405, "https://a.example"},
		{listed, "OPTIONS /v1/nothing", []string{a, method}, 404, "https://a.example"},
		{listed, "OPTIONS //v1/thing", []string{a, method}, 404, "https://a.example"},

		{every, "POST /v1/thing", []string{evil, cross, write}, 200, "*"},
		{every, "POST /v1/thing", []string{evil, cross}, 401, "*"},
		{every, "OPTIONS /v1/thing", []string{evil, method}, 204, "*"},
		{every, "GET /healthz", nil, 200, ""},
		{both, "POST /v1/thing", []string{a, cross, write}, 200, "https://a.example"},
		{both, "POST /v1/thing", []string{evil, cross, write}, 200, "*"},
	} {
		w := ask(c.s, c.request, c.headers...)
		head := w.Header()
		if got := head.Get("Access-Control-Allow-Origin"); w.Code != c.status || got != c.origin {
			t.Errorf("%d: %s %v: %d, origin %q; want %d, %q", i, c.request, c.headers, w.Code, got, c.status, c.origin)
		}
		if got, want := head.Get("Access-Control-Allow-Credentials") == "true", c.origin != "" && c.origin != "*"; got != want {
			t.Errorf("%d: %s %v: credentials %v, want %v", i, c.request, c.headers, got, want)
		}
		if exposed := head.Get("Access-Control-Expose-Headers"); c.origin != "" && w.Code == 200 && !strings.Contains(exposed, "Inference-Header-Content-Length") {
			t.Errorf("%d: %s: exposed are %q", i, c.request, exposed)
		}
		if vary := strings.Contains(strings.Join(head.Values("Vary"), ","), "Origin"); vary != (c.s != none) {
			t.Errorf("%d: %s: Vary is %q", i, c.request, head.Values("Vary"))
		}
	}
}

// A preflight is told the methods of the path, and the headers that it asked for.
func TestPreflight(t *testing.T) {
	s := newProbe(t, Options{Origins: []string{"https://a.example"}})
	for asked, want := range map[string]string{
		"":                            "",
		"authorization, content-type": "authorization, content-type",
		strings.Repeat("x", 2000):     "",
		"a\r\nSet-Cookie: b":          "",
	} {
		w := ask(s, "OPTIONS /v1/thing", "Origin: https://a.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: "+asked)
		if head := w.Header(); w.Code != 204 || head.Get("Access-Control-Allow-Methods") != "DELETE, GET, HEAD, POST" || head.Get("Access-Control-Allow-Headers") != want || w.Body.Len() > 0 {
			t.Errorf("%.40q: %d %v", asked, w.Code, head)
		}
	}
	if w := ask(s, "OPTIONS /v1/thing", "Origin: https://a.example", "Access-Control-Request-Method: POST"); w.Header().Get("Access-Control-Allow-Headers") != "" {
		t.Error(w.Header())
	}
}

// What is no origin is refused when the server starts.
func TestOriginsRefused(t *testing.T) {
	for _, origin := range []string{"", "null", "a.example", "https://", "https://a.example/", "https://a.example/page", "https://A.example", "ftp://a.example", "https://u@a.example", "https://*.example", "https://a.example:443", "http://a.example:80", "https://a.example:", "https://:8080", "https://*.example?", "https://a.example#b", "*"} {
		if _, err := New(t.Context(), Options{Origins: []string{origin}}); err == nil || !strings.Contains(err.Error(), "origin") {
			t.Errorf("%q: %v", origin, err)
		}
	}
}
