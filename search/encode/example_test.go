package encode_test

import (
	"encoding/json"
	"fmt"
	"image"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/encode"
)

// A service that answers a picture with its vector. The folder is that of a run of search; an untrained
// network stands for it here.
func Example_service() {
	dir, err := os.MkdirTemp("", "encoder")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	network, err := encode.NewNetwork(encode.Spec{Job: "search", Channels: 1, Height: 28, Width: 28, Dim: 4, Unit: true, Metric: "cosine"}, 1)
	if err != nil {
		log.Fatal(err)
	}
	if err := network.Save(dir); err != nil {
		log.Fatal(err)
	}

	model, err := encode.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	embed := func(w http.ResponseWriter, r *http.Request) {
		picture, err := data.DecodePicture(r.Body, 1<<24)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		vector := make([]float32, model.Dim())
		if err := model.Encode(vector, []image.Image{picture}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if err := json.NewEncoder(w).Encode(vector); err != nil {
			log.Print(err)
		}
	}

	server := httptest.NewServer(http.HandlerFunc(embed))
	defer server.Close()
	answer, err := http.Post(server.URL, "image/gif", strings.NewReader(whiteGIF))
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	var vector []float32
	if err := json.NewDecoder(answer.Body).Decode(&vector); err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Status, len(vector), "coordinates for", model.Metric())
	// Output: 200 OK 4 coordinates for cosine
}

// whiteGIF is a picture of one white pixel.
const whiteGIF = "GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
