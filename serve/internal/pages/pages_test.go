package pages

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRoutes: the files are where they are said to be, with the shared modules, and with the policy.
func TestRoutes(t *testing.T) {
	p := &Page{
		Files: fstest.MapFS{"index.html": {Data: []byte("<p>NAME</p>")}, "views/a.css": {Data: []byte("p {}")}}, Index: "/there/", Under: "/there/files/", Policy: "default-src 'none'",
		Fill: func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("NAME"), []byte("page")) },
	}
	got := map[string]string{}
	for _, r := range p.Routes() {
		w := httptest.NewRecorder()
		if err := r.Do(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)); err != nil {
			t.Fatal(err)
		}
		if !r.Plain || w.Header().Get("Content-Security-Policy") != p.Policy || w.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %v %v", r.Pattern, r.Plain, w.Header())
		}
		got[r.Pattern] = w.Body.String()
	}
	if got["GET /there/{$}"] != "<p>page</p>" || got["GET /there/files/views/a.css"] != "p {}" || !strings.Contains(got["GET /there/files/shared/dom.js"], "export const element") {
		t.Errorf("%v", got)
	}
}
