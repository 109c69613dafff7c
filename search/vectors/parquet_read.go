package vectors

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// parquetSource reads a Parquet file.
type parquetSource struct {
	file   *os.File
	groups []parquet.RowGroup // that are still to be read
	rows   parquet.Rows       // of the group that is being read; nil before the first
	buffer [1]parquet.Row
	at     int
	of     map[int]*parquetColumn // by the number of the leaf
	wide   int                    // columns of numbers that make a vector
}

// parquetColumn is a leaf that is read.
type parquetColumn struct {
	leaf      parquet.LeafColumn
	name      string
	what      columnKind
	elements  bool // of the vector: a list, instead of columns of numbers
	place     int  // of the vector's coordinate, where it lies in columns of numbers
	timeScale time.Duration
}

type columnKind int

const (
	ofField columnKind = iota
	ofID
	ofLabel
	ofVector
)

// openParquet opens the file.
func (r *Reader) openParquet(o Options) (err error) {
	f, err := os.Open(r.path)
	if err != nil {
		return err
	}
	s := &parquetSource{file: f}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	return guard(func() error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if err := checkFooter(f, info.Size()); err != nil {
			return err
		}
		p, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		if err != nil {
			return excerpt.Error(err)
		}
		if err := checkPages(f, info.Size(), p.Metadata()); err != nil {
			return excerpt.Error(err)
		}
		if s.of, r.LeftOut, err = chooseLeaves(p.Schema(), o); err != nil {
			return err
		}
		for _, c := range s.of {
			if c.what == ofVector && !c.elements {
				s.wide++
			}
		}
		s.groups, r.source = p.RowGroups(), s
		return nil
	})
}

// guard makes an error of a panic: the library has some where a file is damaged.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the file is damaged: %s", excerpt.Of(fmt.Sprint(r)))
		}
	}()
	return f()
}

// chooseLeaves says what the leaves of a file are, and which columns are left out.
func chooseLeaves(schema *parquet.Schema, o Options) (of map[int]*parquetColumn, left []string, err error) {
	var header []string
	flat := map[string]parquet.LeafColumn{}
	lists := map[string]parquet.LeafColumn{}
	for _, path := range schema.Columns() {
		leaf, ok := schema.Lookup(path...)
		if !ok {
			continue
		}
		switch {
		case len(path) == 1 && leaf.MaxRepetitionLevel == 0:
			flat[path[0]] = leaf
			header = append(header, path[0])
		case leaf.MaxRepetitionLevel == 1 && isFloat(leaf.Node) && path[0] == o.Vector:
			lists[path[0]] = leaf
			header = append(header, path[0])
		case !slices.Contains(left, path[0]):
			left = append(left, path[0])
		}
	}
	c, err := columnsOf(header, o, true)
	if err != nil {
		if slices.Contains(left, o.Vector) {
			err = fmt.Errorf("the column %q is a list or a group of other values; it must be a list of floats", excerpt.Of(o.Vector))
		}
		return nil, nil, err
	}
	of = map[int]*parquetColumn{}
	for i, name := range header {
		column := &parquetColumn{leaf: flat[name], name: name, timeScale: timeScale(flat[name].Node)}
		switch {
		case i == c.id:
			column.what = ofID
		case i == c.label:
			column.what = ofLabel
		case i == c.vector:
			column.what, column.elements, column.leaf = ofVector, true, lists[name]
			if column.leaf.Node == nil {
				return nil, nil, fmt.Errorf("the column %q holds single values; it must be a list of floats", excerpt.Of(name))
			}
		case slices.Contains(c.numbers, i):
			column.place = slices.Index(c.numbers, i)
			if column.what = ofVector; !isFloat(column.leaf.Node) {
				return nil, nil, fmt.Errorf("the column %q is not of floats", excerpt.Of(name))
			}
		}
		of[column.leaf.ColumnIndex] = column
	}
	return of, left, nil
}

func isFloat(n parquet.Node) bool {
	kind := n.Type().Kind()
	return kind == parquet.Float || kind == parquet.Double
}

