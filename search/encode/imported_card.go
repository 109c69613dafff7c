package encode

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/loss/distance"
)

// modelSuffix is what the name of a model's file ends in.
const modelSuffix = ".onnx"

// What a card may say of channels and layout.
const (
	rgb  = "rgb"
	bgr  = "bgr"
	grey = "grey"
	nchw = "nchw"
	nhwc = "nhwc"
)

// What the numbers of a classifier can be, as its card says it.
const (
	GivesEnergies      = "energies"
	GivesLogits        = "logits"
	GivesProbabilities = "probabilities"
)

const maxImportedSide = 1 << 12 // pixels

// An importedCard says of an imported model what its file does not say.
type importedCard struct {
	Input, Output   string
	Size            [2]int // height, width; 0 is open
	Channels        string
	Layout          string
	Scale           float64
	Mean, Deviation card.Numbers
	Metric          distance.Kind
	Normalise       bool
	DarkBackground  bool
	Labels          []string `json:"-"` // of classes; nil where nobody says them. They are no part of a vector, and so not of the fingerprint
	Gives           string   `json:"-"` // what the numbers of classes are
	single          bool     // the model takes one picture at a time
	side            int      // of pictures where neither the model nor the card says it; 0 for none
	asked           string   // the output instead of the card's; "" for none
	features        bool     // the output that nobody names is what comes before the linear layer that the model ends in
}

// ofChannel is the number of channel c, where there is one for each or one for all.
func ofChannel(numbers card.Numbers, c int) float64 { return numbers[min(c, len(numbers)-1)] }

// depth is the number of channels.
func (c *importedCard) depth() int {
	if c.Channels == grey {
		return 1
	}
	return 3
}

