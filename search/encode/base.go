package encode

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/train"
)

// A Base is a model of another system that a network begins with: an ONNX file from pictures to numbers, with a card as OpenImported takes it.
type Base struct {
	path string
	file *format.Model
	card importedCard
}

// OpenBase reads a model and its card. side is the pixels of a side of the pictures where neither the model nor the card says a size.
//
// Errors: those of OpenImported; a model that takes one picture at a time, as training takes many.
func OpenBase(path string, side int) (*Base, error) {
	f, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b := &Base{path: path, file: f, card: importedCard{Scale: 1.0 / 255, Metric: distance.Cosine, side: side}}
	m, err := b.card.open(f, path)
	if err != nil {
		return nil, err
	}
	if b.card.single {
		in := slices.IndexFunc(m.Inputs, func(p onnx.Port) bool { return p.Name == b.card.Input })
		return nil, fmt.Errorf("%s: input %s takes one picture at a time; to be trained, the model must leave its first dimension open", path, m.Inputs[in])
	}
	return b, nil
}

// Pictures says how pictures are read for the model.
func (b *Base) Pictures() data.PictureOptions {
	return data.PictureOptions{C: b.card.depth(), H: b.card.Size[0], W: b.card.Size[1]}
}

// Sum stands for the model and its card where settings are compared.
func (b *Base) Sum() (string, error) {
	model, err := b.file.Encode()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	hash.Write(model)
	fmt.Fprint(hash, b.card)
	return fmt.Sprintf("model %x", hash.Sum(nil)[:12]), nil
}

// BaseOptions say how a network is made of a Base.
type BaseOptions struct {
	Freeze *regexp.Regexp // the parameters that training leaves as they are, as onnx.ModuleOptions has it; nil for none
	Seed   uint64         // of the last layer's weights
}

// Network returns a network of pictures, in [0, 1] as all networks take them, that begins with the model: its weights are where training starts. s.Dim 0 stands for the numbers
// that the model gives for a picture, all of them together a vector; where s.Dim is another number, a linear layer, whose parameters are energo.head.weight and energo.head.bias, makes that many of them. The sizes of pictures in s must be those of Pictures.
//
// Errors: a model that a derivative cannot pass; a pattern that no parameter matches; a vector with too many coordinates.
func (b *Base) Network(s Spec, o BaseOptions) (*Network, error) {
	n, err := b.network(s, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.path, err)
	}
	return n, nil
}

