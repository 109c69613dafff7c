package value_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/energo-ml/energo/engine/onnx/format"
	"github.com/energo-ml/energo/engine/onnx/value"
	"github.com/energo-ml/energo/internal/npy"
)

// A tensor over a slice of one's own, and its elements.
func ExampleOf() {
	v, err := value.Of([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
	fmt.Println(v, value.Data[float32](v)[5], err)
	_, err = value.Of([]int64{1, 2}, 3)
	fmt.Println(err)
	// Output:
	// float[2,3] 6 <nil>
	// shape [3] does not hold 2 elements
}

// raw is a tensor of one dimension, of elements in a file.
func raw(t *testing.T, kind format.DataType, n int, b []byte) *value.Value {
	t.Helper()
	v, err := value.FromTensor(&format.Tensor{Type: kind, Dims: []int{n}, Raw: b})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every pattern of a narrow type is read as a number that is written as the same pattern; NaN as a NaN.
func TestPatterns(t *testing.T) {
	for _, kind := range []format.DataType{format.Float16, format.BFloat16} {
		for p := range 1 << 16 {
			v := raw(t, kind, 1, []byte{byte(p), byte(p >> 8)})
			x := value.Data[float32](v)[0]
			back := v.Tensor("").Raw
			if q := int(back[0]) | int(back[1])<<8; q != p && x == x {
				t.Fatalf("%s: pattern %#x is %v, written as %#x", kind, p, x, q)
			}
		}
	}
	for _, kind := range []format.DataType{format.Float8E4M3FN, format.Float8E4M3FNUZ, format.Float8E5M2, format.Float8E5M2FNUZ, format.Float8E8M0, format.Int8, format.Uint8} {
		for p := range 1 << 8 {
			v := raw(t, kind, 1, []byte{byte(p)})
			back := v.Tensor("").Raw
			if v.Memory() == value.F32 {
				if x := value.Data[float32](v)[0]; x != x {
					continue
				}
			}
			if int(back[0]) != p {
				t.Fatalf("%s: pattern %#x is written as %#x", kind, p, back[0])
			}
		}
	}
	for _, kind := range []format.DataType{format.Int4, format.Uint4, format.Float4E2M1} {
		for p := range 1 << 8 { // two in a byte, the first in the low half
			v := raw(t, kind, 2, []byte{byte(p)})
			if back := v.Tensor("").Raw; int(back[0]) != p {
				t.Fatalf("%s: byte %#x is written as %#x", kind, p, back[0])
			}
		}
	}
}

func TestNarrowNumbers(t *testing.T) { // pitfalls 1 and 24's rounding
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		kind      format.DataType
		x, y, sat float32
	}{
		{format.Float16, 2049, 2048, 2048},
		{format.Float16, 2051, 2052, 2052}, // ties to even
		{format.Float16, 65519, 65504, 65504},
		{format.Float16, 65520, inf, inf},
		{format.Float16, 0x1p-25, 0, 0},
		{format.Float16, 0x1.8p-25, 0x1p-24, 0x1p-24},
		{format.BFloat16, 1.00390625, 1, 1},
		{format.BFloat16, 3.4e38, inf, inf},
		{format.Float8E4M3FN, 448, 448, 448},
		{format.Float8E4M3FN, 464, 448, 448},
		{format.Float8E4M3FN, 465, nan, 448},
		{format.Float8E4M3FN, inf, nan, 448},
		{format.Float8E5M2, 61440, inf, 57344},
		{format.Float8E5M2, inf, inf, 57344},
		{format.Float8E5M2FNUZ, 1e6, nan, 57344},
		{format.Float4E2M1, 5, 4, 4},
		{format.Float4E2M1, -100, -6, -6},
	} {
		x := []float32{c.x}
		value.Round(c.kind, x)
		if x[0] != c.y && !(x[0] != x[0] && c.y != c.y) {
			t.Errorf("%s: %v is rounded to %v, must be %v", c.kind, c.x, x[0], c.y)
		}
		x[0] = c.x
		value.RoundTo(c.kind, x, true)
		if x[0] != c.sat && c.sat != inf {
			t.Errorf("%s: %v saturates to %v, must be %v", c.kind, c.x, x[0], c.sat)
		}
	}
}

func TestShapes(t *testing.T) { // pitfall 3: rank 0 has one element, size 0 has no elements
	if v, err := value.New(format.Float); err != nil || v.Len() != 1 {
		t.Errorf("a scalar: %v, %v", v, err)
	}
	if v, err := value.New(format.Float, 3, 0); err != nil || v.Len() != 0 || len(value.Data[float32](v)) != 0 {
		t.Errorf("an empty one: %v, %v", v, err)
	}
	for _, c := range []struct {
		kind  format.DataType
		shape []int
		err   string
	}{
		{format.Float, []int{2, -1}, "dimension 1 of shape [2 -1] is negative"},
		{format.Float, []int{1 << 40, 1 << 40}, "more elements than an int counts"},
		{format.String, []int{1}, "tensors of string are not supported"},
	} {
		if _, err := value.New(c.kind, c.shape...); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%v: %v, must say %q", c.shape, err, c.err)
		}
	}
}

func TestNPY(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	for _, kind := range []format.DataType{
		format.Float, format.Double, format.Float16, format.Bool, format.Int8, format.Int16, format.Int32, format.Int64,
		format.Uint8, format.Uint16, format.Uint32, format.Uint64,
	} {
		for _, shape := range [][]int{{}, {3}, {2, 3}, {0, 4}} {
			v, err := value.New(kind, shape...)
			if err != nil {
				t.Fatal(err)
			}
			if v.Len() > 0 && kind == format.Float {
				value.Data[float32](v)[v.Len()-1] = -2.5
			}
			if err := value.WriteNPY(path, v); err != nil {
				t.Fatal(err)
			}
			w, err := value.ReadNPY(path)
			if err != nil || w.Kind != kind || !slices.Equal(w.Shape, v.Shape) || !slices.Equal(w.Tensor("").Raw, v.Tensor("").Raw) {
				t.Errorf("%s is read as %v, %v", v, w, err)
			}
		}
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, err string
	}{
		{string(whole) + "x", "more follows"},
		{strings.Replace(string(whole), "(0, 4)", "(9, 4)", 1), "ends after 0 of the 288 bytes"},
		{strings.Replace(string(whole), "<u8", "<c8", 1), `the array is of complex64`},
		{strings.Replace(string(whole), "(0, 4)", "(9999999999, 9999999999)", 1), ""},
	} {
		if err := os.WriteFile(path, []byte(c.file), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := value.ReadNPY(path); err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, must name the file and say %q", err, c.err)
		}
	}
}

// TestNPYOrders: bytes and indices of another order make no difference.
func TestNPYOrders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	for _, h := range []npy.Header{
		{Descr: "<i2", Shape: []int{2, 3}},
		{Descr: ">i2", Shape: []int{2, 3}},
		{Descr: "<i2", Fortran: true, Shape: []int{2, 3}},
		{Descr: ">i2", Fortran: true, Shape: []int{1, 2, 3}},
	} {
		elements := []int16{1, 2, 3, 4, 5, 600}
		if h.Fortran {
			elements = []int16{1, 4, 2, 5, 3, 600}
		}
		var order binary.AppendByteOrder = binary.LittleEndian
		if h.Descr[0] == '>' {
			order = binary.BigEndian
		}
		file := h.Bytes()
		for _, v := range elements {
			file = order.AppendUint16(file, uint16(v))
		}
		if err := os.WriteFile(path, file, 0o666); err != nil {
			t.Fatal(err)
		}
		v, err := value.ReadNPY(path)
		if err != nil || !slices.Equal(v.Shape, h.Shape) || !slices.Equal(value.Data[int16](v), []int16{1, 2, 3, 4, 5, 600}) {
			t.Errorf("%+v: %v, %v", h, v, err)
		}
	}
}

