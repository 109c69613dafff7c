//go:build js && wasm

// Command energo-wasm is what a page of the studio without a server asks: package serve/studio/answer, compiled to WebAssembly and run in a
// worker. It gives the worker three functions, in the global object energo:
//
//	ask(method, address, body)   a request; returns {status, text}
//	has(run)                     whether a run's films are kept; the last few are
//	keep(run, file)              keeps them, of the bytes of surfaces.safetensors; returns what is wrong with it, or ""
package main

import (
	"context"
	"errors"
	"strconv"
	"syscall/js"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/serve/studio/answer"
	"github.com/energo-ml/energo/serve/wire"
)

func main() {
	shelf := &shelf{films: map[string][]surface.Film{}}
	lessons := 0
	desk := &answer.Desk{Films: shelf.get, ID: func() string { lessons++; return strconv.Itoa(lessons) }}
	js.Global().Set("energo", map[string]any{
		"ask": js.FuncOf(func(_ js.Value, args []js.Value) any {
			return ask(desk, args[0].String(), args[1].String(), []byte(args[2].String()))
		}),
		"has": js.FuncOf(func(_ js.Value, args []js.Value) any { return shelf.films[args[0].String()] != nil }),
		"keep": js.FuncOf(func(_ js.Value, args []js.Value) any {
			file := make([]byte, args[1].Length())
			js.CopyBytesToGo(file, args[1])
			if err := shelf.keep(args[0].String(), file); err != nil {
				return err.Error()
			}
			return ""
		}),
	})
	select {}
}

// filmsMost is how many runs' films are kept.
const filmsMost = 4

// shelf has the films of the runs that were kept last.
type shelf struct {
	films map[string][]surface.Film
	order []string
}

func (s *shelf) get(run string) ([]surface.Film, error) {
	if all := s.films[run]; all != nil {
		return all, nil
	}
	return nil, wire.Absent("the run has no surfaces")
}

func (s *shelf) keep(run string, file []byte) error {
	all, err := surface.Decode(file)
	if err != nil {
		return err
	}
	if len(s.order) == filmsMost {
		delete(s.films, s.order[0])
		s.order = s.order[1:]
	}
	s.films[run], s.order = all, append(s.order, run)
	return nil
}

// ask answers a request. It ends before another begins: the worker has one thread.
func ask(desk *answer.Desk, method, address string, body []byte) map[string]any {
	value, err := desk.Do(context.Background(), method, address, body)
	if err == nil {
		return map[string]any{"status": 200, "text": string(wire.Encode(value))}
	}
	p := &wire.Problem{}
	if !errors.As(err, &p) {
		p = &wire.Problem{Status: 500, Code: wire.CodeInternal, Detail: err.Error()}
	}
	problem := map[string]any{"status": p.Status, "detail": p.Detail, "code": p.Code, "field": p.Field}
	return map[string]any{"status": p.Status, "text": string(wire.Encode(problem))}
}
