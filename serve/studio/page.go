package studio

import (
	"bytes"
	"embed"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/energo-ml/energo/serve"
)

//go:generate npm --prefix lib ci --no-audit --no-fund
//go:generate npm --prefix lib run build

//go:embed page
var page embed.FS

// contentPolicy lets the page load nothing but what is served here, and what it made itself.
const contentPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// kinds are the content types of the page's files: those that the machine has for them may be others.
var kinds = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain; charset=utf-8"}

// pages are the files of the page: index.html at the root, the others below /studio/.
func pages() (routes []serve.Route) {
	err := fs.WalkDir(page, "page", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := page.ReadFile(file)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(file, "page/")
		pattern := "GET /studio/" + name
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
		return nil
	})
	if err != nil {
		panic(err) // it is part of the program
	}
	return routes
}
