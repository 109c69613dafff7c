package export_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
)

// seeded is the generator of a test's weights.
func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// A layerCase is a module with the sizes of a sample, and of what it gives.
type layerCase struct {
	name   string
	make   func(rng *rand.Rand) nn.Module
	in     string
	out    string
	sample []int // sizes of a sample in the test
}

func layerOf[M nn.Module](m M) func(*rand.Rand) nn.Module {
	return func(*rand.Rand) nn.Module { return m }
}

// cases has every layer of package nn, each with the settings that change its nodes.
var cases = []layerCase{
	{"relu", layerOf(nn.ReLU{}), "batch,5", "batch,5", []int{5}},
	{"leaky relu", layerOf(nn.LeakyReLU{Slope: 0.2}), "batch,5", "batch,5", []int{5}},
	{"tanh", layerOf(nn.Tanh{}), "batch,5", "batch,5", []int{5}},
	{"sigmoid", layerOf(nn.Sigmoid{}), "batch,5", "batch,5", []int{5}},
	{"softplus", layerOf(nn.Softplus{}), "batch,5", "batch,5", []int{5}},
	{"silu", layerOf(nn.SiLU{}), "batch,5", "batch,5", []int{5}},
	{"gelu", layerOf(nn.GELU{}), "batch,5", "batch,5", []int{5}},
	{"dropout", func(rng *rand.Rand) nn.Module { return nn.NewDropout(0.5, rng) }, "batch,5", "batch,5", []int{5}},
	{"linear", func(rng *rand.Rand) nn.Module { return nn.NewLinear(5, 3, rng) }, "batch,5", "batch,3", []int{5}},
	{"linear without bias", func(rng *rand.Rand) nn.Module { l := nn.NewLinear(5, 3, rng); l.Bias = nil; return l }, "batch,5", "batch,3", []int{5}},
	{"linear over time", func(rng *rand.Rand) nn.Module { return nn.NewLinear(5, 3, rng) }, "batch,time,5", "batch,time,3", []int{4, 5}},
	{"linear over time without bias", func(rng *rand.Rand) nn.Module { l := nn.NewLinear(5, 3, rng); l.Bias = nil; return l }, "batch,time,5", "batch,time,3", []int{4, 5}},
	{"fused", func(rng *rand.Rand) nn.Module {
		l := nn.NewLinear(5, 3, rng)
		l.Activation = autodiff.Rectify
		return l
	}, "batch,5", "batch,3", []int{5}},
	{"conv1d", func(rng *rand.Rand) nn.Module {
		return nn.NewConv1D(2, 3, 3, nn.ConvOptions{Stride: 2, Pad: 2, Dilation: 2}, rng)
	}, "batch,2,time", "batch,3,time_out", []int{2, 11}},
	{"conv1d causal", func(rng *rand.Rand) nn.Module {
		c := nn.NewConv1D(2, 3, 3, nn.ConvOptions{}, rng)
		c.Options.PadLeft, c.Bias = 2, nil
		return c
	}, "batch,2,time", "batch,3,time", []int{2, 7}},
	{"conv2d", func(rng *rand.Rand) nn.Module {
		c := nn.NewConv2D(2, 3, 3, nn.ConvOptions{Pad: 1}, rng)
		c.Options.StrideH, c.Options.DilationW, c.Options.PadW = 2, 2, 2
		return c
	}, "batch,2,height,width", "batch,3,height_out,width", []int{2, 9, 8}},
	{"conv1d in groups", func(rng *rand.Rand) nn.Module {
		return nn.NewConv1D(4, 6, 3, nn.ConvOptions{Pad: 2, Groups: 2, PadMode: autodiff.PadReflect}, rng)
	}, "batch,4,time", "batch,6,time_out", []int{4, 7}},
	{"conv1d circular", func(rng *rand.Rand) nn.Module {
		return nn.NewConv1D(2, 3, 4, nn.ConvOptions{Same: true, PadMode: autodiff.PadCircular}, rng)
	}, "batch,2,time", "batch,3,time", []int{2, 7}},
	{"conv2d depthwise", func(rng *rand.Rand) nn.Module {
		return nn.NewConv2D(3, 6, 4, nn.ConvOptions{Same: true, Groups: 3, KernelW: 2}, rng)
	}, "batch,3,height,width", "batch,6,height,width", []int{3, 5, 6}},
	{"conv2d replicating", func(rng *rand.Rand) nn.Module {
		c := nn.NewConv2D(2, 3, 3, nn.ConvOptions{Pad: 1, PadMode: autodiff.PadReplicate}, rng)
		c.Options.PadTop, c.Options.PadRight = 1, 2
		return c
	}, "batch,2,height,width", "batch,3,height_out,width_out", []int{2, 5, 6}},
	{"conv2d circular", func(rng *rand.Rand) nn.Module {
		c := nn.NewConv2D(2, 3, 3, nn.ConvOptions{Pad: 1, PadMode: autodiff.PadCircular}, rng)
		c.Options.PadTop, c.Options.PadW = 1, 0
		return c
	}, "batch,2,height,width", "batch,3,height_out,width_out", []int{2, 5, 6}},
	{"conv transpose 1d", func(rng *rand.Rand) nn.Module {
		o := nn.ConvOptions{Stride: 2, Pad: 1, Dilation: 2, Groups: 2}
		return nn.NewConvTranspose1D(4, 6, 3, nn.ConvTransposeOptions{ConvOptions: o, OutputPad: 1}, rng)
	}, "batch,4,time", "batch,6,time_out", []int{4, 5}},
	{"conv transpose 2d", func(rng *rand.Rand) nn.Module {
		c := nn.NewConvTranspose2D(3, 2, 3, nn.ConvTransposeOptions{ConvOptions: nn.ConvOptions{KernelW: 2, Stride: 2}}, rng)
		c.Options.PadH, c.Options.PadBottom, c.Options.OutputPadW = 1, 1, 1
		return c
	}, "batch,3,height,width", "batch,2,height_out,width_out", []int{3, 4, 5}},
	{"conv transpose 2d without bias", func(rng *rand.Rand) nn.Module {
		c := nn.NewConvTranspose2D(3, 2, 3, nn.ConvTransposeOptions{}, rng)
		c.Bias = nil
		return c
	}, "batch,3,height,width", "batch,2,height_out,width_out", []int{3, 4, 5}},
	{"elu", layerOf(nn.ELU{Alpha: 0.7}), "batch,5", "batch,5", []int{5}},
	{"hard sigmoid", layerOf(nn.HardSigmoid{}), "batch,5", "batch,5", []int{5}},
	{"hard swish", layerOf(nn.HardSwish{}), "batch,5", "batch,5", []int{5}},
	{"batch norm without weights", func(*rand.Rand) nn.Module {
		n := nn.NewBatchNorm(3)
		n.Weight, n.Bias = nil, nil
		return n
	}, "batch,3,height,width", "batch,3,height,width", []int{3, 4, 5}},
	{"batch norm by the batch", func(*rand.Rand) nn.Module {
		n := nn.NewBatchNorm(3)
		n.RunningMean, n.RunningVar = nil, nil
		return n
	}, "batch,3,time", "batch,3,time", []int{3, 4}},
	{"batch norm of vectors by the batch", func(*rand.Rand) nn.Module {
		n := nn.NewBatchNorm(3)
		n.RunningMean, n.RunningVar, n.Weight, n.Bias = nil, nil, nil, nil
		return n
	}, "batch,3", "batch,3", []int{3}},
	{"layer norm of two axes", func(*rand.Rand) nn.Module { return nn.NewLayerNorm(4, 6) }, "batch,time,4,6", "batch,time,4,6", []int{2, 4, 6}},
	{"layer norm without weights", func(*rand.Rand) nn.Module {
		n := nn.NewLayerNorm(4, 6)
		n.Weight, n.Bias = nil, nil
		return n
	}, "batch,4,6", "batch,4,6", []int{4, 6}},
	{"group norm without weights", func(*rand.Rand) nn.Module {
		n := nn.NewGroupNorm(2, 6)
		n.Weight, n.Bias = nil, nil
		return n
	}, "batch,6,time", "batch,6,time", []int{6, 5}},
	{"instance norm", func(*rand.Rand) nn.Module { return nn.NewInstanceNorm(3, false) }, "batch,3,time", "batch,3,time", []int{3, 5}},
	{"instance norm with weights", func(*rand.Rand) nn.Module { return nn.NewInstanceNorm(3, true) }, "batch,3,height,width", "batch,3,height,width", []int{3, 4, 5}},
	{"lstm without bias", func(rng *rand.Rand) nn.Module {
		return nn.NewLSTM(3, 4, nn.RecurrentOptions{Layers: 2, Bidirectional: true, NoBias: true}, rng)
	}, "batch,time,3", "batch,time,8", []int{6, 3}},
	{"gru without bias", func(rng *rand.Rand) nn.Module { return nn.NewGRU(3, 4, nn.RecurrentOptions{NoBias: true}, rng) }, "batch,time,3", "batch,time,4", []int{6, 3}},
	{"rnn without bias", func(rng *rand.Rand) nn.Module { return nn.NewRNN(3, 4, nn.RecurrentOptions{NoBias: true}, rng) }, "batch,time,3", "batch,time,4", []int{6, 3}},
	{"attention", func(rng *rand.Rand) nn.Module { return nn.NewMultiheadAttention(6, 2, nn.AttentionOptions{}, rng) }, "time,batch,6", "time,batch,6", []int{5, 6}},
	{"causal attention without bias", func(rng *rand.Rand) nn.Module {
		return nn.NewMultiheadAttention(6, 3, nn.AttentionOptions{BatchFirst: true, Causal: true, NoBias: true}, rng)
	}, "batch,time,6", "batch,time,6", []int{5, 6}},
	{"encoder layer", func(rng *rand.Rand) nn.Module {
		return nn.NewTransformerEncoderLayer(6, 2, 8, nn.TransformerOptions{Dropout: 0.1, BatchFirst: true}, rng)
	}, "batch,time,6", "batch,time,6", []int{5, 6}},
	{"encoder layer with norms first", func(rng *rand.Rand) nn.Module {
		return nn.NewTransformerEncoderLayer(6, 2, 8, nn.TransformerOptions{NormFirst: true, GELU: true, NoBias: true}, rng)
	}, "time,batch,6", "time,batch,6", []int{5, 6}},
	{"encoder", func(rng *rand.Rand) nn.Module {
		o := nn.TransformerOptions{BatchFirst: true, Causal: true}
		return nn.NewTransformerEncoder(nn.NewLayerNorm(6), nn.NewTransformerEncoderLayer(6, 2, 8, o, rng), nn.NewTransformerEncoderLayer(6, 2, 8, o, rng))
	}, "batch,time,6", "batch,time,6", []int{5, 6}},
	{"encoder without a norm", func(rng *rand.Rand) nn.Module {
		return nn.NewTransformerEncoder(nil, nn.NewTransformerEncoderLayer(6, 2, 8, nn.TransformerOptions{BatchFirst: true}, rng))
	}, "batch,time,6", "batch,time,6", []int{5, 6}},
	{"max pool", layerOf(nn.MaxPool2D{Kernel: 3, Stride: 2, Pad: 1}), "batch,2,height,width", "batch,2,h,w", []int{2, 7, 8}},
	{"max pool of its own stride", layerOf(nn.MaxPool2D{Kernel: 2}), "batch,2,height,width", "batch,2,h,w", []int{2, 7, 8}},
	{"mean pool", layerOf(nn.AvgPool2D{Kernel: 3, Stride: 2, Pad: 1}), "batch,2,height,width", "batch,2,h,w", []int{2, 7, 8}},
	{"global pool", layerOf(nn.GlobalAvgPool2D{}), "batch,2,height,width", "batch,2", []int{2, 7, 8}},
	{"flatten", layerOf(nn.Flatten{}), "batch,2,3,4", "batch,24", []int{2, 3, 4}},
	{"unflatten", layerOf(nn.Unflatten{Sizes: []int{2, 3, 4}}), "batch,24", "batch,2,3,4", []int{24}},
	{"batch norm", func(*rand.Rand) nn.Module { return nn.NewBatchNorm(3) }, "batch,3,height,width", "batch,3,height,width", []int{3, 4, 5}},
	{"batch norm of vectors", func(*rand.Rand) nn.Module { return nn.NewBatchNorm(3) }, "batch,3", "batch,3", []int{3}},
	{"layer norm", func(*rand.Rand) nn.Module { return nn.NewLayerNorm(6) }, "batch,time,6", "batch,time,6", []int{4, 6}},
	{"group norm", func(*rand.Rand) nn.Module { return nn.NewGroupNorm(2, 6) }, "batch,6,height,width", "batch,6,height,width", []int{6, 4, 5}},
	{"group norm over time", func(*rand.Rand) nn.Module { return nn.NewGroupNorm(3, 6) }, "batch,6,time", "batch,6,time", []int{6, 5}},
	{"group norm of vectors", func(*rand.Rand) nn.Module { return nn.NewGroupNorm(3, 6) }, "batch,6", "batch,6", []int{6}},
	{"embedding", func(rng *rand.Rand) nn.Module { return nn.NewEmbedding(7, 4, rng) }, "batch,time", "batch,time,4", []int{5}},
	{"rnn", func(rng *rand.Rand) nn.Module { return nn.NewRNN(3, 4, nn.RecurrentOptions{}, rng) }, "batch,time,3", "batch,time,4", []int{6, 3}},
	{"rnn of relu", func(rng *rand.Rand) nn.Module {
		r := nn.NewRNN(3, 4, nn.RecurrentOptions{Layers: 2, Bidirectional: true}, rng)
		r.ReLU = true
		return r
	}, "batch,time,3", "batch,time,8", []int{6, 3}},
	{"gru", func(rng *rand.Rand) nn.Module {
		return nn.NewGRU(3, 4, nn.RecurrentOptions{Layers: 2, Bidirectional: true}, rng)
	}, "batch,time,3", "batch,time,8", []int{6, 3}},
	{"lstm", func(rng *rand.Rand) nn.Module { return nn.NewLSTM(3, 4, nn.RecurrentOptions{Layers: 2}, rng) }, "batch,time,3", "batch,time,4", []int{6, 3}},
	{"lstm both ways", func(rng *rand.Rand) nn.Module {
		return nn.NewLSTM(3, 4, nn.RecurrentOptions{Layers: 2, Bidirectional: true}, rng)
	}, "batch,time,3", "batch,time,8", []int{6, 3}},
	{"temporal block", func(rng *rand.Rand) nn.Module { return nn.NewTemporalBlock(3, 3, 3, 2, 0.5, rng) }, "batch,3,time", "batch,3,time", []int{3, 9}},
	{"tcn", func(rng *rand.Rand) nn.Module { return nn.NewTCN(3, []int{4, 5, 5}, 3, 0.5, rng) }, "batch,3,time", "batch,5,time", []int{3, 9}},
	{"spectral linear", func(rng *rand.Rand) nn.Module { return nn.NewSpectralNorm(nn.NewLinear(5, 3, rng), rng) }, "batch,5", "batch,3", []int{5}},
	{"spectral conv", func(rng *rand.Rand) nn.Module {
		return nn.NewSpectralNorm(nn.NewConv2D(2, 3, 3, nn.ConvOptions{Pad: 1}, rng), rng)
	}, "batch,2,height,width", "batch,3,height,width", []int{2, 6, 5}},
	{"sequential", func(rng *rand.Rand) nn.Module {
		norm, shared := nn.NewBatchNorm(4), nn.NewLinear(6, 6, rng)
		return nn.NewSequential(
			nn.NewConv2D(1, 3, 3, nn.ConvOptions{Pad: 1}, rng), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.NewSequential(nn.NewConv2D(3, 4, 3, nn.ConvOptions{Pad: 1}, rng), norm, nn.ReLU{}, nn.AvgPool2D{Kernel: 2}),
			nn.Flatten{}, nn.NewDropout(0.5, rng), nn.NewLinear(16, 6, rng), nn.Tanh{}, shared, nn.SiLU{}, shared,
		)
	}, "batch,1,8,8", "batch,6", []int{1, 8, 8}},
}

