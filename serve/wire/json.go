package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Reader reads a JSON value that is valid and has no space around it, as the field of that name. It takes one
// kind of value, never null, and stops where there is more than is allowed. encoding/json would take
// names in other letters and twice, and all that is sent into memory.
type Reader func(field string, text []byte) error

// Decode reads one JSON value, all of the text.
func Decode(text []byte, read Reader) error {
	var v unread
	d := json.NewDecoder(bytes.NewReader(text))
	err := d.Decode(&v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			return Malformed("", "there is more behind the JSON value, from byte %d on", d.InputOffset())
		}
		return read("", bytes.TrimSpace(text))
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return Malformed("", "the JSON is wrong at byte %d: %v", syntax.Offset, syntax)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Malformed("", "the JSON ends early")
	}
	return Malformed("", "%s", strings.TrimPrefix(err.Error(), "json: "))
}

// unread is a JSON value that is valid.
type unread struct{}

// UnmarshalJSON does nothing.
func (*unread) UnmarshalJSON([]byte) error { return nil }

// WrongKind says that a value is not of the right kind.
func WrongKind(field string, text []byte, want string) error {
	is := "number " + string(text[:min(len(text), 40)])
	switch text[0] {
	case '{':
		is = "object"
	case '[':
		is = "array"
	case '"':
		is = "string"
	case 't', 'f':
		is = "bool"
	case 'n':
		is = "null"
	}
	name := field
	if name == "" {
		name = "the body"
	}
	return Malformed(field, "%s is a JSON %s; it must be %s", name, is, want)
}

// elements are those of a list, or names and values of an object in turn.
func elements(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start, depth, quoted := 1, 0, false
		for i := 1; i < len(text); i++ {
			switch c := text[i]; {
			case quoted && c == '\\':
				i++
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '[', c == '{':
				depth++
			case depth > 0 && (c == ']' || c == '}'):
				depth--
			case depth == 0 && (c == ',' || c == ':' || c == ']' || c == '}'):
				v := bytes.TrimSpace(text[start:i])
				if len(v) > 0 && !yield(v) {
					return
				}
				start = i + 1
			}
		}
	}
}

// members are those of an object.
func members(text []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		var name []byte
		for v := range elements(text) {
			if name == nil {
				name = v
				continue
			}
			if !yield(unquoted(name), v) {
				return
			}
			name = nil
		}
	}
}

func unquoted(text []byte) (s string) {
	if err := json.Unmarshal(text, &s); err != nil {
		panic(err) // it is valid, and a string
	}
	return s
}

// Object takes members with the given names, each at most once.
func Object(known map[string]Reader) Reader {
	return func(field string, text []byte) error {
		if text[0] != '{' {
			return WrongKind(field, text, "an object")
		}
		seen := map[string]bool{}
		for name, v := range members(text) {
			place := strings.TrimPrefix(field+"."+name, ".")
			read, ok := known[name]
			if !ok {
				return Malformed("", "unknown field %q", excerpt.Of(place))
			}
			if seen[name] {
				return Malformed(place, "%s is there twice", place)
			}
			seen[name] = true
			if err := read(place, v); err != nil {
				return err
			}
		}
		return nil
	}
}

// Optional makes *v where the value is there.
func Optional[T any](v **T, read func(*T) Reader) Reader {
	return func(field string, text []byte) error {
		*v = new(T)
		return read(*v)(field, text)
	}
}

// Text takes a string.
func Text(s *string) Reader {
	return func(field string, text []byte) error {
		if text[0] != '"' {
			return WrongKind(field, text, "a string")
		}
		*s = unquoted(text)
		return nil
	}
}

// Integer takes a whole number.
func Integer(n *int) Reader {
	return func(field string, text []byte) (err error) {
		if *n, err = strconv.Atoi(string(text)); err != nil {
			return WrongKind(field, text, "an integer")
		}
		return nil
	}
}

// List takes a list of at most most values, which it leaves as they are.
func List(list *[][]byte, most int) Reader {
	return func(field string, text []byte) error {
		if text[0] != '[' {
			return WrongKind(field, text, "a list")
		}
		for v := range elements(text) {
			if len(*list) == most {
				return Invalid(field, "%s has more than %d elements; at most %d are allowed", field, most, most)
			}
			*list = append(*list, v)
		}
		return nil
	}
}

// Texts takes a list of at most most strings.
func Texts(texts *[]string, most int) Reader { return Elements(texts, most, Text) }