// What a file has in the machine's form is not copied, wherever it stands.
func TestFromTensorSharesWhatItCan(t *testing.T) {
	inPlace := runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"
	file := make([]byte, 64)
	for _, at := range []int{0, 1, 3, 8} {
		raw := file[at : at+8]
		binary.LittleEndian.PutUint32(raw, math.Float32bits(1.5))
		binary.LittleEndian.PutUint32(raw[4:], math.Float32bits(-2))
		v, err := value.FromTensor(&format.Tensor{Type: format.Float, Dims: []int{2, 1}, Raw: raw})
		if err != nil {
			t.Fatal(err)
		}
		if x := value.Data[float32](v); x[0] != 1.5 || x[1] != -2 || !slices.Equal(v.Shape, []int{2, 1}) {
			t.Errorf("byte %d: is %v of shape %v, must be [1.5 -2] of [2 1]", at, x, v.Shape)
		}
		if shared := v.Pointer() == unsafe.Pointer(&raw[0]); shared != inPlace {
			t.Errorf("byte %d: shares the file's memory: %v, must be %v", at, shared, inPlace)
		}
	}
	for _, bad := range []*format.Tensor{
		{Type: format.Float, Dims: []int{3}, Raw: file[:8]},
		{Type: format.Float, Dims: []int{-1}, Raw: file[:4]},
		{Type: format.Float, Dims: []int{math.MaxInt, 3}, Raw: file[:4]},
	} {
		if _, err := value.FromTensor(bad); err == nil {
			t.Errorf("dimensions %v with %d bytes are taken", bad.Dims, len(bad.Raw))
		}
	}
}
