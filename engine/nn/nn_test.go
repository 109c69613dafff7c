package nn

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/autodiff/gradcheck"
	"github.com/energo-ml/energo/engine/tensor"
)

// Every type with a method Forward has a row in the catalogue.
func TestCatalogueIsComplete(t *testing.T) {
	rows := map[string]bool{
		"TemporalBlock": true, // the part of TCN
		"recurrent":     true, // what RNN, GRU and LSTM share
	}
	for _, c := range catalogue {
		rows[reflect.Indirect(reflect.ValueOf(c.make())).Type().Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	layers := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || f.Name.Name != "Forward" || strings.HasSuffix(name, "_test.go") {
				continue
			}
			recv := f.Recv.List[0].Type
			if star, ok := recv.(*ast.StarExpr); ok {
				recv = star.X
			}
			layers++
			if name := recv.(*ast.Ident).Name; !rows[name] {
				t.Errorf("%s has no row in the catalogue", name)
			}
		}
	}
	if layers < 20 {
		t.Errorf("only %d layers", layers)
	}
}

// Every layer's derivatives are those of finite differences, by the parameters and by x.
func TestFiniteDifferences(t *testing.T) {
	cases := readGolden(t)
	for name, c := range catalogue {
		t.Run(name, func(t *testing.T) {
			g := cases[name]
			g.T = t
			m := g.load(name, tensor.Float64)
			// A layer under spectral norm is another function at each use in training.
			training := !c.eval && !strings.HasPrefix(name, "spectral")
			x := g.tensors["x"]
			gradcheck.Params(t, func(tape *autodiff.Tape) *autodiff.Var {
				tape.Training = training
				return m.Forward(tape.Const(x))
			}, m.Params())
			if g.tensors["dx"] == nil {
				return
			}
			gradcheck.Check(t, func(tape *autodiff.Tape, in []*autodiff.Var) *autodiff.Var {
				tape.Training = training
				return m.Forward(in[0])
			}, x)
		})
	}
}

// A warm step allocates nothing, whatever the layer.
func TestNoAllocationWhenWarm(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes warm code allocate")
	}
	cases := readGolden(t)
	for name, c := range catalogue {
		for _, dt := range []tensor.DType{tensor.Float32, tensor.Float64} {
			m := cases[name].load(name, dt)
			tape := autodiff.NewTape(dt)
			tape.Training = !c.eval
			x := cases[name].tensors["x"].Convert(dt)
			step := func() {
				tape.Reset()
				tape.BackwardFrom(m.Forward(tape.Input(x)), nil)
			}
			step()
			if n := testing.AllocsPerRun(10, step); n != 0 {
				t.Errorf("%s, %v: %v allocations a step", name, dt, n)
			}
		}
	}
}

// names returns the parameters' names.
func names(m Module) (all []string) {
	for _, p := range m.Params() {
		all = append(all, p.Name)
	}
	return all
}

func TestNamesArePyTorchs(t *testing.T) {
	rng := seeded()
	shared := NewLinear(2, 2, rng)
	for _, c := range []struct {
		m    Module
		want string
	}{
		{newCNN(rng), "0.weight 0.bias 3.0.weight 3.0.bias 5.weight 5.bias 7.weight 7.bias"},
		{Prefix("features", NewSequential(NewBatchNorm(2))), "features.0.weight features.0.bias features.0.running_mean features.0.running_var"},
		{NewSequential(shared, ReLU{}, shared), "0.weight 0.bias"},
		{NewGRU(2, 3, deep, rng), "weight_ih_l0 weight_hh_l0 bias_ih_l0 bias_hh_l0 " +
			"weight_ih_l0_reverse weight_hh_l0_reverse bias_ih_l0_reverse bias_hh_l0_reverse " +
			"weight_ih_l1 weight_hh_l1 bias_ih_l1 bias_hh_l1 " +
			"weight_ih_l1_reverse weight_hh_l1_reverse bias_ih_l1_reverse bias_hh_l1_reverse"},
		{NewTCN(2, []int{2, 3}, 2, 0, rng), "network.0.conv1.weight network.0.conv1.bias network.0.conv2.weight network.0.conv2.bias " +
			"network.1.conv1.weight network.1.conv1.bias network.1.conv2.weight network.1.conv2.bias " +
			"network.1.downsample.weight network.1.downsample.bias"},
		{NewSequential(NewSpectralNorm(NewLinear(2, 2, rng), rng)), "0.weight_orig 0.bias 0.weight_u 0.weight_v"},
	} {
		if got := strings.Join(names(c.m), " "); got != c.want {
			t.Errorf("names\n%s, want\n%s", got, c.want)
		}
	}
}

// What weight decay and optimisers leave alone.
func TestMarks(t *testing.T) {
	rng := seeded()
	m := NewSequential(
		NewLinear(2, 2, rng), NewBatchNorm(2), NewLayerNorm(2), NewGroupNorm(1, 2),
		NewSpectralNorm(NewLinear(2, 2, rng), rng), NewLSTM(2, 2, RecurrentOptions{}, rng), NewEmbedding(2, 2, rng),
	)
	for _, p := range m.Params() {
		last := p.Name[strings.LastIndex(p.Name, ".")+1:]
		frozen := strings.HasPrefix(last, "running") || last == "weight_u" || last == "weight_v"
		norm := strings.HasPrefix(p.Name, "1.") || strings.HasPrefix(p.Name, "2.") || strings.HasPrefix(p.Name, "3.")
		if p.Frozen != frozen || p.NoDecay != (frozen || norm || strings.HasPrefix(last, "bias")) {
			t.Errorf("%s: Frozen %v, NoDecay %v", p.Name, p.Frozen, p.NoDecay)
		}
	}
}

