package studio

import (
	"net/http"
	"strings"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/studio/answer"
	"github.com/energo-ml/energo/serve/wire"
)

// computed are routes of which those that do nothing yet are answered by the desk.
func (s *service) computed(routes []serve.Route) []serve.Route {
	funcs := s.desk.Funcs()
	for i := range routes {
		if r := &routes[i]; r.Do == nil {
			r.Do = computedBy(funcs[r.Pattern], r.Pattern)
		}
	}
	return routes
}

// computedBy answers a request of a pattern over HTTP.
func computedBy(do answer.Func, pattern string) func(http.ResponseWriter, *http.Request) error {
	_, part, _ := strings.Cut(pattern, "{")
	part, _, _ = strings.Cut(part, "}")
	return func(w http.ResponseWriter, r *http.Request) (err error) {
		asked := &answer.Request{Part: r.PathValue(part)}
		if r.Method == http.MethodPost {
			asked.Body, err = jsonOf(r)
		} else {
			asked.Params, err = wire.Params(r)
		}
		if err != nil {
			return err
		}
		value, err := do(r.Context(), asked)
		if err != nil {
			return err
		}
		wire.WriteJSON(w, http.StatusOK, value)
		return nil
	}
}

// jsonOf is a body, which must be JSON.
func jsonOf(r *http.Request) ([]byte, error) {
	b, err := wire.Read(r)
	if err != nil {
		return nil, err
	}
	if b.JSON == nil {
		return nil, wire.Media("the content type is %.80q; it must be application/json", r.Header.Get("Content-Type"))
	}
	return b.JSON, nil
}

// read reads a body that must be JSON.
func read(r *http.Request, into wire.Reader) error {
	text, err := jsonOf(r)
	if err != nil {
		return err
	}
	return wire.Decode(text, into)
}
