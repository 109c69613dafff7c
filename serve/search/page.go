package search

import (
	"bytes"
	"embed"
	"net/http"
	"path"
	"time"

	"github.com/energo-ml/energo/serve"
)

//go:embed page
var page embed.FS

// contentPolicy lets the page load nothing but what is served here.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// kinds are the content types of the page's files: those that the machine has for them may be others.
var kinds = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

// pages are those of the page for people.
func pages() (routes []serve.Route) {
	files, err := page.ReadDir("page")
	if err != nil {
		panic(err) // it is part of the program
	}
	for _, file := range files {
		name := file.Name()
		text, err := page.ReadFile("page/" + name)
		if err != nil {
			panic(err)
		}
		pattern := "GET /" + name
		if name == "index.html" {
			pattern = "GET /{$}"
		}
		routes = append(routes, serve.Route{Pattern: pattern, Plain: true, Do: func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Security-Policy", contentPolicy)
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("Content-Type", kinds[path.Ext(name)])
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
			return nil
		}})
	}
	return routes
}
