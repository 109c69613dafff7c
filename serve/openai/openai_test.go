package openai_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openai"
	"github.com/energo-ml/energo/serve/wire"
)

// The models of a server, as OpenAI's clients list them.
func ExampleMount() {
	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	openai.Mount(server, func() []openai.Model {
		return []openai.Model{{Name: "b", Created: time.Unix(7, 0)}, {Name: "a"}}
	})
	for _, path := range []string{"/v1/models/b", "/v1/models/c"} {
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, httptest.NewRequest("GET", "http://localhost"+path, http.NoBody))
		fmt.Print(w.Body)
	}
	// Output:
	// {"id":"b","object":"model","created":7,"owned_by":"energo"}
	// {"error":{"message":"there is no model \"c\"; /v1/models lists them","type":"invalid_request_error","param":"model","code":"not_found"}}
}

func TestTell(t *testing.T) {
	for _, c := range []struct {
		problem *wire.Problem
		status  int
		want    string
	}{
		{wire.Invalid("input", "no"), 400, `{"error":{"message":"no","type":"invalid_request_error","param":"input","code":"invalid"}}`},
		{wire.Busy("full"), 429, `{"error":{"message":"full","type":"rate_limit_error","param":null,"code":"too_many_requests"}}`},
	} {
		w := httptest.NewRecorder()
		openai.Tell(c.problem, w)
		if w.Code != c.status || w.Body.String() != c.want+"\n" || c.problem.Retry > 0 && w.Header().Get("Retry-After") != "1" {
			t.Errorf("%d %s; want %d %s", w.Code, w.Body, c.status, c.want)
		}
	}
}
