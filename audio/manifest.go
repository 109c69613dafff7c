package audio

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Utterance is a recording and what is said in it: a line of a manifest.
type Utterance struct {
	Path  string // of the WAV file
	Text  string // what is said; empty for silence
	Voice string // who says it; empty where the manifest does not tell
	Line  int    // in the manifest, from 1
}

// Manifest reads the CSV file at path: a header that names the columns path, text and,
// where there is one, voice, in any order, then one utterance a line. Further columns
// are skipped. Paths that are not absolute begin at the manifest's folder.
//
// Errors name the line: a header without path or text or with one of the names twice,
// a line with another number of fields, an empty path, text that is not UTF-8. Whether
// the recordings are there is not looked at.
// Source: [rfc4180].
func Manifest(path string) ([]Utterance, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	defer f.Close()
	all, err := parseManifest(f, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// parseManifest reads a manifest that lies in a folder.
func parseManifest(r io.Reader, folder string) ([]Utterance, error) {
	br := bufio.NewReader(r)
	if mark, _ := br.Peek(3); string(mark) == "\ufeff" {
		br.Discard(3)
	}
	lines := csv.NewReader(br)
	lines.ReuseRecord = true
	head, err := lines.Read()
	if err == io.EOF {
		return nil, errors.New("audio: the manifest is empty; its first line must name the columns path and text")
	}
	if err != nil {
		return nil, fmt.Errorf("audio: %w", err)
	}
	column, err := columns(head)
	if err != nil {
		return nil, err
	}
	var all []Utterance
	for {
		record, err := lines.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("audio: %w", err)
		}
		u, err := column.utterance(record)
		u.Line, _ = lines.FieldPos(0)
		if err != nil {
			return nil, fmt.Errorf("audio: line %d: %w", u.Line, err)
		}
		if !filepath.IsAbs(u.Path) {
			u.Path = filepath.Join(folder, u.Path)
		}
		all = append(all, u)
	}
}

// layout is where the columns are; voice is −1 where there is none.
type layout struct{ path, text, voice int }

// columns finds the columns by the header.
func columns(head []string) (layout, error) {
	at := func(name string) (int, error) {
		i := slices.Index(head, name)
		if i >= 0 && slices.Contains(head[i+1:], name) {
			return 0, fmt.Errorf("audio: line 1: the header names the column %s twice", name)
		}
		return i, nil
	}
	var l layout
	var errs [3]error
	l.path, errs[0] = at("path")
	l.text, errs[1] = at("text")
	l.voice, errs[2] = at("voice")
	if err := errors.Join(errs[:]...); err != nil {
		return l, err
	}
	if l.path < 0 || l.text < 0 {
		return l, fmt.Errorf("audio: line 1: the header is %q; it must name the columns path and text", strings.Join(head, ","))
	}
	return l, nil
}

// utterance picks a record's fields.
func (l layout) utterance(record []string) (Utterance, error) {
	u := Utterance{Path: record[l.path], Text: record[l.text]}
	if l.voice >= 0 {
		u.Voice = record[l.voice]
	}
	switch {
	case u.Path == "":
		return u, errors.New("the path is empty")
	case strings.ContainsRune(u.Path, 0):
		return u, fmt.Errorf("the path %q has a zero byte", u.Path)
	case !utf8.ValidString(u.Text):
		return u, fmt.Errorf("the text %q is not UTF-8", u.Text)
	}
	return u, nil
}
