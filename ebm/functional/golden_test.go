package functional

import (
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
)

// TestGolden holds losses and derivatives against oracle/functional.py: PyTorch's
// autograd in float64, or 60 digits.
func TestGolden(t *testing.T) {
	file, err := tensor.ReadFile("testdata/golden.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	const k = 5
	cost := make([][]float64, k)
	for i := range cost {
		for j := range k {
			cost[i] = append(cost[i], float64(max(j-i, 3*(i-j)))/4)
		}
	}
	read := func(key string) []float64 {
		x := file.Get(key)
		if x == nil {
			t.Fatalf("the golden file has no %q", key)
		}
		return x.Float64s()
	}
	seen := map[string]bool{}
	worst := 0.0
	for _, n := range file.Tensors {
		key, ok := strings.CutSuffix(n.Name, "/energies")
		if !ok {
			continue
		}
		parts := strings.Split(key, "/")
		o := DefaultOptions()
		set := map[string]*float64{"margin": &o.Margin, "beta": &o.Beta, "gamma": &o.Gamma, "cap": &o.Cap, "delta": &o.Delta}
		for _, s := range strings.FieldsFunc(parts[1], func(r rune) bool { return r == ',' }) {
			name, value, _ := strings.Cut(s, "=")
			if name == "cost" {
				o.Cost = cost
				continue
			}
			if *set[name], err = strconv.ParseFloat(value, 64); err != nil {
				t.Fatal(err)
			}
		}
		f, err := New(parts[0], o)
		if err != nil {
			t.Fatal(err)
		}
		seen[parts[0]] = true
		b := batch{k: k, energies: read(key + "/energies")}
		for _, v := range read(key + "/target") {
			b.target = append(b.target, int(v))
		}
		loss, grad := b.eval(t, f)
		for i, want := range read(key + "/loss") {
			worst = max(worst, apart(loss[i], want, 1e-290))
		}
		for i, want := range read(key + "/grad") {
			worst = max(worst, apart(grad[i], want, 1e-290))
		}
		if worst > 1e-10 {
			t.Fatalf("%s: off by %v", key, worst)
		}
	}
	t.Logf("worst relative difference: %.2g", worst)
	for _, e := range Catalogue() {
		if !seen[e.Name] {
			t.Errorf("%s has no golden values", e.Name)
		}
	}
}
