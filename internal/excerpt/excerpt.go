// Package excerpt keeps messages short that quote what came from outside: a line of a file
// may have gigabytes.
package excerpt

import (
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// most is how many characters of a text a message quotes.
const most = 200

// Of is a text, or of a longer one the first 200 characters and an ellipsis.
func Of[T ~string | ~[]byte](text T) string {
	n := 0
	for i := range string(text[:min(len(text), 4*most+4)]) { // a character has four bytes at most
		if n++; n > most {
			return string(text[:i]) + "…"
		}
	}
	return string(text)
}

// Line is a text, such as a path, in a line of a message: as it is, or quoted where it would break the line. It is not cut.
func Line(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	return strconv.Quote(text)
}

// Error is an error of a library that may quote a text, or one with an excerpt of its message. That of a file keeps its
// reason, and an excerpt of the path.
func Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	short := Of(text)
	if short == text {
		return err
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) && error(path) == err {
		return &fs.PathError{Op: path.Op, Path: Of(path.Path), Err: path.Err}
	}
	return shortened{err, short}
}

type shortened struct {
	error
	text string
}

func (e shortened) Error() string { return e.text }
func (e shortened) Unwrap() error { return e.error }
