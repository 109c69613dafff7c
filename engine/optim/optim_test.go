package optim

import (
	"fmt"
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

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
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
	names := receivers(t, "Step", "At")
	for name := range names {
		if !rows[name] {
			t.Errorf("%s has no row in a table of tests", name)
		}
	}
	if len(names) != 6 {
		t.Errorf("%d optimisers and schedules, want 6", len(names))
	}
}

// receivers returns the types of this package that have one of the methods.
func receivers(t *testing.T, methods ...string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
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
			names[recv.(*ast.Ident).Name] = true
		}
	}
	return names
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
		"same name":     {of(w, param("w", []float64{1, 2}, grad)), `two parameters are named "w"`},
		"twice":         {of(w, w), `two parameters are named "w"`},
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

// panicOf returns what f panics with, or "".
func panicOf(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

// Two networks whose parameters have the same names, as two models made alike have, are
// two optimisers' work: one optimiser would mix what it remembers of them.
func TestOneNameIsOneParameter(t *testing.T) {
	networks := func() (a, b []*autodiff.Param) {
		return []*autodiff.Param{param("0.weight", []float64{1}, []float64{1})},
			[]*autodiff.Param{param("0.weight", []float64{-1}, []float64{-1})}
	}
	const refusal = `two parameters are named "0.weight"`
	for name, make := range catalogue {
		a, b := networks()
		o := make()
		o.Step(a, 1)
		before := b[0].Value.At(0)
		if got := panicOf(func() { o.Step(b, 1) }); !strings.Contains(got, refusal) || b[0].Value.At(0) != before {
			t.Errorf("%s: a step of another network panics with %q, its weight is %v, was %v", name, got, b[0].Value.At(0), before)
		}
		if err := o.Prepare(b); err == nil || !strings.Contains(err.Error(), refusal) {
			t.Errorf("%s: preparing another network: %v", name, err)
		}
		if got := panicOf(func() { o.Step(append(a, a...), 1) }); !strings.Contains(got, refusal) {
			t.Errorf("%s: a step of one parameter twice panics with %q", name, got)
		}
		restored := make() // a network that was made anew takes up the memory
		if err := restored.Restore(o.State()); err != nil {
			t.Fatal(err)
		}
		if err := restored.Prepare(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, b := networks()
	e := &EMA{Decay: 0.9}
	e.Update(a)
	for name, f := range map[string]func(){
		"Update": func() { e.Update(b) }, "Swap": func() { e.Swap(b) }, "Update twice": func() { e.Update(append(a, a...)) },
	} {
		if got := panicOf(f); !strings.Contains(got, refusal) {
			t.Errorf("EMA.%s of another network panics with %q", name, got)
		}
	}
}

// Two networks with an optimiser each move as if they were alone.
func TestOptimiserForEachNetwork(t *testing.T) {
	a, b := param("0.weight", []float64{1}, []float64{1}), param("0.weight", []float64{-1}, []float64{-1})
	of, and := &SGD{Momentum: 0.9}, &SGD{Momentum: 0.9}
	for range 3 {
		of.Step([]*autodiff.Param{a}, 1)
		and.Step([]*autodiff.Param{b}, 1)
	}
	if x, y := a.Value.At(0), b.Value.At(0); math.Abs(x+4.61) > 1e-12 || x != -y {
		t.Errorf("the weights became %v and %v, want -4.61 and 4.61", x, y)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for want, o := range map[string]Optimizer{
		"SGD.Momentum is -0.1; it must be in [0, 1]":             &SGD{Momentum: -0.1},
		"SGD.Momentum is 1.5; it must be in [0, 1]":              &SGD{Momentum: 1.5},
		"SGD.Momentum is NaN; it must be in [0, 1]":              &SGD{Momentum: math.NaN()},
		"SGD.Momentum is 0; it must be above 0 with Nesterov":    &SGD{Nesterov: true},
		"SGD.Dampening is 0.1; it must be 0 with Nesterov":       &SGD{Momentum: 0.9, Dampening: 0.1, Nesterov: true},
		"SGD.Dampening is 0.1; it must be 0 without Momentum":    &SGD{Dampening: 0.1},
		"SGD.Dampening is +Inf; it must be finite":               &SGD{Momentum: 0.9, Dampening: math.Inf(1)},
		"SGD.WeightDecay is -1; it must be a finite number":      &SGD{WeightDecay: -1},
		"Adam.Beta1 is 1; it must be in [0, 1)":                  &Adam{Beta1: 1},
		"Adam.Beta1 is -0.5; it must be in [0, 1)":               &Adam{Beta1: -0.5},
		"Adam.Beta2 is 1.5; it must be in [0, 1)":                &Adam{Beta2: 1.5},
		"Adam.Beta2 is NaN; it must be in [0, 1)":                &Adam{Beta2: math.NaN()},
		"Adam.Eps is -1e-08; it must be a finite number":         &Adam{Eps: -1e-8},
		"Adam.Eps is +Inf; it must be a finite number":           &Adam{Eps: math.Inf(1)},
		"Adam.WeightDecay is NaN; it must be a finite number":    &Adam{WeightDecay: math.NaN()},
		"AdamW.Beta1 is 2; it must be in [0, 1)":                 &AdamW{Beta1: 2},
		"AdamW.Beta2 is 1; it must be in [0, 1)":                 &AdamW{Beta2: 1},
		"AdamW.WeightDecay is -0.01; it must be a finite number": &AdamW{WeightDecay: -0.01},
	} {
		params := []*autodiff.Param{param("w", []float64{1}, []float64{1})}
		if err := o.Prepare(params); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
		if got := panicOf(func() { o.Step(params, 0.1) }); !strings.Contains(got, want) || params[0].Value.At(0) != 1 {
			t.Errorf("%+v: Step panics with %q and leaves %v, want %q", o, got, params[0].Value.At(0), want)
		}
	}
	for _, decay := range []float64{-0.1, 1, 2, math.NaN()} {
		e, params := &EMA{Decay: decay}, []*autodiff.Param{param("w", []float64{1}, nil)}
		want := fmt.Sprintf("EMA.Decay is %v; it must be in [0, 1)", decay)
		if err := e.Prepare(params); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		if got := panicOf(func() { e.Update(params) }); !strings.Contains(got, want) {
			t.Errorf("Update panics with %q, want %q", got, want)
		}
	}
}

// One gradient whose square overflows is not the last that moves a weight: the first step
// is of the size of any first step, and later ones move it, too.
func TestAdamAfterHugeGradient(t *testing.T) {
	defer simd.Use(simd.Current())
	for level := simd.Generic; level <= simd.Best(); level++ {
		simd.Use(level)
		for dt, huge := range map[tensor.DType]float64{tensor.Float32: 1e25, tensor.Float64: 1e200} {
			for name, o := range map[string]Optimizer{
				"Adam": &Adam{Beta1: 0.5, Beta2: 0.8}, "AdamW": &AdamW{Beta1: 0.5, Beta2: 0.8}, "AMSGrad": &Adam{Beta2: 0.8, AMSGrad: true},
			} {
				const n = 37
				p := &autodiff.Param{Name: "w", Value: tensor.New(dt, n), Grad: tensor.New(dt, n)}
				p.Grad.Fill(-huge)
				o.Step([]*autodiff.Param{p}, 0.1)
				if w := p.Value.At(n - 1); math.Abs(w-0.1) > 1e-6 {
					t.Errorf("%v, %v, %s: the first step moves by %v, want 0.1", level, dt, name, w)
				}
				if name == "AMSGrad" { // its greatest v never falls, as its definition has it
					continue
				}
				p.Grad.Fill(-1)
				for range 4000 {
					o.Step([]*autodiff.Param{p}, 0.1)
				}
				before := p.Value.At(n - 1)
				o.Step([]*autodiff.Param{p}, 0.1)
				if d := p.Value.At(n-1) - before; math.Abs(d-0.1) > 1e-2 {
					t.Errorf("%v, %v, %s: a step of gradient 1 moves by %v afterwards, want 0.1", level, dt, name, d)
				}
				p.Grad.Fill(math.Inf(1))
				if o.Step([]*autodiff.Param{p}, 0.1); !math.IsNaN(p.Value.At(0)) {
					t.Errorf("%v, %v, %s: an infinite gradient leaves %v, want NaN", level, dt, name, p.Value.At(0))
				}
			}
		}
	}
}

// The norm and the gradients after clipping are right wherever they can be represented.
func TestClipNormExtremes(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
		sizes := []float64{1e-40, 1e-20, 1e-3, 1, 1e19, 1e25, 3e37}
		if dt == tensor.Float64 {
			sizes = append(sizes, 1e-310, 1e-300, 1e-170, 1e-150, 1.3e154, 1.4e154, 1e200, 1e300, 3e307)
		}
		for _, size := range sizes {
			for _, limit := range []float64{1e-12, 1, 1e20, 1e200} {
				p, q := param("p", []float64{0, 0}, []float64{3 * size, 0}), param("q", []float64{0}, []float64{-4 * size})
				p.Value, p.Grad, q.Value, q.Grad = p.Value.Convert(dt), p.Grad.Convert(dt), q.Value.Convert(dt), q.Grad.Convert(dt)
				least := map[tensor.DType]float64{tensor.Float32: 0x1p-149, tensor.Float64: 0x1p-1074}[dt]
				close := func(got, want float64) bool {
					return math.Abs(got-want) <= 1e-6*math.Abs(want)+4*least
				}
				want := 5 * size
				if got := ClipNorm([]*autodiff.Param{p, q}, limit); !close(got, want) {
					t.Errorf("%v, %v: norm %v, want %v", dt, size, got, want)
				}
				factor := 1.0 // of the whole gradient: size is divided by first, for limit/norm may underflow
				if want > limit {
					factor = limit / (5 + 1e-6/size) / size
				}
				if got := q.Grad.At(0); !close(got, -4*size*factor) && !close(got, -4*(limit/(5+1e-6/size))) {
					t.Errorf("%v, %v, limit %v: gradient %v, want %v", dt, size, limit, got, -4*size*factor)
				}
			}
		}
	}
	over := param("p", []float64{0, 0}, []float64{1.7e308, 1.7e308})
	if norm := ClipNorm([]*autodiff.Param{over}, 1); !math.IsInf(norm, 1) || over.Grad.At(0) != 1.7e308 {
		t.Errorf("norm %v of a gradient beyond float64, which became %v", norm, over.Grad)
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
