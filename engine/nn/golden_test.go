package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
)

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// row is a layer of the catalogue.
type entry struct {
	make func() Module
	eval bool // not in training
}

func of(m func() Module) entry   { return entry{make: m} }
func eval(m func() Module) entry { return entry{make: m, eval: true} }

func without(m Module) Module {
	switch l := m.(type) {
	case *Linear:
		l.Bias = nil
	case *Conv2D:
		l.Bias = nil
	}
	return m
}

// twice is a layer that stands in two places of one graph.
type twice struct{ Module }

func (m twice) Forward(x *autodiff.Var) *autodiff.Var {
	return autodiff.Add(m.Module.Forward(x), m.Module.Forward(autodiff.Scale(x, 0.5)))
}

// catalogue has a row for each case of oracle/nn.py.
var catalogue = map[string]entry{
	"linear":         of(func() Module { return NewLinear(4, 3, seeded()) }),
	"linear_no_bias": of(func() Module { return without(NewLinear(4, 3, seeded())) }),
	"conv2d":         of(func() Module { return NewConv2D(2, 3, 3, ConvOptions{}, seeded()) }),
	"conv2d_stride_pad": of(func() Module {
		return NewConv2D(2, 4, 3, ConvOptions{Stride: 2, Pad: 1}, seeded())
	}),
	"conv2d_dilation": of(func() Module {
		return without(NewConv2D(2, 3, 3, ConvOptions{Pad: 2, Dilation: 2}, seeded()))
	}),
	"conv1d":             of(func() Module { return NewConv1D(2, 3, 3, ConvOptions{Stride: 2, Pad: 1}, seeded()) }),
	"conv1d_dilation":    of(func() Module { return NewConv1D(3, 2, 2, ConvOptions{Dilation: 3}, seeded()) }),
	"max_pool2d":         of(func() Module { return MaxPool2D{Kernel: 3, Stride: 2, Pad: 1} }),
	"max_pool2d_default": of(func() Module { return MaxPool2D{Kernel: 2} }),
	"avg_pool2d":         of(func() Module { return AvgPool2D{Kernel: 3, Stride: 2, Pad: 1} }),
	"global_avg_pool2d":  of(func() Module { return GlobalAvgPool2D{} }),
	"flatten":            of(func() Module { return Flatten{} }),
	"unflatten":          of(func() Module { return Unflatten{Sizes: []int{3, 2, 2}} }),
	"relu":               of(func() Module { return ReLU{} }),
	"leaky_relu":         of(func() Module { return LeakyReLU{Slope: 0.2} }),
	"tanh":               of(func() Module { return Tanh{} }),
	"sigmoid":            of(func() Module { return Sigmoid{} }),
	"silu":               of(func() Module { return SiLU{} }),
	"gelu":               of(func() Module { return GELU{} }),
	"softplus":           of(func() Module { return Softplus{} }),
	"dropout_eval":       eval(func() Module { return NewDropout(0.5, seeded()) }),
	"batch_norm_1d":      of(func() Module { return NewBatchNorm(3) }),
	"batch_norm_1d_eval": eval(func() Module { return NewBatchNorm(3) }),
	"batch_norm_time":    of(func() Module { return NewBatchNorm(3) }),
	"batch_norm_2d": of(func() Module {
		n := NewBatchNorm(3)
		n.Momentum, n.Eps = 0.3, 1e-3
		return n
	}),
	"batch_norm_2d_eval": eval(func() Module { return NewBatchNorm(3) }),
	"layer_norm":         of(func() Module { return NewLayerNorm(6) }),
	"layer_norm_time": of(func() Module {
		n := NewLayerNorm(6)
		n.Eps = 1e-2
		return n
	}),
	"group_norm": of(func() Module { return NewGroupNorm(2, 4) }),
	"embedding":  of(func() Module { return NewEmbedding(6, 3, seeded()) }),
	"rnn":        of(func() Module { return NewRNN(3, 4, RecurrentOptions{}, seeded()) }),
	"rnn_relu": of(func() Module {
		r := NewRNN(3, 4, RecurrentOptions{Layers: 2}, seeded())
		r.ReLU = true
		return r
	}),
	"gru":                  of(func() Module { return NewGRU(3, 4, RecurrentOptions{}, seeded()) }),
	"gru_deep":             of(func() Module { return NewGRU(3, 4, deep, seeded()) }),
	"lstm":                 of(func() Module { return NewLSTM(3, 4, RecurrentOptions{}, seeded()) }),
	"lstm_deep":            of(func() Module { return NewLSTM(3, 4, deep, seeded()) }),
	"tcn":                  of(func() Module { return NewTCN(2, []int{3, 3}, 3, 0, seeded()) }),
	"spectral_linear":      of(func() Module { return NewSpectralNorm(NewLinear(4, 3, seeded()), seeded()) }),
	"spectral_linear_eval": eval(func() Module { return NewSpectralNorm(NewLinear(4, 3, seeded()), seeded()) }),
	"spectral_conv2d": of(func() Module {
		return NewSpectralNorm(NewConv2D(2, 3, 3, ConvOptions{Pad: 1}, seeded()), seeded())
	}),
	"spectral_conv1d": of(func() Module {
		return NewSpectralNorm(NewConv1D(2, 3, 3, ConvOptions{Pad: 1}, seeded()), seeded())
	}),
	"spectral_twice": of(func() Module { return twice{NewSpectralNorm(NewLinear(4, 3, seeded()), seeded())} }),
	"sequential":     of(func() Module { return newCNN(seeded()) }),
	"conv2d_groups": of(func() Module {
		c := NewConv2D(4, 6, 3, ConvOptions{KernelW: 2, Groups: 2}, seeded())
		c.Options.StrideH, c.Options.PadH, c.Options.PadW, c.Options.DilationW = 2, 1, 2, 2
		return c
	}),
	"conv2d_depthwise": of(func() Module { return NewConv2D(3, 6, 3, ConvOptions{Stride: 2, Pad: 1, Groups: 3}, seeded()) }),
	"conv2d_same":      of(func() Module { return NewConv2D(2, 3, 4, ConvOptions{KernelW: 2, Same: true, Dilation: 3}, seeded()) }),
	"conv2d_reflect": of(func() Module {
		c := NewConv2D(2, 3, 3, ConvOptions{Pad: 1, PadMode: autodiff.PadReflect}, seeded())
		c.Options.PadH = 2
		return c
	}),
	"conv2d_replicate": of(func() Module {
		return NewConv2D(2, 3, 2, ConvOptions{Same: true, PadMode: autodiff.PadReplicate}, seeded())
	}),
	"conv2d_circular": of(func() Module {
		return NewConv2D(2, 4, 3, ConvOptions{Stride: 2, Pad: 2, Groups: 2, PadMode: autodiff.PadCircular}, seeded())
	}),
	"conv1d_depthwise": of(func() Module { return NewConv1D(3, 3, 4, ConvOptions{Same: true, Groups: 3}, seeded()) }),
	"conv1d_reflect": of(func() Module {
		return NewConv1D(2, 3, 3, ConvOptions{Pad: 2, PadMode: autodiff.PadReflect}, seeded())
	}),
	"conv_transpose2d": of(func() Module { return NewConvTranspose2D(3, 2, 3, ConvTransposeOptions{}, seeded()) }),
	"conv_transpose2d_groups": of(func() Module {
		c := NewConvTranspose2D(4, 6, 3, ConvTransposeOptions{ConvOptions: ConvOptions{KernelW: 2, Groups: 2}}, seeded())
		c.Options.StrideH, c.Options.StrideW, c.Options.PadH, c.Options.DilationH = 2, 3, 2, 2
		c.Options.OutputPadH, c.Options.OutputPadW = 1, 2
		return c
	}),
	"conv_transpose2d_depthwise": of(func() Module {
		c := NewConvTranspose2D(3, 3, 4, ConvTransposeOptions{ConvOptions: ConvOptions{Stride: 2, Pad: 1, Groups: 3}}, seeded())
		c.Bias = nil
		return c
	}),
	"conv_transpose1d": of(func() Module {
		return NewConvTranspose1D(2, 3, 4, ConvTransposeOptions{ConvOptions: ConvOptions{Stride: 2, Pad: 1}, OutputPad: 1}, seeded())
	}),
	"layer_norm_axes": of(func() Module { return NewLayerNorm(3, 5) }),
	"layer_norm_all_axes": of(func() Module {
		n := NewLayerNorm(4, 3, 5)
		n.Bias = nil
		return n
	}),
	"layer_norm_plain": of(func() Module {
		n := NewLayerNorm(3, 5)
		n.Weight, n.Bias = nil, nil
		return n
	}),
	"batch_norm_plain": of(func() Module {
		n := NewBatchNorm(3)
		n.Weight, n.Bias = nil, nil
		return n
	}),
	"batch_norm_untracked": eval(func() Module {
		n := NewBatchNorm(3)
		n.RunningMean, n.RunningVar = nil, nil
		return n
	}),
	"group_norm_plain": of(func() Module {
		n := NewGroupNorm(2, 4)
		n.Weight, n.Bias = nil, nil
		return n
	}),
	"instance_norm": of(func() Module { return NewInstanceNorm(3, false) }),
	"instance_norm_affine": of(func() Module {
		n := NewInstanceNorm(3, true)
		n.Eps = 1e-3
		return n
	}),
	"elu":          of(func() Module { return ELU{Alpha: 0.7} }),
	"hard_sigmoid": of(func() Module { return HardSigmoid{} }),
	"hard_swish":   of(func() Module { return HardSwish{} }),
	"rnn_no_bias":  of(func() Module { return NewRNN(3, 4, RecurrentOptions{NoBias: true}, seeded()) }),
	"gru_no_bias": of(func() Module {
		return NewGRU(3, 4, RecurrentOptions{Layers: 2, Bidirectional: true, NoBias: true}, seeded())
	}),
	"lstm_no_bias": of(func() Module { return NewLSTM(3, 4, RecurrentOptions{Layers: 2, NoBias: true}, seeded()) }),
	"attention":    of(func() Module { return NewMultiheadAttention(6, 2, AttentionOptions{}, seeded()) }),
	"attention_batch_first": of(func() Module {
		return NewMultiheadAttention(6, 3, AttentionOptions{BatchFirst: true, NoBias: true}, seeded())
	}),
	"attention_cross": of(func() Module {
		return cross{NewMultiheadAttention(6, 3, AttentionOptions{BatchFirst: true}, seeded())}
	}),
	"encoder_layer": of(func() Module { return NewTransformerEncoderLayer(6, 2, 5, TransformerOptions{}, seeded()) }),
	"encoder_layer_norm_first": of(func() Module {
		return NewTransformerEncoderLayer(6, 2, 5, TransformerOptions{NormFirst: true, GELU: true, BatchFirst: true}, seeded())
	}),
	"encoder_layer_no_bias": of(func() Module { return NewTransformerEncoderLayer(6, 2, 5, TransformerOptions{NoBias: true}, seeded()) }),
	"encoder":               of(func() Module { return newEncoder(NewLayerNorm(6)) }),
	"encoder_no_norm":       of(func() Module { return newEncoder(nil) }),
}

