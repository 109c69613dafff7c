package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/internal/excerpt"
)

// File is what is sent as it is read. It is opened anew for each try.
type File struct {
	Name string // that the server is told
	Size int64  // in bytes; below 0 is not known
	Open func() (io.ReadCloser, error)
}

// OpenFile is a file of this machine, whose name is that without its folders.
// Errors: what os.Stat says; what is not a regular file, and could not be read a second time.
func OpenFile(path string) (File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("client: %s is not a regular file, which can be read again where a request is sent again", excerpt.Line(path))
	}
	return File{filepath.Base(path), info.Size(), func() (io.ReadCloser, error) { return os.Open(path) }}, nil
}

// Bytes is a file that is in memory.
func Bytes(name string, content []byte) File {
	return File{name, int64(len(content)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// body is that of a request.
type body struct {
	File
	kind   string            // media type
	header map[string]string // more of it
	change bool              // the request changes something on the server
}

// jsonBody is a value as JSON.
func jsonBody(v any) (body, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return body{}, fmt.Errorf("client: the request cannot be JSON: %w", err)
	}
	return body{File: Bytes("", text), kind: "application/json"}, nil
}

// raw is a file as the whole body.
func raw(f File) body { return body{File: f, kind: "application/octet-stream"} }

// field is one of a form.
type field struct{ name, value string }

// form is multipart/form-data of fields and a file, which is read while it is sent.
func form(all fields, name string, f File) (body, error) {
	var head bytes.Buffer
	w := multipart.NewWriter(&head)
	for _, v := range all {
		if err := w.WriteField(v.name, v.value); err != nil {
			return body{}, err
		}
	}
	if _, err := w.CreateFormFile(name, f.Name); err != nil {
		return body{}, err
	}
	tail := "\r\n--" + w.Boundary() + "--\r\n"
	whole := File{Size: -1, Open: func() (io.ReadCloser, error) {
		content, err := f.Open()
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(head.Bytes()), content, bytes.NewReader([]byte(tail))), content}, nil
	}}
	if f.Size >= 0 {
		whole.Size = int64(head.Len()) + f.Size + int64(len(tail))
	}
	return body{File: whole, kind: w.FormDataContentType()}, nil
}
