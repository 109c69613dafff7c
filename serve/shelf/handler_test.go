package shelf_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/energo-ml/energo/serve/shelf"
)

// slow is a body that shows what the model's places are when it is read, before its end.
type slow struct {
	io.Reader
	look func()
}

func (s slow) Read(p []byte) (int, error) {
	s.look()
	return s.Reader.Read(p)
}

// A request has a place from the end of its body to the beginning of its answer.
func TestHandler(t *testing.T) {
	s := newShelf()
	defer s.Close()
	put(t, s, "a", shelf.Item[int]{Model: 7, Places: 1})
	using := func(want float64, when string) {
		t.Helper()
		if got := metric(t, s, "a")[1]; got != want {
			t.Errorf("%s %v places are taken, want %v", when, got, want)
		}
	}
	h := s.Handler("model", func(model int, w http.ResponseWriter, r *http.Request) error {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		using(1, "when the body was read")
		if again, err := s.Take("a"); err != nil {
			t.Error(err)
		} else if got := status(t, again.Enter(r.Context())); got != 429 {
			t.Errorf("status %d of a second request, want 429", got)
		} else {
			again.Done()
		}
		fmt.Fprintf(w, "%s %d", text, model)
		using(0, "when the answer has begun")
		return http.NewResponseController(w).Flush()
	})
	mux := http.NewServeMux()
	var failed error
	serve := func(w http.ResponseWriter, r *http.Request) { failed = h(w, r) }
	mux.HandleFunc("POST /of/{model}", serve)
	mux.HandleFunc("/only", serve)
	for path, want := range map[string]int{"/of/a": 0, "/only": 0, "/of/b": 404} {
		w := httptest.NewRecorder()
		body := slow{strings.NewReader("text"), func() { using(0, "while the body is read") }}
		mux.ServeHTTP(w, httptest.NewRequest("POST", path, body))
		if got := status(t, failed); got != want || want == 0 && w.Body.String() != "text 7" {
			t.Errorf("%s: status %d, %q", path, got, w.Body)
		}
	}
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/only", http.NoBody))
	if failed != nil {
		t.Error(failed)
	}
	if got := metric(t, s, "a"); got != [4]float64{1, 0, 0, 3} {
		t.Errorf("ready, using, waiting, rejected are %v at the end, want 1, 0, 0, 3", got)
	}
}