func newEncoder(norm *LayerNorm) Module {
	o := TransformerOptions{NormFirst: true, Causal: true}
	return NewTransformerEncoder(norm, NewTransformerEncoderLayer(6, 3, 4, o, seeded()), NewTransformerEncoderLayer(6, 3, 4, o, seeded()))
}

// cross is attention with another key, a third value and masks: of 2 samples with 3 queries and 6 keys.
type cross struct{ *MultiheadAttention }

func (m cross) Forward(x *autodiff.Var) *autodiff.Var {
	key := autodiff.Concat(1, x, autodiff.Scale(x, 0.5))
	y, _ := m.Attend(x, key, autodiff.Tanh(key), autodiff.AttentionMask{Keys: crossKeys, Scores: crossScores[x.Tape().DType()]})
	return y
}

var (
	crossKeys   = []bool{false, true, false, false, false, true, false, false, false, false, true, true}
	crossScores = map[tensor.DType]*tensor.Tensor{tensor.Float32: newCrossScores(tensor.Float32), tensor.Float64: newCrossScores(tensor.Float64)}
)

func newCrossScores(dt tensor.DType) *tensor.Tensor {
	m := tensor.New(dt, 3, 6)
	for t := range 3 {
		for s := range 6 {
			m.Set(0.25*float64(s-t), t, s)
			if (t+s)%4 == 3 {
				m.Set(math.Inf(-1), t, s)
			}
		}
	}
	return m
}

