package nn

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

func TestSaveLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		rng := seeded()
		a := NewSequential(newCNN(rng), NewBatchNorm(3))
		b := NewSequential(newCNN(rng), NewBatchNorm(3)) // other weights
		Cast(a, dt)
		Cast(b, dt)
		if err := Save(path, a); err != nil {
			t.Fatal(err)
		}
		if err := Load(path, b); err != nil {
			t.Fatal(err)
		}
		for i, p := range a.Params() {
			if distance(b.Params()[i].Value, p.Value) != 0 || p.Value == b.Params()[i].Value {
				t.Errorf("%v: %s differs, or is shared", dt, p.Name)
			}
		}
		f, err := tensor.ReadFile(path)
		if err != nil || f.Metadata["format"] != "pt" || len(f.Tensors) != 12 {
			t.Errorf("%v, %v", f, err)
		}
	}
}

// A file of the other type is converted, and shared layers are written once.
func TestLoadConverts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	l := NewLinear(2, 2, seeded())
	m := NewSequential(l, l)
	before := l.Weight.Value.Clone()
	Cast(m, tensor.Float64)
	if err := Save(path, m); err != nil {
		t.Fatal(err)
	}
	Cast(m, tensor.Float32)
	l.Weight.Value.Fill(0)
	if err := Load(path, m); err != nil {
		t.Fatal(err)
	}
	if l.Weight.Value.DType() != tensor.Float32 || distance(l.Weight.Value, before) != 0 {
		t.Errorf("%v, want %v", l.Weight.Value, before)
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.safetensors")
	rng := rand.New(rand.NewPCG(5, 5))
	if err := Save(path, NewSequential(NewLinear(3, 2, rng), NewBatchNorm(2))); err != nil {
		t.Fatal(err)
	}
	m := NewSequential(NewLinear(4, 2, rng), Tanh{}, NewLinear(2, 2, rng))
	before := m.Params()[1].Value.Clone()
	err := Load(path, m)
	for _, want := range []string{
		path, `"0.weight" has shape [2 3], the model wants [2 4]`,
		`unexpected "1.running_var" of shape [2]`, `missing "2.weight" of shape [2 2]`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
	if distance(m.Params()[1].Value, before) != 0 {
		t.Error("a parameter changed although loading failed")
	}
	if err := Load(filepath.Join(dir, "none"), m); !os.IsNotExist(err) {
		t.Errorf("%v, want that the file is not there", err)
	}
	if err := os.WriteFile(path, []byte("garbage, not weights"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Load(path, m); err == nil || !strings.Contains(err.Error(), "safetensors") {
		t.Errorf("%v of garbage", err)
	}
}

func TestRestoreRefusesDuplicates(t *testing.T) {
	l := NewLinear(1, 1, seeded())
	state := State(l)
	if err := Restore(l, append(state, state[0])); err == nil || !strings.Contains(err.Error(), `"weight" is there twice`) {
		t.Errorf("a tensor twice: %v", err)
	}
	other := NewLinear(1, 1, seeded())
	both := twoModules{l, other}
	if err := Restore(both, state); err == nil || !strings.Contains(err.Error(), `two parameters of the model are named "weight"`) {
		t.Errorf("a name twice: %v", err)
	}
	if err := Save(filepath.Join(t.TempDir(), "a"), both); err == nil {
		t.Error("a name twice is saved")
	}
}

// twoModules has two modules whose names it does not prefix.
type twoModules struct {
	*Linear
	other *Linear
}

func (m twoModules) Params() []*autodiff.Param { return append(m.Linear.Params(), m.other.Params()...) }

// Checkpoints of PyTorch have a model under a prefix, beside the optimiser's state.
func TestLoadUnderAPrefix(t *testing.T) {
	const checkpoint = "../tensor/testdata/torch/checkpoint.pt"
	net := func() *Sequential {
		return NewSequential(NewConv2D(1, 2, 3, ConvOptions{}, seeded()), NewBatchNorm(2), Flatten{}, NewLinear(8, 2, seeded()))
	}
	m := net()
	if err := Load(checkpoint, m); err != nil {
		t.Fatal(err)
	}
	f, err := tensor.ReadFile(checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Params() {
		if want := f.Get("state_dict.module." + p.Name); want == nil || distance(p.Value, want) != 0 {
			t.Errorf("%s is %v, want %v", p.Name, p.Value, want)
		}
	}
	// A model that does not fit is compared with what stands under the prefix alone.
	err = Load(checkpoint, NewSequential(NewConv2D(1, 2, 3, ConvOptions{}, seeded()), NewBatchNorm(2), NewLinear(8, 2, seeded())))
	if err == nil || !strings.Contains(err.Error(), `unexpected "3.weight"`) || strings.Contains(err.Error(), "optimizer") {
		t.Errorf("another model: %v", err)
	}
	// Two equal parts.
	path := filepath.Join(t.TempDir(), "two.safetensors")
	two := append(State(Prefix("model", net())), State(Prefix("average", net()))...)
	if err := tensor.WriteFile(path, &tensor.File{Tensors: two}); err != nil {
		t.Fatal(err)
	}
	if err := Load(path, net()); err == nil || !strings.Contains(err.Error(), `8 parameters of the model stand under "average", and as many under "model"`) {
		t.Errorf("two parts: %v", err)
	}
	// What has the names without a prefix is the whole file, though another part has them, too.
	whole := append(State(net()), State(Prefix("average", net()))...)
	if err := tensor.WriteFile(path, &tensor.File{Tensors: whole}); err != nil {
		t.Fatal(err)
	}
	if err := Load(path, net()); err == nil || !strings.Contains(err.Error(), `unexpected "average.0.weight"`) {
		t.Errorf("a whole and a part: %v", err)
	}
}
