package autodiff_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
)

// TestAgainstPyTorch holds values and derivatives against what oracle/autodiff.py
// wrote, also at kinks and ties.
func TestAgainstPyTorch(t *testing.T) {
	file, err := tensor.ReadFile("testdata/torch.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	all := rows()
	checked := 0
	for _, n := range file.Tensors {
		name, ok := strings.CutSuffix(n.Name, "/y")
		if !ok {
			continue
		}
		checked++
		t.Run(name, func(t *testing.T) {
			i := slices.IndexFunc(all, func(r row) bool { return r.String() == strings.TrimPrefix(name, "kinks/") })
			if i < 0 {
				t.Fatal("no such row")
			}
			compare(t, file, name, all[i])
		})
	}
	if checked < 50 {
		t.Errorf("only %d cases", checked)
	}
}

func compare(t *testing.T, file *tensor.File, name string, r row) {
	t.Helper()
	get := func(suffix string) *tensor.Tensor { return file.Get(name + "/" + suffix) }
	tape := NewTape(tensor.Float64)
	vars := make([]*Var, len(r.shapes))
	for i := range vars {
		vars[i] = tape.Input(get(fmt.Sprint(i)))
	}
	out := r.build(tape, vars)
	tape.BackwardFrom(out, get("dy"))
	near(t, "value", out.Value, get("y"))
	for i, v := range vars {
		near(t, fmt.Sprintf("derivative by input %d", i), v.Grad(), get(fmt.Sprintf("d%d", i)))
	}
}

func near(t *testing.T, what string, got, want *tensor.Tensor) {
	t.Helper()
	if !slices.Equal(got.Shape(), want.Shape()) {
		t.Fatalf("%s has shape %v, PyTorch's %v", what, got.Shape(), want.Shape())
	}
	for i, w := range want.Float64s() {
		if g := got.Float64s()[i]; !(math.Abs(g-w) <= 1e-12*(1+math.Abs(w))) {
			t.Errorf("%s, element %d: %v, PyTorch has %v", what, i, g, w)
		}
	}
}
