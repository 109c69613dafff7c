package inference_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/inference"
)

// A model behind a port of one's own server, beside other handlers.
func Example() {
	model, err := onnx.Open("../../engine/onnx/testdata/affine.onnx", nil)
	if err != nil {
		log.Fatal(err)
	}
	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	models, err := inference.Mount(server, "")
	if err != nil {
		log.Fatal(err)
	}
	wait, err := models.Put("affine", inference.Model{Net: model, Wait: 2 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v2/", server.Handler())
	web := httptest.NewServer(mux)
	defer web.Close()
	if err := wait(); err != nil { // until it is warm; the server says meanwhile that it is not ready
		log.Fatal(err)
	}

	answer, err := http.Post(web.URL+"/v2/models/affine/infer", "application/json",
		strings.NewReader(`{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output: {"model_name":"affine","model_version":"1","outputs":[{"name":"y","datatype":"FP32","shape":[1,3],"data":[3,5,7]}]}
}