// module is the case's module, its norms away from their first values.
func (c layerCase) module() nn.Module {
	rng := seeded()
	m := c.make(rng)
	for _, p := range m.Params() {
		switch last := p.Name[strings.LastIndexByte(p.Name, '.')+1:]; last {
		case "weight_u", "weight_v":
		case "running_var":
			nn.Uniform(p.Value, 0.5, rng)
			for i := range p.Value.Float32s() {
				p.Value.Float32s()[i] += 1
			}
		default:
			if p.NoDecay {
				nn.Normal(p.Value, 1, rng)
			}
		}
	}
	return m
}

// input returns a batch of n samples.
func (c layerCase) input(n int) *tensor.Tensor {
	rng, x := seeded(), tensor.New(tensor.Float32, append([]int{n}, c.sample...)...)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(2 * rng.NormFloat64())
		if c.name == "embedding" {
			x.Float32s()[i] = float32(rng.IntN(7))
		}
	}
	return x
}

// graph is the case's module as a graph.
func (c layerCase) graph(m nn.Module) *export.Graph {
	g := export.New(c.name, "a layer")
	x := g.Input(export.Port{Name: "x", Doc: "the input", Shape: c.in})
	g.Output(export.Port{Name: "y", Doc: "the output", Shape: c.out}, g.Module(m, x))
	return g
}

