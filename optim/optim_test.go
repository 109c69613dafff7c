package optim

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/tensor"
)

// param returns a parameter with a gradient.
func param(name string, value, grad []float64) *autodiff.Param {
	v, err := tensor.FromFloat64(value, len(value))
	if err != nil {
		panic(err)
	}
	p := &autodiff.Param{Name: name, Value: v}
	if grad != nil {
		p.Grad, _ = tensor.FromFloat64(grad, len(grad))
	}
	return p
}

// Every type with a method Step or At has a row: in catalogue, or in schedules.
func TestCatalogueIsComplete(t *testing.T) {
	rows := map[string]bool{}
	for _, make := range catalogue {
		rows[reflect.TypeOf(make()).Elem().Name()] = true
	}
	for _, s := range schedules {
		rows[reflect.TypeOf(s.schedule).Name()] = true
	}
	found := receivers(t, "Step", "At")
	for name := range found {
		if !rows[name] {
			t.Errorf("%s has no row in a table of tests", name)
		}
	}
	if len(found) != 6 {
		t.Errorf("found %d optimisers and schedules, want 6", len(found))
	}
}

// receivers returns the types of this package that have one of the methods.
func receivers(t *testing.T, methods ...string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || !slices.Contains(methods, f.Name.Name) || strings.HasSuffix(name, "_test.go") {
				continue
			}
			recv := f.Recv.List[0].Type
			if star, ok := recv.(*ast.StarExpr); ok {
				recv = star.X
			}
			found[recv.(*ast.Ident).Name] = true
		}
	}
	return found
}

func TestFrozenNoDecayAndUnreached(t *testing.T) {
	for name, make := range map[string]func() Optimizer{
		"SGD":   func() Optimizer { return &SGD{Momentum: 0.5, WeightDecay: 0.1} },
		"Adam":  func() Optimizer { return &Adam{WeightDecay: 0.1} },
		"AdamW": func() Optimizer { return &AdamW{WeightDecay: 0.1} },
	} {
		frozen := param("frozen", []float64{1}, []float64{1})
		frozen.Frozen = true
		unreached := param("unreached", []float64{1}, nil)
		bare := param("bare", []float64{1}, []float64{0})
		bare.NoDecay = true
		decays := param("decays", []float64{1}, []float64{0})
		o := make()
		for range 3 {
			o.Step([]*autodiff.Param{frozen, unreached, bare, decays}, 0.1)
		}
		for _, p := range []*autodiff.Param{frozen, unreached, bare} {
			if p.Value.At(0) != 1 {
				t.Errorf("%s: %s became %v", name, p.Name, p.Value.At(0))
			}
		}
		if v := decays.Value.At(0); !(v < 1) {
			t.Errorf("%s: weight decay left %v", name, v)
		}
	}
}

// A parameter that gradients reach later has its bias corrected from its own first
// step on, also across a restore.
func TestLateParameter(t *testing.T) {
	early, late := param("early", []float64{0}, []float64{1}), param("late", []float64{0}, nil)
	params := []*autodiff.Param{early, late}
	var o Optimizer = &Adam{}
	for range 50 {
		o.Step(params, 0.1)
	}
	o = reopen(t, o, &Adam{}, params)
	late.Grad, _ = tensor.FromFloat64([]float64{1e-3}, 1)
	o.Step(params, 0.1)
	o = reopen(t, o, &Adam{}, params)
	o.Step(params, 0.1)
	if got := late.Value.At(0); math.Abs(got+0.2) > 1e-5 { // lr·sign(g) a step while g is constant
		t.Errorf("after two steps the late parameter is %v, want -0.2", got)
	}
}

func TestRestoreRefuses(t *testing.T) {
	one := func(name string, n int) tensor.Named {
		return tensor.Named{Name: name, Tensor: tensor.New(tensor.Float64, n)}
	}
	step := func(name string, v float64) tensor.Named {
		n := one(name, 1)
		n.Tensor.Set(v, 0)
		return n
	}
	m, v := one("exp_avg.w", 2), one("exp_avg_sq.w", 2)
	for name, c := range map[string]struct {
		state []tensor.Named
		want  string
	}{
		"no step":           {[]tensor.Named{m, v}, `no "step"`},
		"step twice":        {[]tensor.Named{step("step", 1), step("step", 1), m, v}, "twice"},
		"negative step":     {[]tensor.Named{step("step", -1), m, v}, "-1"},
		"step not whole":    {[]tensor.Named{step("step", 1.5), m, v}, "1.5"},
		"step not one":      {[]tensor.Named{one("step", 2), m, v}, "one number"},
		"own step twice":    {[]tensor.Named{step("step", 1), step("step.w", 2), step("step.w", 2), m, v}, "twice"},
		"missing moment":    {[]tensor.Named{step("step", 1), m}, `none of "exp_avg_sq.w"`},
		"moment at step 0":  {[]tensor.Named{step("step", 3), step("step.w", 0), m, v}, "steps are 0"},
		"moment twice":      {[]tensor.Named{step("step", 1), m, m, v}, "twice"},
		"another optimiser": {[]tensor.Named{step("step", 1), one("momentum.w", 2)}, `"momentum.w"`},
		"no parameter":      {[]tensor.Named{step("step", 1), one("exp_avg", 2)}, `"exp_avg"`},
		"nil tensor":        {[]tensor.Named{step("step", 1), {Name: "exp_avg.w"}}, `"exp_avg.w"`},
		"nil step":          {[]tensor.Named{{Name: "step"}}, "one number"},
	} {
		o := &Adam{}
		o.Step([]*autodiff.Param{param("x", []float64{1}, []float64{1})}, 0.1)
		if err := o.Restore(c.state); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
		if s := o.State(); len(s) != 3 || s[1].Name != "exp_avg.x" {
			t.Errorf("%s: the failed Restore changed the state to %v", name, s)
		}
	}
}

