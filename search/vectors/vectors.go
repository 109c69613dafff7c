// Package vectors reads and writes files of vectors with what is known of them, as other programs have them: arrays of NumPy (.npy) and
// .safetensors with a file of identifiers beside them, JSON lines, CSV and Parquet.
//
// [Open] reads the rows of a file one after the other, [Import] adds them to an index and says which it does not take, [Create] writes a file
// that Open reads the same rows from.
package vectors

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/search/index"
)

// Row is a vector of a file with what the file says of it.
type Row struct {
	index.Item        // an empty ID is one that the file does not have
	Number     int    // of the row, from 0
	Place      string // of the row in the file: "line 12", "row 3"
}

// RowError is what is wrong with one row; the rows after it can be read.
type RowError struct {
	Place string
	Err   error
}

func (e *RowError) Error() string { return e.Place + ": " + e.Err.Error() }

func (e *RowError) Unwrap() error { return e.Err }

// Options say where in a file what stands.
type Options struct {
	// ID, Vector and Label are the names of columns, or of keys in JSON lines: "" is id, vector and label. Of a .safetensors file, Vector is the
	// name of the tensor, and "" the only one of two dimensions. A vector may also lie in columns of numbers whose names end in 0, 1, 2 ….
	ID, Vector, Label string
	// IDs is the file that says what the rows of a .npy or .safetensors file are: an identifier a line, or a .csv or .jsonl file with
	// identifiers, labels and fields. "" is IDFile of the file, where there is one.
	IDs string
}

// Formats lists the suffixes of the files that are read and written.
var Formats = []string{".npy", ".safetensors", ".jsonl", ".ndjson", ".csv", ".parquet"}

// Format is the suffix of a file of vectors, one of Formats. Texts may be compressed by gzip, .jsonl.gz.
//
// Errors: another suffix.
func Format(path string) (string, error) {
	name := strings.ToLower(path)
	plain := strings.TrimSuffix(name, ".gz")
	suffix := filepath.Ext(plain)
	if !slices.Contains(Formats, suffix) || plain != name && !text(suffix) {
		return "", fmt.Errorf("%s: a file of vectors must end in %s", excerpt.Line(path), strings.Join(Formats, ", "))
	}
	return suffix, nil
}

func text(suffix string) bool { return suffix == ".jsonl" || suffix == ".ndjson" || suffix == ".csv" }

// Array reports whether a file holds vectors alone, so that identifiers stand in one beside it.
func Array(suffix string) bool { return suffix == ".npy" || suffix == ".safetensors" }

// IDFile is the name of the file of identifiers that goes with one of vectors alone.
func IDFile(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".ids.csv" }

// A Reader reads a file of vectors.
type Reader struct {
	// LeftOut are columns that are not read: lists and groups other than the vector.
	LeftOut []string
	// IDs is the file that the identifiers are from, "" where it is the file itself or nothing.
	IDs string

	path string
	source
}

// source reads the rows of a file.
type source interface {
	// next returns the next row, a *RowError if it is not as it should be, or io.EOF.
	next() (Row, error)
	close() error
}

// defaultVector is the column of vectors where nothing is said of it.
const defaultVector = "vector"

// Open opens a file of vectors.
//
// Errors name the file: another suffix than those of Formats; a beginning that is not of its format; columns that are not there; a file of identifiers
// with another number of rows.
func Open(path string, o Options) (*Reader, error) {
	suffix, err := Format(path)
	if err != nil {
		return nil, err
	}
	o.ID, o.Label = cmp.Or(o.ID, "id"), cmp.Or(o.Label, "label")
	if !Array(suffix) {
		o.Vector = cmp.Or(o.Vector, defaultVector)
	}
	r := &Reader{path: path}
	switch suffix {
	case ".npy", ".safetensors":
		err = r.openArray(suffix, o)
	case ".csv":
		r.source, err = openCSV(path, o)
	case ".parquet":
		err = r.openParquet(o)
	default:
		r.source, err = openJSON(path, o)
	}
	if err != nil {
		return nil, named(path, err)
	}
	return r, nil
}

// named puts a file's name before an error that does not have it.
func named(path string, err error) error {
	if err == nil || errors.Is(err, io.EOF) || strings.Contains(err.Error(), path) {
		return err
	}
	return fmt.Errorf("%s: %w", excerpt.Line(path), err)
}

// Close closes the file.
func (r *Reader) Close() error { return r.close() }

// Rows goes over the rows. With a *RowError, that row is bad, and others may follow; any other error is the last.
func (r *Reader) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for n := 0; ; n++ {
			row, err := r.next()
			if errors.Is(err, io.EOF) {
				return
			}
			row.Number = n
			bad := (*RowError)(nil)
			if !yield(row, named(r.path, err)) || err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}
}

// columns are the places of what is read in a header; −1 is a column that is not there.
type columns struct {
	id, label, vector int
	numbers           []int // of the columns of numbers that the vector lies in, where vector is −1
	fields            map[int]string
}

// columnsOf finds what is read in a header. A vector is needed unless the file is of identifiers.
func columnsOf(header []string, o Options, needVector bool) (c columns, err error) {
	for i, name := range header {
		if at := slices.Index(header, name); at < i {
			return c, fmt.Errorf("columns %d and %d are both called %q", at+1, i+1, excerpt.Of(name))
		}
	}
	c = columns{id: slices.Index(header, o.ID), label: slices.Index(header, o.Label), vector: slices.Index(header, o.Vector), fields: map[int]string{}}
	if !needVector {
		c.vector = -1
	} else if c.vector < 0 {
		if o.Vector == defaultVector {
			c.numbers = numbered(header)
		}
		if c.numbers == nil {
			return c, missing("vector", o.Vector, header)
		}
	}
	if c.id < 0 && o.ID != "id" {
		return c, missing("identifier", o.ID, header)
	}
	if c.label < 0 && o.Label != "label" {
		return c, missing("label", o.Label, header)
	}
	for i, name := range header {
		if i != c.id && i != c.label && i != c.vector && !slices.Contains(c.numbers, i) && name != "" {
			c.fields[i] = name
		}
	}
	return c, nil
}

func missing(what, name string, header []string) error {
	var short []string
	for _, h := range header[:min(len(header), 20)] {
		short = append(short, excerpt.Line(excerpt.Of(h)))
	}
	if len(header) > 20 {
		short = append(short, "…")
	}
	return fmt.Errorf("there is no column %q, of the %s; the columns are %s%s", excerpt.Of(name), what, strings.Join(short, ", "), spelling.DidYouMean(name, header))
}

// numbered returns the columns whose names are a word, or none, and 0, 1, 2 …, in that order: the most there are, and two at least.
func numbered(header []string) []int {
	groups := map[string]map[string]int{}
	for i, name := range header {
		word := strings.TrimRight(name, "0123456789")
		if groups[word] == nil {
			groups[word] = map[string]int{}
		}
		groups[word][name[len(word):]] = i
	}
	var best []int
	for _, word := range slices.Sorted(maps.Keys(groups)) {
		var places []int
		for {
			i, ok := groups[word][fmt.Sprint(len(places))]
			if !ok {
				break
			}
			places = append(places, i)
		}
		if len(places) > max(1, len(best)) {
			best = places
		}
	}
	return best
}
