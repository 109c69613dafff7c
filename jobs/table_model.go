package jobs

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/energo-ml/energo/autodiff"
	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// tabular is a job.Model. Its network gives a row's features one energy for each class, the lower the likelier; or of a rank one energy, low for
// rows that come first; or a number f(x), standardised, with the energy (f(x) − y)²/2.
type tabular struct {
	c               *Table
	schema          *data.TableSchema
	net             nn.Module
	functional      functional.Functional // nil where a loss trains
	named           loss.Entry
	set, held, test tablePart
	data            string
	subject         train.Subject

	tape      *autodiff.Tape // of what is measured
	label     energy.LabelLoss
	criterion nn.Criterion
	x         tensor.Tensor
	rows      []int
}

// model returns the untrained model for the rows of a schema.
func (c *Table) model(s *data.TableSchema) (*tabular, error) {
	in, out, rng := s.Width(), max(1, len(s.Target.Classes)), train.Rand(c.Seed, "weights", 0)
	net := nn.NewSequential(nn.NewLinear(in, out, rng))
	if c.Model == "mlp" {
		net = nn.NewSequential(nn.NewLinear(in, c.Hidden, rng), nn.ReLU{}, nn.NewLinear(c.Hidden, c.Hidden, rng), nn.ReLU{}, nn.NewLinear(c.Hidden, out, rng))
	}
	m := &tabular{c: c, schema: s, net: nn.Prefix("net", net), tape: autodiff.NewTape(tensor.Float32)}
	m.tape.NoGrad = true
	m.subject = train.Subject{Loss: c.Loss, Architecture: "an energy of the answers in a table (" + c.Model + ")"}
	var err error
	if c.Loss != "" {
		m.named, err = loss.Lookup(c.Loss)
	} else {
		m.functional, err = functional.New(c.Functional, c.Form)
		m.subject.Functional = m.functional
		if e, _ := functional.Lookup(c.Functional); e.Takes("margin") {
			m.subject.Margin = c.Form.Margin
		}
	}
	m.subject.Terms = train.AnswerTerms(map[string]string{data.TableClasses: "classes of rows", data.TableRank: "pairs"}[c.Answers], m.subject.Margin)
	if m.subject.Terms.Samples == "" {
		m.subject.Terms = train.AnswerTerms("rows", m.subject.Margin)
	}
	m.subject.Terms.AllAnswers = false
	if c.Answers == data.TableNumber {
		m.subject.Terms.Correct, m.subject.Terms.Offending = "f(x)", "the mean of the training rows"
		m.subject.Terms.Kept = train.ToldApart("of the rows have f(x) nearer to y than the mean of the training rows")
	}
	return m, err
}

// Params implements train.Task.
func (m *tabular) Params() []*autodiff.Param { return m.net.Params() }

// Samples implements train.Task.
func (m *tabular) Samples() int { return m.set.samples() }

// Data implements job.Model.
func (m *tabular) Data() string { return m.data }

// Scale implements job.Model.
func (m *tabular) Scale(spread measure.Number) { m.subject.Scale = spread }

// Save implements job.Model.
func (m *tabular) Save(dir string) error {
	if err := m.schema.Write(filepath.Join(dir, data.TableFile)); err != nil {
		return err
	}
	return nn.Save(filepath.Join(dir, modelFile), m.net)
}

// Load implements job.Model. Errors: the schema in the folder is not that of the table's training rows.
func (m *tabular) Load(dir string) error {
	path := filepath.Join(dir, data.TableFile)
	s, err := data.ReadTableSchema(path)
	if err != nil {
		return err
	}
	if !reflect.DeepEqual(s, m.schema) {
		return fmt.Errorf("%s: it was fitted on other rows than those of %s", path, m.c.Data)
	}
	return nn.Load(filepath.Join(dir, modelFile), m.net)
}

// Loss implements train.Task.
func (m *tabular) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	m.rows = m.set.drawn(m.rows, b.Samples, b.Rand)
	out := m.forward(tape, &m.set, m.rows)
	return m.record(out, m.energies(out), &m.set, m.rows)
}

// forward records the network over rows of a part.
func (m *tabular) forward(tape *autodiff.Tape, p *tablePart, rows []int) *autodiff.Var {
	width := m.schema.Width()
	m.x.Resize(len(rows), width)
	for i, r := range rows {
		copy(m.x.Float32s()[i*width:(i+1)*width], p.x[r*width:])
	}
	return m.net.Forward(tape.Const(&m.x))
}

// energies records the energies of the answers, [samples, answers], from what the network gives: of several classes and of pairs there are two answers.
func (m *tabular) energies(out *autodiff.Var) *autodiff.Var {
	switch e, n := out, out.Value.Len(); m.c.Answers {
	case data.TableClasses: // there, or not
		column := autodiff.Reshape(e, n, 1)
		out = autodiff.Concat(1, column, e.Tape().Const(tensor.New(tensor.Float32, n, 1)))
	case data.TableRank: // the first of a pair before the second, or after it
		out = autodiff.Reshape(e, n/2, 2)
	}
	if m.functional != nil && m.functional.Statistic().NonNegative {
		out = autodiff.Softplus(out)
	}
	return out
}

