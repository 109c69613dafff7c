package read

import (
	"fmt"
	"image"
	"math"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/card"
	"golang.org/x/image/draw"
)

// maxHeight bounds the rows of lines, and what their columns are a multiple of.
const maxHeight = 1 << 12

// A lineModel is a model that reads pictures of lines.
type lineModel struct {
	model
	channels int
	width    int             // of all lines; 0 where it is open
	values   [3][256]float32 // of each channel's pixels, as the model takes them
	stride   float64         // columns from a frame to the next
}

// ofLines makes the emitter that of a model of pictures; it returns how many classes the model has.
func (e *Emitter) ofLines(m model) (classes int, err error) {
	l := &lineModel{model: m}
	if err := l.prepare(); err != nil {
		return 0, err
	}
	// Empty lines tell the number of classes and the columns of a frame.
	columns := l.columns(8 * l.card.height)
	x, frames, err := l.run(make([]float32, l.channels*l.card.height*columns), columns)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", l.card.file, err)
	}
	if l.stride = float64(columns) / float64(frames); l.stride > 1 {
		l.stride = math.Round(l.stride) // networks lose or add a frame at the ends
	}
	e.Unit, e.Frame, e.model = Pixels, l.stride, l
	return len(x) / frames, nil
}

// prepare takes from the model what its graph says, and holds the card against it.
func (l *lineModel) prepare() (err error) {
	c := l.card
	if l.input.Kind != format.Float || l.input.HasShape && len(l.input.Shape) != 4 {
		return fmt.Errorf("%s: the input %s is not of lines, which are float[1,channels,height,width]; a model of sound takes a card, %s, that says features: %s or %s", c.file, l.input, c.Path, waveform, logMel)
	}
	fixed := [4]int{-1, -1, -1, -1}
	for i, d := range l.input.Shape {
		fixed[i] = int(d.Size)
	}
	if fixed[0] > 1 || slices.Contains(fixed[:], 0) || fixed[2] > maxHeight || fixed[3] > maxStrip {
		return fmt.Errorf("%s: the input %s does not take one line", c.file, l.input)
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
	if !c.Says("scale") {
		c.scale = 1.0 / 255
	}
	return l.setValues()
}

// setHeight takes the model's height, below 0 where it is open.
func (c *modelCard) setHeight(fixed int) error {
	switch {
	case fixed < 0 && !c.Says("height"):
		return c.Missing("height", "the height of a line in pixels")
	case fixed > 0 && c.Says("height") && c.height != fixed:
		return fmt.Errorf("%s: height is %d; the model takes lines of height %d", c.Path, c.height, fixed)
	case fixed > 0:
		c.height = fixed
	}
	return nil
}

// setChannels takes the model's number of channels, below 0 where it is open.
func (c *modelCard) setChannels(fixed int) error {
	grey := c.channels == "grey"
	switch {
	case fixed == 1 && !c.Says("channels"):
		c.channels = "grey"
	case !c.Says("channels"):
		return c.Missing("channels", "what the channels are: grey, rgb or bgr")
	case fixed > 0 && (grey && fixed != 1 || !grey && fixed != 3):
		return fmt.Errorf("%s: channels is %s; the model takes %d channels", c.Path, c.channels, fixed)
	}
	return nil
}

// setValues computes (pixel · scale − mean)/deviation for each channel.
func (l *lineModel) setValues() error {
	c := l.card
	for _, n := range []struct {
		key, meaning string
		values       *card.Numbers
	}{
		{"mean", "what is subtracted from pixels in [0, 1]", &c.mean},
		{"deviation", "what pixels are divided by, less the mean", &c.deviation},
	} {
		switch {
		case !c.Says(n.key):
			return c.Missing(n.key, n.meaning)
		case len(*n.values) == 1:
			*n.values = slices.Repeat(*n.values, l.channels)
		case len(*n.values) != l.channels:
			return c.badNumbers(n.key, len(*n.values), l.channels, "channel")
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
	return l.see(path, picture)
}

// see gives the emissions of a picture that has been decoded.
func (l *lineModel) see(path string, picture image.Image) (x Emissions, err error) {
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
	return l.model.run(map[string]*value.Value{l.input.Name: x})
}

// widthAt is the width of a picture that is scaled to a height.
func widthAt(size image.Point, height int) (int, error) {
	width := max(1, math.Round(float64(size.X)*float64(height)/float64(size.Y)))
	if width*float64(height) > maxStrip {
		return 0, fmt.Errorf("at %d rows the picture of %d×%d pixels has %.0f columns; it must have no more than %d", height, size.X, size.Y, width, maxStrip/height)
	}
	return int(width), nil
}
