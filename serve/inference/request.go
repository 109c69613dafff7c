package inference

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// lengthHeader says how long the JSON is that stands before binary tensors.
const lengthHeader = "Inference-Header-Content-Length"

// Bounds of requests. Those of numbers are from the models.
const (
	maxRank   = 16
	maxID     = 1024    // bytes
	maxVolume = 1 << 40 // elements, with which products do not overflow
)

// request is a body of the protocol.
type request struct {
	id      string
	binary  bool // outputs come as bytes unless they say otherwise
	inputs  []input
	outputs []output
}

// input is a tensor that was sent.
type input struct {
	name, datatype string
	shape          []int
	data           []byte // JSON; nil where there are bytes
	bytes          *int   // how many of the binary part
}

// output is a tensor that is asked for.
type output struct {
	name   string
	binary *bool
}

// read reads a request's body. Binary tensors stand behind the JSON.
func read(r *http.Request, m *onnx.Model) (q request, binary []byte, err error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return q, nil, wire.Media("the content encoding is %q; the body must be as it is", e)
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "" && kind != "application/json" && kind != "application/octet-stream" {
		return q, nil, wire.Media("the content type is %q; it must be application/json, or application/octet-stream with binary tensors", kind)
	}
	text, err := wire.Whole(r.Body)
	if err != nil {
		return q, nil, err
	}
	if text, binary, err = parts(text, r.Header.Values(lengthHeader)); err != nil {
		return q, nil, err
	}
	return q, binary, wire.Decode(text, q.reader(m))
}

// parts cuts a body behind its JSON.
func parts(body []byte, length []string) (text, binary []byte, err error) {
	if len(length) == 0 {
		return body, nil, nil
	}
	n, err := strconv.ParseUint(length[0], 10, 63)
	if err != nil || len(length) > 1 || n > uint64(len(body)) {
		return nil, nil, wire.Malformed("", "%s is %.60q; it must be a number of bytes from 0 to %d, which the body has", lengthHeader, strings.Join(length, ", "), len(body))
	}
	return body[:n], body[n:], nil
}

// reader takes a request for a model.
func (q *request) reader(m *onnx.Model) wire.Reader {
	return wire.Object(map[string]wire.Reader{
		"id":         wire.Text(&q.id),
		"parameters": wire.Object(map[string]wire.Reader{"binary_data_output": wire.Boolean(&q.binary)}),
		"inputs":     wire.Elements(&q.inputs, len(m.Inputs), (*input).reader),
		"outputs":    wire.Elements(&q.outputs, len(m.Outputs), (*output).reader),
	})
}

func (in *input) reader() wire.Reader {
	return wire.Object(map[string]wire.Reader{
		"name":       wire.Text(&in.name),
		"datatype":   wire.Text(&in.datatype),
		"shape":      wire.Elements(&in.shape, maxRank, wire.Integer),
		"parameters": wire.Object(map[string]wire.Reader{"binary_data_size": wire.Optional(&in.bytes, wire.Integer)}),
		"data": func(field string, text []byte) error {
			if text[0] != '[' {
				return wire.WrongKind(field, text, "a list")
			}
			in.data = text
			return nil
		},
	})
}

func (o *output) reader() wire.Reader {
	return wire.Object(map[string]wire.Reader{
		"name":       wire.Text(&o.name),
		"parameters": wire.Object(map[string]wire.Reader{"binary_data": wire.Optional(&o.binary, wire.Boolean)}),
	})
}

