package tabular

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/ebm/energy"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/scratch"
)

// Trainer records the loss of a model's answers, and keeps its memory: a warm step allocates nothing.
//
// A functional sees energies of labels: of one class those of the classes; of several classes those of two answers for each class with
// the energy e, there (e/2) and not (−e/2), which is E = −Y·G(X) of [lecun2006]; of ranks those of two answers for a pair, the greater row
// first or second. A functional that needs E ≥ 0 gets them through a softplus.
type Trainer struct {
	Functional functional.Functional // nil where a loss trains
	model      *Model
	byPlace    byPlace // of losses
	byMarks    byMarks
	not        float32

	label     energy.LabelLoss
	criterion nn.Criterion
	eval      func(nn.Grads) (float64, error) // evaluates the loss of scores
	scores    *autodiff.Var
	rows      []int
	places    []int     // of the right answers
	marks     []float32 // what the scores are compared with
	batch     tensor.Tensor
	tape      *autodiff.Tape // of what is measured
}

// NewTrainer returns a trainer by one of Losses or, where loss is "", by a functional of the catalogue.
//
// Errors: those of functional.New; a loss that does not train the model's kind of answers, as none or a functional does not of numbers.
func NewTrainer(m *Model, name string, form functional.Options, loss string) (t *Trainer, err error) {
	kind := m.Schema.Target.Kind
	t = &Trainer{model: m, tape: autodiff.NewTape(tensor.Float32)}
	t.tape.NoGrad = true
	t.eval = t.evaluate
	if loss == "" && kind != data.TableNumber {
		t.Functional, err = functional.New(name, form)
		return t, err
	}
	for _, l := range losses {
		if l.name != loss || !slices.Contains(l.kinds, kind) {
			continue
		}
		if l.place != nil {
			t.byPlace = l.place()
		} else {
			t.byMarks, t.not = l.marks(), l.not(kind)
		}
		return t, nil
	}
	return nil, fmt.Errorf("loss is %q; to train answers of the kind %s it must be one of %s", excerpt.Of(loss), kind, strings.Join(Losses(kind), ", "))
}

// Loss records the mean loss of some samples; rng draws a rival for each of ranks. What it recorded before must have gone
// through Backward, or be given up. Errors: those of the functional or the loss.
func (t *Trainer) Loss(tape *autodiff.Tape, p *Rows, samples []int, rng *rand.Rand) (*autodiff.Var, error) {
	t.rows = p.drawn(t.rows, samples, rng)
	out := t.model.forward(tape, &t.batch, p.x, t.rows)
	return t.record(out, t.energies(out), p, t.rows)
}

// energies records the energies of the answers, [samples, answers], from what the network gives.
func (t *Trainer) energies(out *autodiff.Var) *autodiff.Var {
	switch n := out.Value.Len(); t.model.Schema.Target.Kind {
	case data.TableClasses: // there, or not
		half := autodiff.Scale(autodiff.Reshape(out, n, 1), 0.5)
		out = autodiff.Concat(1, half, autodiff.Neg(half))
	case data.TableRank: // the first of a pair before the second, or after it
		out = autodiff.Reshape(out, n/2, 2)
	}
	if t.Functional != nil && t.Functional.Statistic().NonNegative {
		out = autodiff.Softplus(out)
	}
	return out
}

// answers writes the place of the right answer in each row of energies.
func (t *Trainer) answers(p *Rows, rows []int) []int {
	k := len(t.model.Schema.Target.Classes)
	t.places = t.places[:0]
	switch t.model.Schema.Target.Kind {
	case data.TableRank:
		t.places = scratch.Sized(t.places, len(rows)/2)
		clear(t.places)
	case data.TableClass:
		for _, r := range rows {
			t.places = append(t.places, p.labels[r][0])
		}
	case data.TableClasses:
		for _, r := range rows {
			for y := range k {
				not := 1
				if slices.Contains(p.labels[r], y) {
					not = 0
				}
				t.places = append(t.places, not)
			}
		}
	}
	return t.places
}

// record records the mean loss.
func (t *Trainer) record(out, energies *autodiff.Var, p *Rows, rows []int) (*autodiff.Var, error) {
	places := t.answers(p, rows)
	if t.Functional != nil {
		each, err := t.label.Record(energies, places, t.Functional)
		if err != nil {
			return nil, err
		}
		return autodiff.Mean(each), nil
	}
	switch t.scores = out; t.model.Schema.Target.Kind {
	case data.TableClass, data.TableClasses:
		t.scores = autodiff.Neg(out)
	case data.TableRank:
		t.scores = autodiff.Neg(energies)
	}
	if t.byMarks != nil {
		t.mark(p, rows)
	}
	return t.criterion.Record(t.eval, t.scores)
}

// mark writes what each score is compared with.
func (t *Trainer) mark(p *Rows, rows []int) {
	k := t.scores.Value.Dim(1)
	t.marks = scratch.Sized(t.marks, t.scores.Value.Len())
	for i := range t.marks {
		t.marks[i] = t.not
	}
	for i, r := range rows {
		if p.labels == nil {
			t.marks[i] = p.y[r]
			continue
		}
		for _, y := range p.labels[r] {
			t.marks[i*k+y] = 1
		}
	}
}

// evaluate is the loss of the scores.
func (t *Trainer) evaluate(g nn.Grads) (float64, error) {
	x, k := t.scores.Value.Float32s(), t.scores.Value.Dim(1)
	if t.byPlace != nil {
		return t.byPlace(x, t.places, k, g.Float32s(0))
	}
	return t.byMarks(x, t.marks, k, g.Float32s(0))
}
