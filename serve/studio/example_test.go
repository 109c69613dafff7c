package studio_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/studio"
)

// Serve the studio of a folder of runs, which has none yet.
func Example() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	if err := studio.Mount(s, studio.Options{Folder: dir}); err != nil {
		log.Fatal(err)
	}
	at := httptest.NewServer(s.Handler())
	defer at.Close()
	answer, err := http.Get(at.URL + "/v1/studio/runs")
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	// Output: {"runs":[],"quantities":{},"curves":{"epoch":["loss","error","kept","gap_p05","gap_p50","correct","offending","spread"],"step":["step_loss","lr","grad_norm"]}}
}
