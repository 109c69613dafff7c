package shelf

import (
	"errors"
	"io"
	"net/http"
)

// Handler has requests answered by the model that a parameter of their path names, or, where the path does not have it, by the only one there is.
// It enters once the request's body was read, and leaves when the answer begins, so that slow clients have no place. What do returns is
// what the request is refused for, as problems of package wire.
func (s *Shelf[T]) Handler(parameter string, do func(model T, w http.ResponseWriter, r *http.Request) error) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		held, err := s.of(parameter, r)
		if err != nil {
			return err
		}
		defer held.Done()
		if r.ContentLength == 0 || r.Method != http.MethodPost { // nobody reads what comes
			if err := held.Enter(r.Context()); err != nil {
				return err
			}
		}
		v := &visit[T]{ResponseWriter: w, held: held, ReadCloser: r.Body, r: r}
		r = r.WithContext(r.Context())
		r.Body = v
		return do(held.Model, v, r)
	}
}

// Look is as Handler, for what takes no time: it is answered also where all places are taken.
func (s *Shelf[T]) Look(parameter string, do func(model T, w http.ResponseWriter, r *http.Request) error) func(w http.ResponseWriter, r *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		held, err := s.of(parameter, r)
		if err != nil {
			return err
		}
		defer held.Done()
		return do(held.Model, w, r)
	}
}

// of takes the model of a request.
func (s *Shelf[T]) of(parameter string, r *http.Request) (*Held[T], error) {
	if name := r.PathValue(parameter); name != "" {
		return s.Take(name)
	}
	return s.Only()
}

// visit is the body of a request, and the writer of its answer.
type visit[T any] struct {
	http.ResponseWriter
	io.ReadCloser
	held *Held[T]
	r    *http.Request
}

// Read reads the body. Its end comes with a place.
func (v *visit[T]) Read(p []byte) (int, error) {
	n, err := v.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		if refused := v.held.Enter(v.r.Context()); refused != nil {
			return 0, refused
		}
	}
	return n, err
}

// Write begins the answer, for which the model is not needed.
func (v *visit[T]) Write(p []byte) (int, error) {
	v.held.Leave()
	return v.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (v *visit[T]) Unwrap() http.ResponseWriter { return v.ResponseWriter }
