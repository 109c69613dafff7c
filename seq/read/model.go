package read

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/seq/ctc"
)

// What a model's output holds.
const (
	logProbs      = "log_probs"
	logits        = "logits"
	probabilities = "probabilities"
)

// A model is an ONNX model that was trained by CTC, and its card.
type model struct {
	*onnx.Model
	card          *modelCard
	input, output onnx.Port
}

// ONNXEmitter returns the emitter of an ONNX model that was trained by CTC. Its emissions have the classes as their last dimension; all dimensions but
// those and the frames are 1. What the file does not say comes from a card beside it, which has CardEnding instead of .onnx; docs/onnx.md
// has its keys.
//
// A model of pictures takes pixels [1, channels, height, width] as float32. A picture is scaled to
// the model's height, its width in proportion; where the width must be more, zeros follow it, and where the model fixes the width, a
// wider line is narrowed to it.
//
// A model of sound, whose card says features, takes samples [1, n] or log-mel features of a whole recording, [1, frames, mels] or [1, mels, frames], as float32
// (audio.FrontEnd), and maybe how many there are, as an integer [1].
//
// Errors name the file: those of the model and the card; a key that is missing, unknown or out of range; a model of another form.
func ONNXEmitter(path string) (*Emitter, error) {
	m, err := openModel(path)
	if err != nil {
		return nil, err
	}
	if err := m.card.setEmissions(m); err != nil {
		return nil, err
	}
	e := &Emitter{}
	var classes int
	if m.card.features == "" {
		classes, err = e.ofLines(m)
	} else {
		classes, err = e.ofSound(m)
	}
	if err != nil {
		return nil, err
	}
	tokens, err := m.card.classes(classes)
	if err != nil {
		return nil, err
	}
	e.setTokens(tokens)
	return e, nil
}

// openModel opens a model and reads its card.
func openModel(path string) (m model, err error) {
	if m.Model, err = onnx.Open(path, nil); err != nil {
		return m, err
	}
	if m.card, err = readModelCard(path, m.Format.Metadata); err != nil {
		return m, err
	}
	needed := slices.DeleteFunc(slices.Clone(m.Inputs), func(p onnx.Port) bool { return p.Optional || p.Name == m.card.length })
	if m.input, err = m.card.port("input", m.card.input, needed); err != nil {
		return m, err
	}
	if m.output, err = m.card.port("output", m.card.output, m.Outputs); err != nil {
		return m, err
	}
	if m.output.Kind != format.Float {
		return m, fmt.Errorf("%s: the output %s must be of float", path, m.output)
	}
	return m, nil
}

// setEmissions settles what a model's output holds.
func (c *modelCard) setEmissions(m model) error {
	if c.Says("emissions") {
		return nil
	}
	if c.emissions = lastKind(m.Format.Graph, m.output.Name); c.emissions == "" {
		return c.Missing("emissions", "whether the output holds log_probs, logits or probabilities")
	}
	return nil
}

// port finds an input or an output: the one that the card names, or the only one.
func (c *modelCard) port(key, name string, all []onnx.Port) (onnx.Port, error) {
	if !c.Says(key) && len(all) != 1 {
		return onnx.Port{}, c.Missing(key, fmt.Sprintf("which of its %d %ss to take", len(all), key))
	}
	var names []string
	for _, p := range all {
		if !c.Says(key) || p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return onnx.Port{}, fmt.Errorf("%s: %s is %q; the model has %s", c.Path, key, name, strings.Join(names, ", "))
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

// run gives log-probabilities, frame by frame.
func (m *model) run(inputs map[string]*value.Value) (logs []float32, frames int, err error) {
	out, err := m.Run(inputs)
	if err != nil {
		return nil, 0, err
	}
	y := out[m.output.Name]
	logs = value.Data[float32](y)
	classes := 0
	if len(y.Shape) > 1 {
		classes = y.Shape[len(y.Shape)-1]
	}
	if classes < 1 || len(logs) == 0 || len(logs)/classes != slices.Max(y.Shape[:len(y.Shape)-1]) {
		return nil, 0, fmt.Errorf("the output %s has the shape %v; it must be [frames, classes], with ones beside", m.output.Name, y.Shape)
	}
	frames = len(logs) / classes
	if err := ctc.Scale(m.card.emissions).Normalise(logs, classes); err != nil {
		return nil, 0, fmt.Errorf("the output %s, by its card of %s: %w", m.output.Name, m.card.emissions, err)
	}
	return logs, frames, nil
}