// forward is the module's own output.
func forward(m nn.Module, x *tensor.Tensor) *tensor.Tensor {
	tape := autodiff.NewTape(tensor.Float32)
	tape.NoGrad = true
	return m.Forward(tape.Const(x)).Value
}

// TestLayers: the model of every layer gives the layer's own output for one sample and for three.
func TestLayers(t *testing.T) {
	var models []exporttest.Model
	for _, c := range cases {
		m := c.module()
		checked := exporttest.Model{Graph: c.graph(m)}
		for _, n := range []int{1, 3} {
			x := c.input(n)
			y := forward(m, x)
			checked.Cases = append(checked.Cases, exporttest.Case{
				In:  map[string]*value.Value{"x": exporttest.Of(t, x.Float32s(), x.Shape()...)},
				Out: map[string]*value.Value{"y": exporttest.Of(t, y.Float32s(), y.Shape()...)},
			})
		}
		models = append(models, checked)
	}
	exporttest.Check(t, models...)
}

// TestEveryLayer: every type of package nn with a method Forward has a case.
func TestEveryLayer(t *testing.T) {
	have := map[string]bool{"recurrent": true} // what RNN, GRU and LSTM share
	for _, c := range cases {
		have[reflect.Indirect(reflect.ValueOf(c.make(seeded()))).Type().Name()] = true
	}
	files, err := filepath.Glob("../../nn/*.go")
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
			if name := recv.(*ast.Ident).Name; !have[name] {
				t.Errorf("nn.%s has no case", name)
			}
		}
	}
	if layers < 20 {
		t.Errorf("only %d layers", layers)
	}
}

