package energo_test

import (
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/tensor"
)

// newNet is a network of one's own: two numbers in, an energy for each of two labels out.
func newNet(seed uint64) *energy.Head {
	rng := rand.New(rand.NewPCG(seed, 0))
	net := nn.NewSequential(nn.NewLinear(2, 16, rng), nn.Tanh{}, nn.NewLinear(16, 2, rng))
	return energy.NewHead(net, 2)
}

// xor draws points of the square, labelled by whether their signs differ.
func xor(rng *rand.Rand, x []float32, y []int) {
	for i := range y {
		a, b := rng.Float32()*2-1, rng.Float32()*2-1
		x[2*i], x[2*i+1] = a, b
		y[i] = 0
		if a*b < 0 {
			y[i] = 1
		}
	}
}

// fit trains e on xor with the hinge functional.
func fit(e energy.Labeler, steps int) error {
	const batch = 64
	x, y := make([]float32, 2*batch), make([]int, batch)
	input, err := tensor.FromFloat32(x, batch, 2)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(7, 0))
	tape := autodiff.NewTape(tensor.Float32)
	var loss energy.LabelLoss
	adam := &optim.Adam{}
	for range steps {
		xor(rng, x, y)
		tape.Reset()
		for _, p := range e.Params() {
			p.ZeroGrad()
		}
		l, err := loss.Record(e.Energies(tape.Const(input)), y, functional.Hinge{Margin: 1})
		if err != nil {
			return err
		}
		tape.Backward(autodiff.Mean(l))
		adam.Step(e.Params(), 0.02)
	}
	return nil
}

// Train a network of one's own with a functional.
func Example_train() {
	e := newNet(1)
	if err := fit(e, 400); err != nil {
		log.Fatal(err)
	}
	x, _ := tensor.FromFloat32([]float32{.5, .5, -.5, .5, -.5, -.5, .5, -.5}, 4, 2)
	fmt.Println(energy.NewPredictor(e, tensor.Float32).Predict(nil, x))
	// Output: [0 1 0 1]
}

// Save a model, load it, and serve it over HTTP.
func Example_serve() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	trained := newNet(1)
	if err := fit(trained, 400); err != nil {
		log.Fatal(err)
	}
	if err := nn.Save(path, energy.Module(trained)); err != nil {
		log.Fatal(err)
	}

	served := newNet(2) // other weights, until they are loaded
	if err := nn.Load(path, energy.Module(served)); err != nil {
		log.Fatal(err)
	}
	var mu sync.Mutex // a Predictor serves one goroutine
	predictor := energy.NewPredictor(served, tensor.Float32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var x [2]float32
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<10)).Decode(&x); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		input, _ := tensor.FromFloat32(x[:], 1, 2)
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprint(w, predictor.Predict(nil, input)[0])
	}))
	defer server.Close()

	response, err := http.Post(server.URL, "application/json", strings.NewReader("[0.5, -0.5]"))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var answer int
	if _, err := fmt.Fscan(response.Body, &answer); err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Status, answer)
	// Output: 200 OK 1
}
