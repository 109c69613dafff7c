package read

import (
	"fmt"
	"strconv"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/surround"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/token"
)

// Graph returns the reader's network as an ONNX model that is being built: lines, or features of recordings before they are normalised, to the
// emissions of their frames. Its numbers of columns stay open; an odd one is filled up as Emissions does it.
//
// The metadata says tokens (a list as JSON; token i is class i + 1), blank (the class) and, where each token is a word, separator (none), and what else ONNXEmitter needs: how pictures or recordings
// become what the model takes.
func (r *Reader) Graph() *export.Graph {
	n := r.r
	if n.Imported != nil {
		return r.importedGraph()
	}
	g := export.New("reader", "A network that reads lines by CTC: the emissions of each frame.")
	var x export.Value
	if r.speech != nil {
		x = r.speech.normalised(g, g.Input(export.Port{
			Name: "features", Doc: "log-mel features of recordings, frame by frame; the network normalises them", Shape: fmt.Sprintf("batch,frames,%d", n.Height),
		}))
		r.speech.describe(g)
	} else {
		x = g.Input(export.Port{
			Name: "lines", Doc: "grey pictures of lines, from 0 for the ground to 1 for ink. A line that stands beside a wider one is followed by zeros, which change its last frames a little",
			Shape: fmt.Sprintf("batch,1,%d,columns", n.Height),
		})
		describeLines(g)
	}
	n.describe(g)
	g.Output(export.Port{
		Name: "log_probabilities", Doc: "of each class at each frame, a frame for two columns: class 0 is the blank, class i + 1 is token i",
		Shape: fmt.Sprintf("batch,steps,%d", n.Classes()),
	}, n.emissions(g, x))
	return g
}

// describeLines writes into the metadata what pictures of lines a network takes, as the card of a model says it.
func describeLines(g *export.Graph) {
	g.Metadata("channels", "grey")
	g.JSON("mean", []float64{0})
	g.JSON("deviation", []float64{1})
	g.JSON("dark_background", true)
}

// importedGraph returns the network of a reader that began with a model of another system: from lines, or from what that takes of recordings, frame by
// frame, to the emissions of their frames.
func (r *Reader) importedGraph() *export.Graph {
	const doc = "A network that reads by CTC, which began with a model of another system: the emissions of each frame."
	file, err := r.aloneFile()
	g := export.Of(file, doc)
	if err != nil {
		g.Fail(err)
		return g
	}
	if r.speech != nil {
		r.speech.describe(g)
	} else {
		describeLines(g)
	}
	r.r.describe(g)
	g.Metadata("emissions", logProbs)
	return g
}

// describe writes the tokens into the metadata, as the card of a model says them.
func (s Spec) describe(g *export.Graph) {
	g.JSON("tokens", s.Tokens)
	g.Metadata("blank", strconv.Itoa(Blank))
	if !s.Words() {
		g.Metadata("separator", token.NoSeparator)
	}
}

// aloneFile is the network's model from lines, features [batch, frames, mels] or samples [batch, samples] to log-probabilities [batch, steps, classes].
func (r *Reader) aloneFile() (*format.Model, error) {
	m, err := r.r.imported()
	if err != nil {
		return nil, err
	}
	file, err := m.File()
	if err != nil {
		return nil, err
	}
	f := surround.Of(file)
	f.File.Metadata = nil                                // they are of the model that training began with
	input := file.Graph.Inputs[len(file.Graph.Inputs)-1] // the lines, which came last
	if r.speech != nil {
		input = r.beforeLines(f, m.Input.Name)
	}
	f.Last = m.Output.Name
	f.Add("Transpose", "energo.scores", surround.Ints("perm", 0, 2, 1))
	f.Add("LogSoftmax", "log_probabilities", surround.Int("axis", 2))
	f.File.Graph.Inputs = []*format.ValueInfo{input}
	f.Outputs(-1, -1, r.r.Classes())
	return f.File, nil
}