func (b *Base) network(s Spec, o BaseOptions) (*Network, error) {
	s.Imported = true
	file, err := b.flat()
	if err != nil {
		return nil, err
	}
	width, err := widthOf(file, s)
	if err != nil {
		return nil, err
	}
	if s.Dim = cmp.Or(s.Dim, width); s.Dim != width {
		addHead(file.Graph, width, s.Dim, o.Seed)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	n := &Network{Spec: s}
	m, err := moduleOf(file, o.Freeze)
	if err != nil {
		return nil, err
	}
	n.Module = m
	return n, nil
}

// The names of what is added to a model.
const (
	picturesName = "energo.pictures"
	vectorsName  = "energo.vectors"
	factorName   = "energo.factor"
	shiftName    = "energo.shift"
)

// flat is the model with what comes before it, from pixels in [0, 1] to what it takes, and behind it, a vector for each picture.
//
//	(b · scale − mean) / deviation = p · factor + shift, with b = 255·p
func (b *Base) flat() (*format.Model, error) {
	file, graph := *b.file, *b.file.Graph
	file.Graph = &graph
	channels := b.card.depth()
	factor, shift := make([]float32, channels), make([]float32, channels)
	for c := range factor {
		factor[c] = float32(255 * b.card.Scale / ofChannel(b.card.Deviation, c))
		shift[c] = float32(-ofChannel(b.card.Mean, c) / ofChannel(b.card.Deviation, c))
	}
	var before []*format.Node
	x := picturesName
	add := func(op, name string, attribute *format.Attribute, more ...string) {
		n := &format.Node{Name: name, Op: op, Inputs: append([]string{x}, more...), Outputs: []string{name}}
		if attribute != nil {
			n.Attributes = []*format.Attribute{attribute}
		}
		before, x = append(before, n), name
	}
	graph.Initializers = slices.Clone(graph.Initializers)
	if b.card.Channels == bgr {
		graph.Initializers = append(graph.Initializers, value.Ints(2, 1, 0).Tensor("energo.turned"))
		add("Gather", "energo.bgr", &format.Attribute{Name: "axis", Type: format.AttrInt, Int: 1}, "energo.turned")
	}
	for _, c := range []struct {
		name    string
		numbers []float32
	}{{factorName, factor}, {shiftName, shift}} {
		v, err := value.Of(c.numbers, 1, channels, 1, 1)
		if err != nil {
			return nil, err
		}
		graph.Initializers = append(graph.Initializers, v.Tensor(c.name))
	}
	add("Mul", "energo.scaled", nil, factorName)
	add("Add", "energo.normalised", nil, shiftName)
	if b.card.Layout == nhwc {
		add("Transpose", "energo.nhwc", &format.Attribute{Name: "perm", Type: format.AttrInts, Ints: []int64{0, 2, 3, 1}})
	}
	before[len(before)-1].Outputs[0] = b.card.Input
	vectors := &format.Node{Name: vectorsName, Op: "Flatten", Inputs: []string{b.card.Output}, Outputs: []string{vectorsName}}
	graph.Nodes = slices.Concat(before, graph.Nodes, []*format.Node{vectors})
	graph.Inputs = slices.DeleteFunc(slices.Clone(graph.Inputs), func(v *format.ValueInfo) bool { return v.Name == b.card.Input })
	graph.Inputs = append(graph.Inputs, floatsInfo(picturesName, -1, channels, b.card.Size[0], b.card.Size[1]))
	graph.Outputs = []*format.ValueInfo{floatsInfo(vectorsName, -1, -1)}
	return &file, nil
}

// floatsInfo describes a tensor of float32; a size of −1 is open.
func floatsInfo(name string, sizes ...int) *format.ValueInfo {
	t := &format.Type{Elem: format.Float, HasShape: true}
	for i, n := range sizes {
		d := format.Dim{Size: n}
		if n < 0 && i == 0 {
			d.Name = "batch"
		}
		t.Shape = append(t.Shape, d)
	}
	return &format.ValueInfo{Name: name, Type: t}
}

// addHead puts a linear layer behind the vectors.
func addHead(g *format.Graph, in, out int, seed uint64) {
	l := nn.NewLinear(in, out, train.Rand(seed, "init", 0))
	for _, p := range nn.Prefix("energo.head", l).Params() {
		v, err := value.Of(p.Value.Float32s(), p.Value.Shape()...)
		if err != nil {
			panic(err) // a parameter has as many elements as its shape says
		}
		g.Initializers = append(g.Initializers, v.Tensor(p.Name))
	}
	g.Nodes[len(g.Nodes)-1].Outputs[0] = "energo.features"
	g.Nodes = append(g.Nodes, &format.Node{
		Name: "energo.head", Op: "Gemm", Inputs: []string{"energo.features", "energo.head.weight", "energo.head.bias"}, Outputs: []string{vectorsName},
		Attributes: []*format.Attribute{{Name: "transB", Type: format.AttrInt, Int: 1}},
	})
}

// moduleOf makes a network of a file that flat has made.
func moduleOf(file *format.Model, freeze *regexp.Regexp) (*onnx.Module, error) {
	m, err := onnx.New(file, nil)
	if err != nil {
		return nil, err
	}
	return m.Module(&onnx.ModuleOptions{Input: picturesName, Output: vectorsName, Freeze: freeze, Constants: []string{factorName, shiftName}})
}

// widthOf runs a model on one picture and tells how many numbers it gives.
func widthOf(file *format.Model, s Spec) (int, error) {
	m, err := onnx.New(file, nil)
	if err != nil {
		return 0, err
	}
	x, err := value.New(format.Float, 1, s.Channels, s.Height, s.Width)
	if err != nil {
		return 0, err
	}
	out, err := m.Run(map[string]*value.Value{picturesName: x})
	if err != nil {
		return 0, err
	}
	v := out[vectorsName]
	if len(v.Shape) != 2 || v.Shape[0] != 1 || v.Shape[1] == 0 || v.Kind != format.Float {
		return 0, fmt.Errorf("the output is %s for one picture; it must be a vector of %s for each", v, format.Float)
	}
	return v.Shape[1], nil
}

// imported is a network's model as a file, with the vectors' lengths as Spec.Unit says.
func (n *Network) imported() (*format.Model, error) {
	m, ok := n.Module.(*onnx.Module)
	if !ok {
		return nil, errors.New("the network is no imported model")
	}
	file, err := m.File()
	if err != nil || !n.Unit {
		return file, err
	}
	graph := *file.Graph
	file.Graph = &graph
	graph.Nodes = append(slices.Clone(graph.Nodes), &format.Node{
		Name: "energo.unit", Op: "LpNormalization", Inputs: []string{vectorsName}, Outputs: []string{"energo.unit"},
		Attributes: []*format.Attribute{{Name: "axis", Type: format.AttrInt, Int: 1}, {Name: "p", Type: format.AttrInt, Int: 2}},
	})
	graph.Outputs = []*format.ValueInfo{floatsInfo("energo.unit", -1, n.Dim)}
	return file, nil
}

// saveImported writes the network's model.
func (n *Network) saveImported(path string) error {
	m, ok := n.Module.(*onnx.Module)
	if !ok {
		return errors.New("the network is no imported model")
	}
	file, err := m.File()
	if err != nil {
		return err
	}
	return format.WriteFile(path, file)
}

// encoder is what computes the network's vectors once it is trained.
func (n *Network) encoder() (*Imported, error) {
	file, err := n.imported()
	if err != nil {
		return nil, err
	}
	e := &Imported{card: importedCard{
		Input: picturesName, Output: file.Graph.Outputs[0].Name, Size: [2]int{n.Height, n.Width}, Channels: n.colours(), Layout: nchw,
		Scale: 1.0 / 255, Mean: card.Numbers{0}, Deviation: card.Numbers{1}, Metric: n.Metric, DarkBackground: n.DarkBackground,
	}}
	if e.model, err = onnx.New(file, nil); err != nil {
		return nil, err
	}
	return e, e.prepare()
}

// loadImported reads the network that Save has left, whose weights are read by another.
func loadImported(path string, s Spec) (*Network, error) {
	f, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := moduleOf(f, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Network{Spec: s, Module: m}, nil
}
