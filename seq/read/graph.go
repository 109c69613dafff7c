package read

import (
	"fmt"
	"strconv"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/seq/audio"
)

// Graph returns the reader's network as an ONNX model that is being built: lines, or features of recordings before they are normalised, to the
// emissions of their frames. Its numbers of columns stay open; an odd one is filled up as Emissions does it.
//
// The metadata says tokens (a list as JSON; token i is class i + 1) and blank (the class), and what else ONNXEmitter needs: how pictures or recordings
// become what the model takes.
func (r *Reader) Graph() *export.Graph {
	n := r.r
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
		g.Metadata("channels", "grey")
		g.JSON("mean", []float64{0})
		g.JSON("deviation", []float64{1})
		g.JSON("dark_background", true)
	}
	g.JSON("tokens", n.Tokens)
	g.Metadata("blank", strconv.Itoa(Blank))
	g.Output(export.Port{
		Name: "log_probabilities", Doc: "of each class at each frame, a frame for two columns: class 0 is the blank, class i + 1 is token i",
		Shape: fmt.Sprintf("batch,steps,%d", n.Classes()),
	}, n.emissions(g, x))
	return g
}

// describe writes the features into the metadata, as the card of a model says them.
func (f *Features) describe(g *export.Graph) {
	o := f.Options
	for _, e := range []struct {
		key   string
		value any
	}{
		{"rate", o.Rate},
		{"window", o.Window},
		{"hop", o.Hop},
		{"fft", o.FFT},
		{"low", o.LowHz},
		{"high", o.HighHz},
		{"floor", o.Floor},
	} {
		g.JSON(e.key, e.value)
	}
	for _, e := range [][2]string{
		{"features", logMel},
		{"log", string(audio.Natural)},
		{"mel_scale", "htk"},
		{"norm", "none"},
		{"padding", string(audio.NoPadding)},
		{"normalise", string(audio.NotNormalised)},
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
	x = g.Binary("Mul", g.Binary("Sub", x, vector("features.mean", f.Mean)), vector("features.scale", f.Scale))
	return g.Unsqueeze(g.Transpose(x, 0, 2, 1), 1)
}
