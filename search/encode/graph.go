package encode

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/export"
)

// Graph returns the network as an ONNX model that is being built: pictures of its size to vectors. The metadata says channels (grey or rgb, in
// this order), mean and deviation of each channel (the input has had those subtracted from pixels in [0, 1] and been divided by them: 0 and 1),
// dark_background and metric, as Spec has them.
func (n *Network) Graph() *export.Graph {
	doc := fmt.Sprintf("An encoder of pictures: similar pictures have vectors near each other, by the distance %q.", n.Metric)
	var g *export.Graph
	if n.Imported {
		file, err := n.ImportedModel()
		if g = export.Of(file, doc); err != nil {
			g.Fail(err)
		}
	} else {
		g = export.New(n.Job, doc)
		n.build(g)
	}
	n.Describe(g)
	g.Metadata("metric", string(n.Metric))
	return g
}

// Describe adds metadata that say what pictures the network takes: channels, mean, deviation and dark_background, as Graph has them.
func (s Spec) Describe(g *export.Graph) {
	mean, deviation := make([]int, s.Channels), make([]int, s.Channels)
	for i := range deviation {
		deviation[i] = 1
	}
	g.JSON("mean", mean)
	g.JSON("deviation", deviation)
	g.JSON("dark_background", s.DarkBackground)
	g.Metadata("channels", s.Colours())
}

// Colours names the channels of the pictures: grey or rgb.
func (s Spec) Colours() string {
	if s.Channels == 3 {
		return rgb
	}
	return grey
}

// build adds the nodes.
func (n *Network) build(g *export.Graph) {
	x := g.Input(export.Port{
		Name: "pictures", Doc: fmt.Sprintf("%s pictures of the size that the network was trained for, pixels from 0 for dark to 1 for bright", n.Colours()),
		Shape: fmt.Sprintf("batch,%d,%d,%d", n.Channels, n.Height, n.Width),
	})
	y := g.Module(n.Module, x)
	doc := "the vector of each picture"
	if n.Unit {
		y, doc = unit(g, y), doc+", of length 1"
	}
	g.Output(export.Port{Name: "vectors", Doc: doc, Shape: fmt.Sprintf("batch,%d", n.Dim)}, y)
}

// unit adds what Vectors does where Unit is set.
func unit(g *export.Graph, y export.Value) export.Value {
	squared := g.Binary("Add", g.Reduce("ReduceSumSquare", y), g.Float(leastNorm2))
	return g.Binary("Div", y, g.Unsqueeze(g.Unary("Sqrt", squared), 1))
}
