package encode

import (
	"testing"

	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/train"
)

// TestGraph: the ONNX model of a network gives its vectors, of small pictures and of large ones, of length 1 and of any.
func TestGraph(t *testing.T) {
	var models []exporttest.Model
	for _, s := range []Spec{
		specOf(1, 12, 10),
		{Job: "siamese", Channels: 3, Height: 44, Width: 50, Dim: 6, Metric: "euclidean"},
		{Job: "search", Channels: 3, Height: 44, Width: 50, Dim: 6, Unit: true, Metric: "cosine", Network: Described},
		{Job: "search", Channels: 1, Height: 51, Width: 41, Dim: 6, Metric: "euclidean", Network: Described},
	} {
		n, err := NewNetwork(s, 1)
		if err != nil {
			t.Fatal(err)
		}
		m := exporttest.Model{Graph: n.Graph()}
		for _, batch := range []int{1, 3} {
			w := n.Worker()
			x, rng := w.input(batch), train.Rand(1, "pictures", 0)
			for i := range x {
				x[i] = rng.Float32()
			}
			m.Cases = append(m.Cases, exporttest.Case{
				In:  map[string]*value.Value{"pictures": exporttest.Of(t, x, batch, s.Channels, s.Height, s.Width)},
				Out: map[string]*value.Value{"vectors": exporttest.Of(t, w.run(), batch, s.Dim)},
			})
		}
		models = append(models, m)
	}
	exporttest.Check(t, models...)
}
