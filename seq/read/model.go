package read

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/simd"
	"golang.org/x/image/draw"
)

// What a model's output holds.
const (
	logProbs      = "log_probs"
	logits        = "logits"
	probabilities = "probabilities"
)

// maxHeight bounds the rows of lines, and what their columns are a multiple of.
const maxHeight = 1 << 12

// A lineModel is an ONNX model that reads pictures of lines.
type lineModel struct {
	*onnx.Model
	card          *modelCard
	input, output onnx.Port
	channels      int
	width         int             // of all lines; 0 where it is open
	values        [3][256]float32 // of each channel's pixels, as the model takes them
	stride        float64         // columns from a frame to the next
}

// ONNXEmitter returns the emitter of an ONNX model that reads pictures of lines of text: it takes pixels [1, channels, height, width] as
// float32 and gives emissions in which all dimensions but those of the frames and, the last, of the classes are 1. A picture is scaled to
// the model's height, its width in proportion; where the width must be more, zeros follow it, and where the model fixes the width, a
// wider line is narrowed to it. What the file does not say comes from a card beside it, which has CardEnding instead of .onnx; docs/onnx.md
// has its keys.
//
// Errors name the file: those of the model and the card; a key that is missing, unknown or out of range; a model of another form.
func ONNXEmitter(path string) (*Emitter, error) {
	m, err := onnx.Open(path, nil)
	if err != nil {
		return nil, err
	}
	c, err := readModelCard(path, m.Format.Metadata)
	if err != nil {
		return nil, err
	}
	l := &lineModel{Model: m, card: c}
	if err := l.prepare(); err != nil {
		return nil, err
	}
	// Empty lines tell the number of classes and the columns of a frame.
	columns := l.columns(8 * c.height)
	x, frames, err := l.run(make([]float32, l.channels*c.height*columns), columns)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if l.stride = float64(columns) / float64(frames); l.stride > 1 {
		l.stride = math.Round(l.stride) // networks lose or add a frame at the ends
	}
	e := &Emitter{Unit: Pixels, Frame: l.stride, lines: l}
	if e.Classes, e.Blank, err = c.classes(len(x)/frames, m.Format.Metadata); err != nil {
		return nil, err
	}
	if slices.Contains(e.Classes, " ") {
		e.Separator = " "
	}
	e.aligner.Blank = e.Blank
	return e, nil
}

// prepare takes from the model what its graph says, and holds the card against it.
func (l *lineModel) prepare() (err error) {
	c := l.card
	if l.input, err = c.port("input", c.input, slices.DeleteFunc(slices.Clone(l.Inputs), func(p onnx.Port) bool { return p.Optional })); err != nil {
		return err
	}
	if l.output, err = c.port("output", c.output, l.Outputs); err != nil {
		return err
	}
	if l.input.Kind != format.Float || l.input.HasShape && len(l.input.Shape) != 4 {
		return fmt.Errorf("%s: the input %s is not of lines, which are float[1,channels,height,width]", c.model, l.input)
	}
	if l.output.Kind != format.Float {
		return fmt.Errorf("%s: the output %s must be of float", c.model, l.output)
	}
	fixed := [4]int{-1, -1, -1, -1}
	for i, d := range l.input.Shape {
		fixed[i] = int(d.Size)
	}
	if fixed[0] > 1 || slices.Contains(fixed[:], 0) || fixed[2] > maxHeight || fixed[3] > maxStrip {
		return fmt.Errorf("%s: the input %s does not take one line", c.model, l.input)
	}
	l.width = max(0, fixed[3])
	if err := c.setHeight(fixed[2]); err != nil {
		return err
	}
	if err := c.setChannels(fixed[1]); err != nil {
		return err
	}
	l.channels = 3
	if c.channels == "grey" {
		l.channels = 1
	}
	if !c.said["emissions"] {
		if c.emissions = lastKind(l.Format.Graph, l.output.Name); c.emissions == "" {
			return c.missing("emissions", "whether the output holds log_probs, logits or probabilities")
		}
	}
	return l.setValues()
}

