package audio

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// A table is a CSV file with a header that names its columns, in any order. What it does
// not ask for is skipped.
type table struct {
	what     string   // the file, in errors
	required []string // columns that must be there
	optional []string // columns that may be; their fields are empty where they are not
}

// read calls take with the fields of each row, in the order of required and optional, and the
// row's line. The fields are overwritten by the next row's.
//
// Errors name the line: a header without a required column or with one twice, a row with
// another number of fields, what take returns.
func (t table) read(r io.Reader, take func(fields []string, line int) error) error {
	lines := csv.NewReader(r)
	lines.ReuseRecord = true
	head, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("audio: %s is empty; its first line must name the columns %s", t.what, spoken(t.required))
	}
	if err != nil {
		return fmt.Errorf("audio: %w", err)
	}
	at, err := t.columns(head)
	if err != nil {
		return err
	}
	fields := make([]string, len(at))
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("audio: %w", err)
		}
		for i, k := range at {
			if k >= 0 {
				fields[i] = record[k]
			}
		}
		line, _ := lines.FieldPos(0)
		if err := take(fields, line); err != nil {
			return fmt.Errorf("audio: line %d: %w", line, err)
		}
	}
}

// columns finds the columns in the header; one that may be missing and is has −1.
func (t table) columns(head []string) (at []int, err error) {
	for _, name := range slices.Concat(t.required, t.optional) {
		i := slices.Index(head, name)
		if i >= 0 && slices.Contains(head[i+1:], name) {
			return nil, fmt.Errorf("audio: line 1: the header names the column %s twice", name)
		}
		if i < 0 && slices.Contains(t.required, name) {
			return nil, fmt.Errorf("audio: line 1: the header is %q; it must name the columns %s", excerpt.Of(strings.Join(head, ",")), spoken(t.required))
		}
		at = append(at, i)
	}
	return at, nil
}

// spoken is a list as one says it.
func spoken(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// beside is a path that is relative to a folder, if it is.
func beside(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(folder, path)
}
