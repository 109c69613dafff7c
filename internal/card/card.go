// Package card reads what is said about files: the JSON objects that energo writes about its own, such as a
// run's result.json, and the YAML cards that people write about models of other systems (Model). Since the former
// are ours, whatever is not as we write it is damage.
package card

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Decode reads an object that was written by json.Marshal, indented or not, into v, a
// pointer to the same type. After an error v is undefined.
//
// Errors: what is not UTF-8 or not JSON; text after the object; a name that v does not
// have, that is there twice, is spelled otherwise, or is missing.
func Decode(data []byte, v any) error {
	if at := invalid(data); at >= 0 {
		return fmt.Errorf("byte %d is not UTF-8", at)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return located(err, d.InputOffset())
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more follows the object, from byte %d on", d.InputOffset())
	}
	return sameNames(data, v)
}

// invalid returns where text is not UTF-8, or −1.
func invalid(text []byte) int {
	for at := 0; at < len(text); {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			return at
		}
		at += n
	}
	return -1
}

func located(err error, at int64) error {
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		at = syntax.Offset - 1
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("it is cut off")
	}
	return fmt.Errorf("at byte %d: %w", at, excerpt.Error(err))
}

// sameNames holds the names in data against those that v is written with.
// encoding/json takes names in any case, the last of two, and none at all.
func sameNames(data []byte, v any) error {
	again, err := json.Marshal(v)
	if err != nil {
		return err
	}
	has, should := names(data), names(again)
	for i := range max(len(has), len(should)) {
		switch {
		case i == len(should), i < len(has) && has[i] < should[i]:
			return fmt.Errorf("%s is there twice, or has no place there", excerpt.Of(has[i]))
		case i == len(has), has[i] > should[i]:
			return fmt.Errorf("%s is missing", excerpt.Of(should[i]))
		}
	}
	return nil
}

// names returns the paths of all names in valid JSON, sorted.
func names(data []byte) []string {
	w := walker{d: json.NewDecoder(bytes.NewReader(data))}
	w.d.UseNumber()
	w.value("")
	slices.Sort(w.names)
	return w.names
}

type walker struct {
	d     *json.Decoder
	names []string
}

// value passes over one value.
func (w *walker) value(path string) {
	t, err := w.d.Token()
	if err != nil {
		return
	}
	switch t {
	case json.Delim('{'):
		for w.d.More() {
			name, err := w.d.Token()
			if err != nil {
				return
			}
			at := fmt.Sprintf("%s.%v", path, name)
			w.names = append(w.names, at[1:])
			w.value(at)
		}
	case json.Delim('['):
		for i := 0; w.d.More(); i++ {
			w.value(path + "[" + strconv.Itoa(i) + "]")
		}
	default:
		return
	}
	_, _ = w.d.Token() // the closing bracket
}
