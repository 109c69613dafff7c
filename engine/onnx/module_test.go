package onnx

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

var _ nn.Module = (*Module)(nil)

// finetuned is what oracle/onnx_finetune.py has measured.
type finetuned struct {
	Batch, Side    int
	Rate, Momentum float64
	Losses         []float64
	Scores         [][]float64
}

// pictures are those of the oracle in a step.
func (f *finetuned) pictures(step int) *tensor.Tensor {
	scattered := func(k int) int { return (k*k*31+k*7919+17)%1009%129 - 64 }
	x := tensor.New(tensor.Float32, f.Batch, 3, f.Side, f.Side)
	for i := range x.Float32s() {
		plane, row, column := step*f.Batch*3+i/(f.Side*f.Side), i/f.Side%f.Side, i%f.Side
		smooth := f.Side*scattered(plane) + scattered(plane+336)*row + scattered(plane+777)*column
		noise := scattered((plane*f.Side+row)*f.Side + column)
		x.Float32s()[i] = float32(smooth+f.Side/4*noise) / float32(64*f.Side)
	}
	return x
}

// crossEntropy is the mean over the oracle's labels.
func crossEntropy(y *autodiff.Var) *autodiff.Var {
	right := make([]int, y.Shape()[0])
	for i := range right {
		right[i] = i * 3 % y.Shape()[1]
	}
	return autodiff.Neg(autodiff.Mean(autodiff.Gather(autodiff.LogSoftmax(y), right)))
}

// TestFinetune takes the steps that PyTorch took, from the same weights and batches. ONNX_FINETUNE names a folder with ResNet-18, which the oracle writes.
func TestFinetune(t *testing.T) {
	paths := []string{filepath.Join("testdata", "finetune")}
	if dir := os.Getenv("ONNX_FINETUNE"); dir != "" {
		paths = append(paths, filepath.Join(dir, "resnet18"))
	} else {
		t.Log("ONNX_FINETUNE is not set: ResNet-18, which oracle/onnx_finetune.py DIR writes, is left out")
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { finetune(t, path) })
	}
}

func finetune(t *testing.T, path string) {
	text, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var f finetuned
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	file, err := Open(path+".onnx", nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := file.Module(nil)
	if err != nil {
		t.Fatal(err)
	}
	opt := &optim.SGD{Momentum: f.Momentum}
	tape := autodiff.NewTape(tensor.Float32)
	tape.Training = true
	greatest := 0.0
	for step, expected := range f.Losses {
		tape.Reset()
		for _, p := range m.Params() {
			p.ZeroGrad()
		}
		loss := crossEntropy(m.Forward(tape.Const(f.pictures(step))))
		got := float64(loss.Value.Float32s()[0])
		if math.Abs(got-expected) > 1e-4 {
			t.Fatalf("step %d: loss %.6f, PyTorch's is %.6f", step, got, expected)
		}
		greatest = max(greatest, math.Abs(got-expected))
		tape.Backward(loss)
		opt.Step(m.Params(), f.Rate)
	}
	t.Logf("%d steps: PyTorch's losses within %.1e", len(f.Losses), greatest)
	tape.Training, tape.NoGrad = false, true
	tape.Reset()
	x := f.pictures(len(f.Losses))
	y := m.Forward(tape.Const(x)).Value.Float32s()
	for i, row := range f.Scores {
		for j, expected := range row {
			if got := float64(y[i*len(row)+j]); math.Abs(got-expected) > 1e-3*(1+math.Abs(expected)) {
				t.Fatalf("picture %d, class %d: score %.6f by the running statistics, PyTorch's is %.6f", i, j, got, expected)
			}
		}
	}
	again, err := m.File()
	if err != nil {
		t.Fatal(err)
	}
	written, err := New(again, nil)
	if err != nil {
		t.Fatal(err)
	}
	in, err := value.Of(x.Float32s(), x.Shape()...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := written.Run(map[string]*value.Value{"x": in})
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range value.Data[float32](out["y"]) {
		if math.Abs(float64(got-y[i])) > 1e-5*(1+math.Abs(float64(y[i]))) {
			t.Fatalf("score %d is %.7f by the file that was written, %.7f by the module", i, got, y[i])
		}
	}
}

// TestFreeze: what a pattern names stays as it is, and nothing is computed for it.
func TestFreeze(t *testing.T) {
	file, err := Open(filepath.Join("testdata", "finetune.onnx"), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := file.Module(&ModuleOptions{Freeze: regexp.MustCompile(`^(conv1|bn1|layer1)`)})
	if err != nil {
		t.Fatal(err)
	}
	before := map[string][]float32{}
	for _, p := range m.Params() {
		before[p.Name] = append([]float32{}, p.Value.Float32s()...)
	}
	tape := autodiff.NewTape(tensor.Float32)
	tape.Training = true
	f := finetuned{Batch: 4, Side: 15}
	tape.Backward(crossEntropy(m.Forward(tape.Const(f.pictures(0)))))
	new(optim.SGD).Step(m.Params(), 0.1)
	for _, p := range m.Params() {
		moved := false
		for i, x := range p.Value.Float32s() {
			moved = moved || x != before[p.Name][i]
		}
		if frozen := strings.HasPrefix(p.Name, "conv1") || strings.HasPrefix(p.Name, "bn1") || strings.HasPrefix(p.Name, "layer1"); moved == frozen {
			t.Errorf("%s: moved %v, frozen %v", p.Name, moved, frozen)
		}
	}
}

// TestFreezeByNodes: folded weights have numbers for names, and nodes say where they stand.
func TestFreezeByNodes(t *testing.T) {
	file, err := Open(filepath.Join("testdata", "finetune.onnx"), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := file.Module(&ModuleOptions{Freeze: regexp.MustCompile(`^/layer1/conv1/Conv$`), Constants: []string{"fc.bias"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		if frozen := p.Name == "layer1.conv1.weight" || strings.Contains(p.Name, "running"); p.Frozen != frozen {
			t.Errorf("%s: frozen %v, expected %v", p.Name, p.Frozen, frozen)
		}
		if p.Name == "fc.bias" {
			t.Error("a constant is a parameter")
		}
	}
	if _, err := file.Module(&ModuleOptions{Freeze: regexp.MustCompile("stem")}); err == nil || !strings.Contains(err.Error(), "conv1.weight of node /conv1/Conv") {
		t.Errorf("a pattern of nothing: error %v", err)
	}
}
