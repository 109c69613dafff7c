package read

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/surround"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/train"
)

// A surroundedFile is a model with nodes before it, from lines [N, 1, height, columns] to what it takes, and behind it, from its output [N, frames, classes] on.
type surroundedFile struct {
	*surround.Model
	spec  Spec
	lines string // the name of the input
}

// surroundedLines adds what comes before a model of lines: from ink of brightness 1 on black to its channels.
//
//	x = (255·g · scale − mean) / deviation = p·factor + shift
//
// with g = p where the card says dark_background, and else 1 − p, dark ink on white.
func (b *Base) surroundedLines(s Spec) *surroundedFile {
	l := b.lines
	f := &surroundedFile{Model: surround.Of(b.Format), spec: s}
	f.lines = f.Fresh("energo.lines")
	factor, shift := make([]float32, l.channels), make([]float32, l.channels)
	for c := range factor {
		factor[c], shift[c] = l.values[c][255]-l.values[c][0], l.values[c][0]
		if !l.card.darkBackground {
			factor[c], shift[c] = -factor[c], l.values[c][255]
		}
	}
	constant := func(name string, numbers []float32) string {
		v, err := value.Of(numbers, 1, l.channels, 1, 1)
		if err != nil {
			panic(err) // there is a number for each channel
		}
		return f.Constant(name, v)
	}
	f.Before(surround.Floats(f.lines, -1, 1, s.Height, -1), b.input.Name, func() {
		f.Add("Mul", "energo.scaled", nil, constant("energo.factor", factor))
		f.Add("Add", "energo.normalised", nil, constant("energo.shift", shift))
	})
	f.Last = b.output.Name
	return f
}

// preparation are the names of constants that prepare lines or normalise features, and do not train.
var preparation = regexp.MustCompile(`^(energo\.)+(factor|shift)$|^(` + featuresMean + `|` + featuresScale + `)$`)

// ground is what follows shorter lines, for each row: zeros for the model, as ONNXEmitter has them, or where its channels differ, what is so in the mean.
func (l *lineModel) ground() []float32 {
	sum := 0.0
	for c := range l.channels {
		black, white := float64(l.values[c][0]), float64(l.values[c][255])
		sum += -black / (white - black)
	}
	p := sum / float64(l.channels)
	if !l.card.darkBackground {
		p = 1 - p
	}
	silence := make([]float32, l.card.height)
	for row := range silence {
		silence[row] = float32(p)
	}
	return silence
}

// surrounded adds what comes before the model.
func (b *Base) surrounded(s Spec) *surroundedFile {
	c, in := b.card, b.input
	f := &surroundedFile{Model: surround.Of(b.Format), spec: s}
	f.lines = f.Fresh("energo.lines")
	shape := []int64{0, int64(s.Height), -1}
	if c.features == waveform {
		if shape = []int64{0, -1}; len(in.Shape) == 3 {
			shape = []int64{0, 1, -1}
		}
	}
	lines := surround.Floats(f.lines, -1, 1, s.rows(), -1)
	f.Before(lines, in.Name, func() {
		if s.Imported.Lengths {
			f.addRows("energo.rows", 0, s.Height)
		}
		f.Add("Reshape", "energo.reshaped", nil, f.Constant("energo.shape", value.Ints(shape...)))
		if c.features == logMel && c.layout == framesFirst {
			f.Add("Transpose", "energo.turned", surround.Ints("perm", 0, 2, 1))
		}
	})
	if c.length != "" {
		f.Before(lines, c.length, func() { f.addLengths(b.sound.length) })
	}
	f.Last = b.output.Name
	return f
}

// addRows takes rows lo to hi-1 of the lines.
func (f *surroundedFile) addRows(name string, lo, hi int) {
	var rows []int64
	for row := lo; row < hi; row++ {
		rows = append(rows, int64(row))
	}
	f.Add("Gather", name, surround.Int("axis", 2), f.Constant(name+".places", value.Ints(rows...)))
}

