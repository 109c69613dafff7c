package inference

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
)

// Health is for everybody, all else for tokens with the scope read, and refusals have the protocol's form.
func TestTokens(t *testing.T) {
	var lines strings.Builder
	for _, scope := range bearer.Scopes() {
		lines.WriteString(bearer.Line(bearer.Holder{Name: "the-" + string(scope), Scopes: []bearer.Scope{scope}}, string(scope)))
	}
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler), Tokens: path})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	o := options(t)
	if err := o.mount(server); err != nil {
		t.Fatal(err)
	}
	warm(t, server)
	const body = `{"inputs":[{"name":"x","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}`
	for _, c := range []struct{ request, allowed string }{
		{"GET /v2/health/live", "read write none"},
		{"GET /v2/health/ready", "read write none"},
		{"GET /v2", "read"},
		{"GET /v2/models/mlp", "read"},
		{"GET /v2/models/mlp/ready", "read write none"},
		{"GET /v2/models/mlp/versions/1", "read"},
		{"GET /v2/models/mlp/versions/1/ready", "read write none"},
		{"POST /v2/models/mlp/infer", "read"},
		{"POST /v2/models/mlp/versions/1/infer", "read"},
	} {
		for token, refusal := range map[string]int{"read": 403, "write": 403, "none": 401} {
			method, path, _ := strings.Cut(c.request, " ")
			r := httptest.NewRequest(method, "http://localhost"+path, bytes.NewReader([]byte(body)))
			r.Header.Set("Content-Type", "application/json")
			if token != "none" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			want := http.StatusOK
			if !strings.Contains(c.allowed, token) {
				want = refusal
			}
			w := httptest.NewRecorder()
			server.Handler().ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s, token %s: %d %s, want %d", c.request, token, w.Code, w.Body, want)
			}
			if want != http.StatusOK && (!strings.HasPrefix(w.Body.String(), `{"error":"`) || !strings.Contains(w.Header().Get("WWW-Authenticate"), `scope="read"`)) {
				t.Errorf("%s, token %s: %s, %v", c.request, token, w.Body, w.Header())
			}
		}
	}
}