var deep = RecurrentOptions{Layers: 2, Bidirectional: true}

func newCNN(rng *rand.Rand) Module {
	return NewSequential(
		NewConv2D(1, 3, 3, ConvOptions{Pad: 1}, rng), ReLU{}, MaxPool2D{Kernel: 2},
		NewSequential(NewConv2D(3, 4, 3, ConvOptions{Pad: 1}, rng), ReLU{}, AvgPool2D{Kernel: 2}),
		Flatten{}, NewLinear(16, 5, rng), ReLU{}, NewLinear(5, 3, rng),
	)
}

// golden is the part of oracle/nn.py's file that belongs to one case.
type golden struct {
	*testing.T
	tensors map[string]*tensor.Tensor
}

func readGolden(t *testing.T) map[string]golden {
	t.Helper()
	f, err := tensor.ReadFile("testdata/layers.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]golden{}
	for _, n := range f.Tensors {
		name, part, _ := strings.Cut(n.Name, "/")
		if _, ok := cases[name]; !ok {
			cases[name] = golden{t, map[string]*tensor.Tensor{}}
		}
		cases[name].tensors[part] = n.Tensor
	}
	return cases
}

// part returns the tensors whose names start with prefix, without it.
func (g golden) part(prefix string) (named []tensor.Named) {
	for name, x := range g.tensors {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			named = append(named, tensor.Named{Name: rest, Tensor: x})
		}
	}
	return named
}