// answers returns the place of the right answer in each row of energies.
func (m *tabular) answers(p *tablePart, rows []int) (at []int) {
	switch k := len(m.schema.Target.Classes); m.c.Answers {
	case data.TableRank:
		return make([]int, len(rows)/2)
	case data.TableClass:
		for _, r := range rows {
			at = append(at, p.labels[r][0])
		}
	case data.TableClasses:
		for _, r := range rows {
			for y := range k {
				not := 1
				if slices.Contains(p.labels[r], y) {
					not = 0
				}
				at = append(at, not)
			}
		}
	}
	return at
}

// record records the mean loss.
func (m *tabular) record(out, energies *autodiff.Var, p *tablePart, rows []int) (*autodiff.Var, error) {
	if m.functional != nil {
		each, err := m.label.Record(energies, m.answers(p, rows), m.functional)
		if err != nil {
			return nil, err
		}
		return autodiff.Mean(each), nil
	}
	scores := out
	switch m.c.Answers {
	case data.TableClass, data.TableClasses:
		scores = autodiff.Neg(out)
	case data.TableRank:
		scores = autodiff.Neg(energies)
	}
	return m.criterion.Record(func(g nn.Grads) (float64, error) {
		a, err := m.named.Eval(loss.Request{Inputs: map[string]loss.Array[float64]{"input": wide(scores), "target": m.target(scores.Shape(), p, rows)}}, true)
		if err != nil {
			return 0, err
		}
		for i := range g.Float32s(0) {
			g.Float32s(0)[i] = float32(a.Grad["input"].Data[i])
		}
		return a.Loss.Data[0], nil
	}, scores)
}

func wide(v *autodiff.Var) loss.Array[float64] {
	a := loss.Array[float64]{Shape: slices.Clone(v.Shape())}
	for _, x := range v.Value.Float32s() {
		a.Data = append(a.Data, float64(x))
	}
	return a
}

// target is what the loss compares scores of a shape with: numbers, places, or 1 for each right answer among 0s (soft_margin: −1s).
func (m *tabular) target(shape []int, p *tablePart, rows []int) loss.Array[float64] {
	a := loss.Array[float64]{Shape: slices.Clone(shape)}
	if m.c.Answers == data.TableNumber {
		for _, r := range rows {
			a.Data = append(a.Data, float64(p.y[r]))
		}
		return a
	}
	at := m.answers(p, rows)
	if m.c.Loss == "cross_entropy" || m.c.Loss == "multi_margin" {
		for _, y := range at {
			a.Data = append(a.Data, float64(y))
		}
		a.Shape = shape[:1]
		return a
	}
	wrong := 0.0
	if m.c.Loss == "soft_margin" {
		wrong = -1
	}
	a.Data = slices.Repeat([]float64{wrong}, shape[0]*shape[1])
	for i, y := range at {
		if m.c.Answers == data.TableClass {
			a.Data[i*shape[1]+y] = 1
		} else if y == 0 {
			a.Data[i] = 1
		}
	}
	return a
}

// seen is what a model says of rows.
type seen struct {
	loss     float64   // mean
	out      []float32 // of the network, row by row; of ranks pair by pair
	energies []float32 // [samples, k]
	k        int
	stats    []functional.LabelStats
}

// see measures the rows of a part.
func (m *tabular) see(ctx context.Context, p *tablePart) (s seen, err error) {
	rows := p.whole()
	for lo := 0; lo < len(rows); lo += evalBatch {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		part := rows[lo:min(lo+evalBatch, len(rows))]
		m.tape.Reset()
		out := m.forward(m.tape, p, part)
		e := m.energies(out)
		l, err := m.record(out, e, p, part)
		if err != nil {
			return s, err
		}
		s.loss += float64(l.Value.Float32s()[0]) * float64(len(part)) / float64(len(rows))
		s.out, s.energies, s.k = append(s.out, out.Value.Float32s()...), append(s.energies, e.Value.Float32s()...), e.Shape()[1]
	}
	if m.c.Answers == data.TableNumber {
		for i, r := range rows {
			off, mean := float64(s.out[i])-float64(p.y[r]), float64(p.y[r])
			right, wrong := float64(off*off)/2, float64(mean*mean)/2
			s.stats = append(s.stats, functional.LabelStats{Correct: right, Offending: wrong, Answer: 1, Spread: math.Abs(wrong-right) / 2})
		}
		return s, nil
	}
	at := m.answers(p, rows)
	s.stats = make([]functional.LabelStats, len(at))
	return s, functional.Stats(s.stats, s.energies, s.k, at)
}

// Evaluate implements train.Task: the error is the mean loss.
func (m *tabular) Evaluate(ctx context.Context) (train.Evaluation, error) {
	s, err := m.see(ctx, &m.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	q := measure.Quantity{Key: "loss", Name: "Loss", Note: "on validation rows"}
	return train.Diagnose(s.stats, m.subject, q.Of(s.loss), math.NaN()), nil
}
