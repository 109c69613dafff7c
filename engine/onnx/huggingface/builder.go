package huggingface

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// A builder writes a network's graph. After the first error it does nothing.
type builder struct {
	*export.Graph
	dir, path string // of the folder and of its settings
	settings  json.RawMessage
	weights   map[string]*tensor.Tensor
	base      string // what the names of the network's weights begin with, but those of its head
	err       error
}

// fail keeps the first error.
func (b *builder) fail(format string, arguments ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, arguments...)
		b.Fail(b.err)
	}
}

// A setting is a number of config.json with its name and what it may be.
type setting struct {
	name        string
	value       int
	least, most int
}

// read fills a structure, which has the defaults, from the settings, and checks numbers of it.
func (b *builder) read(into any, check func() []setting) {
	if err := json.Unmarshal(b.settings, into); err != nil {
		b.fail("%s: %w", b.path, excerpt.Error(err))
	}
	for _, s := range check() {
		if s.value < s.least || s.value > s.most {
			b.fail("%s: %s is %d; it must be from %d to %d", b.path, s.name, s.value, s.least, s.most)
		}
	}
}

// must refuses a setting that cannot be built.
func (b *builder) must(name string, value any, allowed ...any) {
	if !slices.Contains(allowed, value) {
		b.fail("%s: %s is %s; it must be one of %v", b.path, name, excerpt.Of(fmt.Sprintf("%#v", value)), allowed)
	}
}

// has reports whether there is a weight of the network.
func (b *builder) has(name string) bool { return b.weights[b.base+name] != nil }

// weight is a weight of the network; -1 stands for any size.
func (b *builder) weight(name string, shape ...int) export.Value {
	return b.head(b.base+name, shape...)
}

// head is a weight by its whole name.
func (b *builder) head(name string, shape ...int) export.Value {
	if b.check(name, shape...); b.err != nil {
		return export.Value{}
	}
	return b.Tensor(name, b.weights[name])
}

// check refuses a weight, by its whole name, that is missing or of another shape.
func (b *builder) check(name string, shape ...int) {
	t := b.weights[name]
	if t == nil {
		b.fail("%s: the weight %q is missing; by these settings its shape must be %v", b.path, name, shape)
		return
	}
	ok := len(shape) == t.Rank()
	for i := 0; ok && i < len(shape); i++ {
		ok = shape[i] < 0 || shape[i] == t.Dim(i)
	}
	if !ok {
		b.fail("%s: the weight %q has the shape %v; by these settings it must be %v", b.path, name, t.Shape(), shape)
	}
}

// labels is the number of rows of a weight by its whole name; -1 where there is none, which head reports.
func (b *builder) labels(name string) int {
	if t := b.weights[name]; t != nil && t.Rank() > 0 {
		return t.Dim(0)
	}
	return -1
}

// linear adds x·Wᵀ + b, from in to out features. name is a whole one.
func (b *builder) linear(x export.Value, name string, in, out int) export.Value {
	return b.product(x, b.head(name+".weight", out, in), b.head(name+".bias", out))
}

// product adds x·Wᵀ + c.
func (b *builder) product(x, w, c export.Value) export.Value {
	if x.Rank() == 2 {
		return b.Add("Gemm", 2, []export.Value{x, w, c}, export.Int("transB", 1))
	}
	return b.Binary("Add", b.Binary("MatMul", x, b.Transpose(w, 1, 0)), c)
}

// layerNorm normalises the last axis, of n features.
func (b *builder) layerNorm(x export.Value, name string, n int, eps float64) export.Value {
	return b.Add("LayerNormalization", x.Rank(), []export.Value{x, b.head(name+".weight", n), b.head(name+".bias", n)}, export.Int("axis", -1), export.Float("epsilon", eps))
}

// activation adds a function by transformers' name.
func (b *builder) activation(x export.Value, name string) export.Value {
	half := func(cdf export.Value) export.Value { // x·(1 + cdf)/2
		return b.Binary("Mul", b.Binary("Mul", x, b.Binary("Add", cdf, b.Float(1))), b.Float(0.5))
	}
	switch name {
	case "relu":
		return b.Unary("Relu", x)
	case "tanh":
		return b.Unary("Tanh", x)
	case "sigmoid":
		return b.Unary("Sigmoid", x)
	case "silu", "swish":
		return b.Binary("Mul", x, b.Unary("Sigmoid", x))
	case "relu6":
		return b.Add("Clip", x.Rank(), []export.Value{x, b.Float(0), b.Float(6)})
	case "gelu":
		return half(b.Unary("Erf", b.Binary("Div", x, b.Float(math.Sqrt2))))
	case "gelu_new", "gelu_pytorch_tanh":
		cubed := b.Binary("Mul", b.Binary("Mul", b.Binary("Mul", x, x), x), b.Float(0.044715))
		return half(b.Unary("Tanh", b.Binary("Mul", b.Binary("Add", x, cubed), b.Float(math.Sqrt(2/math.Pi)))))
	}
	b.fail("%s: the activation is %q; it must be gelu, gelu_new, gelu_pytorch_tanh, relu, relu6, sigmoid, silu, swish or tanh", b.path, excerpt.Of(name))
	return export.Value{}
}

