package tensor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// same reports whether two tensors are alike, bit for bit.
func same(a, b *Tensor) bool {
	if a.dtype != b.dtype || !cmp.Equal(a.shape, b.shape) {
		return false
	}
	for i := range a.f32 {
		if math.Float32bits(a.f32[i]) != math.Float32bits(b.f32[i]) {
			return false
		}
	}
	for i := range a.f64 {
		if math.Float64bits(a.f64[i]) != math.Float64bits(b.f64[i]) {
			return false
		}
	}
	return len(a.f32) == len(b.f32) && len(a.f64) == len(b.f64)
}

// special are the values that oracle/weights.py writes in every type of float.
var special = []float64{0, math.Copysign(0, -1), 1, -2.5, math.Inf(1), math.Inf(-1), 65504, 0x1p-24, 6.1e-5}

// oracle/weights.py wrote this file as Python's library does.
func TestReadEveryType(t *testing.T) {
	f, err := ReadFile("testdata/every.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"format": "pt", "note": "a<b & ü"}; !cmp.Equal(f.Metadata, want) {
		t.Errorf("metadata %v, want %v", f.Metadata, want)
	}
	half := []float64{0, math.Copysign(0, -1), 1, -2.5, math.Inf(1), math.Inf(-1), 65504, 0x1p-24, 6.097555160522461e-05}
	brain := []float64{0, math.Copysign(0, -1), 1, -2.5, math.Inf(1), math.Inf(-1), 65536, 0x1p-24, 6.103515625e-05}
	single := append([]float64(nil), special...)
	single[8] = float64(float32(6.1e-5))
	for _, c := range []struct {
		name  string
		as    DType
		shape []int
		want  []float64
	}{
		{"bool", Float32, []int{3}, []float64{1, 0, 1}},
		{"u8", Float32, []int{2, 2}, []float64{0, 7, 200, 255}},
		{"i8", Float32, []int{3}, []float64{-128, -1, 127}},
		{"f16", Float32, []int{9}, half},
		{"bf16", Float32, []int{9}, brain},
		{"i16", Float32, []int{2}, []float64{-32768, 32767}},
		{"f32", Float32, []int{3, 3}, single},
		{"i32", Float64, []int{2}, []float64{-1 << 31, 1<<31 - 1}},
		{"f64", Float64, []int{9}, special},
		{"i64", Float64, []int{2}, []float64{-1 << 53, 1 << 53}},
		{"scalar", Float32, []int{}, []float64{3.5}},
		{"empty", Float32, []int{0, 4}, nil},
		{"a \"quoted\" näme\n", Float32, []int{1}, []float64{1}},
	} {
		want, err := FromFloat64(c.want, c.shape...)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Get(c.name); got == nil || !same(got, want.Convert(c.as)) {
			t.Errorf("%q is %v, want %v", c.name, got, want.Convert(c.as))
		}
	}
	if len(f.Tensors) != 13 || f.Tensors[0].Name != "bool" || f.Get("none") != nil {
		t.Errorf("%d tensors, the first %q; want 13 in the header's order", len(f.Tensors), f.Tensors[0].Name)
	}
}

// What Encode writes is, byte for byte, what oracle/weights.py wrote, and there the
// tensors were read back as Python's library does it.
func TestEncodeGolden(t *testing.T) {
	want, err := os.ReadFile("testdata/ours.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	weight := count(Float32, 2, 3)
	for i := range weight.f32 {
		weight.f32[i] /= 7
	}
	bias, _ := FromFloat32([]float32{0.25, -1e-30, 3e38}, 3)
	step, _ := FromFloat64([]float64{17}, 1)
	mean, _ := FromFloat64([]float64{1.0 / 3})
	f := &File{Metadata: map[string]string{"format": "pt"}, Tensors: []Named{
		{"layer.weight", weight}, {"step", step}, {"layer.bias", bias}, {"none", New(Float64, 0)}, {"mean", mean},
	}}
	got, err := Encode(f)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v; wrote\n%q, want\n%q", err, got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	path := filepath.Join(t.TempDir(), "a.safetensors")
	for trial := range 100 {
		f := randomFile(rng)
		if err := WriteFile(path, f); err != nil {
			t.Fatal(err)
		}
		g, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(f.Metadata, g.Metadata) || len(f.Tensors) != len(g.Tensors) {
			t.Fatalf("trial %d: metadata %v and %d tensors, want %v and %d", trial, g.Metadata, len(g.Tensors), f.Metadata, len(f.Tensors))
		}
		for i, a := range f.Tensors {
			if b := g.Tensors[i]; a.Name != b.Name || !same(a.Tensor, b.Tensor) {
				t.Fatalf("trial %d, tensor %d: %q %v, want %q %v", trial, i, b.Name, b.Tensor, a.Name, a.Tensor)
			}
		}
	}
}

func randomFile(rng *rand.Rand) *File {
	f := &File{Tensors: []Named{}}
	if rng.IntN(2) == 0 {
		f.Metadata = map[string]string{"a\"\n": digestText}
		for range rng.IntN(4) {
			f.Metadata[fmt.Sprint("k<\u2028", rng.IntN(9))] = "\x00\"\\é"
		}
	}
	for i := range rng.IntN(9) {
		shape := make([]int, rng.IntN(4))
		for j := range shape {
			shape[j] = rng.IntN(5)
		}
		x := New(DType(rng.IntN(2)), shape...)
		for j := range x.f32 {
			x.f32[j] = math.Float32frombits(rng.Uint32())
		}
		for j := range x.f64 {
			x.f64[j] = math.Float64frombits(rng.Uint64())
		}
		f.Tensors = append(f.Tensors, Named{fmt.Sprintf("%d/ü\n&", i), x})
	}
	return f
}

// file returns a file with that header and that many bytes of elements.
func file(header string, body int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, body)...)
}

