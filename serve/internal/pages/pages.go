// Package pages serves the files of pages for people, and the modules that all pages share, below shared/: dom.js makes elements and says what happened, sketch.js is a
// canvas that digits are drawn on.
package pages

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/energo-ml/energo/serve"
)

//go:embed shared
var shared embed.FS

// kinds are the content types of the files: those that the machine has for them may be others.
var kinds = map[string]string{".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".txt": "text/plain; charset=utf-8"}

// Page is a page and what it loads.
type Page struct {
	Files  fs.FS               // index.html and the others
	Index  string              // the path of index.html, which ends with a slash
	Under  string              // the path that the others are below, which ends with a slash
	Policy string              // the content security policy
	Fill   func([]byte) []byte // changes index.html; nil leaves it as it is
}

// IndexFile is the page itself among its files.
const IndexFile = "index.html"

// Routes are those of the files. It panics where a file cannot be read, which is part of the program.
func (p *Page) Routes() (routes []serve.Route) {
	err := p.Each(func(name string, text []byte) error {
		if kinds[path.Ext(name)] == "" {
			return fmt.Errorf("serve/internal/pages: %s has no content type", name)
		}
		pattern := "GET " + p.Under + name
		if name == IndexFile {
			pattern = "GET " + p.Index + "{$}"
		}
		routes = append(routes, serve.Route{Pattern: pattern, Plain: true, Do: p.file(name, text)})
		return nil
	})
	if err != nil {
		panic(err)
	}
	return routes
}

// Each calls do for each of the files, those that pages share too, by its path.
func (p *Page) Each(do func(name string, text []byte) error) error {
	for _, files := range []fs.FS{p.Files, shared} {
		err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			if name == IndexFile && p.Fill != nil {
				text = p.Fill(text)
			}
			return do(name, text)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// file answers with a file.
func (p *Page) file(name string, text []byte) serve.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Security-Policy", p.Policy)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", kinds[path.Ext(name)])
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(text))
		return nil
	}
}
