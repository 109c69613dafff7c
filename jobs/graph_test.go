package jobs

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/energo-ml/energo/ebm/surface"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/onnx/export/exporttest"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
)

// tinyPictures is how many pictures graphs are run on, and the pictures.
const tinyPictures = 3

// graphOf is the model's graph, without cases.
func graphOf(t *testing.T, m job.Model) exporttest.Model {
	t.Helper()
	g, err := m.(job.Network).Graph(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return exporttest.Model{Graph: g}
}

// randomly draws numbers from 0 to 1.
func randomly(n int) []float32 {
	x, rng := make([]float32, n), rand.New(rand.NewPCG(7, 8))
	for i := range x {
		x[i] = rng.Float32()
	}
	return x
}

// picturesIn is a case of random pictures of h×w pixels, one and some, whose outputs of returns: its arguments are the pixels and the number.
func picturesIn(t *testing.T, m *exporttest.Model, h, w int, of func(y []float32, n int) map[string]*value.Value) {
	t.Helper()
	for _, n := range []int{1, tinyPictures} {
		y := randomly(n * h * w)
		m.Cases = append(m.Cases, exporttest.Case{In: map[string]*value.Value{"pictures": exporttest.Of(t, y, n, 1, h, w)}, Out: of(y, n)})
	}
}

// TestGraphsOfDigits: every network and energy function, also made non-negative.
func TestGraphsOfDigits(t *testing.T) {
	var models []exporttest.Model
	for _, s := range []struct{ model, energy, codes, functional string }{
		{"linear", "head", "fixed", "nll"},
		{"mlp", "joint", "fixed", "hinge"},
		{"cnn", "head", "fixed", "square_square"},
		{"cnn", "code", "fixed", "nll"},
		{"mlp", "code", "learned", "square_exp"},
		{"linear", "joint", "fixed", "square_square"},
	} {
		c := small()
		c.Model, c.Energy, c.Codes, c.Functional = s.model, s.energy, s.codes, s.functional
		task := open[*digitsTask](t, c)
		m := graphOf(t, task)
		picturesIn(t, &m, task.set.H, task.set.W, func(y []float32, n int) map[string]*value.Value {
			e, err := task.energiesOf(t.Context(), y, task.set.H, task.set.W)
			if err != nil {
				t.Fatal(err)
			}
			return map[string]*value.Value{"energies": exporttest.Of(t, e, n, task.labeler.Labels())}
		})
		models = append(models, m)
	}
	exporttest.Check(t, models...)
}

// TestGraphsOfDensities: generate and jem, with layers normalised and not.
func TestGraphsOfDensities(t *testing.T) {
	var models []exporttest.Model
	for _, normalised := range []bool{false, true} {
		g := atDefaults[*Generate](generateJob)
		g.Labelled, g.Width, g.SpectralNorm, g.Buffer, g.Validation = inMemory(sets()), 2, normalised, 20, 50
		density := open[*generateTask](t, g)
		m := graphOf(t, density)
		picturesIn(t, &m, density.h, density.w, func(y []float32, n int) map[string]*value.Value {
			e, err := density.energies(t.Context(), y)
			if err != nil {
				t.Fatal(err)
			}
			return map[string]*value.Value{"energy": exporttest.Of(t, surface.Single(e), n)}
		})
		j := atDefaults[*JEM](jemJob)
		j.Labelled, j.Width, j.SpectralNorm, j.Buffer, j.Validation = inMemory(sets()), 2, normalised, 20, 50
		task := open[*jemTask](t, j)
		both := graphOf(t, task)
		picturesIn(t, &both, task.set.H, task.set.W, func(y []float32, n int) map[string]*value.Value {
			all, err := task.energiesOf(t.Context(), y, task.set.H, task.set.W)
			if err != nil {
				t.Fatal(err)
			}
			e, err := task.density.energies(t.Context(), y)
			if err != nil {
				t.Fatal(err)
			}
			return map[string]*value.Value{"energies": exporttest.Of(t, all, n, task.labeler.Labels()), "energy": exporttest.Of(t, surface.Single(e), n)}
		})
		models = append(models, m, both)
	}
	exporttest.Check(t, models...)
}

// TestGraphsOfAutoencoders: code, reconstructions and the error by every loss.
func TestGraphsOfAutoencoders(t *testing.T) {
	var models []exporttest.Model
	for _, loss := range PixelLosses {
		c := atDefaults[*Autoencoder](autoencoderJob)
		c.Labelled, c.Latent, c.Hidden, c.Loss, c.Validation = inMemory(sets()), 3, 8, loss, 50
		a := open[*autoencoder](t, c)
		for _, p := range a.Params() { // sharp enough for errors on both sides of huber's kink
			for i := range p.Value.Float32s() {
				p.Value.Float32s()[i] *= 3
			}
		}
		m := graphOf(t, a)
		h, w := a.set.H, a.set.W
		picturesIn(t, &m, h, w, func(y []float32, n int) map[string]*value.Value {
			a.x.Resize(n, h*w)
			copy(a.x.Float32s(), y)
			each, out, err := a.errors(a.x.Float32s())
			if err != nil {
				t.Fatal(err)
			}
			code := autodiff.NewTape(tensor.Float32).Const(a.x)
			for _, l := range a.encoder {
				code = l.Forward(code)
			}
			return map[string]*value.Value{
				"code": exporttest.Of(t, code.Value.Float32s(), n, c.Latent), "reconstructions": exporttest.Of(t, out, n, 1, h, w), "energy": exporttest.Of(t, surface.Single(each), n),
			}
		})
		models = append(models, m)
	}
	exporttest.Check(t, models...)
}

// TestGraphOfMultilabel: the scores, and the threshold that evaluation has.
func TestGraphOfMultilabel(t *testing.T) {
	for _, loss := range []string{"", "multilabel_margin"} {
		c := atDefaults[*Multilabel](multilabelJob)
		c.Labelled, c.Hidden, c.Loss, c.Validation = inMemory(sets()), 8, loss, 50
		task := open[*overlaid](t, c)
		m := graphOf(t, task)
		f, err := m.Graph.Model()
		if err != nil {
			t.Fatal(err)
		}
		held, err := task.scores(t.Context(), task.held)
		if err != nil {
			t.Fatal(err)
		}
		entries := map[string]string{}
		for _, e := range f.Metadata {
			entries[e.Key] = e.Value
		}
		if want := fmt.Sprint(task.threshold(held)); entries["threshold"] != want || entries["labels"] != `["0","1","2","3","4"]` {
			t.Errorf("%s: the metadata is %v; the threshold should be %s", loss, entries, want)
		}
		picturesIn(t, &m, task.set.H, task.set.W, func(y []float32, n int) map[string]*value.Value {
			s := task.net.Forward(autodiff.NewTape(tensor.Float32).Const(rowsOf(y, task.set.Size()))).Value
			return map[string]*value.Value{"scores": exporttest.Of(t, s.Float32s(), n, task.k)}
		})
		exporttest.Check(t, m)
	}
}

// TestGraphsOfSurfaces: the parabola's energies, and one over the plane.
func TestGraphsOfSurfaces(t *testing.T) {
	var models []exporttest.Model
	const n = 5
	for _, energy := range []string{"output", "codes"} {
		c := atDefaults[*Parabola](parabolaJob)
		c.Energy = energy
		if err := c.Resolve(); err != nil {
			t.Fatal(err)
		}
		task := open[*realAnswers](t, c)
		m := graphOf(t, task)
		x, y := randomly(n), randomly(2 * n)[n:]
		tape := autodiff.NewTape(tensor.Float32)
		e := task.answers.Surface.Energy(tape.Const(rowsOf(x, 1)), tape.Const(rowsOf(y, 1))).Value
		m.Cases = []exporttest.Case{{
			In:  map[string]*value.Value{"x": exporttest.Of(t, x, n, 1), "y": exporttest.Of(t, y, n, 1)},
			Out: map[string]*value.Value{"energy": exporttest.Of(t, e.Float32s(), n)},
		}}
		models = append(models, m)
	}
	c := atDefaults[*Toy2D](toy2DJob)
	if err := c.Resolve(); err != nil {
		t.Fatal(err)
	}
	task := open[*planeDensity](t, c)
	m, y, e := graphOf(t, task), randomly(2*n), make([]float64, n)
	task.slopes.Energies(e, nil, y)
	m.Cases = []exporttest.Case{{In: map[string]*value.Value{"points": exporttest.Of(t, y, n, 2)}, Out: map[string]*value.Value{"energy": exporttest.Of(t, surface.Single(e), n)}}}
	exporttest.Check(t, append(models, m)...)
}

// Models that are written as ONNX models where the settings are not Carded.
var (
	_ job.Network = (*digitsTask)(nil)
	_ job.Network = (*generateTask)(nil)
	_ job.Network = (*jemTask)(nil)
	_ job.Network = (*autoencoder)(nil)
	_ job.Network = (*overlaid)(nil)
	_ job.Network = (*realAnswers)(nil)
	_ job.Network = (*planeDensity)(nil)
)

// TestEveryJobIsExported: every job is written by its card, by its model, or has a reason not to be.
func TestEveryJobIsExported(t *testing.T) {
	byCard := map[string]bool{
		"pictures": true, "search": true, "siamese": true, "strips": true, "speech": true, "table": true, "tagger": true,
		"digits": false, "generate": false, "jem": false, "autoencoder": false, "multilabel": false, "parabola": false, "toy2d": false,
		"rbm": false, // the hidden units are binary and summed out: no layers
	}
	for _, j := range All() {
		by, ok := byCard[j.Name]
		if _, carded := j.New().(job.Carded); !ok || carded != by {
			t.Errorf("%s: is there a row: %v; by the card: %v, want %v", j.Name, ok, carded, by)
		}
	}
}
