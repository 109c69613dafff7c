package serve_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// echo is a service that answers with the text that it was sent.
type echo struct{}

func (echo) Routes() []serve.Route { return []serve.Route{{Pattern: "POST /v1/echo", Do: say}} }

func (echo) Name() string { return "echo" }

func (echo) Ready(context.Context) error { return nil }

func (echo) Close() {}

func say(w http.ResponseWriter, r *http.Request) error {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return wire.Invalid("", "the body is empty; it must have a text")
	}
	wire.WriteJSON(w, http.StatusOK, map[string]string{"text": string(text)})
	return nil
}

// Serve something of one's own within the bounds of a Server, here on a mux that has other paths, too.
func Example() {
	s, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	s.Mount(echo{})
	mux := http.NewServeMux()
	mux.Handle("/v1/", s.Handler())

	for _, path := range []string{"/v1/echo", "/v1/nothing"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("POST", "http://localhost"+path, http.NoBody))
		fmt.Print(w.Body)
	}
	// Output:
	// {"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"the body is empty; it must have a text","code":"invalid"}
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"there is nothing at /v1/nothing","code":"not_found"}
}