// values gives the tensors of a request in the order of the model's inputs, nil for one that is left out. Binary tensors stand in the order
// of the request, and fill the binary part.
func (q *request) values(ctx context.Context, m *onnx.Model, binary []byte) ([]*value.Value, error) {
	if len(q.id) > maxID {
		return nil, wire.Malformed("id", "id has %d bytes; at most %d are allowed", len(q.id), maxID)
	}
	values, left := make([]*value.Value, len(m.Inputs)), binary
	for i := range q.inputs {
		in := &q.inputs[i]
		field := fmt.Sprintf("inputs[%d]", i)
		at := slices.IndexFunc(m.Inputs, func(p onnx.Port) bool { return p.Name == in.name })
		if at < 0 {
			return nil, wire.Malformed(field, "%s: the model has no input %q; it has %s", field, excerpt.Of(in.name), names(m.Inputs))
		}
		field += fmt.Sprintf(" (%s)", in.name)
		if values[at] != nil {
			return nil, wire.Malformed(field, "%s is there twice", field)
		}
		size, err := in.check(field, m.Inputs[at])
		if err == nil {
			err = serve.Hold(ctx, in.memory(m.Inputs[at].Kind))
		}
		if err != nil {
			return nil, err
		}
		if in.bytes != nil {
			if len(left) < size {
				return nil, wire.Malformed(field, "%s has %d bytes, of which the binary part has %d left", field, size, len(left))
			}
			values[at], err = fromBytes(field, m.Inputs[at].Kind, in.shape, left[:size:size])
			left = left[size:]
		} else {
			values[at], err = fromList(field+".data", m.Inputs[at].Kind, in.shape, in.data)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(left) > 0 {
		return nil, wire.Malformed("", "the binary part has %d bytes, %d more than the inputs name by binary_data_size", len(binary), len(left))
	}
	for i, p := range m.Inputs {
		if values[i] == nil && !p.Optional {
			return nil, wire.Malformed("inputs", "inputs: there is no %q; the model takes %s", p.Name, names(m.Inputs))
		}
	}
	return values, nil
}

// memory is the bytes of an input as a tensor, and as a part of a batch. An element of two bytes of JSON, a digit and a comma, takes eight of INT64.
func (in *input) memory(kind format.DataType) int64 {
	_, width := datatype(kind)
	if value.Narrow(kind) { // which are worked on as float32
		width = 4
	}
	n := int64(width)
	for _, d := range in.shape {
		n *= int64(d)
	}
	return 2 * n
}

// check holds an input against the model's, and returns its bytes in the binary form.
func (in *input) check(field string, p onnx.Port) (size int, err error) {
	kind, width := datatype(p.Kind)
	switch {
	case in.datatype != kind:
		return 0, wire.Malformed(field, "%s: datatype is %q; the model takes %s", field, excerpt.Of(in.datatype), kind)
	case in.shape == nil:
		return 0, wire.Malformed(field, "%s: shape is missing", field)
	case (in.data == nil) == (in.bytes == nil):
		return 0, wire.Malformed(field, "%s: one of data and parameters.binary_data_size must be there", field)
	}
	volume := 1
	for d, n := range in.shape {
		if n < 1 || n > maxVolume/volume {
			return 0, wire.Malformed(field, "%s: shape[%d] is %d; it must be from 1 on, and all together %d elements at most", field, d, n, maxVolume)
		}
		volume *= n
	}
	ok := !p.HasShape || len(p.Shape) == len(in.shape)
	for d := 0; ok && p.HasShape && d < len(p.Shape); d++ {
		ok = p.Shape[d].Size < 0 || int(p.Shape[d].Size) == in.shape[d]
	}
	if !ok {
		return 0, wire.Malformed(field, "%s: shape is %v; the model takes %v, where -1 is any", field, in.shape, shapeOf(p))
	}
	if size = volume * width; in.bytes != nil && *in.bytes != size {
		return 0, wire.Malformed(field, "%s: binary_data_size is %d; %d elements of %s have %d bytes", field, *in.bytes, volume, kind, size)
	}
	if in.data != nil && volume > len(in.data) { // which each element has a byte of, at least
		return 0, wire.Malformed(field, "%s: data has fewer elements than its shape %v, which are %d", field, in.shape, volume)
	}
	return size, nil
}

// fromBytes makes a tensor of its bytes, which it may keep.
func fromBytes(field string, kind format.DataType, shape []int, raw []byte) (*value.Value, error) {
	if kind == format.Bool {
		if i := slices.IndexFunc(raw, func(b byte) bool { return b > 1 }); i >= 0 {
			return nil, wire.Malformed(field, "%s: byte %d is %d; a BOOL must be 0 or 1", field, i, raw[i])
		}
	}
	return value.FromTensor(&format.Tensor{Type: kind, Dims: shape, Raw: raw})
}

// fromList makes a tensor of its JSON.
func fromList(field string, kind format.DataType, shape []int, text []byte) (*value.Value, error) {
	v, err := value.New(kind, shape...)
	if err != nil {
		return nil, err
	}
	return v, listed(field, text, v)
}
