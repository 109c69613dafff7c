package inference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/serve/wire"
)

// answer is a body of the protocol.
type answer struct {
	ModelName    string   `json:"model_name"`
	ModelVersion string   `json:"model_version"`
	ID           string   `json:"id,omitempty"`
	Outputs      []result `json:"outputs"`
}

// result is a tensor that is sent.
type result struct {
	Name       string         `json:"name"`
	Datatype   string         `json:"datatype"`
	Shape      []int          `json:"shape"`
	Parameters map[string]int `json:"parameters,omitempty"`
	Data       any            `json:"data,omitempty"`
}

// requested are the outputs that a request asks for, in its order, as indices of the model's; all where it names none.
func (q *request) requested(m *onnx.Model) (which []int, binary []bool, err error) {
	if len(q.outputs) == 0 {
		for i := range m.Outputs {
			which, binary = append(which, i), append(binary, q.binary)
		}
		return which, binary, nil
	}
	for i, o := range q.outputs {
		field := fmt.Sprintf("outputs[%d]", i)
		at := slices.IndexFunc(m.Outputs, func(p onnx.Port) bool { return p.Name == o.name })
		if at < 0 {
			return nil, nil, wire.Malformed(field, "%s: the model has no output %q; it has %s", field, excerpt.Of(o.name), names(m.Outputs))
		}
		if slices.Contains(which, at) {
			return nil, nil, wire.Malformed(field, "%s: output %q is there twice", field, o.name)
		}
		asBytes := q.binary
		if o.binary != nil {
			asBytes = *o.binary
		}
		which, binary = append(which, at), append(binary, asBytes)
	}
	return which, binary, nil
}

// tell answers with outputs.
func (a *answer) tell(w http.ResponseWriter, m *onnx.Model, out []*value.Value, which []int, binary []bool) error {
	var raw [][]byte
	for i, at := range which {
		v := out[at]
		kind, _ := datatype(v.Kind)
		t := result{Name: m.Outputs[at].Name, Datatype: kind, Shape: append([]int{}, v.Shape...)}
		if binary[i] {
			b := v.Tensor("").Raw
			t.Parameters = map[string]int{"binary_data_size": len(b)}
			raw = append(raw, b)
		} else {
			data, err := elements(t.Name, v)
			if err != nil {
				return err
			}
			t.Data = data
		}
		a.Outputs = append(a.Outputs, t)
	}
	if !slices.Contains(binary, true) {
		wire.WriteJSON(w, http.StatusOK, a)
		return nil
	}
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(lengthHeader, strconv.Itoa(len(text)))
	_, _ = w.Write(bytes.Join(append([][]byte{text}, raw...), nil)) // at once; a client that has gone does not hear it
	return nil
}

// elements are those of a tensor as a list that JSON can have.
func elements(name string, v *value.Value) (any, error) {
	if v.Len() == 0 {
		return []int{}, nil
	}
	switch v.Memory() {
	case value.F32:
		return finite(name, value.Data[float32](v))
	case value.F64:
		return finite(name, value.Data[float64](v))
	case value.Bool:
		return value.Data[bool](v), nil
	case value.U64:
		return value.Data[uint64](v), nil
	}
	return value.Integers(v)
}

func finite[T float32 | float64](name string, x []T) ([]T, error) {
	for i, f := range x {
		if g := float64(f); math.IsNaN(g) || math.IsInf(g, 0) {
			return nil, wire.Malformed("outputs", "element %d of output %q is %v, which JSON does not have; ask for it with binary_data", i, name, f)
		}
	}
	return x, nil
}
