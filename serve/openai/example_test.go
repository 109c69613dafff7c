package openai_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openai"
)

// A server lists its models as OpenAI's clients ask for them.
func Example() {
	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	openai.Mount(server, func() []openai.Model { return []openai.Model{{Name: "speech-1", Created: time.Unix(1e9, 0)}} })
	web := httptest.NewServer(server.Handler())
	defer web.Close()
	answer, err := http.Get(web.URL + "/v1/models/speech-1")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output: {"id":"speech-1","object":"model","created":1000000000,"owned_by":"energo"}
}