// Fusing a ReLU changes neither values nor gradients nor what another ReLU gives.
func TestFusedReLU(t *testing.T) {
	cases := readGolden(t)
	x := cases["sequential"].tensors["x"]
	run := func(m Module) (*tensor.Tensor, []*tensor.Tensor) {
		Cast(m, tensor.Float64)
		tape := autodiff.NewTape(tensor.Float64)
		y := m.Forward(tape.Const(x))
		tape.BackwardFrom(y, nil)
		var grads []*tensor.Tensor
		for _, p := range m.Params() {
			grads = append(grads, p.Grad)
		}
		return y.Value, grads
	}
	for _, first := range []autodiff.Activation{autodiff.Identity, autodiff.Rectify} {
		conv, conv2 := NewConv2D(1, 3, 3, ConvOptions{}, seeded()), NewConv2D(1, 3, 3, ConvOptions{}, seeded())
		conv.Activation, conv2.Activation = first, first
		fused := NewSequential(conv, ReLU{})
		apart := NewSequential(NewSequential(conv2), ReLU{})
		if steps := len(fused.steps); (steps == 1) != (first == autodiff.Identity) {
			t.Errorf("activation %v: %d steps", first, steps)
		}
		y, grads := run(fused)
		y2, grads2 := run(apart)
		if distance(y, y2) != 0 || distance(grads[0], grads2[0]) != 0 || distance(grads[1], grads2[1]) != 0 {
			t.Errorf("activation %v: fused and apart differ", first)
		}
		if conv.Activation != first {
			t.Error("fusing changed the layer")
		}
	}
}

func TestCast(t *testing.T) {
	l := NewLinear(3, 2, seeded())
	shared := NewSequential(l, l)
	before := l.Weight.Value.Clone()
	l.Weight.Grad = tensor.New(tensor.Float32, 2, 3)
	Cast(shared, tensor.Float64)
	if l.Weight.Value.DType() != tensor.Float64 || l.Weight.Grad != nil || distance(l.Weight.Value, before) != 0 {
		t.Errorf("as float64: %v, gradient %v", l.Weight.Value, l.Weight.Grad)
	}
	Cast(shared, tensor.Float32)
	if !cmp.Equal(l.Weight.Value.Float32s(), before.Float32s()) {
		t.Errorf("and back: %v", l.Weight.Value)
	}
}

func TestDropoutInTraining(t *testing.T) {
	const n, p = 100_000, 0.3
	d := NewDropout(p, seeded())
	tape := autodiff.NewTape(tensor.Float32)
	tape.Training = true
	x := tensor.New(tensor.Float32, n)
	x.Fill(2)
	in := tape.Input(x)
	y := d.Forward(in)
	tape.BackwardFrom(y, nil)
	dropped := 0
	for i, v := range y.Value.Float32s() {
		g := in.Grad().Float32s()[i]
		switch {
		case v == 0 && g == 0:
			dropped++
		case math.Abs(float64(v)-2/(1-p)) > 1e-6 || math.Abs(float64(g)-1/(1-p)) > 1e-6:
			t.Fatalf("element %d is %v with gradient %v", i, v, g)
		}
	}
	if deviation := math.Sqrt(n * p * (1 - p)); math.Abs(float64(dropped)-n*p) > 5*deviation {
		t.Errorf("%d of %d dropped", dropped, n)
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

func TestMisusePanics(t *testing.T) {
	tape := autodiff.NewTape(tensor.Float32)
	fraction := tensor.New(tensor.Float32, 1)
	fraction.Fill(0.5)
	minus := tensor.New(tensor.Float32, 1)
	minus.Fill(-1)
	for name, f := range map[string]func(){
		"no inputs":          func() { NewLinear(0, 3, seeded()) },
		"negative outputs":   func() { NewConv2D(1, -3, 3, ConvOptions{}, seeded()) },
		"groups":             func() { NewGroupNorm(3, 4) },
		"no groups":          func() { NewGroupNorm(0, 4) },
		"no whole id":        func() { NewEmbedding(2, 2, seeded()).Forward(tape.Const(fraction)) },
		"id out of range":    func() { NewEmbedding(2, 2, seeded()).Forward(tape.Const(minus)) },
		"fans of a vector":   func() { KaimingUniform(tensor.New(tensor.Float32, 3), 1, seeded()) },
		"orthogonal vector":  func() { Orthogonal(tensor.New(tensor.Float32, 3), 1, seeded()) },
		"recurrent of [B,D]": func() { NewLSTM(2, 2, deep, seeded()).Forward(tape.Const(tensor.New(tensor.Float32, 2, 2))) },
		"no times":           func() { NewGRU(2, 2, deep, seeded()).Forward(tape.Const(tensor.New(tensor.Float32, 2, 0, 2))) },
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
}
