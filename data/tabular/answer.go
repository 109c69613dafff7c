package tabular

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
)

// batchSize is how many rows are looked at together where nothing is trained.
const batchSize = 250

// Answers are a model's answers to the rows of a table.
type Answers struct {
	Texts    []string  // one a row: a class; classes with their separator between them; a row's place in its group, from 1; a number
	Names    []string  // of a row's energies: "energy CLASS" of classes, "energy" of ranks; none of numbers, whose energy is 0 at the answer
	Energies []float32 // [rows, len(Names)]
}

// Answer answers the rows of a table, which needs neither the target's column nor those that training ignored.
//
// Errors, with the line: those of data.TableSchema.Features; the group's column is not there; an energy that is not finite.
func (m *Model) Answer(t *data.Table) (*Answers, error) {
	x, err := m.Schema.Features(t)
	if err != nil {
		return nil, err
	}
	return m.Answers(t, m.Outputs(x))
}

// Outputs returns what the network gives for rows of features, [rows, Schema.Width]: [rows, outputs].
func (m *Model) Outputs(x []float32) (out []float32) {
	tape, batch := autodiff.NewTape(tensor.Float32), tensor.New(tensor.Float32)
	tape.NoGrad = true
	rows := make([]int, len(x)/max(1, m.Schema.Width()))
	for i := range rows {
		rows[i] = i
	}
	for part := range slices.Chunk(rows, batchSize) {
		tape.Reset()
		out = append(out, m.forward(tape, batch, x, part).Value.Float32s()...)
	}
	return out
}

// Answers makes answers of what the network gave for the rows of a table.
//
// Errors: those of Answer.
func (m *Model) Answers(t *data.Table, out []float32) (*Answers, error) {
	k := len(out) / t.Rows()
	for i, v := range out {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("%s: %s: the model gives %v, which is not finite; the row is too far from the training rows, or the weights are damaged", excerpt.Of(t.Path), t.Place(i/k), v)
		}
	}
	a := &Answers{Texts: make([]string, t.Rows()), Energies: out}
	target := &m.Schema.Target
	for _, class := range target.Classes {
		a.Names = append(a.Names, "energy "+class)
	}
	switch target.Kind {
	case data.TableRank:
		a.Names = []string{"energy"}
		return a, m.places(t, a)
	case data.TableNumber:
		a.Energies = nil
	}
	for i := range a.Texts {
		a.Texts[i] = answerText(target, out[i*k:(i+1)*k])
	}
	return a, nil
}

// answerText is the answer to a row for which the network gives out.
func answerText(target *data.TableTarget, out []float32) string {
	switch target.Kind {
	case data.TableClass:
		return target.Classes[slices.Index(out, slices.Min(out))]
	case data.TableNumber:
		return strconv.FormatFloat(target.Mean+float64(target.Scale*float64(out[0])), 'g', -1, 32)
	}
	var in []string
	for y, v := range out {
		if v < 0 {
			in = append(in, target.Classes[y])
		}
	}
	return strings.Join(in, target.Separator)
}

// places numbers the rows of each group from the least energy up, the first of equals first.
func (m *Model) places(t *data.Table, a *Answers) error {
	groups := make([]string, t.Rows())
	if name := m.Schema.Target.Group; name != "" {
		column, err := t.Column(name)
		if err != nil {
			return err
		}
		groups = column.Texts
	}
	order, count := t.All(), map[string]int{}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(a.Energies[i], a.Energies[j]) })
	for _, r := range order {
		count[groups[r]]++
		a.Texts[r] = strconv.Itoa(count[groups[r]])
	}
	return nil
}

// Write writes a table as CSV with the columns "answer" and Answers.Names behind its own.
//
// Errors: those of Answer; the table has a column of such a name; those of out.
func (m *Model) Write(out io.Writer, t *data.Table) error {
	a, err := m.Answer(t)
	if err != nil {
		return err
	}
	return a.Write(out, t)
}

// Write writes the table that was answered as Model.Write does.
func (a *Answers) Write(out io.Writer, t *data.Table) error {
	more := append([]string{"answer"}, a.Names...)
	for _, name := range more {
		if slices.Contains(t.Header, name) {
			return fmt.Errorf("%s: line 1: there is a column %q, which is the name of one that is written; rename it", excerpt.Of(t.Path), excerpt.Of(name))
		}
	}
	w := csv.NewWriter(out)
	if err := w.Write(append(slices.Clone(t.Header), more...)); err != nil {
		return err
	}
	k := len(a.Names)
	for i, text := range a.Texts {
		var row []string
		for _, c := range t.Columns {
			row = append(row, c.Texts[i])
		}
		row = append(row, text)
		for _, v := range a.Energies[i*k : (i+1)*k] {
			row = append(row, strconv.FormatFloat(float64(v), 'g', -1, 32))
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// Predict opens the model in a folder, reads the CSV file at path and writes it with the answers, as Write does.
func Predict(dir, path string, out io.Writer) error {
	m, err := Open(dir)
	if err != nil {
		return err
	}
	t, err := data.ReadTable(path)
	if err != nil {
		return err
	}
	return m.Write(out, t)
}
