package serve

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/energo-ml/energo/serve/wire"
)

// Handler returns what answers all requests.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.underWay.Add(1)
		defer s.underWay.Done()
		start, seen := time.Now(), &witness{ResponseWriter: w}
		asked, r := identify(r)
		h, pattern := s.mux.Handler(r)
		defer func() {
			took := time.Since(start)
			s.metrics.request(pattern, seen.status, took)
			s.logAccess(r, asked, pattern, seen, took)
		}()
		head := seen.Header()
		head.Set("X-Request-Id", asked.ID)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Referrer-Policy", "no-referrer")
		if len(s.o.Origins) > 0 {
			head.Add("Vary", "Origin")
		}
		if err := s.ours(r); err != nil {
			tell := s.tell[pattern]
			if tell == nil {
				tell = (*wire.Problem).Tell
			}
			tell(wire.Of(err), seen)
			return
		}
		if s.cors(seen, r, h) {
			return
		}
		if _, ours := h.(http.HandlerFunc); !ours {
			pattern = "" // the mux would send the client to a cleaner path, which may be another item's
		}
		if pattern == "" {
			s.answered(unknown(h), (*wire.Problem).Tell)(seen, r)
			return
		}
		s.mux.ServeHTTP(seen, r) // which, unlike h, knows the path's parts
	})
}

// witness remembers the status of an answer, and its bytes.
type witness struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// unknown answers a request that we have no handler for in our own words: h is the mux's, and
// says whether it is the path, its form or the method.
func unknown(h http.Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		said := &dummy{header: http.Header{}}
		h.ServeHTTP(said, r)
		switch path := strings.ToValidUTF8(r.URL.Path, "?"); said.status {
		case http.StatusMethodNotAllowed:
		case http.StatusNotFound:
			return wire.Absent("there is nothing at %s", path)
		default: // a redirection
			return wire.Absent("there is nothing at %s; the slashes of an identifier are sent as %%2F", path)
		}
		allow := said.header.Get("Allow")
		w.Header().Set("Allow", allow)
		return &wire.Problem{Status: said.status, Code: wire.CodeMethod, Detail: "the method is " + strings.ToValidUTF8(r.Method, "?") + "; allowed are " + allow}
	}
}

// dummy takes the mux's answer.
type dummy struct {
	header http.Header
	status int
}

func (d *dummy) Header() http.Header         { return d.header }
func (d *dummy) WriteHeader(status int)      { d.status = status }
func (d *dummy) Write(p []byte) (int, error) { return len(p), nil }

// answered makes problems, and panics, answers.
func (s *Server) answered(h Handler, tell func(*wire.Problem, http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.o.Log.Error("a request failed", append(RequestOf(r.Context()).attrs(), "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))...)
			if seen, ok := w.(*witness); !ok || seen.status == 0 {
				tell(wire.Of(errors.New("panic")), w)
			}
		}()
		err := h(w, r)
		if err == nil {
			return
		}
		p := wire.Of(err)
		if errors.Is(err, context.Canceled) && r.Context().Err() != nil && s.ready.Load() {
			p.Status = statusGone
		}
		if p.Code == wire.CodeInternal {
			s.o.Log.Error("a request failed", append(RequestOf(r.Context()).attrs(), "path", r.URL.Path, "error", err)...)
		}
		tell(p, w)
	}
}

// statusGone is for the metrics: the client hung up before there was an answer.
const statusGone = 499
