package nn

import (
	"fmt"
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
	"github.com/energo-ml/energo/internal/simd"
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
		{NewLSTM(2, 3, RecurrentOptions{NoBias: true}, rng), "weight_ih_l0 weight_hh_l0"},
		{NewSequential(NewConvTranspose2D(2, 2, 3, ConvTransposeOptions{}, rng), NewInstanceNorm(2, true), NewInstanceNorm(2, false)), "0.weight 0.bias 1.weight 1.bias"},
		{NewMultiheadAttention(4, 2, AttentionOptions{}, rng), "in_proj_weight in_proj_bias out_proj.weight out_proj.bias"},
		{NewMultiheadAttention(4, 2, AttentionOptions{NoBias: true}, rng), "in_proj_weight out_proj.weight"},
		{NewTransformerEncoder(NewLayerNorm(2), NewTransformerEncoderLayer(2, 1, 3, TransformerOptions{}, rng)), "" +
			"layers.0.self_attn.in_proj_weight layers.0.self_attn.in_proj_bias layers.0.self_attn.out_proj.weight layers.0.self_attn.out_proj.bias " +
			"layers.0.linear1.weight layers.0.linear1.bias layers.0.linear2.weight layers.0.linear2.bias " +
			"layers.0.norm1.weight layers.0.norm1.bias layers.0.norm2.weight layers.0.norm2.bias norm.weight norm.bias"},
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
		NewMultiheadAttention(2, 1, AttentionOptions{}, rng), NewConvTranspose1D(2, 2, 3, ConvTransposeOptions{}, rng),
	)
	for _, p := range m.Params() {
		last := p.Name[strings.LastIndex(p.Name, ".")+1:]
		frozen := strings.HasPrefix(last, "running") || last == "weight_u" || last == "weight_v"
		norm := strings.HasPrefix(p.Name, "1.") || strings.HasPrefix(p.Name, "2.") || strings.HasPrefix(p.Name, "3.")
		if p.Frozen != frozen || p.NoDecay != (frozen || norm || strings.HasPrefix(last, "bias") || last == "in_proj_bias") {
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

// What does not fit is named: the layer, the setting and what is allowed.
func TestMisuseMessages(t *testing.T) {
	rng := seeded()
	tape := autodiff.NewTape(tensor.Float32)
	v := func(shape ...int) *autodiff.Var { return tape.Const(tensor.New(tensor.Float32, shape...)) }
	groups := ConvOptions{Groups: 3}
	for _, c := range []struct {
		want string // what the message must hold, parted by |
		f    func()
	}{
		{"NewConv2D|3 groups of 4 channels into 6|multiples", func() { NewConv2D(4, 6, 3, groups, rng) }},
		{"NewConv1D|3 groups of 6 channels into 4|multiples", func() { NewConv1D(6, 4, 3, groups, rng) }},
		{"NewConv2D|-1 groups", func() { NewConv2D(4, 6, 3, ConvOptions{Groups: -1}, rng) }},
		{"NewConv2D|Same|stride 2|stride 1", func() { NewConv2D(4, 6, 3, ConvOptions{Same: true, Stride: 2}, rng) }},
		{"NewConv1D|Same|pad 1|no pad", func() { NewConv1D(4, 6, 3, ConvOptions{Same: true, Pad: 1}, rng) }},
		{"NewConv1D|KernelW is 2|no width", func() { NewConv1D(4, 6, 3, ConvOptions{KernelW: 2}, rng) }},
		{"NewConvTranspose1D|KernelW is 2", func() { NewConvTranspose1D(4, 6, 3, ConvTransposeOptions{ConvOptions: ConvOptions{KernelW: 2}}, rng) }},
		{"NewConvTranspose2D|3 groups of 4 channels", func() { NewConvTranspose2D(4, 6, 3, ConvTransposeOptions{ConvOptions: groups}, rng) }},
		{"NewConvTranspose2D|Same is true|neither", func() { NewConvTranspose2D(4, 6, 3, ConvTransposeOptions{ConvOptions: ConvOptions{Same: true}}, rng) }},
		{"NewConvTranspose2D|PadMode 1|neither", func() {
			NewConvTranspose2D(4, 6, 3, ConvTransposeOptions{ConvOptions: ConvOptions{PadMode: autodiff.PadReflect}}, rng)
		}},
		{"NewLayerNorm|a size", func() { NewLayerNorm() }},
		{"LayerNorm|[2 3 5]|[3 4]", func() { NewLayerNorm(3, 4).Forward(v(2, 3, 5)) }},
		{"LayerNorm|[4]|[3 4]", func() { NewLayerNorm(3, 4).Forward(v(4)) }},
		{"InstanceNorm|[2 6 4]|[B, 3, ...]", func() { NewInstanceNorm(3, false).Forward(v(2, 6, 4)) }},
		{"InstanceNorm|[2 3]|positions", func() { NewInstanceNorm(3, false).Forward(v(2, 3)) }},
		{"NewMultiheadAttention|4 heads of width 6|multiple", func() { NewMultiheadAttention(6, 4, AttentionOptions{}, rng) }},
		{"NewMultiheadAttention|0 heads", func() { NewMultiheadAttention(6, 0, AttentionOptions{}, rng) }},
		{"MultiheadAttention|key|[2 3 4]|the last of 6", func() {
			NewMultiheadAttention(6, 2, AttentionOptions{}, rng).Attend(v(2, 3, 6), v(2, 3, 4), v(2, 3, 6), autodiff.AttentionMask{})
		}},
	} {
		message := func() (message string) {
			defer func() { message = fmt.Sprint(recover()) }()
			c.f()
			return ""
		}()
		for _, part := range strings.Split(c.want, "|") {
			if !strings.Contains(message, part) {
				t.Errorf("the message is %q; it should say %q", message, part)
			}
		}
	}
}

// A query whose keys are all hidden has the output's bias, in attention with and without other queries that see some.
func TestAttentionOfNothing(t *testing.T) {
	a := NewMultiheadAttention(4, 2, AttentionOptions{BatchFirst: true}, seeded())
	Normal(a.Output.Bias.Value, 1, seeded())
	x := tensor.New(tensor.Float32, 2, 3, 4)
	Normal(x, 1, seeded())
	tape := autodiff.NewTape(tensor.Float32)
	in := tape.Input(x)
	y, weights := a.Attend(in, in, in, autodiff.AttentionMask{Keys: []bool{true, true, true, false, false, true}})
	tape.BackwardFrom(y, nil)
	for b := range 2 {
		sum := simd.Sum(weights.Value.Row(b).Float32s())
		if want := float64(2 * 3 * b); math.Abs(sum-want) > 1e-5 {
			t.Errorf("sample %d: the weights' sum is %v, want %v", b, sum, want)
		}
	}
	for i, v := range y.Value.Row(0).Float32s() {
		if v != a.Output.Bias.Value.Float32s()[i%4] {
			t.Errorf("element %d of the output is %v, not the bias", i, v)
		}
	}
	for i, v := range in.Grad().Row(0).Float32s() {
		if v != 0 {
			t.Errorf("element %d of the gradient is %v", i, v)
		}
	}
}

// All weights dropped, the output is its bias; and outside training nothing is dropped.
func TestAttentionDropout(t *testing.T) {
	a := NewMultiheadAttention(4, 2, AttentionOptions{Dropout: 1}, seeded())
	Normal(a.Output.Bias.Value, 1, seeded())
	x := tensor.New(tensor.Float32, 3, 2, 4)
	Normal(x, 1, seeded())
	for _, training := range []bool{false, true} {
		tape := autodiff.NewTape(tensor.Float32)
		tape.Training = training
		y := a.Forward(tape.Const(x)).Value.Float32s()
		bias := 0
		for i, v := range y {
			if v == a.Output.Bias.Value.Float32s()[i%4] {
				bias++
			}
		}
		if training != (bias == len(y)) {
			t.Errorf("training %v: %d of %d elements are the bias", training, bias, len(y))
		}
	}
}
