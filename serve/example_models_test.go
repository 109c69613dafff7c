package serve_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/inference"
	"github.com/energo-ml/energo/serve/search"
)

// Networks and indexes by name behind one port, on the mux of a program that has paths of its own. Put replaces what has a name while it is served.
func Example_models() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	if err := putModels(server, dir); err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", server.Handler())
	mux.HandleFunc("GET /own", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "a page of the program") })
	web := httptest.NewServer(mux)
	defer web.Close()

	for path, body := range map[string]string{"/own": "", "/v1/search": `{"vector":[3,4],"k":1}`, "/v2/models/affine/infer": `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}]}`} {
		answer, err := ask(web.URL+path, body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s", path, answer)
	}
	// Unordered output:
	// /own: a page of the program
	// /v1/search: 200 OK
	// /v2/models/affine/infer: 200 OK
}

// putModels has a server answer for a network and an index.
func putModels(server *serve.Server, dir string) error {
	networks, err := inference.Mount(server, "v1")
	if err != nil {
		return err
	}
	indexes, err := search.Mount(server, search.Bounds{})
	if err != nil {
		return err
	}
	net, err := onnx.Open("../engine/onnx/testdata/affine.onnx", nil)
	if err != nil {
		return err
	}
	warmNet, err := networks.Put("affine", inference.Model{Net: net})
	if err != nil {
		return err
	}
	x, err := index.Create(filepath.Join(dir, "index"), index.Options{Dim: 2})
	if err != nil {
		return err
	}
	warmIndex, err := indexes.Put("points", search.Options{Index: x, Close: x.Close})
	if err != nil {
		return err
	}
	if err := warmNet(); err != nil {
		return err
	}
	return warmIndex()
}

// ask returns the status of a request, or the text of a page.
func ask(address, body string) (string, error) {
	if body == "" {
		answer, err := http.Get(address)
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		var text bytes.Buffer
		_, err = io.Copy(&text, answer.Body)
		return text.String(), err
	}
	answer, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	return answer.Status + "\n", nil
}