// keys lists what a card may say.
func (c *importedCard) keys() []card.Key {
	oneOf := func(name string, p *string, allowed ...string) card.Key {
		return card.Key{Name: name, To: p, OK: func() bool { return slices.Contains(allowed, *p) }, Must: strings.Join(allowed, " or ")}
	}
	numbers := func(name string, p *card.Numbers, ok func(float64) bool, must string) card.Key {
		return card.Key{Name: name, To: p, OK: func() bool {
			return (len(*p) == 1 || len(*p) == 3) && !slices.ContainsFunc(*p, func(x float64) bool { return !finite(x) || !ok(x) })
		}, Must: must}
	}
	return []card.Key{
		{Name: "input", To: &c.Input, OK: func() bool { return c.Input != "" }, Must: "the name of an input"},
		{Name: "output", To: &c.Output, OK: func() bool { return c.Output != "" }, Must: "the name of an output, or of another value of the graph"},
		{Name: "size", To: &c.Size, OK: func() bool { return min(c.Size[0], c.Size[1]) >= 1 && max(c.Size[0], c.Size[1]) <= maxImportedSide }, Must: fmt.Sprintf("[height, width] in pixels, each from 1 to %d", maxImportedSide)},
		oneOf("channels", &c.Channels, rgb, bgr, grey),
		oneOf("layout", &c.Layout, nchw, nhwc),
		{Name: "scale", To: &c.Scale, OK: func() bool { return finite(c.Scale) && c.Scale > 0 }, Must: "a number above 0"},
		numbers("mean", &c.Mean, func(float64) bool { return true }, "a number, or a list of one for each channel"),
		numbers("deviation", &c.Deviation, func(x float64) bool { return x > 0 }, "a number above 0, or a list of one for each channel"),
		{Name: "metric", To: &c.Metric, OK: func() bool { return slices.Contains(metrics, c.Metric) }, Must: "euclidean, cosine or dot"},
		{Name: "normalise", To: &c.Normalise, OK: func() bool { return true }, Must: "true or false"},
		{Name: "labels", To: &c.Labels, OK: func() bool { return len(c.Labels) > 0 && !slices.Contains(c.Labels, "") }, Must: "a list of the classes' names"},
		oneOf("gives", &c.Gives, GivesEnergies, GivesLogits, GivesProbabilities),
		{Name: "dark_background", To: &c.DarkBackground, OK: func() bool { return true }, Must: "true or false"},
	}
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// open makes a model of a file, with the card beside it and, where energo wrote the model, its metadata. The model's only output is that which the card names.
func (c *importedCard) open(f *format.Model, path string) (*onnx.Model, error) {
	said, err := c.read(f, path)
	if err != nil {
		return nil, err
	}
	if err := c.output(f, path, said); err != nil {
		return nil, err
	}
	m, err := onnx.New(f, &onnx.Options{Outputs: []string{c.Output}})
	if err == nil {
		err = c.settle(m, said.Path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// read reads the card beside a model and, where energo wrote the model, its metadata.
func (c *importedCard) read(f *format.Model, path string) (*card.Model, error) {
	return card.ReadModel(path, c.keys(), func(yield func(key, text string) bool) {
		for _, e := range f.Metadata {
			if f.Producer == export.Producer && !yield(e.Key, e.Value) {
				return
			}
		}
	})
}

// settle fills what follows from the model, and refuses what neither says.
func (c *importedCard) settle(m *onnx.Model, path string) error {
	in, err := c.input(m.Inputs, path)
	if err != nil {
		return err
	}
	p := m.Inputs[in]
	if p.Kind != 0 && value.MemoryOf(p.Kind) != value.F32 {
		return fmt.Errorf("input %q is %s; pictures are given as floats", p.Name, p.Kind)
	}
	sizes := []int{-1, -1, -1, -1}
	if p.HasShape {
		if len(p.Shape) != len(sizes) {
			return fmt.Errorf("input %s has %d dimensions; pictures have 4: of the batch, the channels, the height and the width", p, len(p.Shape))
		}
		for i, d := range p.Shape {
			sizes[i] = d.Size
		}
	}
	if sizes[0] >= 0 && sizes[0] != 1 {
		return fmt.Errorf("input %s takes %d pictures at a time; the first dimension must be open or 1", p, sizes[0])
	}
	c.single = sizes[0] == 1
	if err := c.fill(sizes); err != nil {
		return fmt.Errorf("%s: input %s: %w", path, p, err)
	}
	if missing := c.missing(); len(missing) > 0 {
		return fmt.Errorf("neither the model nor the card says %s: write it into %s", strings.Join(missing, ", "), path)
	}
	return c.agree(path)
}

// input is the index of the input that the card names, by default the only one without a value of its own.
func (c *importedCard) input(ports []onnx.Port, path string) (int, error) {
	var names, needed []string
	for _, p := range ports {
		names = append(names, p.Name)
		if !p.Optional {
			needed = append(needed, p.Name)
		}
	}
	if c.Input == "" {
		if len(needed) != 1 {
			return 0, fmt.Errorf("the model has the inputs %s; it must have one, that of the pictures", strings.Join(needed, ", "))
		}
		c.Input = needed[0]
	}
	at := slices.Index(names, c.Input)
	if at < 0 {
		return 0, fmt.Errorf("%s: input is %q; the model has %s%s", path, excerpt.Of(c.Input), strings.Join(names, ", "), spelling.DidYouMean(c.Input, names))
	}
	if others := slices.DeleteFunc(needed, func(name string) bool { return name == c.Input }); len(others) > 0 {
		return 0, fmt.Errorf("the model also needs the inputs %s; an encoder takes pictures alone", strings.Join(others, ", "))
	}
	return at, nil
}

// output settles the value that is the output: the one that is asked for, the one that the card names, or the first output.
func (c *importedCard) output(f *format.Model, path string, said *card.Model) error {
	if f.Graph == nil || len(f.Graph.Outputs) == 0 {
		return errors.New("the model has no outputs")
	}
	by := said.Path
	switch first := f.Graph.Outputs[0].Name; {
	case c.asked != "":
		c.Output, by = c.asked, path
	case c.Output == "" && c.features:
		c.Output = featuresOf(f.Graph, first)
	case c.Output == "":
		c.Output = first
	}
	var outputs, names []string
	for _, v := range f.Graph.Outputs {
		outputs = append(outputs, v.Name)
	}
	for _, n := range f.Graph.Nodes {
		names = append(names, n.Outputs...)
	}
	if !slices.Contains(names, c.Output) {
		return fmt.Errorf("%s: output is %q; the model has %s, and the values of its nodes%s", by, excerpt.Of(c.Output), strings.Join(outputs, ", "), spelling.DidYouMean(c.Output, names))
	}
	return nil
}

// featuresOf is the input of the linear layer that computes an output, with or without a softmax behind it: a Gemm, or a MatMul and maybe an Add, by constants. Where there is none, it is the output.
func featuresOf(g *format.Graph, output string) string {
	constant := func(name string) bool {
		n := nodeOf(g, name)
		return n != nil && n.Op == "Constant" || slices.ContainsFunc(g.Initializers, func(t *format.Tensor) bool { return t.Name == name })
	}
	n := nodeOf(g, output)
	for range g.Nodes { // through what only renames or normalises
		if n == nil || len(n.Inputs) == 0 || !slices.Contains([]string{"Softmax", "LogSoftmax", "Identity"}, n.Op) {
			break
		}
		n = nodeOf(g, n.Inputs[0])
	}
	if n != nil && n.Op == "Add" && len(n.Inputs) == 2 {
		for i, name := range n.Inputs {
			if m := nodeOf(g, name); m != nil && m.Op == "MatMul" && constant(n.Inputs[1-i]) {
				n = m
				break
			}
		}
	}
	if n == nil || n.Op != "Gemm" && n.Op != "MatMul" || len(n.Inputs) < 2 || constant(n.Inputs[0]) || !constant(n.Inputs[1]) || nodeOf(g, n.Inputs[0]) == nil {
		return output
	}
	return n.Inputs[0]
}

// nodeOf is the node that computes a value; nil for none.
func nodeOf(g *format.Graph, name string) *format.Node {
	i := slices.IndexFunc(g.Nodes, func(n *format.Node) bool { return slices.Contains(n.Outputs, name) })
	if name == "" || i < 0 {
		return nil
	}
	return g.Nodes[i]
}

// fill takes layout, channels and size from the sizes of the input, −1 where they are open, and refuses those that contradict the card.
func (c *importedCard) fill(sizes []int) error {
	depths := []int{1, 3}
	if c.Channels != "" {
		depths = []int{c.depth()}
	}
	if c.Layout == "" {
		switch {
		case slices.Contains(depths, sizes[1]):
			c.Layout = nchw
		case slices.Contains(depths, sizes[3]):
			c.Layout = nhwc
		}
	}
	if c.Layout == "" { // which missing names
		return nil
	}
	depth, size := sizes[1], sizes[2:4]
	if c.Layout == nhwc {
		depth, size = sizes[3], sizes[1:3]
	}
	if c.Channels == "" && depth == 1 {
		c.Channels = grey
	}
	if depth >= 0 && !slices.Contains(depths, depth) {
		return fmt.Errorf("by the layout %s, the model takes %d channels; that must be %s", c.Layout, depth, counts(depths...))
	}
	said := c.Size
	for i, side := range size {
		if side < 0 {
			continue
		}
		if side == 0 || side > maxImportedSide {
			return fmt.Errorf("a side of the pictures has %d pixels; it must have from 1 to %d", side, maxImportedSide)
		}
		if said[i] != 0 && said[i] != side {
			return fmt.Errorf("size is %d; the model's is %d", said, size)
		}
		c.Size[i] = side
	}
	for i := range c.Size {
		c.Size[i] = cmp.Or(c.Size[i], c.side)
	}
	return nil
}

// missing lists the keys that nothing says, with what they may be.
func (c *importedCard) missing() (keys []string) {
	unsaid := map[string]bool{
		"size": min(c.Size[0], c.Size[1]) == 0, "channels": c.Channels == "", "layout": c.Layout == "",
		"mean": c.Mean == nil, "deviation": c.Deviation == nil, "metric": c.Metric == "",
	}
	for _, k := range c.keys() {
		if unsaid[k.Name] {
			keys = append(keys, fmt.Sprintf("%s (%s)", k.Name, k.Must))
		}
	}
	return keys
}

// agree refuses values that do not fit the channels.
func (c *importedCard) agree(path string) error {
	for _, list := range []struct {
		name    string
		numbers card.Numbers
	}{{"mean", c.Mean}, {"deviation", c.Deviation}} {
		if n := len(list.numbers); n != 1 && n != c.depth() {
			return fmt.Errorf("%s: %s has %d numbers; for %s pictures it must have %s", path, list.name, n, c.Channels, counts(1, c.depth()))
		}
	}
	if c.DarkBackground && c.Channels != grey {
		return fmt.Errorf("%s: dark_background is true; it must be false for %s pictures", path, c.Channels)
	}
	return nil
}

// counts writes numbers of which one must be: "1 or 3".
func counts(n ...int) string {
	var texts []string
	for _, n := range slices.Compact(n) {
		texts = append(texts, fmt.Sprint(n))
	}
	return strings.Join(texts, " or ")
}
