package serve

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// body is a request in one of its forms: a JSON text, or a picture and parameters, which come with the
// address or as the parts of a form.
type body struct {
	json    []byte
	picture []byte
	params  url.Values
}

// read reads a request's body and parameters.
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
		var text []byte
		if text, err = whole(r.Body); err == nil {
			err = b.form(text, params["boundary"])
		}
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

// whole reads a body to its end. Where that fails it is by what the client sent, or because it went away.
func whole(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(r)
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, malformed("", "the body ends early")
	}
	if p := problemOf(err); p.Code != codeInternal {
		return nil, p
	}
	return nil, malformed("", "the body cannot be read: %v", err)
}

// maxParts bounds those of a form.
const maxParts = 64

// form reads a form's parts: "image" is a picture, the others are parameters.
func (b *body) form(text []byte, boundary string) error {
	end := []byte("\n--" + boundary + "--")
	if !bytes.Contains(text, end) && !bytes.HasPrefix(text, end[1:]) { // which multipart takes for an end, mostly
		return malformed("", "the form cannot be read: it has no last boundary")
	}
	form := multipart.NewReader(bytes.NewReader(text), boundary)
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return malformed("", "the form cannot be read: %v", err)
		}
		if n == maxParts {
			return malformed("", "the form has more than %d parts", maxParts)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return malformed("", "the form cannot be read: %v", err)
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

// known refuses parameters that are not among those named, and those that are given twice but are no lists.
func known(params url.Values, single, lists []string) error {
	for _, name := range slices.Sorted(maps.Keys(params)) {
		values := params[name]
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
