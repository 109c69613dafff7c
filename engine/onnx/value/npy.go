package value

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/internal/npy"
	"github.com/energo-ml/energo/internal/wholefile"
)

// arrays gives NumPy's name of each element type that it has.
var arrays = map[format.DataType]string{
	format.Float: "<f4", format.Double: "<f8", format.Float16: "<f2", format.Bool: "|b1",
	format.Int8: "|i1", format.Int16: "<i2", format.Int32: "<i4", format.Int64: "<i8",
	format.Uint8: "|u1", format.Uint16: "<u2", format.Uint32: "<u4", format.Uint64: "<u8",
}

// ReadNPY reads an array that NumPy saved: of float16 to float64, of integers, or of bool, of either order of bytes, in C or Fortran order. The file must hold what its header says.
func ReadNPY(path string) (*Value, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v, err := readNPY(bufio.NewReader(f))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

func readNPY(r io.Reader) (*Value, error) {
	h, err := npy.Read(r)
	if err != nil {
		return nil, err
	}
	kind := format.Undefined
	element, big := h.Kind()
	for k, name := range arrays {
		if name[1:] == element {
			kind = k
		}
	}
	if kind == format.Undefined {
		return nil, fmt.Errorf("the array is of %s; it must be of floats, integers or bool", h.TypeName())
	}
	n, err := Volume(h.Shape)
	if err != nil {
		return nil, err
	}
	raw, err := readRaw(r, rawSize(kind, n), h.Shape)
	if err != nil {
		return nil, err
	}
	size := rawSize(kind, 1)
	if big {
		for i := 0; i < len(raw); i += size {
			slices.Reverse(raw[i:][:size])
		}
	}
	if h.Fortran && len(h.Shape) > 1 {
		turned := make([]byte, len(raw))
		for i := range n {
			copy(turned[npy.Place(i, h.Shape)*size:][:size], raw[i*size:])
		}
		raw = turned
	}
	return FromTensor(&format.Tensor{Type: kind, Dims: h.Shape, Raw: raw})
}

// readRaw reads size bytes, a part at a time, so that a file must hold what it claims.
func readRaw(r io.Reader, size int, shape []int) ([]byte, error) {
	var raw []byte
	for len(raw) < size {
		part := min(1<<20, size-len(raw))
		raw = append(raw, make([]byte, part)...)
		if n, err := io.ReadFull(r, raw[len(raw)-part:]); err != nil {
			return nil, fmt.Errorf("the file ends after %d of the %d bytes of shape %v", len(raw)-part+n, size, shape)
		}
	}
	if _, err := io.ReadFull(r, make([]byte, 1)); err != io.EOF {
		return nil, fmt.Errorf("more follows the %d bytes of shape %v: the file is damaged, or its header", size, shape)
	}
	return raw, nil
}

// WriteNPY writes v as an array that NumPy loads. Element types that NumPy does not have are written as float32, int8 or uint8, as they are kept.
func WriteNPY(path string, v *Value) error {
	w := *v
	if arrays[w.Kind] == "" {
		w.Kind = kept[v.Memory()]
	}
	h := npy.Header{Descr: arrays[w.Kind], Shape: w.Shape}
	return wholefile.Write(path, append(h.Bytes(), w.Tensor("").Raw...))
}

var kept = map[Memory]format.DataType{F32: format.Float, I8: format.Int8, U8: format.Uint8}