// load returns the case's module with the state that it had before.
func (g golden) load(name string, dt tensor.DType) Module {
	g.Helper()
	m := catalogue[name].make()
	Cast(m, dt)
	if err := Restore(m, g.part("state.")); err != nil {
		g.Fatalf("%s: %v", name, err)
	}
	return m
}

// distance returns the greatest difference, relative to 1 + |b|.
func distance(a, b *tensor.Tensor) (worst float64) {
	if a == nil || b == nil || fmt.Sprint(a.Shape()) != fmt.Sprint(b.Shape()) {
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

var tolerance = map[tensor.DType]float64{tensor.Float32: 3e-6, tensor.Float64: 1e-13}

// Every layer's output, gradients and running values are PyTorch's, at every level of
// the kernels.
func TestEqualsPyTorch(t *testing.T) {
	cases := readGolden(t)
	if len(cases) != len(catalogue) {
		t.Errorf("%d golden cases, %d rows in the catalogue", len(cases), len(catalogue))
	}
	defer simd.Use(simd.Current())
	for level := simd.Generic; level <= simd.Best(); level++ {
		simd.Use(level)
		for dt, tol := range tolerance {
			worst := 0.0
			for name := range catalogue {
				worst = max(worst, checkCase(t, name, cases[name], dt, tol))
			}
			t.Logf("%v, %v: off by at most %.2g", level, dt, worst)
		}
	}
}

func checkCase(t *testing.T, name string, g golden, dt tensor.DType, tol float64) (worst float64) {
	m := g.load(name, dt)
	tape := autodiff.NewTape(dt)
	tape.Training = !catalogue[name].eval
	x := tape.Input(g.tensors["x"].Convert(dt))
	y := m.Forward(x)
	tape.BackwardFrom(y, g.tensors["dy"].Convert(dt))
	check := func(what string, got, want *tensor.Tensor) {
		d := distance(got, want)
		if worst = max(worst, d); !(d <= tol) {
			t.Errorf("%s, %v: %s is off by %.2g", name, dt, what, d)
		}
	}
	check("y", y.Value, g.tensors["y"])
	if want := g.tensors["dx"]; want != nil {
		check("dx", x.Grad(), want)
	}
	grads, after := 0, g.part("after.")
	for _, p := range m.Params() {
		if want := g.tensors["grad."+p.Name]; want != nil {
			grads++
			check("the gradient of "+p.Name, p.Grad, want)
		}
		want := g.tensors["state."+p.Name]
		for _, n := range after {
			if n.Name == p.Name {
				want = n.Tensor
			}
		}
		check(p.Name+" afterwards", p.Value, want)
	}
	if want := len(g.part("grad.")); grads != want {
		t.Errorf("%s: %d parameters have gradients, want %d", name, grads, want)
	}
	return worst
}