// beforeLines makes lines of features or samples, and returns the new input.
func (r *Reader) beforeLines(f *surround.Model, lines string) *format.ValueInfo {
	input := surround.Floats(f.Fresh("features"), -1, -1, r.r.Height)
	if r.speech.Front.Waveform {
		input = surround.Floats(f.Fresh("samples"), -1, -1)
	}
	f.Before(input, lines, func() {
		if !r.speech.Front.Waveform {
			f.Add("Transpose", "energo.upright", surround.Ints("perm", 0, 2, 1))
		}
		f.Add("Reshape", "energo.stacked", nil, f.Constant("energo.line", value.Ints(0, 1, int64(r.r.Height), -1)))
		if r.r.Imported.Lengths {
			addOnes(f)
		}
	})
	return input
}

// addOnes puts a row of ones behind the lines, as lines have it that stand alone.
func addOnes(f *surround.Model) {
	pads := []int64{0, 0, 0, 0, 0, 0, 1, 0}
	if opsetOf(f.File) < 11 {
		f.Add("Pad", "energo.counted", append(surround.Ints("pads", pads...), &format.Attribute{Name: "value", Type: format.AttrFloat, Float: 1}))
		return
	}
	one, err := value.Of([]float32{1})
	if err != nil {
		panic(err) // a number is a tensor without dimensions
	}
	f.Add("Pad", "energo.counted", nil, f.Constant("energo.pads", value.Ints(pads...)), f.Constant("energo.one", one))
}

// describe writes the features into the metadata, as the card of a model says them.
func (f *Features) describe(g *export.Graph) {
	front := audio.FrontEnd{LogMel: f.Options, Scale: 1, Padding: audio.NoPadding, Normalise: audio.NotNormalised}
	if f.Front != nil {
		front = *f.Front
	}
	g.JSON("rate", front.Rate)
	g.Metadata("normalise", string(front.Normalise))
	for _, e := range []struct {
		key  string
		list []float64
	}{{"mean", front.Mean}, {"deviation", front.Deviation}} {
		if len(e.list) > 0 {
			g.JSON(e.key, e.list)
		}
	}
	g.JSON("scale", front.Scale)
	if front.Waveform {
		g.Metadata("features", waveform)
		return
	}
	o := front.LogMel
	for _, e := range []struct {
		key   string
		value any
	}{
		{"window", o.Window},
		{"hop", o.Hop},
		{"fft", o.FFT},
		{"low", o.LowHz},
		{"high", o.HighHz},
		{"floor", o.Floor},
		{"add_floor", o.AddFloor},
		{"symmetric_window", o.Symmetric},
		{"preemphasis", front.Preemphasis},
		{"drop_last", front.DropLast},
	} {
		g.JSON(e.key, e.value)
	}
	if front.Range > 0 {
		g.JSON("range", front.Range)
	}
	scale, norm := "htk", "none"
	if o.Slaney {
		scale = "slaney"
	}
	if o.UnitArea {
		norm = "slaney"
	}
	for _, e := range [][2]string{
		{"features", logMel},
		{"layout", framesFirst},
		{"log", string(o.Log)},
		{"mel_scale", scale},
		{"norm", norm},
		{"padding", string(front.Padding)},
	} {
		g.Metadata(e[0], e[1])
	}
}

// emissions adds the network over lines [B, 1, Height, W]. A column of zeros behind the last completes an odd number of columns, as sideBySide
// does; it is dropped with an even one, and then changes nothing, for the first convolution pads with zeros, too.
func (r *Network) emissions(g *export.Graph, x export.Value) export.Value {
	x = g.Add("Pad", 4, []export.Value{x, g.Ints(0, 0, 0, 0, 0, 0, 0, 1)})
	return g.Unary("LogSoftmax", g.Transpose(g.Module(r.Module, x), 0, 2, 1), export.Int("axis", 2))
}

// The names of the constants that normalise features.
const (
	featuresMean  = "features.mean"
	featuresScale = "features.scale"
)

// normalised adds what makes features [B, T, mels] normalised lines [B, 1, mels, T].
func (f *Features) normalised(g *export.Graph, x export.Value) export.Value {
	vector := func(name string, v []float64) export.Value {
		t, err := tensor.FromFloat64(v, len(v))
		if err != nil {
			g.Fail(err)
			return export.Value{}
		}
		return g.Tensor(name, t)
	}
	x = g.Binary("Mul", g.Binary("Sub", x, vector(featuresMean, f.Mean)), vector(featuresScale, f.Scale))
	return g.Unsqueeze(g.Transpose(x, 0, 2, 1), 1)
}
