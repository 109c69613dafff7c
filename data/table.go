package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Bounds of a table.
const (
	maxTableFile    = 1 << 30 // bytes
	maxTableColumns = 1 << 16
	maxTableCells   = 1 << 26
)

// Table is a CSV file with a header, by columns.
type Table struct {
	Path    string
	Header  []string // the columns' names
	Columns []TableColumn
	Lines   []int // of the file, on which each row begins; the rows' own numbers where there is no file

	unfiled bool // there is no file
}

// TableColumn is one column of a table.
type TableColumn struct {
	Name    string
	Texts   []string  // as the file has them, without blanks around them
	Numbers []float64 // NaN where a value is missing; nil of a column of texts
}

// Missing tells whether a cell has no value: it is empty, or one of NA, N/A, NaN, null and ? in either case of letters.
func Missing(text string) bool {
	switch strings.ToLower(text) {
	case "", "na", "n/a", "nan", "null", "?":
		return true
	}
	return false
}

// ReadTable reads a CSV file [rfc4180]: a header with the columns' names, then one row or more. Fields may be quoted; blanks around
// a field are dropped, empty lines are passed over, and a byte order mark may come first. A column whose values are all numbers is one
// of numbers, else one of texts. Missing tells which cells have no value.
//
// Errors name the file and the line, and the column where there is one: quotes that do not close; a row with more or
// fewer fields than the header; column names that are empty or come twice; no rows; what is not UTF-8; a number in a column of
// numbers that float32 does not hold; more than 2³⁰ bytes, 2¹⁶ columns or 2²⁶ cells.
func ReadTable(path string) (*Table, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, excerpt.Error(err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; a table is a CSV file", excerpt.Of(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, excerpt.Error(err)
	}
	defer f.Close()
	return ParseTable(f, path)
}

// ParseTable is ReadTable of a stream; path is its name in errors.
func ParseTable(r io.Reader, path string) (*Table, error) {
	t := &Table{Path: path}
	if err := t.read(&limited{r: r, left: maxTableFile}); err != nil {
		return nil, fmt.Errorf("%s: %w", excerpt.Of(path), excerpt.Error(err))
	}
	for i := range t.Columns {
		if err := t.infer(&t.Columns[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// NewTable makes a table of rows of cells, in the order of the columns' names. path is its name in errors, which say the row, from 0 on. Blanks around a cell are
// dropped, and columns of numbers are told from others, as ReadTable does.
//
// Errors: those of ReadTable; a row with more or fewer cells than there are columns.
func NewTable(path string, columns []string, rows [][]string) (*Table, error) {
	t := &Table{Path: path, unfiled: true}
	for _, name := range columns {
		t.Header, t.Columns = append(t.Header, name), append(t.Columns, TableColumn{Name: name})
	}
	for i, row := range rows {
		if len(row) != len(columns) {
			return nil, fmt.Errorf("%s: row %d: it has %d cells; there are %d columns", excerpt.Of(path), i, len(row), len(columns))
		}
		for c, text := range row {
			t.Columns[c].Texts = append(t.Columns[c].Texts, strings.TrimSpace(text))
		}
		t.Lines = append(t.Lines, i)
	}
	for i := range t.Columns {
		if err := t.infer(&t.Columns[i]); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Place names a row in errors: "line 7" of a file, or "row 5".
func (t *Table) Place(row int) string {
	if t.unfiled {
		return fmt.Sprintf("row %d", t.Lines[row])
	}
	return fmt.Sprintf("line %d", t.Lines[row])
}

// limited is a reader that fails behind its limit.
type limited struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("there are more than %d bytes", maxTableFile)
	}
	return n, err
}

func (t *Table) read(r io.Reader) error {
	br := bufio.NewReader(r)
	if mark, _ := br.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = br.Discard(3)
	}
	c := csv.NewReader(br)
	c.FieldsPerRecord, c.TrimLeadingSpace = -1, true
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("it is empty; it must have a header with the columns' names, and rows")
	}
	if err == nil {
		err = t.head(header, c)
	}
	if err != nil {
		return err
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = t.add(row, c)
		}
		if err != nil {
			return err
		}
	}
	if len(t.Lines) == 0 {
		return errors.New("it has a header and no rows")
	}
	return nil
}

// head takes the columns' names.
func (t *Table) head(names []string, c *csv.Reader) error {
	if len(names) > maxTableColumns {
		return fmt.Errorf("line 1: it has %d columns; at most %d are read", len(names), maxTableColumns)
	}
	at := map[string]int{}
	for i, name := range names {
		name = strings.TrimSpace(name)
		line, _ := c.FieldPos(i)
		switch first, twice := at[name]; {
		case name == "":
			return fmt.Errorf("line %d: column %d has no name", line, i+1)
		case !utf8.ValidString(name):
			return fmt.Errorf("line %d: the name of column %d is not UTF-8", line, i+1)
		case twice:
			return fmt.Errorf("line %d: columns %d and %d have the same name %q", line, first+1, i+1, excerpt.Of(name))
		}
		at[name] = i
		t.Header = append(t.Header, name)
		t.Columns = append(t.Columns, TableColumn{Name: name})
	}
	return nil
}

// add takes a row.
func (t *Table) add(row []string, c *csv.Reader) error {
	line, _ := c.FieldPos(0)
	switch {
	case len(row) != len(t.Columns):
		return fmt.Errorf("line %d: it has %d fields; the header has %d", line, len(row), len(t.Columns))
	case (len(t.Lines)+1)*len(row) > maxTableCells:
		return fmt.Errorf("line %d: there are more than %d cells", line, maxTableCells)
	}
	for i, text := range row {
		if !utf8.ValidString(text) {
			line, _ := c.FieldPos(i)
			return fmt.Errorf("line %d: column %s is not UTF-8", line, excerpt.Of(t.Columns[i].Name))
		}
		t.Columns[i].Texts = append(t.Columns[i].Texts, strings.TrimSpace(text))
	}
	t.Lines = append(t.Lines, line)
	return nil
}