// TestParameterNames: constants have the names that nn.Save writes.
func TestParameterNames(t *testing.T) {
	rng := seeded()
	m := nn.Prefix("net", nn.NewSequential(nn.NewLinear(3, 4, rng), nn.ReLU{}, nn.NewBatchNorm(4), nn.NewSpectralNorm(nn.NewLinear(4, 4, rng), rng), nn.Unflatten{Sizes: []int{2, 2}}, nn.NewGRU(2, 3, nn.RecurrentOptions{}, rng)))
	c := layerCase{"names", nil, "batch,3", "batch,2,3", nil}
	f, err := c.graph(m).Model()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, x := range f.Graph.Initializers {
		if x.Type == format.Float {
			names = append(names, x.Name)
		}
	}
	want := []string{
		"net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias", "net.2.running_mean", "net.2.running_var", "net.3.weight", "net.3.bias",
		"net.5.W_l0", "net.5.R_l0", "net.5.B_l0",
	}
	if !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(want))) {
		t.Errorf("the constants are %v, want %v", names, want)
	}
}

// foreign is a layer of no package that the graph knows.
type foreign struct{ nn.ReLU }

func TestRefuses(t *testing.T) {
	rng := seeded()
	twice := nn.NewLinear(2, 2, rng)
	other := nn.NewLinear(2, 2, rng)
	unknown := nn.NewLinear(2, 2, rng)
	unknown.Activation = 9
	unpadded := nn.NewConv1D(1, 1, 3, nn.ConvOptions{Pad: 1, PadMode: 9}, rng)
	for _, c := range []struct {
		m         nn.Module
		in, out   string
		name, say string
	}{
		{foreign{}, "batch,2", "batch,2", "y", "type export_test.foreign has no form in ONNX"},
		{nn.NewConv2D(1, 1, 3, nn.ConvOptions{}, rng), "batch,2", "batch,2", "y", "*nn.Conv2D takes inputs of 4 dimensions, not 2"},
		{nn.NewConv1D(1, 1, 3, nn.ConvOptions{}, rng), "batch,2", "batch,2", "y", "*nn.Conv1D takes inputs of 3 dimensions, not 2"},
		{nn.NewGRU(1, 1, nn.RecurrentOptions{}, rng), "batch,2", "batch,2", "y", "*nn.GRU takes inputs of 3 dimensions, not 2"},
		{nn.MaxPool2D{Kernel: 2}, "batch,2", "batch,2", "y", "takes inputs of 4 dimensions, not 2"},
		{nn.NewConvTranspose1D(1, 1, 3, nn.ConvTransposeOptions{}, rng), "batch,2", "batch,2", "y", "*nn.ConvTranspose1D takes inputs of 3 dimensions, not 2"},
		{nn.NewConvTranspose2D(1, 1, 3, nn.ConvTransposeOptions{}, rng), "batch,2", "batch,2", "y", "*nn.ConvTranspose2D takes inputs of 4 dimensions, not 2"},
		{nn.NewMultiheadAttention(2, 1, nn.AttentionOptions{}, rng), "batch,2", "batch,2", "y", "*nn.MultiheadAttention takes inputs of 3 dimensions, not 2"},
		{nn.NewLayerNorm(2, 3, 4), "batch,2", "batch,2", "y", "*nn.LayerNorm takes inputs of 3 dimensions or more, not 2"},
		{nn.NewInstanceNorm(2, false), "batch,2", "batch,2", "y", "*nn.InstanceNorm takes inputs of 3 dimensions or more, not 2"},
		{unpadded, "batch,1,time", "batch,1,time", "y", "padding mode 9"},
		{nn.GlobalAvgPool2D{}, "batch,2", "batch,2", "y", "takes inputs of 4 dimensions, not 2"},
		{nn.ReLU{}, "batch,2", "batch,2,3", "y", "with shape batch,2,3; its value is of float with 2 dimensions"},
		{nn.ReLU{}, "batch,2", "batch,2", "x", `a value of the graph is named "x"`},
		{nn.ReLU{}, "batch,2", "batch,2", "", `a value of the graph is named ""`},
		{unknown, "batch,2", "batch,2", "y", "has the activation 9"},
		{pair{twice, other}, "batch,2", "batch,2", "y", `two constants of the network are named "weight"`},
	} {
		g := export.New("refused", "")
		x := g.Input(export.Port{Name: "x", Shape: c.in})
		g.Output(export.Port{Name: c.name, Shape: c.out}, g.Module(c.m, x))
		if _, err := g.Model(); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%T: the error is %v; it should say %q", c.m, err, c.say)
		}
	}
	if _, err := export.New("empty", "").Model(); err == nil || !strings.Contains(err.Error(), "no output") {
		t.Errorf("without an output, the error is %v", err)
	}
}

// pair is two layers whose parameters have the same names.
type pair struct{ first, second *nn.Linear }

func (p pair) Params() []*autodiff.Param { return append(p.first.Params(), p.second.Params()...) }

func (p pair) Forward(x *autodiff.Var) *autodiff.Var { return p.second.Forward(p.first.Forward(x)) }

func (p pair) Export(g *export.Graph, x export.Value) export.Value {
	return g.Module(p.second, g.Module(p.first, x))
}
