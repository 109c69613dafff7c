package vectors

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// maxLine is the most bytes of a line: more than the longest vector that an index takes has.
const maxLine = 16 << 20

// jsonSource reads JSON lines: an object a line.
type jsonSource struct {
	Options
	file  *plaintext.File
	lines *bufio.Reader
	line  int
	bare  bool // lines have no vectors
}

func openJSON(path string, o Options) (*jsonSource, error) {
	f, err := plaintext.Open(path)
	if err != nil {
		return nil, err
	}
	return &jsonSource{Options: o, file: f, lines: bufio.NewReaderSize(f, 1<<16)}, nil
}

func (s *jsonSource) close() error { return s.file.Close() }

func (s *jsonSource) next() (Row, error) {
	for {
		text, err := s.read()
		if err != nil {
			return Row{}, err
		}
		s.line++
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		row, err := s.row(text)
		if row.Place = fmt.Sprintf("line %d", s.line); err != nil {
			return row, &RowError{row.Place, excerpt.Error(err)}
		}
		return row, nil
	}
}

// read returns the next line.
func (s *jsonSource) read() (text []byte, err error) {
	for {
		part, err := s.lines.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			return nil, fmt.Errorf("line %d has more than %d MiB", s.line+1, maxLine>>20)
		case err == nil || errors.Is(err, io.EOF) && len(text) > 0:
			return text, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// row reads an object.
func (s *jsonSource) row(text []byte) (row Row, err error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return row, err
	}
	if all == nil {
		return row, errors.New("it is null; it must be an object")
	}
	if raw, ok := all[s.ID]; ok {
		if row.ID, err = textOf(raw); err != nil || row.ID == "" {
			return row, fmt.Errorf("%q is %s; it must be a text or a number", s.ID, excerpt.Of(raw))
		}
	}
	if raw, ok := all[s.Label]; ok {
		if row.Label, err = textOf(raw); err != nil {
			return row, fmt.Errorf("%q: %w", s.Label, err)
		}
	}
	if !s.bare {
		raw, ok := all[s.Vector]
		if !ok {
			return row, missing("vector", s.Vector, slices.Sorted(maps.Keys(all)))
		}
		if err := json.Unmarshal(raw, &row.Vector); err != nil {
			return row, fmt.Errorf("%q: %w", s.Vector, err)
		}
	}
	for _, name := range inTurn(all) {
		if name == s.ID || name == s.Label || name == s.Vector && !s.bare {
			continue
		}
		if err := addFields(&row, name, all[name]); err != nil {
			return row, fmt.Errorf("%q: %w", excerpt.Of(name), err)
		}
	}
	return row, nil
}

// inTurn are the names of an object in order, the object of fields last, so that the same row is always refused for the same reason.
func inTurn(all map[string]json.RawMessage) []string {
	return slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		switch fieldsKey {
		case a:
			return 1
		case b:
			return -1
		}
		return cmp.Compare(a, b)
	})
}

// fieldsKey is the key of an object of fields, as this package and the HTTP API write it.
const fieldsKey = "fields"

// addFields adds a value to the fields of a row, or all of the object of fields.
func addFields(row *Row, name string, raw json.RawMessage) error {
	if name != fieldsKey || raw[0] != '{' {
		return row.setField(name, raw)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if err := row.setField(name, fields[name]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Row) setField(name string, raw json.RawMessage) error {
	text, err := textOf(raw)
	if err != nil || text == "" {
		return err
	}
	if before, twice := r.Fields[name]; twice && before != text {
		return fmt.Errorf("the field %q is there twice, as %q and %q", excerpt.Of(name), excerpt.Of(before), excerpt.Of(text))
	}
	if r.Fields == nil {
		r.Fields = map[string]string{}
	}
	r.Fields[name] = text
	return nil
}

// textOf is a JSON value as a text: numbers and truth values as they are written, null as "", lists and objects as JSON.
func textOf(raw json.RawMessage) (string, error) {
	switch raw[0] {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	case 'n':
		return "", nil
	case '[', '{':
		var b bytes.Buffer
		err := json.Compact(&b, raw)
		return b.String(), err
	}
	return string(raw), nil
}
