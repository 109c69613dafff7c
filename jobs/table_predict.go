package jobs

import (
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/nn"
)

// Predict implements job.Predictor: behind the columns of each row it writes the answer and the energies. These are one for each class, in a column
// "energy CLASS", of which several classes have those below that of their absence, 0; of a rank one energy, low for rows that come
// first, and the answer is the row's place in its group, from 1; of a number there are none, since (f(x) − y)²/2 is 0 at the answer. It needs
// neither the training table nor the target's column.
func (c *Table) Predict(dir, path string, out io.Writer) error {
	schema, err := data.ReadTableSchema(filepath.Join(dir, data.TableFile))
	if err != nil {
		return err
	}
	m, err := c.model(schema)
	if err != nil {
		return err
	}
	if err := nn.Load(filepath.Join(dir, modelFile), m.net); err != nil {
		return err
	}
	t, err := data.ReadTable(path)
	if err != nil {
		return err
	}
	header, err := m.header(t)
	if err != nil {
		return err
	}
	p := tablePart{schema: schema}
	if p.x, err = schema.Features(t); err != nil {
		return err
	}
	var energies []float32
	for rows := range slices.Chunk(all(t.Rows()), evalBatch) {
		m.tape.Reset()
		energies = append(energies, m.forward(m.tape, &p, rows).Value.Float32s()...)
	}
	answers, err := m.answered(t, energies)
	if err != nil {
		return err
	}
	return m.write(out, t, header, answers, energies)
}

// header returns the columns that are written.
func (m *tabular) header(t *data.Table) ([]string, error) {
	more := []string{"answer"}
	for _, class := range m.schema.Target.Classes {
		more = append(more, "energy "+class)
	}
	if m.c.Answers == data.TableRank {
		more = append(more, "energy")
	}
	for _, name := range more {
		if slices.Contains(t.Header, name) {
			return nil, fmt.Errorf("%s: line 1: there is a column %q, which is the name of what is written; rename it", excerpt.Of(t.Path), excerpt.Of(name))
		}
	}
	return append(slices.Clone(t.Header), more...), nil
}

// answered returns each row's answer.
func (m *tabular) answered(t *data.Table, e []float32) ([]string, error) {
	target, answers := &m.schema.Target, make([]string, t.Rows())
	k := len(e) / max(1, t.Rows())
	if target.Kind == data.TableRank {
		return answers, m.places(t, e, answers)
	}
	for i := range answers {
		row := e[i*k : (i+1)*k]
		switch target.Kind {
		case data.TableClass:
			answers[i] = target.Classes[slices.Index(row, slices.Min(row))]
		case data.TableClasses:
			var in []string
			for y, v := range row {
				if v < 0 {
					in = append(in, target.Classes[y])
				}
			}
			answers[i] = strings.Join(in, target.Separator)
		case data.TableNumber:
			answers[i] = strconv.FormatFloat(target.Mean+float64(target.Scale*float64(row[0])), 'g', -1, 32)
		}
	}
	return answers, nil
}

// places numbers the rows of each group from the least energy up, the first of equals first.
func (m *tabular) places(t *data.Table, e []float32, answers []string) error {
	groups := make([]string, t.Rows())
	if name := m.schema.Target.Group; name != "" {
		column, err := t.Column(name)
		if err != nil {
			return err
		}
		groups = column.Texts
	}
	order, count := all(t.Rows()), map[string]int{}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case e[a] < e[b]:
			return -1
		case e[a] > e[b]:
			return 1
		}
		return 0
	})
	for _, r := range order {
		count[groups[r]]++
		answers[r] = strconv.Itoa(count[groups[r]])
	}
	return nil
}

func (m *tabular) write(out io.Writer, t *data.Table, header, answers []string, e []float32) error {
	w := csv.NewWriter(out)
	if err := w.Write(header); err != nil {
		return err
	}
	k := len(e) / len(answers)
	if m.c.Answers == data.TableNumber {
		k = 0
	}
	for i, answer := range answers {
		var row []string
		for _, c := range t.Columns {
			row = append(row, c.Texts[i])
		}
		row = append(row, answer)
		for _, v := range e[i*k : (i+1)*k] {
			row = append(row, strconv.FormatFloat(float64(v), 'g', -1, 32))
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
