package vectors

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/npy"
	"github.com/energo-ml/energo/internal/plaintext"
	"github.com/energo-ml/energo/search/index"
)

// arraySource reads the rows of an array, with what a file of identifiers says of them.
type arraySource struct {
	rows, dim int
	at        int
	read      func(v []float32) error // the next row
	array     io.Closer
	ids       source // nil: there is none
}

// openArray opens an array and the file of its identifiers.
func (r *Reader) openArray(suffix string, o Options) error {
	ids := o.IDs
	if ids == "" {
		if ids = IDFile(r.path); !isFile(ids) {
			ids = ""
		}
	}
	var s *arraySource
	var err error
	if suffix == ".npy" {
		s, err = openNPY(r.path)
	} else {
		s, err = openTensor(r.path, o.Vector)
	}
	if err != nil {
		return err
	}
	if ids != "" {
		if s.ids, err = openIDs(ids, o, s.rows, r.path); err != nil {
			return errors.Join(named(ids, err), s.array.Close())
		}
	}
	r.source, r.IDs = s, ids
	return nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (s *arraySource) close() error {
	err := s.array.Close()
	if s.ids != nil {
		err = errors.Join(err, s.ids.close())
	}
	return err
}

func (s *arraySource) next() (row Row, err error) {
	if s.at == s.rows {
		return row, io.EOF
	}
	v := make([]float32, s.dim)
	if err := s.read(v); err != nil {
		return row, fmt.Errorf("row %d: %w", s.at, err)
	}
	if s.ids != nil {
		if row, err = s.ids.next(); err != nil {
			bad := (*RowError)(nil)
			if !errors.As(err, &bad) {
				return row, err
			}
			err = &RowError{fmt.Sprintf("row %d (%s of the identifiers)", s.at, bad.Place), bad.Err}
		}
	}
	row.Vector, row.Place = v, fmt.Sprintf("row %d", s.at)
	s.at++
	return row, err
}

// checkShape refuses what is not a vector a row.
func checkShape(shape []int) error {
	if len(shape) != 2 || shape[1] < 1 || shape[1] > index.MaxDim {
		return fmt.Errorf("the shape is %v; it must be vectors × coordinates, with 1 to %d of these", shape, index.MaxDim)
	}
	return nil
}

func openNPY(path string) (*arraySource, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := readNPY(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	s.array = f
	return s, nil
}

func readNPY(r io.Reader) (*arraySource, error) {
	b := bufio.NewReaderSize(r, 1<<18)
	h, err := npy.Read(b)
	if err != nil {
		return nil, err
	}
	if err := checkShape(h.Shape); err != nil {
		return nil, err
	}
	if h.Fortran {
		return nil, errors.New("the array is in Fortran order; save it by numpy.ascontiguousarray")
	}
	kind, big := h.Kind()
	order := binary.ByteOrder(binary.LittleEndian)
	if big {
		order = binary.BigEndian
	}
	size := map[string]int{"f2": 2, "f4": 4, "f8": 8}[kind]
	if size == 0 {
		return nil, fmt.Errorf("the elements are %s; they must be float16, float32 or float64", h.TypeName())
	}
	s := &arraySource{rows: h.Shape[0], dim: h.Shape[1]}
	bytes := make([]byte, size*s.dim)
	s.read = func(v []float32) error {
		if _, err := io.ReadFull(b, bytes); err != nil {
			return fmt.Errorf("the file is cut off; its header says %d rows", s.rows)
		}
		for i := range v {
			at := bytes[size*i:]
			switch kind {
			case "f2":
				v[i] = tensor.Half(order.Uint16(at))
			case "f4":
				v[i] = math.Float32frombits(order.Uint32(at))
			default:
				v[i] = float32(math.Float64frombits(order.Uint64(at)))
			}
		}
		return nil
	}
	return s, nil
}

// openTensor opens the tensor of a .safetensors file that has a name or, for an empty one, that alone is of two dimensions.
func openTensor(path, name string) (*arraySource, error) {
	f, err := tensor.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := chooseTensor(f, name)
	if err != nil {
		return nil, err
	}
	if err := checkShape(t.Shape()); err != nil {
		return nil, err
	}
	all := t.Convert(tensor.Float32).Float32s()
	s := &arraySource{rows: t.Dim(0), dim: t.Dim(1), array: io.NopCloser(nil)}
	s.read = func(v []float32) error {
		copy(v, all[s.at*s.dim:])
		return nil
	}
	return s, nil
}

func chooseTensor(f *tensor.File, name string) (*tensor.Tensor, error) {
	var names, matrices []string
	for _, t := range f.Tensors {
		names = append(names, t.Name)
		if t.Tensor.Rank() == 2 {
			matrices = append(matrices, t.Name)
		}
	}
	if name == "" && len(matrices) == 1 {
		name = matrices[0]
	}
	t := f.Get(name)
	switch {
	case name == "":
		return nil, fmt.Errorf("%d tensors of %d have two dimensions; name the one of the vectors: %s", len(matrices), len(names), excerpt.Of(strings.Join(names, ", ")))
	case t == nil:
		return nil, fmt.Errorf("there is no tensor %q; there are %s", excerpt.Of(name), excerpt.Of(strings.Join(names, ", ")))
	case strings.HasPrefix(t.Stored(), "I") || strings.HasPrefix(t.Stored(), "U") || t.Stored() == "BOOL":
		return nil, fmt.Errorf("tensor %q is of %s; vectors must be of floats", excerpt.Of(name), t.Stored())
	}
	return t, nil
}

// openIDs opens a file of identifiers, which must have as many as the array has rows.
func openIDs(path string, o Options, rows int, array string) (source, error) {
	open := func() (source, error) {
		switch strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz"))) {
		case ".csv":
			s, err := openTable(path, o, false)
			if err != nil {
				return nil, err
			}
			if strings.Join(s.header, ",") == "id,label,file" { // as energo embed writes it
				s.fields[2] = index.PathField
			}
			return s, nil
		case ".jsonl", ".ndjson":
			s, err := openJSON(path, o)
			if err != nil {
				return nil, err
			}
			s.bare = true
			return s, nil
		}
		f, err := plaintext.Open(path)
		if err != nil {
			return nil, err
		}
		return &lineSource{file: f, lines: bufio.NewScanner(f)}, nil
	}
	s, err := open()
	if err != nil {
		return nil, err
	}
	n, err := count(s)
	if err != nil {
		return nil, err
	}
	if n != rows {
		return nil, fmt.Errorf("it has %d identifiers, and %s has %d vectors", n, excerpt.Line(array), rows)
	}
	return open()
}

// count reads all rows of a source and closes it.
func count(s source) (n int, err error) {
	for {
		_, err := s.next()
		bad := (*RowError)(nil)
		if err != nil && !errors.As(err, &bad) {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, errors.Join(err, s.close())
		}
		n++
	}
}

// lineSource reads an identifier a line.
type lineSource struct {
	file  *plaintext.File
	lines *bufio.Scanner
	line  int
}

func (s *lineSource) close() error { return s.file.Close() }

func (s *lineSource) next() (row Row, err error) {
	if !s.lines.Scan() {
		if err := s.lines.Err(); err != nil {
			return row, fmt.Errorf("line %d: %w", s.line+1, err)
		}
		return row, io.EOF
	}
	s.line++
	row.ID, row.Place = strings.TrimSpace(s.lines.Text()), fmt.Sprintf("line %d", s.line)
	if row.ID == "" {
		return row, &RowError{row.Place, errors.New("it is empty; it must be an identifier")}
	}
	return row, nil
}
