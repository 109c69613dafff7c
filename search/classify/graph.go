package classify

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/surround"
)

// Graph returns the classifier as an ONNX model that is being built: pictures of its size to energies. The metadata says labels, the names of the classes, and
// channels, mean, deviation and dark_background as encode.Network.Graph has them.
func (m *Model) Graph() *export.Graph {
	const doc = "An energy E(x, y) of each class y of a picture x. The answer is the class of the least energy."
	var g *export.Graph
	if m.Imported {
		file, err := m.complete()
		if g = export.Of(file, doc); err != nil {
			g.Fail(err)
		}
	} else {
		g = export.New("pictures", doc)
		m.build(g)
	}
	m.network.Describe(g)
	g.JSON("labels", m.Classes)
	return g
}

// What the input and the output mean.
func (m *Model) inputDoc() string {
	return m.network.Colours() + " pictures of the size that the network was trained for, pixels from 0 for dark to 1 for bright"
}

const outputDoc = "E(x, y) of each class y, in the order of the labels; low where the class fits"

// complete is the imported model with the energies behind it.
func (m *Model) complete() (*format.Model, error) {
	file, err := m.network.ImportedModel()
	if err != nil {
		return nil, err
	}
	f := surround.Of(file)
	f.Last = file.Graph.Outputs[0].Name
	op := "Identity"
	if m.NonNegative {
		op = "Softplus"
	}
	f.Add(op, "energies", nil)
	f.Outputs(-1, m.Labels())
	g := f.File.Graph
	in := *g.Inputs[len(g.Inputs)-1] // the pictures, which came last
	in.Doc, g.Outputs[0].Doc = m.inputDoc(), outputDoc
	g.Inputs[len(g.Inputs)-1] = &in
	return f.File, nil
}

// build adds the nodes of energo's own network.
func (m *Model) build(g *export.Graph) {
	x := g.Input(export.Port{Name: "pictures", Doc: m.inputDoc(), Shape: fmt.Sprintf("batch,%d,%d,%d", m.Channels, m.Height, m.Width)})
	e := g.Module(m.network.Module, x)
	if m.NonNegative {
		e = g.Unary("Softplus", e)
	}
	g.Output(export.Port{Name: "energies", Doc: outputDoc, Shape: fmt.Sprintf("batch,%d", m.Labels())}, e)
}
