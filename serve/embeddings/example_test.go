package embeddings_test

import (
	"context"
	"fmt"
	"image"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/embeddings"
)

// size is an encoder of pictures by their sizes; that of a run is opened by package search/encode.
type size struct{}

func (size) Dim() int          { return 2 }
func (size) Size() image.Point { return image.Pt(8, 4) }

func (size) Encode(dst []float32, pictures []image.Image) error {
	for i, p := range pictures {
		dst[2*i], dst[2*i+1] = float32(p.Bounds().Dx()), float32(p.Bounds().Dy())
	}
	return nil
}

// Vectors of pictures behind a port of one's own server.
func Example() {
	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	service, err := embeddings.Mount(server, embeddings.Options{})
	if err != nil {
		log.Fatal(err)
	}
	wait, err := service.PutPictures("sizes", size{}, serve.Queue{})
	if err == nil {
		err = wait() // until it is warmed up
	}
	if err != nil {
		log.Fatal(err)
	}
	web := httptest.NewServer(server.Handler())
	defer web.Close()

	const gif = "R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs="
	answer, err := http.Post(web.URL+"/v1/embeddings", "application/json", strings.NewReader(`{"model": "sizes", "input": "data:image/gif;base64,`+gif+`"}`))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output: {"object":"list","data":[{"object":"embedding","index":0,"embedding":[8,4]}],"model":"sizes","usage":{"prompt_tokens":0,"total_tokens":0}}
}
