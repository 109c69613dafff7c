package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// Element is an element of tensors.
type Element interface {
	bool | uint8 | uint16 | uint32 | uint64 | int8 | int16 | int32 | int64 | float32 | float64
}

// datatype is the name of elements in the Open Inference Protocol.
func datatype[T Element]() string {
	switch any(*new(T)).(type) {
	case bool:
		return "BOOL"
	case float32:
		return "FP32"
	case float64:
		return "FP64"
	case uint8, uint16, uint32, uint64:
		return fmt.Sprintf("UINT%d", 8*binary.Size(*new(T)))
	}
	return fmt.Sprintf("INT%d", 8*binary.Size(*new(T)))
}

// Tensor is one that a model takes or gives.
type Tensor struct {
	Name     string
	Datatype string // of the Open Inference Protocol: FP32, INT64
	Shape    []int
	Raw      []byte // elements in row-major order, little-endian
}

// NewTensor is a tensor of elements in row-major order.
// Errors: a shape of another number of elements.
func NewTensor[T Element](name string, shape []int, elements []T) (Tensor, error) {
	if n := volume(shape); n != len(elements) {
		return Tensor{}, fmt.Errorf("client: tensor %q has %d elements; its shape %v has %d", name, len(elements), shape, n)
	}
	var b bytes.Buffer
	b.Grow(binary.Size(elements))
	err := binary.Write(&b, binary.LittleEndian, elements)
	return Tensor{name, datatype[T](), shape, b.Bytes()}, err
}

// Elements are those of a tensor, in row-major order.
// Errors: a tensor of another type.
func Elements[T Element](t Tensor) ([]T, error) {
	if want := datatype[T](); t.Datatype != want {
		return nil, fmt.Errorf("client: tensor %q is of %s, not of %s", t.Name, t.Datatype, want)
	}
	all := make([]T, len(t.Raw)/binary.Size(*new(T)))
	_, err := binary.Decode(t.Raw, binary.LittleEndian, all)
	return all, err
}

// volume is the number of elements of a shape; −1 for one that no tensor has.
func volume(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/d {
			return -1
		}
		n *= d
	}
	return n
}

// Port is an input or an output of a model.
type Port struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"` // -1 is a free dimension
}

// Model is what a server says of a model of the Open Inference Protocol.
type Model struct {
	Name     string   `json:"name"`
	Versions []string `json:"versions"`
	Platform string   `json:"platform"`
	Inputs   []Port   `json:"inputs"`
	Outputs  []Port   `json:"outputs"`
}

// Model returns a model's inputs and outputs.
func (c *Client) Model(ctx context.Context, name string) (m Model, err error) {
	err = c.ask(ctx, http.MethodGet, "/v2/models/"+url.PathEscape(name), nil, &m)
	return m, err
}

// lengthHeader says how long the JSON is that stands before binary tensors.
const lengthHeader = "Inference-Header-Content-Length"

// sized is a tensor in the JSON of the protocol, whose elements are behind it.
type sized struct {
	Port
	Parameters struct {
		Size *int `json:"binary_data_size,omitempty"`
	} `json:"parameters"`
}

// Infer gives a model inputs and returns its outputs: those named, or all. Elements go both ways as bytes, by the protocol's extension binary_tensor_data.
// Errors: what the server refuses; an answer that is not the protocol's.
func (c *Client) Infer(ctx context.Context, model string, inputs []Tensor, outputs ...string) ([]Tensor, error) {
	b, err := inferBody(inputs, outputs)
	if err != nil {
		return nil, err
	}
	answer, err := c.send(ctx, http.MethodPost, "/v2/models/"+url.PathEscape(model)+"/infer", &b)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		var all []Tensor
		if all, err = inferred(answer.Header.Get(lengthHeader), text); err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("client: the answer of the model %s: %w", model, err)
}

// inferBody is a request with its tensors as bytes.
func inferBody(inputs []Tensor, outputs []string) (body, error) {
	var q struct {
		Parameters map[string]bool `json:"parameters"`
		Inputs     []sized         `json:"inputs"`
		Outputs    []named         `json:"outputs,omitempty"`
	}
	q.Parameters = map[string]bool{"binary_data_output": true}
	parts := [][]byte{nil}
	for _, t := range inputs {
		s := sized{Port: Port{t.Name, t.Datatype, append([]int{}, t.Shape...)}}
		n := len(t.Raw)
		s.Parameters.Size = &n
		q.Inputs, parts = append(q.Inputs, s), append(parts, t.Raw)
	}
	for _, name := range outputs {
		q.Outputs = append(q.Outputs, named{name})
	}
	text, err := json.Marshal(q)
	if err != nil {
		return body{}, fmt.Errorf("client: the request cannot be JSON: %w", err)
	}
	parts[0] = text
	b := raw(joined(parts))
	b.header = map[string]string{lengthHeader: strconv.Itoa(len(text))}
	return b, nil
}

// named is an output that is asked for.
type named struct {
	Name string `json:"name"`
}

// joined is a file of parts, one after the other, which are not copied.
func joined(parts [][]byte) File {
	f := File{Open: func() (io.ReadCloser, error) {
		var all []io.Reader
		for _, p := range parts {
			all = append(all, bytes.NewReader(p))
		}
		return io.NopCloser(io.MultiReader(all...)), nil
	}}
	for _, p := range parts {
		f.Size += int64(len(p))
	}
	return f
}

// inferred reads an answer, whose JSON is as long as the header says.
func inferred(length string, text []byte) ([]Tensor, error) {
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > len(text) {
		return nil, fmt.Errorf("%s is %q; it must be a number of bytes from 0 to %d", lengthHeader, length, len(text))
	}
	var a struct{ Outputs []sized }
	if err := json.Unmarshal(text[:n], &a); err != nil {
		return nil, err
	}
	var all []Tensor
	rest := text[n:]
	for _, o := range a.Outputs {
		size, ok := widths[o.Datatype]
		v := volume(o.Shape)
		switch {
		case !ok:
			return nil, fmt.Errorf("output %q is of %q, which is not a type of numbers", o.Name, o.Datatype)
		case o.Parameters.Size == nil || v < 0 || v > len(rest)/size || *o.Parameters.Size != v*size:
			return nil, fmt.Errorf("output %q of shape %v has not the bytes of its elements", o.Name, o.Shape)
		}
		all = append(all, Tensor{o.Name, o.Datatype, o.Shape, slices.Clip(rest[:v*size])})
		rest = rest[v*size:]
	}
	return all, nil
}

// widths are the bytes of an element of each type. Those of 16 bits that Go has no type for are given as bytes alone.
var widths = map[string]int{
	"BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "INT8": 1, "INT16": 2, "INT32": 4, "INT64": 8, "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8,
}
