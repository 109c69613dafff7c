package predict

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// csvType is the media type of tables.
const csvType = "text/csv"

// maxColumns bounds those of a request.
const maxColumns = 1 << 16

// table is a model of tables that is served.
type table struct {
	*tabular.Model
	name    string
	columns []column
	queue   *serve.Batcher[[]float32, []float32]
}

// column is one that the model needs.
type column struct {
	name          string
	text, numbers bool // what it may hold; a group's column both
}

// PutTable has a model of tables answer by a name, once it is warmed up, which wait waits for: shelf.Shelf.Put. Of the queue, Items, Calls and Wait count; Calls are the model's places.
// Errors: those of serve.Queue.Check and shelf.Shelf.Put.
func (s *Service) PutTable(name string, t *tabular.Model, queue serve.Queue) (wait func() error, err error) {
	m := &table{Model: t, name: name}
	for i := range t.Schema.Inputs {
		in := &t.Schema.Inputs[i]
		m.columns = append(m.columns, column{in.Name, in.Text, !in.Text})
	}
	if group := t.Schema.Target.Group; group != "" {
		m.columns = append(m.columns, column{group, true, true})
	}
	if queue, err = s.queue(name, queue); err != nil {
		return nil, err
	}
	m.queue = serve.NewQueued(queue, m.outputs)
	return put(s.tables, name, m, queue.Calls, m.warm, m.queue.Close)
}

// outputs is the work of the queue: what the network gives for rows of features.
func (m *table) outputs(rows [][]float32) ([][]float32, error) {
	out := m.Outputs(slices.Concat(rows...))
	return slices.Collect(slices.Chunk(out, len(out)/len(rows))), nil
}

func (m *table) warm(ctx context.Context) error {
	_, err := m.queue.Do(ctx, nil, make([]float32, m.Schema.Width()))
	return err
}

// answers are those of a table's rows.
func (m *table) answers(ctx context.Context, t *data.Table) (*tabular.Answers, error) {
	x, err := m.Schema.Features(t)
	if err != nil {
		return nil, wire.Invalid("rows", "%v", err)
	}
	out, err := m.queue.Do(ctx, nil, slices.Collect(slices.Chunk(x, m.Schema.Width()))...)
	if err != nil {
		return nil, err
	}
	a, err := m.Answers(t, slices.Concat(out...))
	if err != nil {
		return nil, wire.Invalid("rows", "%v", err)
	}
	return a, nil
}

// rows is a request to predict in JSON.
type rows struct {
	model   *string
	columns []string
	rows    [][]byte // objects, or lists in the order of the columns
}

func (q *rows) decode(text []byte, most int) error {
	return wire.Decode(text, wire.Object(map[string]wire.Reader{
		"model":   wire.Optional(&q.model, wire.Text),
		"columns": wire.Texts(&q.columns, maxColumns),
		"rows":    wire.List(&q.rows, most),
	}))
}

// table makes the columns that a model needs of the rows.
func (q *rows) table(m *table) (*data.Table, error) {
	if len(q.rows) == 0 {
		return nil, wire.Invalid("rows", "there are no rows; there must be one at least")
	}
	at := map[string]int{}
	for i, name := range q.columns {
		if _, twice := at[name]; twice {
			return nil, wire.Invalid("columns", "columns has %q twice", excerpt.Of(name))
		}
		at[name] = i
	}
	var names []string
	for _, c := range m.columns {
		names = append(names, c.name)
	}
	all := make([][]string, len(q.rows))
	for i, text := range q.rows {
		field := "rows[" + strconv.Itoa(i) + "]"
		cells, err := q.cells(field, text, at)
		if err != nil {
			return nil, err
		}
		for _, c := range m.columns {
			cell, ok := cells(c.name)
			place := field + "." + excerpt.Of(c.name)
			if !ok {
				return nil, wire.Invalid(field, "%s has no column %q, which the model %s needs; null stands for a value that is missing", field, excerpt.Of(c.name), m.name)
			}
			value, err := c.read(place, cell)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], value)
		}
	}
	t, err := data.NewTable("rows", names, all)
	if err != nil {
		return nil, wire.Invalid("rows", "%v", err)
	}
	return t, nil
}

// cells reads a row as what tells a column's cell by its name.
func (q *rows) cells(field string, text []byte, at map[string]int) (func(name string) ([]byte, bool), error) {
	raw := func(v *[]byte) wire.Reader {
		return func(_ string, text []byte) error {
			*v = text
			return nil
		}
	}
	if text[0] == '{' {
		if len(q.columns) > 0 {
			return nil, wire.Invalid("columns", "columns has no effect: %s is an object, which names its own", field)
		}
		var cells map[string][]byte
		if err := wire.Members(&cells, maxColumns, raw)(field, text); err != nil {
			return nil, err
		}
		return func(name string) ([]byte, bool) {
			c, ok := cells[name]
			return c, ok
		}, nil
	}
	if text[0] != '[' {
		return nil, wire.WrongKind(field, text, "an object, or a list in the order of columns")
	}
	var cells [][]byte
	if err := wire.List(&cells, maxColumns)(field, text); err != nil {
		return nil, err
	}
	if len(cells) != len(q.columns) {
		return nil, wire.Invalid(field, "%s has %d elements; columns names %d", field, len(cells), len(q.columns))
	}
	return func(name string) ([]byte, bool) {
		i, ok := at[name]
		if !ok {
			return nil, false
		}
		return cells[i], true
	}, nil
}

