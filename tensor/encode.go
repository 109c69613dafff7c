package tensor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

const (
	maxHeader   = 100_000_000 // bytes, as the format's reference reader has it
	metadataKey = "__metadata__"
)

// Encode returns f as a safetensors file. The header lists the tensors in f's order;
// their elements lie in that order too, but all float64 before all float32, so that
// each tensor is aligned to its element, which PyTorch's reader needs. Equal files
// give equal bytes.
//
// Errors: a tensor that is nil; a name that is used twice, is "__metadata__" or is
// not UTF-8; a header of more than 100 MB.
func Encode(f *File) ([]byte, error) {
	if err := checkNames(f); err != nil {
		return nil, err
	}
	starts, size := layout(f.Tensors)
	head, err := header(f, starts)
	if err != nil {
		return nil, err
	}
	if len(head) > maxHeader {
		return nil, fmt.Errorf("safetensors: a header of %d bytes; at most %d are allowed", len(head), maxHeader)
	}
	data := make([]byte, 8+len(head)+size)
	binary.LittleEndian.PutUint64(data, uint64(len(head)))
	body := data[8+copy(data[8:], head):]
	for i, t := range f.Tensors {
		put(body[starts[i]:], t.Tensor)
	}
	return data, nil
}

func checkNames(f *File) error {
	seen := make(map[string]bool, len(f.Tensors))
	for i, t := range f.Tensors {
		switch {
		case t.Tensor == nil:
			return fmt.Errorf("safetensors: tensor %d, %q, is nil", i, t.Name)
		case t.Name == metadataKey:
			return fmt.Errorf("safetensors: tensor %d is named %q, which the format keeps for itself", i, t.Name)
		case !utf8.ValidString(t.Name):
			return fmt.Errorf("safetensors: the name of tensor %d, %q, is not UTF-8", i, t.Name)
		case seen[t.Name]:
			return fmt.Errorf("safetensors: two tensors are named %q", t.Name)
		}
		seen[t.Name] = true
	}
	for k, v := range f.Metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("safetensors: the metadata %q: %q is not UTF-8", k, v)
		}
	}
	return nil
}

// layout returns where each tensor's elements start, and how many bytes there are.
func layout(tensors []Named) (starts []int, size int) {
	starts = make([]int, len(tensors))
	for _, dt := range []DType{Float64, Float32} {
		for i, t := range tensors {
			if t.Tensor.dtype == dt {
				starts[i] = size
				size += byteLen(t.Tensor)
			}
		}
	}
	return starts, size
}

func byteLen(t *Tensor) int {
	if t.dtype == Float64 {
		return 8 * len(t.f64)
	}
	return 4 * len(t.f32)
}

// header returns the JSON header, padded with spaces to a multiple of 8 bytes.
func header(f *File, starts []int) ([]byte, error) {
	b := []byte{'{'}
	if f.Metadata != nil {
		m, err := json.Marshal(f.Metadata) // sorts the keys
		if err != nil {
			return nil, fmt.Errorf("safetensors: metadata: %w", err)
		}
		b = append(strconv.AppendQuote(b, metadataKey), ':')
		b = append(b, m...)
	}
	for i, t := range f.Tensors {
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, fmt.Errorf("safetensors: name %q: %w", t.Name, err)
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, name...)
		b = appendEntry(b, t.Tensor, starts[i])
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	return b, nil
}

func appendEntry(b []byte, t *Tensor, start int) []byte {
	kind := "F32"
	if t.dtype == Float64 {
		kind = "F64"
	}
	b = append(b, `:{"dtype":"`...)
	b = append(b, kind...)
	b = append(b, `","shape":`...)
	b = appendInts(b, t.shape)
	b = append(b, `,"data_offsets":`...)
	b = appendInts(b, []int{start, start + byteLen(t)})
	return append(b, '}')
}

func appendInts(b []byte, xs []int) []byte {
	b = append(b, '[')
	for i, x := range xs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(x), 10)
	}
	return append(b, ']')
}

// put writes t's elements to the start of b.
func put(b []byte, t *Tensor) {
	for i, v := range t.f32 {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	for i, v := range t.f64 {
		binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(v))
	}
}
