package energy

import (
	"fmt"

	"github.com/energo-ml/energo/engine/onnx/export"
)

// Exported is a Labeler that is written as nodes of an ONNX model. All of this package are.
type Exported interface {
	Labeler
	// Export adds the nodes of Energies to a graph.
	Export(g *export.Graph, x export.Value) export.Value
}

// Export implements export.Exporter. A Labeler that is not Exported is an error of the graph.
func (m module) Export(g *export.Graph, x export.Value) export.Value {
	e, ok := m.Labeler.(Exported)
	if !ok {
		g.Fail(fmt.Errorf("energies of type %T have no form in ONNX; a method Export would give them one", m.Labeler))
		return export.Value{}
	}
	return e.Export(g, x)
}

// Export implements Exported.
func (h *Head) Export(g *export.Graph, x export.Value) export.Value {
	e := g.Module(h.net, x)
	if h.Scores {
		return g.Unary("Neg", e)
	}
	return e
}

// Export implements Exported.
func (c *Code) Export(g *export.Graph, x export.Value) export.Value {
	return squaredDistances(g, g.Module(c.net, x), g.Param(c.codes))
}

// Export implements Exported.
func (b *Branches) Export(g *export.Graph, x export.Value) export.Value {
	return squaredDistances(g, g.Module(b.x, x), g.Module(b.y, g.Param(b.labels)))
}

// squaredDistances adds those of each row of x [B, D] to each of codes [K, D]: [B, K].
func squaredDistances(g *export.Graph, x, codes export.Value) export.Value {
	return g.Reduce("ReduceSumSquare", g.Binary("Sub", g.Unsqueeze(x, 1), codes))
}

// Export implements Exported.
func (j *Joint) Export(g *export.Graph, x export.Value) export.Value {
	h := g.Unsqueeze(g.Module(j.trunk, x), 1)
	both := g.Binary("Add", h, g.Param(j.answer.Weight)) // [B, K, D]
	return g.Reshape(g.Module(j.upper, g.Reshape(both, -1, j.d)), -1, j.Labels())
}

// Export implements Exported, where the Labeler within does.
func (n NonNegative) Export(g *export.Graph, x export.Value) export.Value {
	return g.Unary("Softplus", module(n).Export(g, x))
}
