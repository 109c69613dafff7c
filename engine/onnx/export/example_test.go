package export_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
)

// A network of two layers is written as a file that any runtime for ONNX models takes.
func Example() {
	rng := rand.New(rand.NewPCG(1, 2))
	net := nn.NewSequential(nn.NewLinear(4, 8, rng), nn.Tanh{}, nn.NewLinear(8, 2, rng))

	g := export.New("scores", "Scores of two classes.")
	x := g.Input(export.Port{Name: "x", Doc: "four measurements", Shape: "batch,4"})
	g.Output(export.Port{Name: "scores", Doc: "a score for each class", Shape: "batch,2"}, g.Module(net, x))
	g.Metadata("labels", `["no","yes"]`)
	model, err := g.Model()
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := format.WriteFile(filepath.Join(dir, "scores.onnx"), model); err != nil {
		log.Fatal(err)
	}
	for _, n := range model.Graph.Nodes {
		fmt.Println(n.Op, n.Inputs)
	}
	// Output:
	// Gemm [x 0.weight 0.bias]
	// Tanh [Gemm_0]
	// Gemm [Tanh_1 2.weight 2.bias]
	// Identity [Gemm_2]
}
