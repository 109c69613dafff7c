package energy

import (
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx/export"
	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
)

// TestExport: the ONNX model of every energy function gives its energies, for one sample and for three.
func TestExport(t *testing.T) {
	var models []exporttest.Model
	for _, e := range energies {
		l := e.of(generator(1))
		g := export.New(e.name, "")
		g.Output(export.Port{Name: "energies", Shape: "batch,4"}, g.Module(Module(l), g.Input(export.Port{Name: "x", Shape: "batch,3"})))
		m := exporttest.Model{Graph: g}
		for _, n := range []int{1, 3} {
			x, _ := sample(tensor.Float32, n, generator(2))
			e := l.Energies(autodiff.NewTape(tensor.Float32).Const(x)).Value
			m.Cases = append(m.Cases, exporttest.Case{
				In:  map[string]*value.Value{"x": exporttest.Of(t, x.Float32s(), n, inputs)},
				Out: map[string]*value.Value{"energies": exporttest.Of(t, e.Float32s(), n, labels)},
			})
		}
		models = append(models, m)
	}
	exporttest.Check(t, models...)
}

// TestExportOfOthers: a Labeler without a form in ONNX is an error, also within NonNegative.
func TestExportOfOthers(t *testing.T) {
	type other struct{ Labeler }
	of := other{NewHead(net(labels, generator(1)), labels)}
	for _, l := range []Labeler{of, NonNegative{of}} {
		g := export.New("other", "")
		g.Output(export.Port{Name: "energies", Shape: "batch,4"}, g.Module(Module(l), g.Input(export.Port{Name: "x", Shape: "batch,3"})))
		if _, err := g.Model(); err == nil || !strings.Contains(err.Error(), "energy.other have no form in ONNX") {
			t.Errorf("the error is %v", err)
		}
	}
}
