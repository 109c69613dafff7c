package energo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/objective"
	"github.com/energo-ml/energo/ebm/sampler"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/train"
)

// spirals returns n points of two spirals, x and y in turn, and which of the two each is on.
func spirals(n int) (x []float32, y []int) {
	rng := rand.New(rand.NewPCG(3, 0))
	for i := range n {
		r := 0.4 + 2.8*rng.Float64()
		angle := 3*r + math.Pi*float64(i%2)
		x = append(x, float32(r*math.Cos(angle)+0.1*rng.NormFloat64()), float32(r*math.Sin(angle)+0.1*rng.NormFloat64()))
		y = append(y, i%2)
	}
	return x, y
}

// Train a network of one's own on slices of one's own by a functional, save it, load it and ask it.
func Example_train() {
	x, y := spirals(1000)
	newModel := func() energy.Labeler {
		rng := rand.New(rand.NewPCG(1, 0))
		return energy.NewHead(nn.NewSequential(nn.NewLinear(2, 64, rng), nn.Tanh{}, nn.NewLinear(64, 64, rng), nn.Tanh{}, nn.NewLinear(64, 2, rng)), 2)
	}
	model, loaded := newModel(), newModel()
	task := &train.LabelTask{Model: model, X: x, Y: y, Held: 200, Functional: functional.Hinge{Margin: 1}}
	out, err := train.Fit(context.Background(), task, train.Config{Epochs: 40, LR: 0.01})
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(os.TempDir(), fmt.Sprintf("spirals-%d.safetensors", os.Getpid()))
	defer os.Remove(path)
	if err := nn.Save(path, energy.Module(model)); err != nil {
		log.Fatal(err)
	}
	if err := nn.Load(path, energy.Module(loaded)); err != nil {
		log.Fatal(err)
	}
	labels, energies, err := energy.NewPredictor(loaded, tensor.Float32).Answer(x[:4], 2)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.0f %% wrong; answers %v with energies below 0: %t\n", 100*out.BestError, labels, max(energies[0], energies[1]) < 0)
	// Output: 0 % wrong; answers [0 1] with energies below 0: true
}

// Train the same by a loss of PyTorch's, with an option.
func Example_trainByLoss() {
	x, y := spirals(1000)
	rng := rand.New(rand.NewPCG(1, 0))
	net := nn.NewSequential(nn.NewLinear(2, 64, rng), nn.Tanh{}, nn.NewLinear(64, 64, rng), nn.Tanh{}, nn.NewLinear(64, 2, rng))
	smoothed := &loss.CrossEntropy[float32]{LabelSmoothing: 0.05}
	task := &train.LabelTask{Model: energy.NewHead(net, 2), X: x, Y: y, Held: 200, Criterion: train.LossOf(smoothed.Eval)}
	out, err := train.Fit(context.Background(), task, train.Config{Epochs: 40, LR: 0.01})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.0f %% wrong\n", 100*out.BestError)
	// Output: 0 % wrong
}

// ring returns n points about the circle of radius 2, x and y in turn.
func ring(n int) (y []float32) {
	rng := rand.New(rand.NewPCG(4, 0))
	for range n {
		r, angle := 2+0.3*rng.NormFloat64(), 2*math.Pi*rng.Float64()
		y = append(y, float32(r*math.Cos(angle)), float32(r*math.Sin(angle)))
	}
	return y
}

// Train a density of one's own by chains that persist, draw from it, and estimate log Z.
func Example_density() {
	y, ctx, rng := ring(1000), context.Background(), rand.New(rand.NewPCG(1, 0))
	net := nn.NewSequential(nn.NewLinear(2, 32, rng), nn.SiLU{}, nn.NewLinear(32, 32, rng), nn.SiLU{}, nn.NewLinear(32, 1, rng))
	density := energy.Density{Net: net, D: 2}
	hmc, wide := &sampler.HMC[float32]{StepSize: 0.2, Leapfrogs: 3, Jitter: 0.2}, sampler.Normal[float32]{D: 2, Scale: 2}
	buffer, err := sampler.NewBuffer(1000, 2, 0.05, func(y []float32) { wide.Draw(rng, y) })
	if err != nil {
		log.Fatal(err)
	}
	contrast := &objective.Contrast[float32]{Chains: &sampler.Chains[float32]{Sampler: hmc, Steps: 2, Buffer: buffer, Fresh: wide.Draw}}
	task := &train.PointTask{Surface: density, Y: y, Held: 200, Objective: contrast}
	if _, err := train.Fit(ctx, task, train.Config{Epochs: 40, LR: 3e-3, EMA: 0.99}); err != nil {
		log.Fatal(err)
	}
	slopes := energy.NewSlopes[float32](density)
	state, err := sampler.NewState(slopes, y[:200]) // a hundred chains
	if err != nil {
		log.Fatal(err)
	}
	draws := sampler.Draw(ctx, rng, slopes, state, hmc, 400, 2, 0)
	z, err := sampler.Anneal(rng, wide, slopes, hmc, sampler.Ladder(100), 200)
	if err != nil {
		log.Fatal(err)
	}
	held, nll := make([]float64, 200), z.LogZ
	slopes.Energies(held, nil, y[len(y)-400:])
	for _, e := range held {
		nll += e / float64(len(held))
	}
	radius := draws.Trace(func(y []float32) float64 { return math.Hypot(float64(y[0]), float64(y[1])) })
	fmt.Println("log Z to a tenth of a nat:", z.StdErr < 0.1)
	fmt.Println("−log p of points held out within 0.1 nat of their entropy:", math.Abs(nll-2.73) < 0.1)
	fmt.Println("chains agree:", sampler.SplitRHat(radius) < 1.01)
	// Output:
	// log Z to a tenth of a nat: true
	// −log p of points held out within 0.1 nat of their entropy: true
	// chains agree: true
}

// newNet is a network that tells two spirals apart, with random weights.
func newNet(seed uint64) *energy.Head {
	rng := rand.New(rand.NewPCG(seed, 0))
	return energy.NewHead(nn.NewSequential(nn.NewLinear(2, 64, rng), nn.Tanh{}, nn.NewLinear(64, 2, rng)), 2)
}

// Save a model, load it, and serve it over HTTP.
func Example_serve() {
	dir, err := os.MkdirTemp("", "energo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	x, y := spirals(1000)
	trained := newNet(1)
	task := &train.LabelTask{Model: trained, X: x, Y: y, Functional: functional.NLL{Beta: 1}}
	if _, err := train.Fit(context.Background(), task, train.Config{Epochs: 60, LR: 0.01}); err != nil {
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
		mu.Lock()
		defer mu.Unlock()
		labels, energies, err := predictor.Answer(x[:], 1)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, labels[0], energies[0])
	}))
	defer server.Close()

	response, err := http.Post(server.URL, "application/json", strings.NewReader("[1, 0]"))
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