// port finds an input or an output: the one that the card names, or the only one.
func (c *modelCard) port(key, name string, all []onnx.Port) (onnx.Port, error) {
	if !c.said[key] && len(all) != 1 {
		return onnx.Port{}, c.missing(key, fmt.Sprintf("which of its %d %ss is of lines", len(all), key))
	}
	var names []string
	for _, p := range all {
		if !c.said[key] || p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return onnx.Port{}, fmt.Errorf("%s: %s is %q; the model has %s", c.path, key, name, strings.Join(names, ", "))
}

// setHeight takes the model's height, below 0 where it is open.
func (c *modelCard) setHeight(fixed int) error {
	switch {
	case fixed < 0 && !c.said["height"]:
		return c.missing("height", "the height of a line in pixels")
	case fixed > 0 && c.said["height"] && c.height != fixed:
		return fmt.Errorf("%s: height is %d; the model takes lines of height %d", c.path, c.height, fixed)
	case fixed > 0:
		c.height = fixed
	}
	return nil
}

// setChannels takes the model's number of channels, below 0 where it is open.
func (c *modelCard) setChannels(fixed int) error {
	grey := c.channels == "grey"
	switch {
	case fixed == 1 && !c.said["channels"]:
		c.channels = "grey"
	case !c.said["channels"]:
		return c.missing("channels", "what the channels are: grey, rgb or bgr")
	case fixed > 0 && (grey && fixed != 1 || !grey && fixed != 3):
		return fmt.Errorf("%s: channels is %s; the model takes %d channels", c.path, c.channels, fixed)
	}
	return nil
}

// lastKind tells what an output holds by the operator that computes it; "" where that does not tell.
func lastKind(g *format.Graph, output string) string {
	for range g.Nodes { // through nodes that only rename
		i := slices.IndexFunc(g.Nodes, func(n *format.Node) bool { return slices.Contains(n.Outputs, output) })
		if i < 0 {
			return ""
		}
		n := g.Nodes[i]
		if n.Op != "Identity" || len(n.Inputs) != 1 {
			return map[string]string{"Softmax": probabilities, "LogSoftmax": logProbs}[n.Op]
		}
		output = n.Inputs[0]
	}
	return ""
}

// setValues computes (pixel · scale − mean)/deviation for each channel.
func (l *lineModel) setValues() error {
	c := l.card
	for _, n := range []struct {
		key, meaning string
		values       *numbers
	}{
		{"mean", "what is subtracted from pixels in [0, 1]", &c.mean},
		{"deviation", "what pixels are divided by, less the mean", &c.deviation},
	} {
		switch {
		case !c.said[n.key]:
			return c.missing(n.key, n.meaning)
		case len(*n.values) == 1:
			*n.values = slices.Repeat(*n.values, l.channels)
		case len(*n.values) != l.channels:
			return fmt.Errorf("%s: %s has %d numbers; it must have 1 or %d, one for each channel", c.path, n.key, len(*n.values), l.channels)
		}
	}
	for k := range l.channels {
		for p := range l.values[k] {
			l.values[k][p] = float32((float64(float64(p)*c.scale) - c.mean[k]) / c.deviation[k])
		}
	}
	return nil
}

// columns is how many columns the model gets of a line that has width of them.
func (l *lineModel) columns(width int) int {
	if l.width > 0 {
		return l.width
	}
	n := l.card.widthMultiple
	return (max(width, l.card.leastWidth) + n - 1) / n * n
}

// emit reads a picture.
func (l *lineModel) emit(path string) (x Emissions, err error) {
	picture, err := openPicture(path)
	if err != nil {
		return x, err
	}
	size := picture.Bounds().Size()
	width, err := widthAt(size, l.card.height)
	if err != nil {
		return x, fmt.Errorf("%s: %w", path, err)
	}
	if l.width > 0 {
		width = min(width, l.width)
	}
	columns := l.columns(width)
	if x.LogProbs, x.Frames, err = l.run(l.pixels(picture, width, columns), columns); err != nil {
		return x, fmt.Errorf("%s: %w", path, err)
	}
	x.Length = float64(size.X)
	x.Frame = l.stride * x.Length / float64(width)
	if columns == width { // the last frame may begin in the line and end behind it
		x.Length = max(x.Length, float64(x.Frames)*x.Frame)
	}
	return x, nil
}

// pixels scales a picture and gives its values by channel, zeros behind the last column.
func (l *lineModel) pixels(picture image.Image, width, columns int) []float32 {
	height := l.card.height
	at := image.Rect(0, 0, width, height)
	var pix []byte // of width · height pixels
	step, order := 1, []int{0}
	if l.card.channels == "grey" {
		grey := image.NewGray(at)
		l.scale(grey, picture)
		pix = grey.Pix
	} else {
		colour := image.NewRGBA(at)
		l.scale(colour, picture)
		pix, step, order = colour.Pix, 4, []int{0, 1, 2}
		if l.card.channels == "bgr" {
			slices.Reverse(order)
		}
	}
	invert := byte(0)
	if l.card.darkBackground && bright(pix, step, order) {
		invert = 255
	}
	x := make([]float32, l.channels*height*columns)
	for k, c := range order {
		for row := range height {
			for column := range width {
				x[(k*height+row)*columns+column] = l.values[k][pix[(row*width+column)*step+c]^invert]
			}
		}
	}
	return x
}

// scale draws a picture in the size of dst: what is transparent lies over white, or over black where the ground is dark.
func (l *lineModel) scale(dst draw.Image, picture image.Image) {
	ground := image.White
	if l.card.darkBackground {
		ground = image.Black
	}
	draw.Draw(dst, dst.Bounds(), ground, image.Point{}, draw.Src)
	draw.CatmullRom.Scale(dst, dst.Bounds(), picture, picture.Bounds(), draw.Over, nil)
}

// bright reports whether the mean of the pixels is above the middle.
func bright(pix []byte, step int, channels []int) bool {
	var sum, n int
	for i := 0; i < len(pix); i += step {
		for _, c := range channels {
			sum += int(pix[i+c])
			n++
		}
	}
	return 2*sum > 255*n
}

// run gives the log-probabilities of a line [channels, height, columns], frame by frame.
func (l *lineModel) run(pixels []float32, columns int) (logs []float32, frames int, err error) {
	x, err := value.Of(pixels, 1, l.channels, l.card.height, columns)
	if err != nil {
		return nil, 0, err
	}
	out, err := l.Run(map[string]*value.Value{l.input.Name: x})
	if err != nil {
		return nil, 0, err
	}
	y := out[l.output.Name]
	logs = value.Data[float32](y)
	classes := 0
	if len(y.Shape) > 1 {
		classes = y.Shape[len(y.Shape)-1]
	}
	if classes < 1 || len(logs) == 0 || len(logs)/classes != slices.Max(y.Shape[:len(y.Shape)-1]) {
		return nil, 0, fmt.Errorf("the output %s has the shape %v; it must be [frames, classes], with ones beside", l.output.Name, y.Shape)
	}
	frames = len(logs) / classes
	switch l.card.emissions {
	case logits:
		simd.LogSoftmaxRows(logs, logs, frames, classes)
	case probabilities:
		for i, p := range logs {
			if !(p >= 0 && p <= 1.001) {
				return nil, 0, fmt.Errorf("the output %s has %v at frame %d, class %d, which is no probability", l.output.Name, p, i/classes, i%classes)
			}
			logs[i] = min(p, 1)
		}
		simd.Log(logs, logs)
	}
	return logs, frames, nil
}

// widthAt is the width of a picture that is scaled to a height.
func widthAt(size image.Point, height int) (int, error) {
	width := max(1, math.Round(float64(size.X)*float64(height)/float64(size.Y)))
	if width*float64(height) > maxStrip {
		return 0, fmt.Errorf("at %d rows the picture of %d×%d pixels has %.0f columns; it must have no more than %d", height, size.X, size.Y, width, maxStrip/height)
	}
	return int(width), nil
}
