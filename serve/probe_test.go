package serve

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// probe is a service that answers with what it knows of the request.
type probe struct {
	hold chan struct{} // of /v1/slow
}

func (p *probe) Routes() []Route {
	tell := func(w http.ResponseWriter, r *http.Request) error {
		if _, err := io.ReadAll(r.Body); err != nil {
			return err
		}
		wire.WriteJSON(w, http.StatusOK, RequestOf(r.Context()))
		return nil
	}
	doc := func(id string) openapi.Operation {
		return openapi.Operation{ID: id, Answers: map[int]openapi.Answer{200: {Description: "It is done."}}}
	}
	return []Route{
		{Pattern: "GET /{$}", Do: tell, Plain: true},
		{Pattern: "GET /v1/thing", Do: tell, Doc: doc("get")},
		{Pattern: "POST /v1/thing", Do: tell, Doc: doc("post")},
		{Pattern: "POST /v1/ask", Do: tell, Scope: bearer.ScopeRead, Doc: doc("ask")},
		{Pattern: "DELETE /v1/thing", Do: tell, Scope: bearer.ScopeAdmin, Doc: doc("delete")},
		{Pattern: "GET /v1/panic", Do: func(http.ResponseWriter, *http.Request) error { panic("thirteen") }},
		{Pattern: "GET /v1/slow", Do: func(w http.ResponseWriter, r *http.Request) error {
			<-p.hold
			return tell(w, r)
		}},
	}
}

func (*probe) Name() string                { return "probe" }
func (*probe) Ready(context.Context) error { return nil }
func (*probe) Close()                      {}

// newProbe returns a server of a probe, until the test ends.
func newProbe(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Mount(&probe{})
	return s
}

// ask has a server answer a request "METHOD /path" with headers "Name: value".
func ask(s *Server, request string, headers ...string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, "http://localhost"+path, http.NoBody)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// fileOf writes a file of a test.
func fileOf(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	write(t, path, text)
	return path
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