// timeScale is the unit of a column of times, 0 for others.
func timeScale(n parquet.Node) time.Duration {
	if n == nil {
		return 0
	}
	l := n.Type().LogicalType()
	if l == nil {
		return 0
	}
	stamp, ok := l.Value.(*format.TimestampType)
	if !ok {
		return 0
	}
	switch stamp.Unit.Value.(type) {
	case *format.MilliSeconds:
		return time.Millisecond
	case *format.MicroSeconds:
		return time.Microsecond
	}
	return time.Nanosecond
}

func (s *parquetSource) close() error { return errors.Join(s.end(), s.file.Close()) }

// end closes the group that is being read.
func (s *parquetSource) end() error {
	if s.rows == nil {
		return nil
	}
	rows := s.rows
	s.rows = nil
	return guard(rows.Close)
}

func (s *parquetSource) next() (row Row, err error) {
	row.Place = fmt.Sprintf("row %d", s.at)
	err = guard(func() error {
		if err := s.advance(); err != nil {
			return err
		}
		s.at++
		return s.read(&row, s.buffer[0])
	})
	bad := (*RowError)(nil)
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, &bad) {
		err = fmt.Errorf("%s: %w", row.Place, excerpt.Error(err))
	}
	return row, err
}

// advance reads a row into the buffer, of the next group where one ends.
func (s *parquetSource) advance() error {
	for {
		if s.rows == nil {
			if len(s.groups) == 0 {
				return io.EOF
			}
			s.rows, s.groups = s.groups[0].Rows(), s.groups[1:]
		}
		n, err := s.rows.ReadRows(s.buffer[:])
		switch {
		case n == 1:
			return nil
		case err == nil:
			return errors.New("the file is damaged: a row is missing")
		case !errors.Is(err, io.EOF):
			return err
		}
		if err := s.end(); err != nil {
			return err
		}
	}
}

// read makes a row of the library's values.
func (s *parquetSource) read(row *Row, values parquet.Row) error {
	if s.wide > 0 {
		row.Vector = make([]float32, s.wide)
	}
	for _, v := range values {
		c := s.of[v.Column()]
		switch {
		case c == nil || v.IsNull() && c.what != ofVector && c.what != ofID:
		case c.what == ofID && v.IsNull():
			return &RowError{row.Place, fmt.Errorf("%q is null; it must be an identifier", excerpt.Of(c.name))}
		case c.what == ofVector && v.IsNull():
			if c.elements && v.DefinitionLevel() < c.leaf.MaxDefinitionLevel-1 {
				return &RowError{row.Place, fmt.Errorf("%q is null or an empty list", excerpt.Of(c.name))}
			}
			if !c.elements {
				return &RowError{row.Place, fmt.Errorf("%q is null; it must be a number", excerpt.Of(c.name))}
			}
			return &RowError{row.Place, fmt.Errorf("number %d of %q is null", len(row.Vector)+1, excerpt.Of(c.name))}
		case c.what == ofVector && c.elements:
			row.Vector = append(row.Vector, coordinate(v))
		case c.what == ofVector:
			row.Vector[c.place] = coordinate(v)
		case c.what == ofID:
			row.ID = c.text(v)
		case c.what == ofLabel:
			row.Label = c.text(v)
		default:
			if row.Fields == nil {
				row.Fields = map[string]string{}
			}
			if text := c.text(v); text != "" {
				row.Fields[c.name] = text
			}
		}
	}
	return nil
}

func coordinate(v parquet.Value) float32 {
	if v.Kind() == parquet.Double {
		return float32(v.Double())
	}
	return v.Float()
}

// text is a value as a text: times by RFC 3339, numbers as they are.
func (c *parquetColumn) text(v parquet.Value) string {
	switch {
	case c.timeScale != 0 && v.Kind() == parquet.Int64:
		return time.Unix(0, 0).UTC().Add(time.Duration(v.Int64()) * c.timeScale).Format(time.RFC3339Nano)
	case v.Kind() == parquet.ByteArray || v.Kind() == parquet.FixedLenByteArray:
		return strings.Clone(string(v.ByteArray()))
	}
	return v.String()
}
