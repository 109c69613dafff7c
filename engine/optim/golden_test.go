package optim

import (
	"fmt"
	"math"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

// catalogue has a row for each case of oracle/optim.py.
var catalogue = map[string]func() Optimizer{
	"sgd":           func() Optimizer { return &SGD{} },
	"sgd_decay":     func() Optimizer { return &SGD{WeightDecay: 0.05} },
	"sgd_momentum":  func() Optimizer { return &SGD{Momentum: 0.9, WeightDecay: 0.05} },
	"sgd_dampening": func() Optimizer { return &SGD{Momentum: 0.8, Dampening: 0.3} },
	"sgd_nesterov":  func() Optimizer { return &SGD{Momentum: 0.9, Nesterov: true, WeightDecay: 0.01} },
	"adam":          func() Optimizer { return &Adam{} },
	"adam_all":      func() Optimizer { return &Adam{Beta1: 0.8, Beta2: 0.95, Eps: 1e-3, WeightDecay: 0.05} },
	"adam_no_beta1": func() Optimizer { return &Adam{Beta1: Zero, Beta2: 0.9} },
	"adam_no_betas": func() Optimizer { return &Adam{Beta1: Zero, Beta2: Zero} },
	"adam_no_eps":   func() Optimizer { return &Adam{Eps: Zero} },
	"adam_amsgrad":  func() Optimizer { return &Adam{Beta1: 0.8, Beta2: 0.9, AMSGrad: true, WeightDecay: 0.02} },
	"adamw":         func() Optimizer { return &AdamW{WeightDecay: 0.1} },
	"adamw_none":    func() Optimizer { return &AdamW{Eps: 1e-6} },
	"adamw_no_eps":  func() Optimizer { return &AdamW{WeightDecay: 0.1, Eps: Zero, Beta2: Zero} },
	"adamw_amsgrad": func() Optimizer { return &AdamW{WeightDecay: 0.1, AMSGrad: true, Beta2: 0.9} },
}

const steps = 25 // of oracle/optim.py

// golden is what oracle/optim.py wrote.
type golden struct {
	*testing.T
	file *tensor.File
}

func readGolden(t *testing.T) golden {
	t.Helper()
	f, err := tensor.ReadFile("testdata/golden.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	return golden{t, f}
}

func (g golden) get(name string) *tensor.Tensor {
	g.Helper()
	x := g.file.Get(name)
	if x == nil {
		g.Fatalf("the golden file has no %q", name)
	}
	return x
}

// params returns the parameters at their start.
func (g golden) params(dt tensor.DType) (all []*autodiff.Param) {
	for _, name := range []string{"w", "b"} {
		all = append(all, &autodiff.Param{Name: name, Value: g.get("start." + name).Convert(dt)})
	}
	return all
}

// step does step i with its gradients and step size.
func (g golden) step(o Optimizer, params []*autodiff.Param, i int) {
	for _, p := range params {
		p.Grad = g.get(fmt.Sprintf("grad.%d.%s", i, p.Name)).Convert(p.Value.DType())
	}
	o.Step(params, 0.03/(1+0.1*float64(i)))
}

// distance returns the greatest difference, relative to 1 + |b|.
func distance(a, b *tensor.Tensor) (worst float64) {
	if fmt.Sprint(a.DType(), a.Shape()) != fmt.Sprint(b.DType(), b.Shape()) {
		return math.Inf(1)
	}
	a, b = a.Convert(tensor.Float64), b.Convert(tensor.Float64)
	for i, x := range a.Float64s() {
		y := b.Float64s()[i]
		if d := math.Abs(x-y) / (1 + math.Abs(y)); !(d <= worst) {
			worst = d
		}
	}
	return worst
}

var tolerance = map[tensor.DType]float64{tensor.Float32: 2e-6, tensor.Float64: 1e-13}

func TestEqualsPyTorch(t *testing.T) {
	g := readGolden(t)
	defer simd.Use(simd.Current())
	for level := simd.Generic; level <= simd.Best(); level++ {
		simd.Use(level)
		for dt, tol := range tolerance {
			worst := 0.0
			for name := range catalogue {
				worst = max(worst, checkSteps(g, name, dt, tol))
			}
			t.Logf("%v, %v: off by at most %.2g", level, dt, worst)
		}
	}
}

// checkSteps holds the parameters after steps 10 and 25 against the golden ones.
func checkSteps(g golden, name string, dt tensor.DType, tol float64) (worst float64) {
	o, params := catalogue[name](), g.params(dt)
	for i := range steps {
		g.step(o, params, i)
		for _, p := range params {
			want := fmt.Sprintf("%s/%v/%s", name, dt, p.Name)
			switch i {
			case 9:
				want = fmt.Sprintf("%s/%v/mid.%s", name, dt, p.Name)
			case steps - 1:
			default:
				continue
			}
			d := distance(p.Value, g.get(want))
			if worst = max(worst, d); !(d <= tol) {
				g.Errorf("%s: off by %.2g", want, d)
			}
		}
	}
	return worst
}

// Stopping after any step, with the state through a file, changes no bit.
func TestRestoreContinues(t *testing.T) {
	g := readGolden(t)
	for name, make := range catalogue {
		for dt := range tolerance {
			for _, stop := range []int{0, 1, 7} {
				o, params := make(), g.params(dt)
				p, q := make(), g.params(dt)
				for i := range steps {
					g.step(o, params, i)
				}
				for i := range stop {
					g.step(p, q, i)
				}
				p = reopen(t, p, make(), q)
				for i := stop; i < steps; i++ {
					g.step(p, q, i)
				}
				for i := range params {
					if distance(params[i].Value, q[i].Value) != 0 {
						t.Errorf("%s, %v: %s differs after a stop at step %d", name, dt, params[i].Name, stop)
					}
				}
			}
		}
	}
}

// reopen writes from's state, reads it into to and returns that.
func reopen(t *testing.T, from, to Optimizer, params []*autodiff.Param) Optimizer {
	t.Helper()
	data, err := tensor.Encode(&tensor.File{Tensors: from.State()})
	if err != nil {
		t.Fatal(err)
	}
	f, err := tensor.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(f.Tensors); err != nil {
		t.Fatal(err)
	}
	if err := to.Prepare(params); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestClipNormEqualsPyTorch(t *testing.T) {
	g := readGolden(t)
	for _, limit := range []string{"0.5", "1000000.0"} {
		params := g.params(tensor.Float64)
		for _, p := range params {
			p.Grad = g.get("grad.4." + p.Name).Convert(tensor.Float64)
		}
		var max float64
		if _, err := fmt.Sscan(limit, &max); err != nil {
			t.Fatal(err)
		}
		want := g.get("clip/" + limit + "/norm").At()
		if norm := ClipNorm(params, max); math.Abs(norm-want) > 1e-13*want {
			t.Errorf("limit %s: norm %v, want %v", limit, norm, want)
		}
		for _, p := range params {
			if d := distance(p.Grad, g.get("clip/"+limit+"/"+p.Name)); d > 1e-13 {
				t.Errorf("limit %s: the gradient of %s is off by %.2g", limit, p.Name, d)
			}
		}
	}
}
