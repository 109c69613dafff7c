package studio

import (
	"embed"
	"io/fs"

	"github.com/energo-ml/energo/serve/internal/pages"
)

//go:generate npm --prefix lib ci --no-audit --no-fund
//go:generate npm --prefix lib run build

//go:embed page
var page embed.FS

// contentPolicy lets the page load nothing but what is served here, and what it made itself.
const contentPolicy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// studioPage is the page: index.html at the root, the other files below /studio/.
func studioPage() *pages.Page {
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // it is part of the program
	}
	return &pages.Page{Files: files, Index: "/", Under: "/studio/", Policy: contentPolicy}
}
