package read

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/seq/audio"
)

// A soundModel is a model that reads recordings.
type soundModel struct {
	model
	front        *audio.WholeExtractor
	length       format.DataType // of the input of that name
	frame, begin float64         // seconds from a frame to the next, and where the first begins
}

// ofSound makes the emitter that of a model of sound; it returns how many classes the model has.
func (e *Emitter) ofSound(m model) (classes int, err error) {
	s := &soundModel{model: m}
	if err := s.prepare(); err != nil {
		return 0, err
	}
	if classes, err = s.measure(); err != nil {
		return 0, fmt.Errorf("%s: %w", m.card.file, err)
	}
	e.Unit, e.Frame, e.Offset, e.model = Seconds, s.frame, s.begin, s
	return classes, nil
}

// prepare takes from the model what its graph says, holds the card against it, and prepares the features.
func (s *soundModel) prepare() (err error) {
	c := s.card
	shape, err := s.shape()
	if err != nil {
		return err
	}
	if err := c.requires([2]string{"rate", "the samples a second"}, [2]string{"normalise", "whether features are brought to mean 0 and variance 1"}); err != nil {
		return err
	}
	c.front.Waveform = c.features == waveform
	c.front.Scale, c.front.Mean, c.front.Deviation = c.scale, c.mean, c.deviation
	if !c.front.Waveform {
		if err := c.setMels(shape); err != nil {
			return err
		}
	}
	if s.front, err = c.front.Extractor(); err != nil {
		return fmt.Errorf("%s: %w", c.Path, err)
	}
	return s.setLength()
}

// shape is that of the input, with −1 for what is open, once it is known to be of recordings of any length.
func (s *soundModel) shape() ([]int, error) {
	c, in := s.card, s.input
	form, ranks := "float[1,frames,mels] or float[1,mels,frames]", []int{3}
	if c.features == waveform {
		form, ranks = "float[1,samples] or float[1,1,samples]", []int{2, 3}
	}
	shape := []int{-1, -1, -1}
	if in.HasShape {
		shape = shape[:0]
		for _, d := range in.Shape {
			shape = append(shape, d.Size)
		}
	} else if c.features == waveform {
		shape = shape[:2]
	}
	n := len(shape)
	if in.Kind != format.Float || n < ranks[0] || n > ranks[len(ranks)-1] {
		return nil, fmt.Errorf("%s: the input %s is not of %s, which is %s", c.file, in, c.features, form)
	}
	if shape[0] >= 0 && shape[0] != 1 {
		return nil, fmt.Errorf("%s: the input %s takes %d recordings at a time; the first dimension must be open or 1", c.file, in, shape[0])
	}
	if c.features == waveform && (shape[n-1] >= 0 || n == 3 && shape[1] >= 0 && shape[1] != 1) {
		return nil, fmt.Errorf("%s: the input %s does not take one channel of any number of samples", c.file, in)
	}
	return shape, nil
}

// setMels settles what log-mel features are, of a model's input of some shape.
func (c *modelCard) setMels(shape []int) error {
	switch a, b := shape[1], shape[2]; {
	case a >= 0 && b >= 0:
		return fmt.Errorf("%s: the input takes %d×%d features; the number of frames must be open", c.file, a, b)
	case a < 0 && b < 0 || c.Says("layout"):
	case a >= 0:
		c.layout = melsFirst
	default:
		c.layout = framesFirst
	}
	if c.layout == "" {
		return c.Missing("layout", "the order of the input's dimensions, btc or bct")
	}
	mels := shape[2]
	if c.layout == melsFirst {
		mels = shape[1]
	}
	switch {
	case mels < 0 && max(shape[1], shape[2]) >= 0:
		return fmt.Errorf("%s: layout is %s; by it the number of frames is %d, which must be open", c.Path, c.layout, max(shape[1], shape[2]))
	case mels < 0 && !c.Says("mels"):
		return c.Missing("mels", "the number of mel filters")
	case mels >= 0 && c.Says("mels") && c.front.Mels != mels:
		return fmt.Errorf("%s: mels is %d; the model takes %d", c.Path, c.front.Mels, mels)
	case mels >= 0 && (mels < 1 || mels > MaxHeight):
		return fmt.Errorf("%s: the model takes %d mels; there must be from 1 to %d", c.file, mels, MaxHeight)
	case mels >= 0:
		c.front.Mels = mels
	}
	if err := c.requires([][2]string{
		{"window", "the length of a frame"},
		{"hop", "the time from a frame to the next"},
		{"mel_scale", "the scale of mels"},
		{"norm", "what filters are divided by"},
		{"log", "the base of the logarithm"},
		{"floor", "the least energy"},
		{"padding", "what is beyond a recording's ends"},
	}...); err != nil {
		return err
	}
	c.front.Window, c.front.Hop = c.window.at(c.front.Rate), c.hop.at(c.front.Rate)
	c.front.Slaney, c.front.UnitArea = c.melScale == "slaney", c.norm == "slaney"
	return nil
}

