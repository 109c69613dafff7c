// Package answer computes what the studio answers without the files of runs and without HTTP: losses, lessons, chains on films, CTC. A server
// has these answers by package studio, and a page without a server by the same functions, compiled to WebAssembly (cmd/energo-wasm).
//
// So nothing here imports net/http, which would be most of what such a page loads.
package answer

import (
	"context"
	"net/url"
	"strings"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve/wire"
)

// Request is what is asked.
type Request struct {
	Part   string     // what the path has instead of its {…}, where it has one
	Params url.Values // of the address
	Body   []byte     // a JSON value, or nothing
}

// Func answers a request by a value that JSON can have. An error that is not a [wire.Problem] is a fault of ours.
type Func func(ctx context.Context, r *Request) (any, error)

// Desk answers requests. It has the lessons that are being trained.
type Desk struct {
	// Films returns the films of a run. It may be called by several goroutines.
	Films func(run string) ([]surface.Film, error)
	// ID returns an identifier for another lesson, as rand.Text of crypto/rand does.
	ID func() string

	lessons lessons
}

// Funcs are the requests that are answered, by method and path as those of http.ServeMux: a path has at most one part in braces.
func (d *Desk) Funcs() map[string]Func {
	return map[string]Func{
		"GET /v1/studio/losses":                 d.lossList,
		"GET /v1/studio/losses/{name}/curves":   d.lossCurves,
		"GET /v1/studio/losses/{name}/plane":    d.lossPlane,
		"GET /v1/studio/losses/{name}/points":   d.lossPoints,
		"GET /v1/studio/lessons":                d.offered,
		"POST /v1/studio/lessons":               d.newLesson,
		"POST /v1/studio/lessons/{id}":          d.turn,
		"DELETE /v1/studio/lessons/{id}":        d.endLesson,
		"GET /v1/studio/surfaces/{name}/frame":  d.frame,
		"POST /v1/studio/surfaces/{name}/drift": d.drift,
		"POST /v1/studio/ctc":                   d.ctc,
	}
}

// Do answers a request that is not HTTP's: a method, a path with its parameters, and a body.
func (d *Desk) Do(ctx context.Context, method, address string, body []byte) (any, error) {
	path, query, _ := strings.Cut(address, "?")
	params, err := url.ParseQuery(query)
	if err != nil {
		return nil, wire.Malformed("", "the address's parameters cannot be read: %v", err)
	}
	for pattern, do := range d.Funcs() {
		if part, ok := match(pattern, method, path); ok {
			return do(ctx, &Request{Part: part, Params: params, Body: body})
		}
	}
	return nil, wire.Absent("there is nothing at %s %.80q", method, path)
}

// match tells whether a request is one of a pattern, and what its part in braces is.
func match(pattern, method, path string) (part string, ok bool) {
	verb, template, _ := strings.Cut(pattern, " ")
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if verb != method || len(want) != len(got) {
		return "", false
	}
	for i, w := range want {
		if strings.HasPrefix(w, "{") {
			text, err := url.PathUnescape(got[i])
			if err != nil || text == "" {
				return "", false
			}
			part = text
		} else if w != got[i] {
			return "", false
		}
	}
	return part, true
}