var hostile = []struct {
	name, want string
	data       []byte
}{
	{"empty", "0 bytes", nil},
	{"cut in the length", "7 bytes", make([]byte, 7)},
	{"header too long", "at most 100000000", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}")},
	{"header cut off", "cut off", []byte("\x03\x00\x00\x00\x00\x00\x00\x00{}")},
	{"no header", "does not start", file("", 0)},
	{"not an object", "does not start", file(`[]`, 0)},
	{"space first", "does not start", file(` {}`, 0)},
	{"not UTF-8", "UTF-8", file("{\"\xff\":1}", 0)},
	{"cut JSON", "header", file(`{"a":`, 0)},
	{"two objects", "more follows", file(`{}{}`, 0)},
	{"trailing bytes", "end at byte 0 of 3", file(`{}`, 3)},
	{"name twice", "twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2)},
	{"metadata twice", "twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0)},
	{"metadata key twice", "twice", file(`{"__metadata__":{"a":"b","a":"c"}}`, 0)},
	{"metadata not text", "string", file(`{"__metadata__":{"a":1}}`, 0)},
	{"digest not first", "is damaged, or another program", file(`{"__metadata__":{"a":"b","energo.digest":"`+digestText+noDigest+`"}}`, 0)},
	{"digest of another name", "its digest is", file(`{"__metadata__":{"energo.digesu":"`+digestText+noDigest+`"}}`, 0)},
	{"digest of another entry", "is damaged, or another program", file(`{"__metadata__":{"a":"`+digestText+noDigest+`"}}`, 0)},
	{"digest of another kind", "is damaged, or another program", file(`{"__metadata__":{"energo.digest":"1"}}`, 0)},
	{"wrong digest", "its digest is", file(opening+noDigest+`"}}`, 0)},
	{"within the digest", "within its digest", file(opening+`00`, 0)},
	{"field twice", "twice", file(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"unknown field", "unknown field", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":0}}`, 1)},
	{"field in capitals", "unknown field", file(`{"a":{"dtype":"U8","Shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"missing field", "must have", file(`{"a":{"dtype":"U8","shape":[1]}}`, 1)},
	{"one offset", "two data_offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1)},
	{"null shape", "must be", file(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1)},
	{"null dimension", "whole number", file(`{"a":{"dtype":"U8","shape":[null],"data_offsets":[0,1]}}`, 1)},
	{"quoted dimension", "whole number", file(`{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}`, 1)},
	{"negative dimension", "whole number", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1)},
	{"fractional dimension", "whole number", file(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1)},
	{"huge dimension", "whole number", file(`{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}}`, 1)},
	{"huge product", "has 1 bytes", file(`{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}}`, 1)},
	{"product wraps to 1", "has 1 bytes", file(`{"a":{"dtype":"U8","shape":[3,6148914691236517205,1],"data_offsets":[0,1]}}`, 1)},
	{"bytes wrap to 0", "has 0 bytes", file(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0)},
	{"unknown type", "F8_E4M3", file(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, 1)},
	{"too few bytes", "has 4 bytes", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4)},
	{"too many bytes", "has 8 bytes", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 8)},
	{"past the end", "of 4", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 4)},
	{"backwards", "bytes 4 to 0", file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,0]}}`, 4)},
	{"gap at the start", "starts at byte 1", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2)},
	{"gap", "starts at byte 2", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3)},
	{"overlap", "starts at byte 1", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3)},
	{"same range twice", "starts at byte 0", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2)},
	{"trailing data", "end at byte 1 of 2", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2)},
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range hostile {
		if _, err := Decode(c.data); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	x := New(Float32, 1)
	for name, f := range map[string]*File{
		"nil tensor":         {Tensors: []Named{{"a", nil}}},
		"name twice":         {Tensors: []Named{{"a", x}, {"a", x}}},
		"the metadata's key": {Tensors: []Named{{"__metadata__", x}}},
		"name not UTF-8":     {Tensors: []Named{{"\xff", x}}},
		"a digest":           {Metadata: map[string]string{digestKey: ""}},
		"metadata not UTF-8": {Metadata: map[string]string{"a": "\xff"}},
	} {
		if _, err := Encode(f); err == nil {
			t.Errorf("%s: no error", name)
		}
		if err := WriteFile(filepath.Join(t.TempDir(), "a"), f); err == nil || !strings.Contains(err.Error(), "safetensors") {
			t.Errorf("%s: WriteFile: %v", name, err)
		}
	}
}

func TestReadFileNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, []byte("no"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, path + ".none"} {
		if _, err := ReadFile(p); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("%v, want an error that names %s", err, p)
		}
	}
}

// A file's prefixes are never taken for a file.
func TestCutOff(t *testing.T) {
	data, err := os.ReadFile("testdata/every.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := Decode(data[:n]); err == nil {
			t.Fatalf("%d bytes of %d are read without error", n, len(data))
		}
	}
}

// Whichever bit of a file of ours is flipped, in the header as in the data, is told.
func TestEveryFlippedBit(t *testing.T) {
	data, err := os.ReadFile("testdata/ours.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		if f, err := Decode(data); err == nil {
			t.Errorf("bit %d of byte %d flipped, and it reads as %v", bit%8, bit/8, f)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
	if _, err := Decode(data); err != nil {
		t.Error(err)
	}
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 { // several at once, all before the digest's digits and one in the data
		changed := bytes.Clone(data)
		for range 1 + rng.IntN(20) {
			changed[8+rng.IntN(len(opening))] ^= 1 << rng.IntN(8)
		}
		changed[len(data)-1] ^= 1
		if f, err := Decode(changed); err == nil {
			t.Errorf("%q is read as %v", changed, f)
		}
	}
	data[len(data)-1] ^= 1
	if _, err := Decode(data); !errors.Is(err, ErrDamaged) {
		t.Errorf("%v is not ErrDamaged", err)
	}
}

// A file that is written in pieces is the one that Encode writes.
func TestOutline(t *testing.T) {
	f := randomFile(rand.New(rand.NewPCG(3, 4)))
	x := count(Float32, 5, 3)
	want, err := Encode(&File{Metadata: f.Metadata, Tensors: []Named{{"x", x}}})
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOutline(f.Metadata, "x", Float32, 5, 3)
	if err != nil {
		t.Fatal(err)
	}
	elements := want[len(want)-60:]
	for lo := 0; lo < 60; lo += 12 {
		_, _ = o.Write(elements[lo : lo+12])
	}
	if got := append(o.Header(), elements...); !bytes.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, err := range []error{
		second(NewOutline(nil, metadataKey, Float32, 1)), second(NewOutline(nil, "x", Float32, -1)),
		second(NewOutline(map[string]string{digestKey: ""}, "x", Float32, 1)),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
}

func second(_ *Outline, err error) error { return err }

// The digest's part of the time to read and to write.
func BenchmarkDecode(b *testing.B) {
	data, err := Encode(&File{Tensors: []Named{{"x", New(Float32, 4<<20)}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("all", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if _, err := Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("digest", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			if err := checkDigest(data); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Whatever is read without error is written and read again alike.
func FuzzDecode(f *testing.F) {
	// Seeds are small, and without a digest, which no mutant would pass.
	for _, kind := range []string{"U8", "BOOL", "F16", "BF16", "I32", "F32", "F64"} {
		f.Add(`{"a":{"dtype":"`+kind+`","shape":[1],"data_offsets":[0,4]}}`, []byte("abcd"))
	}
	f.Add(`{"__metadata__":{"k":"v"},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[],"data_offsets":[2,3]}}`, []byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		a, err := Decode(append(file(header, 0), body...))
		if err != nil {
			return
		}
		again, err := Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Decode(again)
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.Tensors {
			if a.Tensors[i].Name != b.Tensors[i].Name || !same(a.Tensors[i].Tensor, b.Tensors[i].Tensor) {
				t.Fatalf("tensor %d: %v became %v", i, a.Tensors[i], b.Tensors[i])
			}
		}
	})
}

// All 65536 halves, by the definition: ±fraction·2⁻²⁴, or ±(1 + fraction/1024)·2^(e−15).
func TestHalf(t *testing.T) {
	for i := range 1 << 16 {
		exponent, fraction := i>>10&31, float64(i&1023)
		want := math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = math.Ldexp(fraction, -24)
		case exponent == 31 && fraction == 0:
			want = math.Inf(1)
		case exponent == 31:
			want = math.NaN()
		}
		if i>>15 == 1 {
			want = -want
		}
		got := float64(Half(uint16(i)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != (i>>15 == 1) {
			t.Fatalf("half %#04x is %v, want %v", i, got, want)
		}
	}
}
