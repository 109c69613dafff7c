package jobs

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/train"
)

// lossOf returns the mean loss of a batch, and its gradient by all parameters.
func lossOf(t *testing.T, task *digitsTask, samples []int) (float64, []float32) {
	t.Helper()
	tape := autodiff.NewTape(tensor.Float32)
	tape.Training = true
	for _, p := range task.Params() {
		p.ZeroGrad()
	}
	v, err := task.Loss(tape, train.Batch{Samples: samples, Rand: rand.New(rand.NewPCG(1, 1))})
	if err != nil {
		t.Fatal(err)
	}
	tape.Backward(v)
	var grad []float32
	for _, p := range task.Params() {
		if p.Grad != nil {
			grad = append(grad, p.Grad.Float32s()...)
		}
	}
	return v.Value.At(), grad
}

// TestLossDependsOnTheSetAlone: samples in another order, or each three times, are the
// same training set.
func TestLossDependsOnTheSetAlone(t *testing.T) {
	trainSet, _ := sets()
	for _, entry := range functional.Catalogue() {
		for _, form := range Energies {
			c := small()
			c.Functional, c.Energy, c.Model = entry.Name, form, "mlp"
			if form == "code" {
				c.Codes = "learned"
			}
			task, err := newDigitsTask(c, labelled(t, c, trainSet))
			if err != nil {
				t.Fatal(err)
			}
			loss, grad := lossOf(t, task, []int{4, 0, 7, 9, 2})
			for what, samples := range map[string][]int{
				"permuted": {9, 2, 0, 7, 4},
				"repeated": {4, 0, 7, 9, 2, 4, 0, 7, 9, 2, 2, 7, 9, 0, 4},
			} {
				l, g := lossOf(t, task, samples)
				if math.Abs(l-loss) > 1e-5*max(math.Abs(loss), 1) {
					t.Errorf("%s, %s: the loss is %v, %s %v", entry.Name, form, loss, what, l)
				}
				for i := range grad {
					if d := math.Abs(float64(g[i] - grad[i])); d > 1e-4*max(1, math.Abs(float64(grad[i]))) {
						t.Errorf("%s, %s: gradient %d is %v, %s %v", entry.Name, form, i, grad[i], what, g[i])
						break
					}
				}
			}
		}
	}
}

// TestWarmStepAllocatesNothing does for the models what train's test does for the loop.
func TestWarmStepAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	defer simd.SetThreads(0)
	trainSet, _ := sets()
	for _, threads := range []int{1, 2} {
		simd.SetThreads(threads)
		for _, model := range Models {
			for _, form := range Energies {
				c := small()
				c.Model, c.Energy, c.Augment = model, form, true
				if form == "code" {
					c.Codes = "learned"
				}
				task, err := newDigitsTask(c, labelled(t, c, trainSet))
				if err != nil {
					t.Fatal(err)
				}
				tape := autodiff.NewTape(tensor.Float32)
				tape.Training = true
				b := train.Batch{Samples: []int{1, 2, 3, 4, 5, 6, 7, 8}, Rand: rand.New(rand.NewPCG(1, 1))}
				step := func() {
					tape.Reset()
					v, err := task.Loss(tape, b)
					if err != nil {
						t.Fatal(err)
					}
					tape.Backward(v)
				}
				step()
				step()
				if n := testing.AllocsPerRun(20, step); n != 0 {
					t.Errorf("%d threads, %s, %s: %v allocations a step", threads, model, form, n)
				}
			}
		}
	}
}

// TestWhatCollapses is the lecture's lesson on the digits' own models.
func TestWhatCollapses(t *testing.T) {
	type row struct {
		functional, form, codes string
		want                    []string // of the sentence; none: no collapse
	}
	rows := []row{
		{"energy", "code", "learned", []string{"flat", "energy functional", "learned codes", "nothing up"}},
		{"energy", "code", "fixed", nil},
		{"energy", "head", "fixed", []string{"−∞", "energy functional", "a head", "nothing up"}},
		{"energy", "joint", "fixed", []string{"−∞", "energy functional", "a joint network", "nothing up"}},
		{"nll", "joint", "fixed", nil},
		{"hinge", "joint", "fixed", nil},
		{"square_square_misprint", "code", "learned", []string{"flat", "square_square_misprint", "pulls"}},
		{"square_square_misprint", "head", "fixed", []string{"flat", "square_square_misprint", "pulls"}},
	}
	for _, e := range functional.Catalogue() {
		if e.GoodMargin {
			rows = append(rows, row{e.Name, "head", "fixed", nil}, row{e.Name, "code", "learned", nil})
		}
	}
	trainSet, testSet := bars(5000, 10, 8, 5, 1), bars(200, 10, 8, 5, 2)
	for _, row := range rows {
		c := small()
		c.Functional, c.Energy, c.Codes, c.Model, c.Epochs = row.functional, row.form, row.codes, "mlp", 1
		if row.want == nil && !*long { // a small model does as well
			c.Model = "linear"
		}
		c.Labelled = inMemory(trainSet, testSet)
		r, err := resumed(t.Context(), c, t.TempDir(), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s, %s, %s: error %v, energies %+v", row.functional, row.form, row.codes, r.TestError, r.Energy)
		if r.Collapsed != (row.want != nil) {
			t.Errorf("%s, %s, %s codes: collapsed is %v: %s", row.functional, row.form, row.codes, r.Collapsed, r.Why)
		}
		for _, part := range row.want {
			if !strings.Contains(r.Why, part) {
				t.Errorf("%s, %s, %s codes: %q does not say %q", row.functional, row.form, row.codes, r.Why, part)
			}
		}
		if row.want == nil && r.TestError > 0.1 {
			t.Errorf("%s, %s, %s codes: error %v", row.functional, row.form, row.codes, r.TestError)
		}
	}
}
