package ngram

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
)

// blank tells what separates words.
func blank(c rune) bool { return c == ' ' || c == '\t' || c == '\r' }

// lines reads the lines of a text that are not blank, and knows their numbers.
type lines struct {
	scan   *bufio.Scanner
	line   []byte // without blanks around it
	number int
	done   bool
}

func newLines(r io.Reader) (*lines, error) {
	text, err := plaintext.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("ngram: %w", err)
	}
	s := bufio.NewScanner(text)
	s.Buffer(nil, maxLine)
	return &lines{scan: s}, nil
}

// next goes to the next line that is not blank, and reports whether there is one.
func (l *lines) next() bool {
	for l.scan.Scan() {
		l.number++
		l.line = l.scan.Bytes()
		if l.line = bytes.TrimFunc(l.line, blank); len(l.line) > 0 {
			return true
		}
	}
	l.line, l.done = nil, true
	if l.scan.Err() != nil {
		l.number++ // the line that cannot be read
	}
	return false
}

func (l *lines) text() string { return string(l.line) }

// words goes through the line's words.
func (l *lines) words() iter.Seq[[]byte] { return bytes.FieldsFuncSeq(l.line, blank) }

// check refuses a word that no sentence has.
func (l *lines) check(word []byte) error {
	if s := string(word); s == start || s == end {
		return l.locate(fmt.Errorf("%s may not stand in a sentence; each line is a whole one", s))
	}
	return nil
}

// what describes the line for an error.
func (l *lines) what() string {
	if l.done {
		return "the text ends"
	}
	return fmt.Sprintf("the line is %q", excerpt.Of(l.line))
}

// err returns what stopped the reading before the text's end.
func (l *lines) err() error {
	err := l.scan.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("the line has more than %d bytes", maxLine)
	}
	return err
}

// locate says at which line an error is. If reading failed, that is the error.
func (l *lines) locate(err error) error {
	if failed := l.err(); failed != nil {
		err = failed
	}
	return fmt.Errorf("ngram: line %d: %w", l.number, err)
}