// Elements takes a list of at most most values.
func Elements[T any](values *[]T, most int, read func(*T) Reader) Reader {
	return func(field string, text []byte) error {
		var list [][]byte
		if err := List(&list, most)(field, text); err != nil {
			return err
		}
		*values = make([]T, len(list))
		for i, v := range list {
			if err := read(&(*values)[i])(field+"["+strconv.Itoa(i)+"]", v); err != nil {
				return err
			}
		}
		return nil
	}
}

// Fields takes an object of at most most strings under names of the client's.
func Fields(fields *map[string]string, most int) Reader { return Members(fields, most, Text) }

// NullableFields is Fields where null may stand for a string, which is nil then.
func NullableFields(fields *map[string]*string, most int) Reader {
	return Members(fields, most, func(s **string) Reader {
		return func(field string, text []byte) error {
			if text[0] == 'n' {
				return nil
			}
			return Optional(s, Text)(field, text)
		}
	})
}

// Members takes an object of at most most values under names of the client's.
func Members[T any](fields *map[string]T, most int, read func(*T) Reader) Reader {
	return func(field string, text []byte) error {
		if text[0] != '{' {
			return WrongKind(field, text, "an object")
		}
		*fields = map[string]T{}
		for name, v := range members(text) {
			if _, twice := (*fields)[name]; twice {
				return Malformed(field, "%s has %q twice", field, excerpt.Of(name))
			}
			if len(*fields) == most {
				return Invalid(field, "%s has more than %d members; at most that many are allowed", field, most)
			}
			var value T
			if err := read(&value)(field+"."+name, v); err != nil {
				return err
			}
			(*fields)[name] = value
		}
		return nil
	}
}

// Vector takes a list of at most most numbers that float32 holds.
func Vector(v *[]float32, most int) Reader {
	return func(field string, text []byte) error {
		if text[0] != '[' {
			return Malformed(field, "%s is not a list of numbers", field)
		}
		*v = make([]float32, 0, min(1024, len(text)/2))
		for number := range elements(text) {
			i := len(*v)
			if i == most {
				return Invalid(field, "%s has more than %d coordinates", field, most)
			}
			x, err := strconv.ParseFloat(string(number), 32)
			if err != nil {
				return Malformed(field, "%s[%d] is %.40s; it must be a number that a float32 can hold", field, i, number)
			}
			*v = append(*v, float32(x))
		}
		return nil
	}
}

// File takes a file in base64.
func File(file *[]byte) Reader {
	return func(field string, text []byte) (err error) {
		if text[0] != '"' {
			return Malformed(field, "%s is not a string; it must be a picture in base64", field)
		}
		if *file, err = base64.StdEncoding.DecodeString(unquoted(text)); err != nil {
			return Malformed(field, "%s is not base64: %v", field, err)
		}
		return nil
	}
}

// Picture takes a picture in base64, as a data URL ("data:image/png;base64,…") or as it is.
func Picture(file *[]byte) Reader {
	return func(field string, text []byte) error {
		if text[0] != '"' {
			return WrongKind(field, text, "a string, a picture as a data URL or in base64")
		}
		s := unquoted(text)
		if !strings.HasPrefix(s, "data:") {
			return File(file)(field, text)
		}
		read, err := DataURL(s)
		if err != nil {
			return Malformed(field, "%s %v", field, err)
		}
		*file = read
		return nil
	}
}

// DataURL is what a data URL [rfc2397] of a picture holds.
//
// Errors: what is no such URL, or not in base64, in words that go behind a field's name.
func DataURL(s string) ([]byte, error) {
	head, body, ok := strings.Cut(strings.TrimPrefix(s, "data:"), ",")
	kind, coded := strings.CutSuffix(head, ";base64")
	switch {
	case !strings.HasPrefix(s, "data:") || !ok || !coded:
		return nil, fmt.Errorf("is %q; it must be a data URL, as data:image/png;base64,…", excerpt.Of(s))
	case !strings.HasPrefix(kind, "image/") && kind != "application/octet-stream":
		return nil, fmt.Errorf("is a data URL of the type %q; it must be image/png or that of another kind of picture", excerpt.Of(kind))
	}
	file, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		return nil, fmt.Errorf("is a data URL that is not base64: %w", err)
	}
	return file, nil
}

// Number takes a number that float64 holds.
func Number(x *float64) Reader {
	return func(field string, text []byte) (err error) {
		if *x, err = strconv.ParseFloat(string(text), 64); err != nil {
			return WrongKind(field, text, "a number")
		}
		return nil
	}
}

// Boolean takes true or false.
func Boolean(b *bool) Reader {
	return func(field string, text []byte) error {
		if text[0] != 't' && text[0] != 'f' {
			return WrongKind(field, text, "true or false")
		}
		*b = text[0] == 't'
		return nil
	}
}
