package nn_test

import (
	"fmt"
	"log"
	"math/rand/v2"
	"strings"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
)

// Weights that PyTorch saved with safetensors.torch.save_file go into a network whose
// parts are named otherwise there.
func ExampleLoadMapped() {
	rng := rand.New(rand.NewPCG(1, 1))
	net := nn.NewSequential(
		nn.NewConv2D(1, 4, 3, nn.ConvOptions{Pad: 1}, rng), nn.NewBatchNorm(4), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(16, 3, rng),
	)
	// The file has features.0.weight … features.1.running_var, classifier.weight,
	// classifier.bias, and an example that is no parameter.
	const path = "testdata/pytorch.safetensors"
	err := nn.LoadMapped(path, net, func(name string) string {
		if strings.HasPrefix(name, "example.") {
			return "" // skipped
		}
		name = strings.Replace(name, "classifier.", "5.", 1)
		return strings.TrimPrefix(name, "features.")
	})
	if err != nil {
		log.Fatal(err)
	}

	file, err := tensor.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	tape := autodiff.NewTape(tensor.Float32)
	y := net.Forward(tape.Const(file.Get("example.input")))
	want := file.Get("example.output")
	for i := range y.Value.Dim(0) {
		fmt.Printf("%.4f, in PyTorch %.4f\n", y.Value.Row(i).Float32s(), want.Row(i).Float32s())
	}
	// Output:
	// [-0.0714 0.3799 0.0671], in PyTorch [-0.0714 0.3799 0.0671]
	// [-0.0308 0.1062 -0.3741], in PyTorch [-0.0308 0.1062 -0.3741]
}

// A network's weights are saved whole or not at all, under PyTorch's names.
func ExampleSave() {
	rng := rand.New(rand.NewPCG(1, 1))
	net := nn.NewSequential(nn.NewLinear(2, 3, rng), nn.Tanh{}, nn.NewLinear(3, 1, rng))
	for _, n := range nn.State(net) {
		fmt.Println(n.Name, n.Tensor.Shape())
	}
	// nn.Save("model.safetensors", net) writes these; in Python,
	// safetensors.torch.load_file("model.safetensors") reads them.

	// Output:
	// 0.weight [3 2]
	// 0.bias [3]
	// 2.weight [1 3]
	// 2.bias [1]
}

// An encoder of PyTorch, nn.TransformerEncoder, reads sequences of four and of two elements in one batch.
func ExampleTransformerEncoder() {
	rng := rand.New(rand.NewPCG(1, 1))
	options := nn.TransformerOptions{BatchFirst: true, NormFirst: true, GELU: true}
	encoder := nn.NewTransformerEncoder(nn.NewLayerNorm(8),
		nn.NewTransformerEncoderLayer(8, 2, 12, options, rng), nn.NewTransformerEncoderLayer(8, 2, 12, options, rng))

	// The file has layers.0.self_attn.in_proj_weight … norm.bias, and an example that is no parameter.
	const path = "testdata/encoder.safetensors"
	err := nn.LoadMapped(path, encoder, func(name string) string {
		if strings.HasPrefix(name, "example.") {
			return "" // skipped
		}
		return name
	})
	if err != nil {
		log.Fatal(err)
	}
	file, err := tensor.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	tape := autodiff.NewTape(tensor.Float32)
	padding := []bool{false, false, false, false, false, false, true, true} // the last two elements of the second sequence
	y := encoder.Encode(tape.Const(file.Get("example.input")), autodiff.AttentionMask{Keys: padding})
	for i := range y.Value.Dim(0) {
		last := 3 - 2*i // the sequence's last element
		got, want := y.Value.Row(i).Row(last).Float32s(), file.Get("example.output").Row(i).Row(last).Float32s()
		fmt.Printf("%.3f, in PyTorch %.3f\n", got[:3], want[:3])
	}
	// Output:
	// [-0.496 0.418 0.225], in PyTorch [-0.496 0.418 0.225]
	// [-0.448 0.448 0.228], in PyTorch [-0.448 0.448 0.228]
}