// setLength finds the input that takes the number of frames or samples.
func (s *soundModel) setLength() error {
	if s.card.length == "" {
		return nil
	}
	for _, p := range s.Inputs {
		if p.Name != s.card.length {
			continue
		}
		if p.Kind != format.Int64 && p.Kind != format.Int32 || p.HasShape && (len(p.Shape) != 1 || p.Shape[0].Size > 1) {
			return fmt.Errorf("%s: the input %s is not of a length, which is int64[1] or int32[1]", s.card.file, p)
		}
		s.length = p.Kind
		return nil
	}
	_, err := s.card.port("length", s.card.length, s.Inputs)
	return err
}

// measure runs the model on features of about one and two seconds: they tell the number of classes, and the time from a frame to the next where
// the card does not.
func (s *soundModel) measure() (classes int, err error) {
	apart, middle := s.front.Spacing()
	width := s.front.FrontEnd().Width()
	n := max(1, int(math.Round(1/apart)))
	var frames [2]int
	for i := range frames {
		x := make([]float32, (i+1)*n*width)
		for k := range x {
			x[k] = float32(k%7)/7 - 0.5 // a constant would have no deviation
		}
		logs, count, err := s.run(x)
		if err != nil {
			return 0, err
		}
		frames[i], classes = count, len(logs)/count
	}
	if s.frame = s.card.frame; s.frame == 0 {
		if frames[1] <= frames[0] {
			return 0, fmt.Errorf("the output has %d frames for %d of the input and %d for %d; there must be more for a longer recording", frames[0], n, frames[1], 2*n)
		}
		step := float64(n) / float64(frames[1]-frames[0])
		if step > 1 {
			step = math.Round(step)
		}
		s.frame = step * apart
	}
	s.begin = max(0, middle-s.frame/2) // a frame is spread about its middle
	return classes, nil
}

// run gives the log-probabilities of features [frames, width], frame by frame.
func (s *soundModel) run(features []float32) (logs []float32, frames int, err error) {
	width := s.front.FrontEnd().Width()
	n := len(features) / width
	shape := []int{1, n, width}
	switch {
	case s.card.features == waveform && len(s.input.Shape) == 3:
		shape = []int{1, 1, n}
	case s.card.features == waveform:
		shape = []int{1, n}
	case s.card.layout == melsFirst:
		turned := make([]float32, len(features))
		turn(turned, features, n, width)
		features, shape = turned, []int{1, width, n}
	}
	x, err := value.Of(features, shape...)
	if err != nil {
		return nil, 0, err
	}
	inputs := map[string]*value.Value{s.input.Name: x}
	switch s.length {
	case format.Int64:
		inputs[s.card.length], err = value.Of([]int64{int64(n)}, 1)
	case format.Int32:
		inputs[s.card.length], err = value.Of([]int32{int32(n)}, 1)
	}
	if err != nil {
		return nil, 0, err
	}
	return s.model.run(inputs)
}

// emit reads a recording.
func (s *soundModel) emit(path string) (x Emissions, err error) {
	clip, err := audio.Read(path)
	if err != nil {
		return x, err
	}
	return s.hear(path, clip.Clip)
}

// hear gives the emissions of a recording that has been read.
func (s *soundModel) hear(path string, clip audio.Clip) (x Emissions, err error) {
	features, err := s.front.Features(clip)
	if err != nil {
		return x, fmt.Errorf("%s: %w", path, err)
	}
	if s.card.features == logMel {
		mels := s.front.FrontEnd().Mels
		x.Line = &data.Line{H: mels, W: len(features) / mels, Pixels: make([]float32, len(features))}
		turn(x.Line.Pixels, features, x.Line.W, mels)
	}
	if x.LogProbs, x.Frames, err = s.run(features); err != nil {
		return x, fmt.Errorf("%s: %w", path, err)
	}
	x.Frame, x.Offset = s.frame, s.begin
	x.Length = max(clip.Duration().Seconds(), x.Offset+float64(x.Frames)*x.Frame)
	return x, nil
}
