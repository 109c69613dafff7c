package ngram

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines reads the lines of a text that are not blank, and knows their numbers.
type lines struct {
	scan   *bufio.Scanner
	line   []byte // without white space around it
	number int
	done   bool
}

func newLines(r io.Reader) *lines {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	return &lines{scan: s}
}

// next goes to the next line that is not blank, and reports whether there is one.
func (l *lines) next() bool {
	for l.scan.Scan() {
		l.number++
		if l.line = bytes.TrimSpace(l.scan.Bytes()); len(l.line) > 0 {
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

// what describes the line for an error.
func (l *lines) what() string {
	if l.done {
		return "the text ends"
	}
	return fmt.Sprintf("the line is %.60q", l.line)
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
