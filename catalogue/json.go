package catalogue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// The functions of this file read JSON that is known to be valid, in place: requests have
// millions of numbers, and encoding/json looks at each of them once for every level that
// they are nested in. It would also take "LOSS" for "loss", and the last of two.

// checkJSON refuses what is not one JSON value in UTF-8.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	if json.Valid(text) {
		return nil
	}
	return json.Unmarshal(text, new(json.RawMessage)) // for what is wrong with it
}

// member is a name of an object with its value.
type member struct {
	name  string
	value []byte
}

// members returns the members of an object. Their names must be among those allowed, if
// any are listed, and none may stand there twice.
func members(object []byte, allowed ...string) ([]member, error) {
	if object[0] != '{' {
		return nil, errors.New("it must be an object")
	}
	var all []member
	seen := map[string]bool{}
	for rest := after(object, 1); rest[0] != '}'; {
		n := width(rest)
		var name string
		if err := json.Unmarshal(rest[:n], &name); err != nil {
			return nil, err
		}
		if len(allowed) > 0 && !slices.Contains(allowed, name) {
			return nil, fmt.Errorf("unknown key %q; there are %s", excerpt.Of(name), strings.Join(allowed, ", "))
		}
		if seen[name] {
			return nil, fmt.Errorf("key %q stands there twice", excerpt.Of(name))
		}
		seen[name] = true
		rest = after(after(rest, n), 1) // the colon
		n = width(rest)
		all = append(all, member{name, rest[:n]})
		if rest = after(rest, n); rest[0] == ',' {
			rest = after(rest, 1)
		}
	}
	return all, nil
}

// elements yields the values of a list, until it is told to stop.
func elements(list []byte) func(yield func(i int, value []byte) bool) {
	return func(yield func(int, []byte) bool) {
		rest := after(list, 1)
		for i := 0; rest[0] != ']'; i++ {
			n := width(rest)
			if !yield(i, rest[:n]) {
				return
			}
			if rest = after(rest, n); rest[0] == ',' {
				rest = after(rest, 1)
			}
		}
	}
}

// after returns text without its first n bytes and the white space after them.
func after(text []byte, n int) []byte {
	for n < len(text) && (text[n] == ' ' || text[n] == '\t' || text[n] == '\r' || text[n] == '\n') {
		n++
	}
	return text[n:]
}

// width returns how many bytes the value at the beginning of text has.
func width(text []byte) int {
	switch text[0] {
	case '"':
		return quoted(text)
	case '{', '[':
		return nested(text)
	}
	for i, c := range text {
		if c == ',' || c == ']' || c == '}' || c <= ' ' {
			return i
		}
	}
	return len(text)
}

func quoted(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

func nested(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += quoted(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// firstID returns the id of a request that is broken further on, or nil.
func firstID(request []byte) []byte {
	if !utf8.Valid(request) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(request))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil
		}
		if name == "id" {
			return value
		}
	}
	return nil
}
