package vectors

import (
	"bufio"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/npy"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/search/index"
)

// Outline is what a file that is written will hold.
type Outline struct {
	Rows, Dim int
	Fields    []string // the names of fields that items have, which are columns of CSV and Parquet
}

// A Writer writes a file of vectors, and one of identifiers beside a .npy or .safetensors file. Nothing is there before Close.
type Writer struct {
	Outline
	files []*wholefile.File
	sink
	rows int
}

// sink writes what items are.
type sink interface {
	write(item *index.Item) error
	// finish ends the files.
	finish() error
}

// Create begins a file, from which Open reads the same items.
//
// Errors: another suffix than those of Formats; a field that is called as a column of the format's own.
func Create(path string, o Outline) (w *Writer, err error) {
	suffix, err := Format(path)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(strings.ToLower(path), ".gz") {
		return nil, fmt.Errorf("%s: compressed files are not written", excerpt.Line(path))
	}
	if suffix == ".csv" || suffix == ".parquet" || Array(suffix) {
		for _, own := range []string{"id", "label", "vector"} {
			if slices.Contains(o.Fields, own) {
				return nil, fmt.Errorf("%s: a field is called %q, as a column of the file is; JSON lines hold such items", excerpt.Line(path), own)
			}
		}
	}
	w = &Writer{Outline: o}
	defer func() {
		if err != nil {
			w.Abort()
		}
	}()
	out, err := w.create(path)
	if err != nil {
		return nil, err
	}
	switch suffix {
	case ".npy", ".safetensors":
		ids, err := w.create(IDFile(path))
		if err != nil {
			return nil, err
		}
		w.sink, err = newArraySink(suffix, out, ids, o)
		return w, err
	case ".csv":
		w.sink, err = newTableSink(out, o.Fields, true)
	case ".parquet":
		w.sink, err = newParquetSink(out, o)
	default:
		w.sink = jsonSink{out}
	}
	return w, err
}

func (w *Writer) create(path string) (*bufio.Writer, error) {
	f, err := wholefile.Create(path)
	if err != nil {
		return nil, err
	}
	w.files = append(w.files, f)
	return bufio.NewWriterSize(f, 1<<18), nil
}

// Write writes an item.
func (w *Writer) Write(item *index.Item) error {
	if w.rows++; w.rows > w.Rows {
		return fmt.Errorf("item %d of %d is to be written", w.rows, w.Rows)
	}
	return w.write(item)
}

// Close ends the files, which are there from then on.
//
// Errors: fewer items than the outline says.
func (w *Writer) Close() error {
	defer w.Abort()
	if w.rows != w.Rows {
		return fmt.Errorf("%d of %d items were written", w.rows, w.Rows)
	}
	if err := w.finish(); err != nil {
		return err
	}
	for _, f := range w.files {
		if err := f.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// Abort leaves no file. After Close it does nothing.
func (w *Writer) Abort() {
	for _, f := range w.files {
		f.Abort()
	}
}

// jsonSink writes JSON lines.
type jsonSink struct{ out *bufio.Writer }

func (s jsonSink) write(item *index.Item) error {
	text, err := json.Marshal(item)
	if err != nil {
		return err
	}
	_, err = s.out.Write(append(text, '\n'))
	return err
}

func (s jsonSink) finish() error { return s.out.Flush() }

// tableSink writes CSV, with vectors or of identifiers alone.
type tableSink struct {
	out     *csv.Writer
	fields  []string
	vectors bool
	cells   []string
}

func newTableSink(out *bufio.Writer, fields []string, vectors bool) (*tableSink, error) {
	s := &tableSink{out: csv.NewWriter(out), fields: fields, vectors: vectors}
	header := append([]string{"id", "label"}, fields...)
	if vectors {
		header = append(header, "vector")
	}
	return s, s.out.Write(header)
}

func (s *tableSink) write(item *index.Item) error {
	s.cells = append(s.cells[:0], item.ID, item.Label)
	for _, name := range s.fields {
		s.cells = append(s.cells, item.Fields[name])
	}
	if s.vectors {
		text := []byte{'['}
		for i, x := range item.Vector {
			if i > 0 {
				text = append(text, ' ')
			}
			text = strconv.AppendFloat(text, float64(x), 'g', -1, 32)
		}
		s.cells = append(s.cells, string(append(text, ']')))
	}
	return s.out.Write(s.cells)
}

func (s *tableSink) finish() error {
	s.out.Flush()
	return s.out.Error()
}

// arraySink writes an array, and a table of identifiers.
type arraySink struct {
	out, idsOut *bufio.Writer
	ids         *tableSink
	row         []byte
	all         *tensor.Tensor // of a .safetensors file, whose digest stands before the elements
	at          int
}

func newArraySink(suffix string, out, ids *bufio.Writer, o Outline) (*arraySink, error) {
	s := &arraySink{out: out, idsOut: ids}
	if suffix == ".npy" {
		if _, err := out.Write((&npy.Header{Descr: "<f4", Shape: []int{o.Rows, o.Dim}}).Bytes()); err != nil {
			return nil, err
		}
	} else {
		s.all = tensor.New(tensor.Float32, o.Rows, o.Dim)
	}
	var err error
	s.ids, err = newTableSink(ids, o.Fields, false)
	return s, err
}

func (s *arraySink) write(item *index.Item) error {
	if err := s.ids.write(item); err != nil {
		return err
	}
	if s.all != nil {
		s.at += copy(s.all.Float32s()[s.at:], item.Vector)
		return nil
	}
	s.row = s.row[:0]
	for _, x := range item.Vector {
		s.row = binary.LittleEndian.AppendUint32(s.row, math.Float32bits(x))
	}
	_, err := s.out.Write(s.row)
	return err
}

func (s *arraySink) finish() error {
	if s.all != nil {
		content, err := tensor.Encode(&tensor.File{Tensors: []tensor.Named{{Name: "vectors", Tensor: s.all}}})
		if err == nil {
			_, err = s.out.Write(content)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(s.out.Flush(), s.ids.finish(), s.idsOut.Flush())
}
