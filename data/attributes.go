package data

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// Attribute is a feature of an item of a sequence, with its value.
type Attribute struct {
	Name  string
	Value float64
}

// Attributes reads the attributes of an item as files of CRFsuite have them behind the label: name or name:value with tabs between,
// "\:" a colon and "\\" a backslash of the name. Without a value it is 1. An item may have none.
//
// Errors: an attribute without a name; a value that is not a finite number; more than one colon.
func Attributes(item string) (all []Attribute, err error) {
	for field := range strings.SplitSeq(item, "\t") {
		if field == "" {
			continue // of several tabs
		}
		name, value, has := cutField(field)
		a := Attribute{Name: name, Value: 1}
		switch {
		case name == "":
			return nil, fmt.Errorf("attribute %d is %q; it must have a name", len(all)+1, excerpt.Of(field))
		case has && value != "":
			if a.Value, err = strconv.ParseFloat(value, 64); err != nil || math.IsInf(a.Value, 0) || math.IsNaN(a.Value) {
				return nil, fmt.Errorf("attribute %d, %q, has the value %q; it must be a number, and a colon that is not before a value is written with a backslash", len(all)+1, excerpt.Of(name), excerpt.Of(value))
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// cutField cuts a field at its first colon that is not escaped; the first part is without its escapes.
func cutField(field string) (name, rest string, has bool) {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		switch c := field[i]; {
		case c == ':':
			return b.String(), field[i+1:], true
		case c == '\\' && i+1 < len(field) && (field[i+1] == ':' || field[i+1] == '\\'):
			i++
			b.WriteByte(field[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", false
}

// EscapeAttribute returns a label or the name of an attribute as files of CRFsuite have it.
func EscapeAttribute(name string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(name)
}

// AttributeText is a file of CRFsuite: an item a line, its label and its attributes with tabs between, and an empty line between
// sequences. A line @weight:2 before a sequence's items gives it a weight.
//
// Source: [okazaki2007].
type AttributeText struct {
	// Sequences have the labels as tags, and for words the items' attributes, which the function Attributes takes.
	Sequences []Sentence
	Weights   []float64 // of the sequences; nil where all are 1

	lines []string // with their ends
	items [][]int  // numbers of the lines of each sequence's items
}

// ReadAttributes reads a file of CRFsuite. It may be as package plaintext has it: compressed by gzip, UTF-8 or UTF-16.
//
// Errors, by their line: those of Attributes; a line without a label; a label with a value; another declaration than
// @weight, or a weight that is not a positive number; lines of more than 1 MiB, and text of more than 1 GiB.
func ReadAttributes(r io.Reader) (*AttributeText, error) {
	r, err := plaintext.NewReader(r)
	if err != nil {
		return nil, err
	}
	t := &AttributeText{}
	if t.lines, err = linesWithEnds(r); err != nil {
		return nil, err
	}
	s := sequence{weight: 1, names: map[string]string{}}
	for i, line := range t.lines {
		text := trimEnd(line)
		if text == "" {
			t.add(&s)
			continue
		}
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("line %d: it is not UTF-8", i+1)
		}
		if err := s.line(text, i); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	t.add(&s)
	return t, nil
}

// sequence is one that is being read.
type sequence struct {
	Sentence
	items  []int
	weight float64
	names  map[string]string // one string for each label
}

func (s *sequence) line(text string, number int) error {
	first, item, _ := strings.Cut(strings.TrimLeft(text, "\t"), "\t")
	label, value, has := cutField(first)
	switch {
	case first == "":
		return errors.New("it has no label, which is the first column")
	case strings.HasPrefix(label, "@"):
		w, err := strconv.ParseFloat(value, 64)
		if label != "@weight" || err != nil || !(w > 0 && w <= math.MaxFloat64) || item != "" {
			return fmt.Errorf("the declaration is %q; it must be @weight: and a number above 0", excerpt.Of(text))
		}
		if len(s.items) > 0 {
			return errors.New("@weight stands behind an item; it must be before the sequence's first")
		}
		s.weight = w
		return nil
	case label == "" || has:
		return fmt.Errorf("the label is %q; it must be a text, in which a colon is written with a backslash", excerpt.Of(first))
	}
	if _, err := Attributes(item); err != nil {
		return err
	}
	s.Words, s.Tags = append(s.Words, item), append(s.Tags, interned(s.names, []byte(label)))
	s.items = append(s.items, number)
	return nil
}

// add adds what has been read of a sequence, unless it has no items, and begins another.
func (t *AttributeText) add(s *sequence) {
	if len(s.items) > 0 {
		if s.weight != 1 && t.Weights == nil {
			for range t.Sequences {
				t.Weights = append(t.Weights, 1)
			}
		}
		t.Sequences, t.items = append(t.Sequences, s.Sentence), append(t.items, s.items)
		if s.weight != 1 || t.Weights != nil {
			t.Weights = append(t.Weights, s.weight)
		}
		*s = sequence{weight: 1, names: s.names}
	}
	s.weight = 1
}

// Labelled writes the file with other labels, labels[i][j] at item j of sequence i. All else is as it was, byte for byte, once the text
// is UTF-8 that is not compressed.
//
// Errors: labels that are not as many as the items, or that cannot stand in the file; those of w.
func (t *AttributeText) Labelled(w io.Writer, labels [][]string) error {
	if len(labels) != len(t.items) {
		return fmt.Errorf("there are labels of %d sequences; the file has %d", len(labels), len(t.items))
	}
	at := map[int]string{}
	for i, lines := range t.items {
		if len(labels[i]) != len(lines) {
			return fmt.Errorf("sequence %d has %d labels; it has %d items", i+1, len(labels[i]), len(lines))
		}
		for j, n := range lines {
			label := labels[i][j]
			if label == "" || label[0] == '@' || strings.ContainsAny(label, "\t\r\n") {
				return fmt.Errorf("line %d: %q cannot stand as a label", n+1, excerpt.Of(label))
			}
			at[n] = label
		}
	}
	out := bufio.NewWriter(w)
	for n, line := range t.lines {
		if label, ok := at[n]; ok {
			from := len(line) - len(strings.TrimLeft(line, "\t"))
			to := from + strings.IndexAny(line[from:]+"\t", "\t\r\n")
			line = line[:from] + EscapeAttribute(label) + line[to:]
		}
		out.WriteString(line)
	}
	return out.Flush()
}

// LoadAttributes reads files of CRFsuite: a file, or a folder of files by name, hidden ones and folders passed over. Errors name file and line.
func LoadAttributes(path string) ([]TaggedFile, error) {
	return loadFiles(path, func(file string) (TaggedFile, error) {
		f, err := os.Open(file)
		if err != nil {
			return TaggedFile{}, errors.Unwrap(err)
		}
		defer f.Close()
		t, err := ReadAttributes(f)
		if err != nil {
			return TaggedFile{}, err
		}
		return TaggedFile{Sentences: t.Sequences, Weights: t.Weights}, nil
	})
}
