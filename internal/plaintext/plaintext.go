// Package plaintext reads texts as people have them: compressed by gzip or not, with a byte order mark or without, in
// UTF-8 or UTF-16. It is the one way in for texts of others that commands read.
package plaintext

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// File is an open text.
type File struct {
	io.Reader
	file *os.File
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Open opens the text at path; see [NewReader]. The caller closes it.
//
// Errors: those of os.Open and of NewReader, with the path.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	text, err := NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &File{text, f}, nil
}

// NewReader returns the text of r in UTF-8 without a byte order mark. What begins as gzip does is decompressed; a text is
// of UTF-16 if a byte order mark says so.
//
// Errors of reading it: gzip that is damaged or cut off; bytes that are not UTF-8 and zero bytes, with their line.
func NewReader(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, packed(err)
		}
		b = bufio.NewReader(unpacked{z})
	}
	mark, _ := b.Peek(3)
	var text io.Reader = b
	switch {
	case bytes.Equal(mark, []byte("\uFEFF")):
		if _, err := b.Discard(len(mark)); err != nil {
			return nil, err
		}
	case bytes.HasPrefix(mark, []byte{0xff, 0xfe}), bytes.HasPrefix(mark, []byte{0xfe, 0xff}):
		text = transform.NewReader(b, unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder())
	}
	return transform.NewReader(text, &validator{line: 1}), nil
}

// ReadFile returns the text at path, of most bytes at most; see [NewReader].
//
// Errors: those of Open and of ReadAll, with the path.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := readAll(f, most)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// ReadAll returns the text of r, of most bytes at most; see [NewReader].
//
// Errors: those of NewReader; a text that is longer.
func ReadAll(r io.Reader, most int64) ([]byte, error) {
	text, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	return readAll(text, most)
}

func readAll(text io.Reader, most int64) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(text, most+1))
	if err == nil && int64(len(all)) > most {
		err = fmt.Errorf("the text has more than %d bytes", most)
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// packed says that an error is one of gzip.
func packed(err error) error { return fmt.Errorf("the text is gzip that cannot be read: %w", err) }

type unpacked struct{ z *gzip.Reader }

func (u unpacked) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = packed(err)
	}
	return n, err
}

// validator passes on UTF-8 without zero bytes. It counts lines.
type validator struct{ line int }

// Reset implements transform.Transformer.
func (v *validator) Reset() { v.line = 1 }

// Transform implements transform.Transformer.
func (v *validator) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if len(src) > len(dst) {
		src, err = src[:len(dst)], transform.ErrShortDst
		atEOF = false
	}
	n := 0
scan:
	for n < len(src) {
		if c := src[n]; c != 0 && c < utf8.RuneSelf {
			if c == '\n' {
				v.line++
			}
			n++
			continue
		}
		c, size := utf8.DecodeRune(src[n:])
		switch {
		case c == 0:
			err = fmt.Errorf("line %d of the text has a zero byte; it must be UTF-8, or UTF-16 with a byte order mark", v.line)
		case c != utf8.RuneError || size > 1:
			n += size
			continue
		case atEOF || utf8.FullRune(src[n:]):
			err = fmt.Errorf("line %d of the text has the byte 0x%02x, which is not UTF-8; it must be UTF-8, or UTF-16 with a byte order mark", v.line, src[n])
		case err == nil:
			err = transform.ErrShortSrc
		}
		break scan
	}
	return copy(dst, src[:n]), n, err
}
