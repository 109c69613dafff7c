package vectors

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// csvSource reads a CSV file with a header.
type csvSource struct {
	file   *plaintext.File
	rows   *csv.Reader
	header []string
	columns
}

func openCSV(path string, o Options) (*csvSource, error) { return openTable(path, o, true) }

// openTable opens a CSV file with vectors or, of identifiers, without.
func openTable(path string, o Options, vectors bool) (*csvSource, error) {
	f, err := plaintext.Open(path)
	if err != nil {
		return nil, err
	}
	s := &csvSource{file: f, rows: csv.NewReader(f)}
	s.rows.FieldsPerRecord, s.rows.ReuseRecord = -1, true
	header, err := s.rows.Read()
	switch {
	case errors.Is(err, io.EOF):
		err = errors.New("the file is empty; it must begin with a header")
	case err == nil:
		for _, name := range header {
			s.header = append(s.header, strings.Clone(strings.TrimSpace(name)))
		}
		s.columns, err = columnsOf(s.header, o, vectors)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return s, nil
}

func (s *csvSource) close() error { return s.file.Close() }

func (s *csvSource) next() (row Row, err error) {
	cells, err := s.rows.Read()
	if err != nil {
		bad := (*csv.ParseError)(nil)
		if errors.As(err, &bad) {
			err = fmt.Errorf("line %d: %w", bad.StartLine, bad.Err)
		}
		return row, err
	}
	line, _ := s.rows.FieldPos(0)
	row.Place = fmt.Sprintf("line %d", line)
	if len(cells) != len(s.header) {
		return row, &RowError{row.Place, fmt.Errorf("it has %d columns, the header %d", len(cells), len(s.header))}
	}
	if row.Vector, err = s.vectorOf(cells); err != nil {
		return row, &RowError{row.Place, err}
	}
	if s.id >= 0 {
		if row.ID = strings.Clone(cells[s.id]); row.ID == "" {
			return row, &RowError{row.Place, fmt.Errorf("the column %q is empty; it must be the identifier", s.header[s.id])}
		}
	}
	if s.label >= 0 {
		row.Label = strings.Clone(cells[s.label])
	}
	for i, name := range s.fields {
		if cells[i] != "" {
			if row.Fields == nil {
				row.Fields = map[string]string{}
			}
			row.Fields[name] = strings.Clone(cells[i])
		}
	}
	return row, nil
}

// vectorOf reads the vector of a row: of one column, or of one for each coordinate.
func (s *csvSource) vectorOf(cells []string) (v []float32, err error) {
	if s.vector >= 0 {
		if v, err = parseVector(cells[s.vector]); err != nil {
			return nil, fmt.Errorf("the column %q: %w", s.header[s.vector], err)
		}
		return v, nil
	}
	for _, i := range s.numbers {
		x, err := parseCoordinate(strings.TrimSpace(cells[i]))
		if err != nil {
			return nil, fmt.Errorf("the column %q: %w", s.header[i], err)
		}
		v = append(v, x)
	}
	return v, nil
}

// parseVector reads numbers with commas, semicolons or blanks between them, in brackets or not.
func parseVector(text string) (v []float32, err error) {
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if text, ok = strings.CutSuffix(inner, "]"); !ok {
			return nil, fmt.Errorf("%q has no closing bracket", excerpt.Of(inner))
		}
	}
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) }) {
		x, err := parseCoordinate(word)
		if err != nil {
			return nil, fmt.Errorf("number %d: %w", len(v)+1, err)
		}
		v = append(v, x)
	}
	return v, nil
}

func parseCoordinate(text string) (float32, error) {
	x, err := strconv.ParseFloat(text, 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is beyond float32", excerpt.Of(text))
	case err != nil:
		return 0, fmt.Errorf("%q is not a number", excerpt.Of(text))
	}
	return float32(x), nil
}
