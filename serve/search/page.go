package search

import (
	"bytes"
	"embed"
	"net/http"
	"time"

	"github.com/energo-ml/energo/serve"
)

//go:embed page
var page embed.FS

// contentPolicy lets the page load nothing but what is served here.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// pages are those of the page for people.
func pages() (routes []serve.Route) {
	for pattern, name := range map[string]string{
		"GET /{$}": "index.html", "GET /app.js": "app.js", "GET /style.css": "style.css",
	} {
		text, err := page.ReadFile("page/" + name)
		if err != nil {
			panic(err) // it is part of the program
		}
		routes = append(routes, serve.Route{Pattern: pattern, Plain: true, Do: func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Security-Policy", contentPolicy)
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
			return nil
		}})
	}
	return routes
}
