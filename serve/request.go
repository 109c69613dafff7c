package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// body is a request in one of its forms: a JSON text, or a picture and parameters, which come with the
// address or as the parts of a form.
type body struct {
	json    []byte
	picture []byte
	params  url.Values
}

// read reads a request's body, of which json tells whether it may be JSON.
func read(r *http.Request) (body, error) {
	var b body
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return b, media("the content encoding is %q; the body must be as it is", e)
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = r.Header.Get("Content-Type")
	}
	if b.params, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return b, malformed("", "the address's parameters cannot be read: %v", err)
	}
	switch {
	case kind == "application/json":
		if len(b.params) > 0 {
			return b, malformed("", "a JSON request has all in its body; there are parameters in the address")
		}
		b.json, err = whole(r.Body)
	case kind == "multipart/form-data":
		err = b.form(multipart.NewReader(r.Body, params["boundary"]))
	case strings.HasPrefix(kind, "image/"), kind == "application/octet-stream":
		b.picture, err = whole(r.Body)
	default:
		return b, media("the content type is %q; it must be application/json, image/png or that of another kind of picture, application/octet-stream, or multipart/form-data", kind)
	}
	return b, err
}

func media(format string, args ...any) *problem {
	p := malformed("", format, args...)
	p.status, p.Code = http.StatusUnsupportedMediaType, codeMedia
	return p
}

// whole reads a body to its end.
func whole(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(r)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, malformed("", "the body ends early")
	}
	return text, err
}

// maxParts bounds those of a form.
const maxParts = 64

// form reads a form's parts: "image" is a picture, the others are parameters.
func (b *body) form(form *multipart.Reader) error {
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return formProblem(err)
		}
		if n == maxParts {
			return malformed("", "the form has more than %d parts", maxParts)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return formProblem(err)
		}
		switch name := part.FormName(); {
		case name != "image":
			b.params.Add(name, string(text))
		case b.picture != nil:
			return malformed("image", "the form has more than one image")
		default:
			b.picture = text
		}
	}
}

// formProblem tells a form that cannot be read from a body that cannot.
func formProblem(err error) error {
	if p := problemOf(err); p.Code != codeInternal {
		return p
	}
	return malformed("", "the form cannot be read: %v", err)
}

// known refuses parameters that are not among those named, and those that are given twice but are no lists.
func known(params url.Values, single, lists []string) error {
	for name, values := range params {
		one := slices.Contains(single, name)
		if !one && !slices.Contains(lists, name) {
			return malformed(name, "there is no parameter %q; there are %s", name, strings.Join(slices.Concat(single, lists), ", "))
		}
		if one && len(values) > 1 {
			return malformed(name, "%s is given %d times; once is allowed", name, len(values))
		}
	}
	return nil
}

// fieldsOf reads parameters of the form NAME=VALUE.
func fieldsOf(values []string) (map[string]string, error) {
	fields := map[string]string{}
	for _, v := range values {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, malformed("field", "field is %q; it must be NAME=VALUE", v)
		}
		if _, twice := fields[name]; twice {
			return nil, malformed("field", "field %q is given twice", name)
		}
		fields[name] = value
	}
	return fields, nil
}

// decode reads one JSON value, all of it, without fields that v has no place for.
func decode(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			return malformed("", "there is more behind the JSON value, from byte %d on", d.InputOffset())
		}
		return nil
	}
	var p *problem
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &kind):
		return malformed(kind.Field, "%s is a JSON %s; it must be %s", orBody(kind.Field), kind.Value, jsonKind(kind))
	case errors.As(err, &syntax):
		return malformed("", "the JSON is wrong at byte %d: %v", syntax.Offset, syntax)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return malformed("", "the JSON ends early")
	}
	return malformed("", "%s", strings.TrimPrefix(err.Error(), "json: "))
}

func orBody(field string) string {
	if field == "" {
		return "the body"
	}
	return field
}

// jsonKind names what a field wants.
func jsonKind(e *json.UnmarshalTypeError) string {
	switch e.Type.Kind().String() {
	case "int":
		return "an integer"
	case "string":
		return "a string"
	case "slice":
		return "a list"
	}
	return "an object"
}

// vector is coordinates in JSON.
type vector []float32

// UnmarshalJSON takes a list of numbers that float32 holds: no null, which would be a silent 0.
func (v *vector) UnmarshalJSON(text []byte) error {
	inner := bytes.TrimSpace(text)
	if len(inner) < 2 || inner[0] != '[' {
		return malformed("vector", "vector is not a list of numbers")
	}
	inner = bytes.TrimSpace(inner[1 : len(inner)-1])
	*v = make(vector, 0, min(1024, len(inner)/2+1))
	for i := 0; len(inner) > 0; i++ {
		number, rest, more := bytes.Cut(inner, []byte{','})
		x, err := strconv.ParseFloat(string(bytes.TrimSpace(number)), 32)
		if err != nil {
			return malformed("vector", "vector[%d] is %.40s; it must be a number that a float32 can hold", i, bytes.TrimSpace(number))
		}
		*v = append(*v, float32(x))
		if inner = rest; !more {
			break
		}
	}
	return nil
}

// picture is an encoded picture in JSON.
type picture []byte

// UnmarshalJSON takes base64.
func (p *picture) UnmarshalJSON(text []byte) error {
	var s *string
	if err := json.Unmarshal(text, &s); err != nil || s == nil {
		return malformed("image", "image is no string; it must be a picture in base64")
	}
	file, err := base64.StdEncoding.DecodeString(*s)
	if err != nil {
		return malformed("image", "image is no base64: %v", err)
	}
	*p = file
	return nil
}
