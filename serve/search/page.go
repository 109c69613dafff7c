package search

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"html"
	"io/fs"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/internal/pages"
)

//go:embed page
var page embed.FS

// contentPolicy lets the page load nothing but what is served here.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Beside says where the page is on a server that has another page at its root.
type Beside struct {
	Path        string // of the page, which begins and ends with a slash: "/search/"
	Back, Title string // the address of the other page, seen from this one, and its name, for a link
}

// besideMark is where the link is in index.html.
const besideMark = "<!-- beside -->"

// pages are those of the page for people.
func (b Beside) pages() []serve.Route {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // it is part of the program
	}
	link := ""
	if b.Title != "" {
		link = fmt.Sprintf(`<a id="beside" class="button" href="%s">← %s</a>`, html.EscapeString(b.Back), html.EscapeString(b.Title))
	}
	at := cmp.Or(b.Path, "/")
	p := &pages.Page{Files: files, Index: at, Under: at, Policy: contentPolicy, Fill: func(text []byte) []byte {
		return bytes.Replace(text, []byte(besideMark), []byte(link), 1)
	}}
	return p.Routes()
}