// addLengths computes the number of columns of each line: the sum of its last row.
func (f *surroundedFile) addLengths(kind format.DataType) {
	f.addRows("energo.columns", f.spec.Height, f.spec.Height+1)
	axes := []*format.Attribute{{Name: "keepdims", Type: format.AttrInt}}
	if f.opset() < 13 {
		f.Add("ReduceSum", "energo.sums", append(axes, surround.Ints("axes", 1, 2, 3)...))
	} else {
		f.Add("ReduceSum", "energo.sums", axes, f.Constant("energo.axes", value.Ints(1, 2, 3)))
	}
	f.Add("Cast", "energo.lengths", surround.Int("to", int(kind)))
}

// opset is the version of the standard's operators in the file.
func (f *surroundedFile) opset() int64 { return opsetOf(f.File) }

func opsetOf(file *format.Model) int64 {
	for _, o := range file.Opsets {
		if o.Domain == "" || o.Domain == "ai.onnx" {
			return int64(o.Version)
		}
	}
	return 0
}

// addHead puts a linear layer over the classes.
func (f *surroundedFile) addHead(in, out int, seed uint64) {
	l := nn.NewLinear(in, out, train.Rand(seed, "init", 0))
	weight, bias := l.Params()[0].Value, l.Params()[1].Value // [out, in], [out]
	turned := make([]float32, in*out)
	turn(turned, weight.Float32s(), out, in)
	constant := func(name string, values []float32, shape ...int) string {
		v, err := value.Of(values, shape...)
		if err != nil {
			panic(err) // the parameters of a linear layer have these sizes
		}
		return f.Constant(name, v)
	}
	f.Add("MatMul", "energo.projected", nil, constant("energo.head.weight", turned, in, out))
	f.Add("Add", "energo.scored", nil, constant("energo.head.bias", bias.Float32s(), out))
}

// measure finds the output's classes and its frames: for n columns, ⌊(n + Shift)/Step⌋, which holds of convolutions and pooling of any sizes, strides and padding. Step is
// the columns between the two first numbers of columns, above some, at which there is a frame more.
func (f *surroundedFile) measure(s *Imported) (classes int, err error) {
	g := *f.File.Graph
	g.Outputs = []*format.ValueInfo{surround.Floats(f.Last, -1, -1, -1)}
	file := *f.File
	file.Graph = &g
	m, err := onnx.New(&file, nil)
	if err != nil {
		return 0, err
	}
	frames := func(n int) (int, error) {
		rows := f.spec.rows()
		x := make([]float32, 2*rows*n)
		for k := range x {
			if x[k] = float32(k%7)/7 - 0.5; k/n%rows == f.spec.Height { // a constant would have no deviation
				x[k] = 1 // of Imported.Lengths
			}
		}
		v, err := value.Of(x, 2, 1, rows, n)
		if err != nil {
			return 0, err
		}
		out, err := m.Run(map[string]*value.Value{f.lines: v})
		if err != nil {
			return 0, err
		}
		y := out[f.Last]
		if len(y.Shape) != 3 || y.Shape[0] != 2 || y.Shape[2] < 1 || y.Kind != format.Float {
			return 0, fmt.Errorf("the output is %s for two lines; it must be of %s, [2, frames, classes]", y, format.Float)
		}
		classes = y.Shape[2]
		return y.Shape[1], nil
	}
	least := 64
	if f.spec.Height == 1 {
		least = 4000
	}
	first, more, err := nextFrame(frames, least)
	if err != nil {
		return 0, err
	}
	second, _, err := nextFrame(frames, first)
	if err != nil {
		return 0, err
	}
	s.Step = second - first
	s.Shift = s.Step*more - first
	for _, n := range []int{least, 2*least + 1, 3*second + s.Step/2} {
		if count, err := frames(n); err != nil || count != s.frames(n) {
			return 0, errors.Join(err, fmt.Errorf("the output has %d frames for %d of the input; by the first ones there must be ⌊(n + %d)/%d⌋ = %d", count, n, s.Shift, s.Step, s.frames(n)))
		}
	}
	return classes, nil
}