// first is the first place of the second axis of x, [batch, places, n].
func (b *builder) first(x export.Value, n int) export.Value {
	return b.Reshape(b.Gather(x, b.Ints(0), 1), 0, n)
}

// output makes x an output; the shape's last dimension is n where n is above 0.
func (b *builder) output(name, doc, shape string, n int, x export.Value) {
	if b.err != nil {
		return
	}
	if n > 0 {
		shape += "," + strconv.Itoa(n)
	}
	b.Output(export.Port{Name: name, Doc: doc, Kind: format.Float, Shape: shape}, x)
}

// A transformer is the shape of an encoder's layers and the names of their weights.
type transformer struct {
	hidden, inner, heads, layers int
	eps                          float64
	act                          string
	preNorm                      bool // norms stand before attention and products, not behind the sums
	layer                        string
	query, key, value, out       string
	norm1, up, down, norm2       string
	noBias                       bool // of query, key and value
}

// settings are what is checked of it.
func (t *transformer) settings() []setting {
	return []setting{
		{"the number of features", t.hidden, 1, 1 << 20},
		{"the number of features between two products", t.inner, 1, 1 << 20},
		{"the number of heads", t.heads, 1, 1 << 16},
		{"the number of layers", t.layers, 0, 1 << 12},
	}
}

// layers adds a transformer's layers. mask is added to the scores of attention where it is there.
func (b *builder) layers(x export.Value, t *transformer, mask *export.Value) export.Value {
	if b.err == nil && t.hidden%t.heads != 0 {
		b.fail("%s: %d features are not a multiple of %d heads", b.path, t.hidden, t.heads)
	}
	for i := 0; i < t.layers && b.err == nil; i++ {
		name := fmt.Sprintf("%s%s.%d.", b.base, t.layer, i)
		norm1 := func(x export.Value) export.Value { return b.layerNorm(x, name+t.norm1, t.hidden, t.eps) }
		norm2 := func(x export.Value) export.Value { return b.layerNorm(x, name+t.norm2, t.hidden, t.eps) }
		feed := func(x export.Value) export.Value {
			return b.linear(b.activation(b.linear(x, name+t.up, t.hidden, t.inner), t.act), name+t.down, t.inner, t.hidden)
		}
		if t.preNorm {
			x = b.Binary("Add", x, b.attention(norm1(x), name, t, mask))
			x = b.Binary("Add", x, feed(norm2(x)))
			continue
		}
		x = norm1(b.Binary("Add", x, b.attention(x, name, t, mask)))
		x = norm2(b.Binary("Add", x, feed(x)))
	}
	return x
}

// attention adds softmax(q·kᵀ/√d + mask)·v over the heads, and the product behind it.
func (b *builder) attention(x export.Value, name string, t *transformer, mask *export.Value) export.Value {
	part := t.hidden / t.heads
	split := func(which string, order ...int) export.Value {
		w := b.head(name+which+".weight", t.hidden, t.hidden)
		y := b.Binary("MatMul", x, b.Transpose(w, 1, 0))
		if !t.noBias {
			y = b.Binary("Add", y, b.head(name+which+".bias", t.hidden))
		}
		return b.Transpose(b.Reshape(y, 0, 0, t.heads, part), order...)
	}
	scores := b.Binary("MatMul", split(t.query, 0, 2, 1, 3), split(t.key, 0, 2, 3, 1))
	scores = b.Binary("Div", scores, b.Float(math.Sqrt(float64(part))))
	if mask != nil {
		scores = b.Binary("Add", scores, *mask)
	}
	y := b.Binary("MatMul", b.Unary("Softmax", scores, export.Int("axis", -1)), split(t.value, 0, 2, 1, 3))
	y = b.Reshape(b.Transpose(y, 0, 2, 1, 3), 0, 0, t.hidden)
	return b.linear(y, name+t.out, t.hidden, t.hidden)
}
