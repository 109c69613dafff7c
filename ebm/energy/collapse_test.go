package energy

import (
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// train fits l to a function of the inputs' signs and returns the mean energy of the
// correct and of the most offending answers, and the fraction wrong.
func train(t *testing.T, l Labeler, f functional.Functional) (correct, offending, wrong float64) {
	t.Helper()
	const n = 128
	x, target := sample(tensor.Float32, n, generator(20))
	for i := range target {
		target[i] = 0
		for bit := range 2 {
			if x.At(i, bit) > 0 {
				target[i] += 1 << bit
			}
		}
	}
	tape, o, loss := autodiff.NewTape(tensor.Float32), &optim.Adam{}, new(LabelLoss)
	params := l.Params()
	for range 400 {
		tape.Reset()
		for _, p := range params {
			p.ZeroGrad()
		}
		v, err := loss.Record(l.Energies(tape.Const(x)), target, f)
		tape.Backward(autodiff.Mean(must(t, v, err)))
		o.Step(params, 0.02)
	}
	stats := make([]functional.LabelStats, n)
	e := NewPredictor(l, tensor.Float32).Energies(x)
	if err := functional.Stats(stats, e.Float32s(), labels, target); err != nil {
		t.Fatal(err)
	}
	for _, s := range stats {
		correct += s.Correct / n
		offending += s.Offending / n
		if s.Gap() <= 0 {
			wrong += 1. / n
		}
	}
	return correct, offending, wrong
}

// TestWhatCollapses is the lecture's lesson: which architecture survives which functional.
func TestWhatCollapses(t *testing.T) {
	fixed := func() Labeler { return NewCode(net(labels, generator(21)), OneHotCodes(labels)) }
	learned := func() Labeler {
		return NewCode(net(labels, generator(21)), LearnedCodes(labels, labels, generator(22)))
	}
	branches := func() Labeler {
		return NewBranches(net(labels, generator(21)), labels, 16, labels, generator(22))
	}
	head := func() Labeler { return NonNegative{NewHead(net(labels, generator(21)), labels)} }
	for _, c := range []struct {
		name      string
		l         func() Labeler
		f         functional.Functional
		collapses bool
	}{
		{"energy loss, fixed codes", fixed, functional.Energy{}, false},
		{"energy loss, learned codes", learned, functional.Energy{}, true},
		{"energy loss, two branches", branches, functional.Energy{}, true},
		{"square-square, two branches", branches, functional.SquareSquare{Margin: 1}, false},
		{"NLL, two branches", branches, functional.NLL{}, false},
		{"energy loss, head", head, functional.Energy{}, true},
		{"square-square, learned codes", learned, functional.SquareSquare{Margin: 1}, false},
		{"square-square as printed, learned codes", learned, functional.SquareSquareMisprint{Margin: 1}, true},
		{"square-square as printed, head", head, functional.SquareSquareMisprint{Margin: 1}, true},
		{"NLL, learned codes", learned, functional.NLL{}, false},
		{"hinge, learned codes", learned, functional.Hinge{Margin: 1}, false},
		{"MEE, head", head, functional.MEE{}, false},
	} {
		l := c.l()
		correct, offending, wrong := train(t, l, c.f)
		t.Logf("%-40s E⁺ %.3g, E⁻ %.3g, wrong %.2f", c.name, correct, offending, wrong)
		if flat := offending < 0.05; flat != c.collapses {
			t.Errorf("%s: energy of the correct answer %v, of the most offending one %v: flat is %v", c.name, correct, offending, flat)
		}
		if !c.collapses && wrong > 0.15 {
			t.Errorf("%s: %v of the training set wrong", c.name, wrong)
		}
		if e, ok := l.(*Code); ok && c.name == "energy loss, fixed codes" && e.codes.Grad != nil {
			t.Error("fixed codes have a gradient")
		}
	}
}
