package encode

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/surround"
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
	made bool // the file is the network's own: ReopenBase
	over bool // … and another network begins with it, which may have a layer of its own behind it: OpenRunBase
}

// BaseInput says how a model is read.
type BaseInput struct {
	Side   int    // pixels of a side of the pictures where neither the model nor the card says a size
	Output string // the value of the graph that is the output; "" is what the card says
	// Features takes the input of the linear layer that the model ends in, with or without a softmax behind it, where neither Output nor the card names
	// the output: what a classifier has before its classes.
	Features bool
}

// OpenBase reads a model and its card.
//
// Errors: those of OpenImported; a model that takes one picture at a time, as training takes many; an Output that the graph does not have.
func OpenBase(path string, o BaseInput) (*Base, error) {
	f, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b := &Base{path: path, file: f, card: importedCard{Scale: 1.0 / 255, Metric: distance.Cosine, side: o.Side, asked: o.Output, features: o.Features}}
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

// ReopenBase opens the network that Network.Keep or Save has left in a folder as what a network begins with: BaseOptions.Head and the numbers of
// a vector in Spec are then those of that network.
//
// Errors name the file: a model that is damaged, or is not such a network.
func ReopenBase(dir string) (*Base, error) {
	path := filepath.Join(dir, ImportedFile)
	f, err := onnx.ReadFile(path)
	if err != nil {
		return nil, err
	}
	inputs, outputs, err := onnx.Ports(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	in := slices.DeleteFunc(inputs, func(p onnx.Port) bool { return p.Optional })
	if len(in) != 1 || len(in[0].Shape) != 4 || len(outputs) != 1 || len(outputs[0].Shape) != 2 {
		return nil, fmt.Errorf("%s: the model is no network of pictures, [batch, channels, height, width] to [batch, numbers]", path)
	}
	b := &Base{path: path, file: f, made: true}
	b.card.Input, b.card.Output, b.card.Channels = in[0].Name, outputs[0].Name, rgb
	shape := in[0].Shape
	if shape[1].Size == 1 {
		b.card.Channels = grey
	}
	if b.card.Size = [2]int{shape[2].Size, shape[3].Size}; min(b.card.Size[0], b.card.Size[1]) < 1 {
		return nil, fmt.Errorf("%s: the input %s leaves the size of the pictures open", path, in[0])
	}
	return b, nil
}

// OpenRunBase is ReopenBase for a network that begins with that of another run: BaseOptions.Head and the numbers of a vector in Spec are those of the new network, as OpenBase has them.
func OpenRunBase(dir string) (*Base, error) {
	b, err := ReopenBase(dir)
	if err != nil {
		return nil, err
	}
	b.over = true
	return b, nil
}

// Pictures says how pictures are read for the model.
func (b *Base) Pictures() data.PictureOptions {
	return data.PictureOptions{C: b.card.depth(), H: b.card.Size[0], W: b.card.Size[1]}
}

// BaseOptions say how a network is made of a Base.
type BaseOptions struct {
	Freeze *regexp.Regexp // the parameters that training leaves as they are, as onnx.ModuleOptions has it; nil for none
	Head   bool           // a linear layer makes the numbers of a vector also where the model gives as many
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
	f := surround.Of(b.file)
	if f.Last = b.card.Output; !b.made {
		f = b.surrounded()
	}
	width, err := widthOf(f, s)
	if err != nil {
		return nil, err
	}
	switch s.Dim = cmp.Or(s.Dim, width); {
	case b.made && !b.over && s.Dim != width:
		return nil, fmt.Errorf("the network gives %d numbers for a picture; the run has %d", width, s.Dim)
	case (!b.made || b.over) && (o.Head || s.Dim != width):
		addHead(f, width, s.Dim, o.Seed)
	}
	f.Outputs(-1, s.Dim)
	if err := s.Check(); err != nil {
		return nil, err
	}
	n := &Network{Spec: s}
	n.Module, err = moduleOf(f.File, o.Freeze)
	return n, err
}

// surrounded is the model with what comes before it, from pixels in [0, 1] to what it takes, and behind it, a vector for each picture.
//
//	(b · scale − mean) / deviation = p · factor + shift, with b = 255·p
func (b *Base) surrounded() *surround.Model {
	f := surround.Of(b.file)
	channels := b.card.depth()
	factor, shift := make([]float32, channels), make([]float32, channels)
	for c := range factor {
		factor[c] = float32(255 * b.card.Scale / ofChannel(b.card.Deviation, c))
		shift[c] = float32(-ofChannel(b.card.Mean, c) / ofChannel(b.card.Deviation, c))
	}
	constant := func(name string, numbers []float32) string {
		v, err := value.Of(numbers, 1, channels, 1, 1)
		if err != nil {
			panic(err) // there is a number for each channel
		}
		return f.Constant(name, v)
	}
	pictures := f.Fresh("energo.pictures")
	f.Before(surround.Floats(pictures, -1, channels, b.card.Size[0], b.card.Size[1]), b.card.Input, func() {
		if b.card.Channels == bgr {
			f.Add("Gather", "energo.bgr", surround.Int("axis", 1), f.Constant("energo.turned", value.Ints(2, 1, 0)))
		}
		f.Add("Mul", "energo.scaled", nil, constant("energo.factor", factor))
		f.Add("Add", "energo.normalised", nil, constant("energo.shift", shift))
		if b.card.Layout == nhwc {
			f.Add("Transpose", "energo.nhwc", surround.Ints("perm", 0, 2, 3, 1))
		}
	})
	f.Last = b.card.Output
	f.Add("Flatten", "energo.vectors", nil)
	f.Outputs(-1, -1)
	return f
}

// addHead puts a linear layer behind the vectors.
func addHead(f *surround.Model, in, out int, seed uint64) {
	l := nn.NewLinear(in, out, train.Rand(seed, "init", 0))
	var names []string
	for _, p := range nn.Prefix("energo.head", l).Params() {
		v, err := value.Of(p.Value.Float32s(), p.Value.Shape()...)
		if err != nil {
			panic(err) // a parameter has as many elements as its shape says
		}
		names = append(names, f.Constant(p.Name, v))
	}
	f.Add("Gemm", "energo.projected", surround.Int("transB", 1), names...)
}

// preparation are the names of initializers that prepare pixels, and do not train.
var preparation = regexp.MustCompile(`^(energo\.)+(factor|shift)$`)

// moduleOf makes a network of a file with one input and one output.
func moduleOf(file *format.Model, freeze *regexp.Regexp) (*onnx.Module, error) {
	m, err := onnx.New(file, nil)
	if err != nil {
		return nil, err
	}
	o := &onnx.ModuleOptions{Freeze: freeze}
	for _, t := range file.Graph.Initializers {
		if preparation.MatchString(t.Name) {
			o.Constants = append(o.Constants, t.Name)
		}
	}
	return m.Module(o)
}

// inputOf is the name of the input of pictures, which was added last.
func inputOf(file *format.Model) string { return file.Graph.Inputs[len(file.Graph.Inputs)-1].Name }

// widthOf runs a model on one picture and tells how many numbers it gives.
func widthOf(f *surround.Model, s Spec) (int, error) {
	m, err := onnx.New(f.File, nil)
	if err != nil {
		return 0, err
	}
	x, err := value.New(format.Float, 1, s.Channels, s.Height, s.Width)
	if err != nil {
		return 0, err
	}
	out, err := m.Run(map[string]*value.Value{inputOf(f.File): x})
	if err != nil {
		return 0, err
	}
	v := out[f.Last]
	if len(v.Shape) != 2 || v.Shape[0] != 1 || v.Shape[1] == 0 || v.Kind != format.Float {
		return 0, fmt.Errorf("the output is %s for one picture; it must be a vector of %s for each", v, format.Float)
	}
	return v.Shape[1], nil
}

// imported is a network's model as a file.
func (n *Network) imported() (*format.Model, error) {
	m, ok := n.Module.(*onnx.Module)
	if !ok {
		return nil, errors.New("the network is no imported model")
	}
	return m.File()
}

// ImportedModel is the model of a network that begins with an imported one as a file, with the vectors' lengths as Spec.Unit says.
func (n *Network) ImportedModel() (*format.Model, error) {
	file, err := n.imported()
	if err != nil || !n.Unit {
		return file, err
	}
	f := surround.Of(file)
	f.Last = file.Graph.Outputs[0].Name
	f.Add("LpNormalization", "energo.unit", []*format.Attribute{{Name: "axis", Type: format.AttrInt, Int: 1}, {Name: "p", Type: format.AttrInt, Int: 2}})
	f.Outputs(-1, n.Dim)
	return f.File, nil
}

// Keep writes the network's model into a folder, for ReopenBase, where it begins with an imported one.
func (n *Network) Keep(dir string) error {
	if !n.Imported {
		return nil
	}
	file, err := n.imported()
	if err != nil {
		return err
	}
	return format.WriteFile(filepath.Join(dir, ImportedFile), file)
}

// encoder is what computes the network's vectors once it is trained.
func (n *Network) encoder() (*Imported, error) {
	file, err := n.ImportedModel()
	if err != nil {
		return nil, err
	}
	e := &Imported{card: importedCard{
		Input: inputOf(file), Output: file.Graph.Outputs[0].Name, Size: [2]int{n.Height, n.Width}, Channels: n.Colours(), Layout: nchw,
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