// read is a cell as the text that a file would have.
func (c *column) read(place string, text []byte) (string, error) {
	const numbers, texts, both = "a number, or null where it is missing", "a string, or null where it is missing", "a string or a number"
	want := both
	switch {
	case !c.text:
		want = numbers
	case !c.numbers:
		want = texts
	}
	switch first := text[0]; {
	case first == 'n':
		return "", nil
	case first == '"':
		var s string
		if err := wire.Text(&s)(place, text); err != nil {
			return "", err
		}
		if c.text || data.Missing(s) {
			return s, nil
		}
	case (first == '-' || first >= '0' && first <= '9') && c.numbers:
		return string(text), nil
	}
	return "", wire.WrongKind(place, text, want)
}

// predicted is an answer to rows.
type predicted struct {
	Model   string       `json:"model"`
	Kind    string       `json:"kind"` // of the answers: class, classes, number, rank
	Column  string       `json:"column"`
	Answers []rowsAnswer `json:"answers"`
}

// rowsAnswer is that of a row.
type rowsAnswer struct {
	Answer   any                `json:"answer"`             // a class; classes; a number; a place in the group, from 1
	Energies map[string]float32 `json:"energies,omitempty"` // of the classes
	Energy   *float32           `json:"energy,omitempty"`   // of ranks
}

// predict answers POST /v1/predict.
func (s *Service) predict(w http.ResponseWriter, r *http.Request) error {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == csvType {
		return s.predictCSV(w, r)
	}
	b, err := wire.Read(r)
	if err != nil {
		return err
	}
	if b.JSON == nil {
		return wire.Media("the body must be application/json or %s", csvType)
	}
	q := &rows{}
	if err := q.decode(b.JSON, s.o.Items); err != nil {
		return err
	}
	held, err := take(r, s.tables, q.model)
	if err != nil {
		return err
	}
	defer held.Done()
	m := held.Model
	t, err := q.table(m)
	if err != nil {
		return err
	}
	a, err := m.answers(r.Context(), t)
	if err != nil {
		return err
	}
	held.Leave()
	target := &m.Schema.Target
	out := predicted{Model: m.name, Kind: target.Kind, Column: target.Column}
	for i := range a.Texts {
		out.Answers = append(out.Answers, answerOf(target, a, i))
	}
	wire.WriteJSON(w, http.StatusOK, out)
	return nil
}

// answerOf is the answer of a row.
func answerOf(target *data.TableTarget, a *tabular.Answers, row int) rowsAnswer {
	k := len(a.Names)
	energies := a.Energies[row*k : (row+1)*k]
	switch target.Kind {
	case data.TableNumber, data.TableRank:
		out := rowsAnswer{Answer: json.Number(a.Texts[row])}
		if target.Kind == data.TableRank {
			out.Energy = &energies[0]
		}
		return out
	}
	out, in := rowsAnswer{Energies: map[string]float32{}}, []string{}
	for y, e := range energies {
		out.Energies[target.Classes[y]] = e
		if e < 0 {
			in = append(in, target.Classes[y])
		}
	}
	out.Answer = a.Texts[row]
	if target.Kind == data.TableClasses {
		out.Answer = in
	}
	return out
}

// predictCSV answers a table with the table and its answers.
func (s *Service) predictCSV(w http.ResponseWriter, r *http.Request) error {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return wire.Media("the content encoding is %q; the body must be as it is", e)
	}
	params, err := wire.Params(r)
	if err == nil {
		err = wire.Known(params, []string{"model"}, nil)
	}
	if err != nil {
		return err
	}
	text, err := wire.Whole(r.Body)
	if err != nil {
		return err
	}
	t, err := data.ParseTable(bytes.NewReader(text), "the body")
	if err != nil {
		return wire.Malformed("", "%v", err)
	}
	if t.Rows() > s.o.Items {
		return wire.Invalid("", "the body has %d rows; at most %d are allowed", t.Rows(), s.o.Items)
	}
	held, err := take(r, s.tables, param(params, "model"))
	if err != nil {
		return err
	}
	defer held.Done()
	a, err := held.Model.answers(r.Context(), t)
	if err != nil {
		return err
	}
	held.Leave()
	var b bytes.Buffer
	if err := a.Write(&b, t); err != nil {
		return wire.Invalid("", "%v", err)
	}
	w.Header().Set("Content-Type", csvType+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", fmt.Sprint(b.Len()))
	_, _ = w.Write(b.Bytes()) // a client that has gone does not hear it
	return nil
}
