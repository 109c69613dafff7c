package serve

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// signIn signs a browser in, and returns its cookie; nil where it is refused.
func signIn(t *testing.T, s *Server, body string, want int) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest("POST", "http://localhost/v1/session", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if w.Code != want {
		t.Fatalf("%s: status %d %s, want %d", body, w.Code, w.Body, want)
	}
	for _, c := range w.Result().Cookies() {
		return c
	}
	return nil
}

// with sends a request with a cookie.
func with(s *Server, c *http.Cookie, method, path string, header ...string) int {
	r := httptest.NewRequest(method, "http://localhost"+path, http.NoBody)
	r.AddCookie(c)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code
}

// A cookie stands for its token and for its scopes, for this origin alone, and ends with its time and with its token.
func TestSessions(t *testing.T) {
	path := fileOf(t, "tokens", tokenFile())
	synctest.Test(t, func(t *testing.T) {
		s := newProbe(t, Options{Tokens: path})
		for body, want := range map[string]int{
			`{"token":"nobody's"}`: 401, `{"token":""}`: 401, `{}`: 401, `{"token":1}`: 400, `{"tokens":"read"}`: 400, `{"token":"` + strings.Repeat("a", 1000) + `"}`: 401,
		} {
			if c := signIn(t, s, body, want); c != nil {
				t.Errorf("%s: cookie %v", body, c)
			}
		}
		c := signIn(t, s, `{"token":"read"}`, 200)
		if c == nil || c.Name != "energo" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || strings.Contains(c.Value, "read") {
			t.Fatalf("cookie %v", c)
		}
		for _, q := range []struct {
			request string
			want    int
			header  []string
		}{
			{"GET /v1/thing", 200, nil},
			{"POST /v1/ask", 200, nil},
			{"POST /v1/thing", 403, nil},
			{"GET /v1/thing", 401, []string{"Authorization", "Bearer nobody"}},
			{"POST /v1/ask", 403, []string{"Origin", "http://localhost:9"}},
			{"POST /v1/ask", 403, []string{"Sec-Fetch-Site", "same-site"}},
			{"GET /v1/thing", 403, []string{"Upgrade", "websocket", "Origin", "https://example.org"}},
		} {
			method, path, _ := strings.Cut(q.request, " ")
			if got := with(s, c, method, path, q.header...); got != q.want {
				t.Errorf("%s %v: status %d, want %d", q.request, q.header, got, q.want)
			}
		}
		raw, _ := base64.RawURLEncoding.DecodeString(c.Value)
		for i := range raw {
			bad := append([]byte{}, raw...)
			bad[i] ^= 1
			if got := with(s, &http.Cookie{Name: c.Name, Value: base64.RawURLEncoding.EncodeToString(bad)}, "GET", "/v1/thing"); got != 401 {
				t.Fatalf("status %d of a cookie with another byte %d", got, i)
			}
		}
		for _, value := range []string{"", "a", c.Value + "A", c.Value[1:], strings.Repeat("A", 5000)} {
			if got := with(s, &http.Cookie{Name: c.Name, Value: value}, "GET", "/v1/thing"); got != 401 {
				t.Errorf("status %d of the cookie %.100q", got, value)
			}
		}
		other := newProbe(t, Options{Tokens: path})
		if got := with(other, c, "GET", "/v1/thing"); got != 401 {
			t.Errorf("status %d of a cookie of another server", got)
		}
		time.Sleep(sessionTime - time.Second)
		if got := with(s, c, "GET", "/v1/thing"); got != 200 {
			t.Errorf("status %d just before its end", got)
		}
		time.Sleep(time.Second)
		if got := with(s, c, "GET", "/v1/thing"); got != 401 {
			t.Errorf("status %d after its end", got)
		}
	})
}

// A token that is taken out ends the sessions by it, and signing out has the browser forget the cookie.
func TestSessionEnds(t *testing.T) {
	path := fileOf(t, "tokens", tokenFile())
	s := newProbe(t, Options{Tokens: path})
	c := signIn(t, s, `{"token":"all"}`, 200)
	if got := with(s, c, "GET", "/v1/thing"); got != 200 {
		t.Fatalf("status %d", got)
	}
	r := httptest.NewRequest("DELETE", "http://localhost/v1/session", http.NoBody)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	if all := w.Result().Cookies(); w.Code != 204 || len(all) != 1 || all[0].MaxAge >= 0 || all[0].Value != "" {
		t.Errorf("status %d, cookies %v", w.Code, all)
	}
	write(t, path, strings.ReplaceAll(tokenFile(), "all ", "# all "))
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := with(s, c, "GET", "/v1/thing"); got != 401 {
		t.Errorf("status %d of a token that was taken out", got)
	}
}

// By TLS the cookie is Secure, and of this host alone by its name.
func TestSessionByTLS(t *testing.T) {
	s := newSessions(true)
	if c := s.cookie("x", time.Now().Add(time.Hour)); !c.Secure || c.Name != "__Host-energo" {
		t.Errorf("cookie %v", c)
	}
}
