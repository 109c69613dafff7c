package tensor

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
)

const (
	maxHeader   = 100_000_000 // bytes, as the format's reference reader has it
	metadataKey = "__metadata__"
)

// Encode returns f as a safetensors file. The header lists the tensors in f's order;
// their elements lie in that order too, but all float64 before all float32, so that
// each tensor is aligned to its element, which PyTorch's reader needs. The metadata
// begin with a digest of the file, "energo.digest", which Decode checks and leaves
// out. Equal files give equal bytes.
//
// Errors: a tensor that is nil; a name that is used twice, is "__metadata__" or is
// not UTF-8; metadata of the name "energo.digest"; a header of more than 100 MB.
func Encode(f *File) ([]byte, error) {
	names := make([]string, len(f.Tensors))
	for i, t := range f.Tensors {
		if names[i] = t.Name; t.Tensor == nil {
			return nil, fmt.Errorf("safetensors: tensor %d, %q, is nil", i, t.Name)
		}
	}
	if err := checkNames(f.Metadata, names...); err != nil {
		return nil, err
	}
	entries, size := layout(f.Tensors)
	head, err := header(f.Metadata, entries)
	if err != nil {
		return nil, err
	}
	data := append(make([]byte, 0, len(head)+size), head...)[:len(head)+size]
	body := data[len(head):]
	for i, t := range f.Tensors {
		put(body[entries[i].start:], t.Tensor)
	}
	h := xxhash.New()
	_, _ = h.Write(data)
	copy(data[8+len(opening):], digits(h))
	return data, nil
}

func checkNames(metadata map[string]string, names ...string) error {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		switch {
		case name == metadataKey:
			return fmt.Errorf("safetensors: tensor %d is named %q, which the format keeps for itself", i, name)
		case !utf8.ValidString(name):
			return fmt.Errorf("safetensors: the name of tensor %d, %q, is not UTF-8", i, name)
		case seen[name]:
			return fmt.Errorf("safetensors: two tensors are named %q", name)
		}
		seen[name] = true
	}
	if v, ok := metadata[digestKey]; ok {
		return fmt.Errorf("safetensors: the metadata have %q: %q; that name is kept for the digest", digestKey, v)
	}
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		v := metadata[k]
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("safetensors: the metadata %q: %q is not UTF-8", k, v)
		}
	}
	return nil
}

// layout returns the tensors' entries, and how many bytes of elements there are.
func layout(tensors []Named) (entries []entry, size int) {
	entries = make([]entry, len(tensors))
	for _, dt := range []DType{Float64, Float32} {
		for i, t := range tensors {
			if t.Tensor.dtype == dt {
				entries[i] = place(t.Name, dt, t.Tensor.shape, t.Tensor.Len(), size)
				size = entries[i].end
			}
		}
	}
	return entries, size
}

// place is the entry of a tensor of n elements whose first byte is at start.
func place(name string, dt DType, shape []int, n, start int) entry {
	k := float32Kind
	if dt == Float64 {
		k = float64Kind
	}
	return entry{name, k, shape, start, start + n*k.size}
}

// header returns what stands before the elements: the length of the JSON header and the
// header, padded with spaces to a multiple of 8 bytes, with zeros for the digest.
func header(metadata map[string]string, entries []entry) ([]byte, error) {
	b := append(make([]byte, 8), opening+noDigest+`"`...)
	m, err := json.Marshal(metadata) // sorts the keys
	if err != nil {
		return nil, fmt.Errorf("safetensors: metadata: %w", err)
	}
	if len(metadata) > 0 {
		b = append(append(b, ','), m[1:len(m)-1]...)
	}
	b = append(b, '}')
	for _, e := range entries {
		name, err := json.Marshal(e.name)
		if err != nil {
			return nil, fmt.Errorf("safetensors: name %q: %w", e.name, err)
		}
		b = append(append(b, ','), name...)
		b = e.append(b)
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, fmt.Errorf("safetensors: a header of %d bytes; at most %d are allowed", len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// append appends the entry's line without its name.
func (e *entry) append(b []byte) []byte {
	b = append(b, `:{"dtype":"`...)
	b = append(b, e.kind.name...)
	b = append(b, `","shape":`...)
	b = appendInts(b, e.shape)
	b = append(b, `,"data_offsets":`...)
	b = appendInts(b, []int{e.start, e.end})
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
