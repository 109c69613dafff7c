package encode_test

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/onnx/format"
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

// An encoder that another system trained: an ONNX model with a card beside it. This one gives the mean of each channel.
func ExampleOpenImported() {
	dir, err := os.MkdirTemp("", "imported")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	port := func(name string, sizes ...int) []*format.ValueInfo {
		shape := []format.Dim{{Size: -1, Name: "batch"}}
		for _, n := range sizes {
			shape = append(shape, format.Dim{Size: n})
		}
		return []*format.ValueInfo{{Name: name, Type: &format.Type{Elem: format.Float, HasShape: true, Shape: shape}}}
	}
	err = format.WriteFile(filepath.Join(dir, "means.onnx"), &format.Model{
		IRVersion: 8, Opsets: []format.Opset{{Version: 17}},
		Graph: &format.Graph{
			Name:   "means",
			Nodes:  []*format.Node{{Op: "GlobalAveragePool", Inputs: []string{"pictures"}, Outputs: []string{"means"}}},
			Inputs: port("pictures", 3, 8, 8), Outputs: port("means", 3, 1, 1),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	card := "channels: rgb\nmean: 0.5\ndeviation: 0.5\nmetric: euclidean\n"
	if err := os.WriteFile(filepath.Join(dir, "means.energo.yaml"), []byte(card), 0o666); err != nil {
		log.Fatal(err)
	}

	model, err := encode.OpenImported(filepath.Join(dir, "means.onnx"))
	if err != nil {
		log.Fatal(err)
	}
	red := image.NewPaletted(image.Rect(0, 0, 100, 60), color.Palette{color.RGBA{255, 0, 0, 255}})
	vector := make([]float32, model.Dim())
	if err := model.Encode(vector, []image.Image{red}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(vector, model.Metric(), model.Size())
	// Output: [1 -1 -1] euclidean (8,8)
}