func TestPrepareRefuses(t *testing.T) {
	grad := []float64{1, 1}
	of := func(ps ...*autodiff.Param) []*autodiff.Param { return ps }
	w, b := param("w", []float64{1, 2}, grad), param("b", []float64{1, 2}, grad)
	o := &Adam{}
	o.Step(of(w, b), 0.1)
	narrow := &autodiff.Param{Name: "b", Value: tensor.New(tensor.Float32, 2)}
	for name, c := range map[string]struct {
		params []*autodiff.Param
		want   string
	}{
		"fits":          {of(w, b), ""},
		"another order": {of(b, w), ""},
		"missing":       {of(w, b, param("c", grad, grad)), `nothing for parameter "c"`},
		"left over":     {of(w), `"b", which is not there`},
		"other shape":   {of(w, param("b", []float64{1}, grad)), `"exp_avg.b"`},
		"other type":    {of(w, narrow), "float32"},
		"same name":     {of(w, w), `two parameters are named "w"`},
	} {
		r := &Adam{}
		if err := r.Restore(o.State()); err != nil {
			t.Fatal(err)
		}
		err := r.Prepare(c.params)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestNoAllocationWhenWarm(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		var params []*autodiff.Param
		for _, name := range []string{"a", "b"} {
			p := &autodiff.Param{Name: name, Value: tensor.New(dt, 40, 30), Grad: tensor.New(dt, 40, 30)}
			p.Grad.Fill(rng.Float64())
			params = append(params, p)
		}
		average := &EMA{Decay: 0.9}
		for name, make := range catalogue {
			o := make()
			step := func() {
				L1(params, 0.1)
				ClipNorm(params, 1)
				o.Step(params, 0.1)
				average.Update(params)
			}
			step()
			if n := testing.AllocsPerRun(20, step); n != 0 {
				t.Errorf("%s, %v: %v allocations a step", name, dt, n)
			}
		}
	}
}

func TestClipNormNonFinite(t *testing.T) {
	for _, bad := range []float64{math.Inf(1), math.NaN()} {
		p, q := param("p", []float64{1, 1}, []float64{3, bad}), param("q", []float64{1}, []float64{4})
		norm := ClipNorm([]*autodiff.Param{p, q}, 1)
		if !math.IsInf(norm, 0) && !math.IsNaN(norm) {
			t.Errorf("norm %v with a gradient of %v", norm, bad)
		}
		if p.Grad.At(0) != 3 || q.Grad.At(0) != 4 {
			t.Errorf("the gradients became %v, %v", p.Grad, q.Grad)
		}
	}
}

func TestClipNormLimits(t *testing.T) {
	frozen := param("frozen", []float64{1}, []float64{100})
	frozen.Frozen = true
	for _, c := range []struct{ limit, want float64 }{{0, 4}, {5, 4}, {5.1, 4}, {2.5, 2}, {math.Inf(1), 4}} {
		p, q := param("p", []float64{1}, []float64{3}), param("q", []float64{1}, []float64{4})
		if norm := ClipNorm([]*autodiff.Param{p, frozen, q}, c.limit); norm != 5 {
			t.Errorf("norm %v, want 5", norm)
		}
		if got := q.Grad.At(0); math.Abs(got-c.want) > 1e-5 {
			t.Errorf("limit %v: gradient %v, want %v", c.limit, got, c.want)
		}
	}
	if frozen.Grad.At(0) != 100 {
		t.Error("a frozen parameter's gradient was scaled")
	}
	if norm := ClipNorm(nil, 1); norm != 0 {
		t.Errorf("norm %v of nothing", norm)
	}
}

func TestPenalties(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		p := param("p", []float64{-2, 0, 3, math.Copysign(0, -1)}, []float64{1, 1, 1, 1})
		p.Value, p.Grad = p.Value.Convert(dt), p.Grad.Convert(dt)
		bias := param("bias", []float64{5}, []float64{1})
		bias.NoDecay = true
		frozen := param("frozen", []float64{5}, []float64{1})
		frozen.Frozen = true
		params := []*autodiff.Param{p, bias, frozen}
		if v := L2(params, 0.5); v != 0.25*13 {
			t.Errorf("L2 is %v, want 3.25", v)
		}
		if v := L1(params, 0.5); v != 2.5 {
			t.Errorf("L1 is %v, want 2.5", v)
		}
		for i, want := range []float64{0.5, 1, 1.5, 1} {
			if got := p.Grad.At(i); got != want {
				t.Errorf("gradient %d is %v, want %v", i, got, want)
			}
		}
		if bias.Grad.At(0) != 1 || frozen.Grad.At(0) != 1 {
			t.Error("L1 reached what does not decay")
		}
	}
}
