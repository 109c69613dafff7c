//go:build !js

package wire

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
)

// Body is a request in one of its forms: a JSON text, or a picture and parameters, which come with the
// address or as the parts of a form.
type Body struct {
	JSON    []byte
	Picture []byte
	Params  url.Values
}

// Read reads a request's body and parameters.
func Read(r *http.Request) (Body, error) {
	var b Body
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return b, Media("the content encoding is %q; the body must be as it is", e)
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = r.Header.Get("Content-Type")
	}
	if b.Params, err = Params(r); err != nil {
		return b, err
	}
	switch {
	case kind == "application/json":
		if len(b.Params) > 0 {
			return b, Malformed("", "a JSON request has all in its body; there are parameters in the address")
		}
		b.JSON, err = Whole(r.Body)
	case kind == "multipart/form-data":
		var text []byte
		if text, err = Whole(r.Body); err == nil {
			err = b.form(text, params["boundary"])
		}
	case strings.HasPrefix(kind, "image/"), kind == "application/octet-stream":
		b.Picture, err = Whole(r.Body)
	default:
		return b, Media("the content type is %q; it must be application/json, image/png or that of another kind of picture, application/octet-stream, or multipart/form-data", kind)
	}
	return b, err
}

// Params reads the parameters of a request's address.
func Params(r *http.Request) (url.Values, error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Malformed("", "the address's parameters cannot be read: %v", err)
	}
	return params, nil
}

// Media is a body of a media type that is not taken.
func Media(format string, args ...any) *Problem {
	p := Malformed("", format, args...)
	p.Status, p.Code = http.StatusUnsupportedMediaType, CodeMedia
	return p
}

// Whole reads a body to its end. Where that fails it is by what the client sent, or because it went away.
func Whole(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(r)
	switch {
	case err == nil:
		return text, nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, Malformed("", "the body ends early")
	}
	if p := Of(err); p.Code != CodeInternal {
		return nil, p
	}
	return nil, Malformed("", "the body cannot be read: %v", err)
}

// maxParts bounds those of a form with a picture.
const maxParts = 64

// form reads a form's parts: "image" is a picture, the others are parameters.
func (b *Body) form(text []byte, boundary string) error {
	return EachPart(text, boundary, maxParts, func(p *multipart.Part, content []byte) error {
		switch name := p.FormName(); {
		case name != "image":
			b.Params.Add(name, string(content))
		case b.Picture != nil:
			return Malformed("image", "the form has more than one image")
		default:
			b.Picture = content
		}
		return nil
	})
}

// Form reads the body of a request that is multipart/form-data, and calls do for each part, of which there are most at most.
func Form(r *http.Request, most int, do func(p *multipart.Part, content []byte) error) error {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return Media("the content encoding is %q; the body must be as it is", e)
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return Media("the content type is %q; it must be multipart/form-data", r.Header.Get("Content-Type"))
	}
	text, err := Whole(r.Body)
	if err != nil {
		return err
	}
	return EachPart(text, params["boundary"], most, do)
}

// EachPart calls do for each part of a form, of which there are most at most.
func EachPart(text []byte, boundary string, most int, do func(p *multipart.Part, content []byte) error) error {
	end := []byte("\n--" + boundary + "--")
	if !bytes.Contains(text, end) && !bytes.HasPrefix(text, end[1:]) { // which multipart takes for an end, mostly
		return Malformed("", "the form cannot be read: it has no last boundary")
	}
	form := multipart.NewReader(bytes.NewReader(text), boundary)
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return Malformed("", "the form cannot be read: %v", err)
		}
		if n == most {
			return Malformed("", "the form has more than %d parts", most)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return Malformed("", "the form cannot be read: %v", err)
		}
		if err := do(part, content); err != nil {
			return err
		}
	}
}
