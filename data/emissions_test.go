package data

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/tensor"
)

// npy returns an array's file.
func npy(version byte, kind, shape string, fortran string, values any) []byte {
	var b bytes.Buffer
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }\n", kind, fortran, shape)
	b.WriteString("\x93NUMPY")
	b.Write([]byte{version, 0})
	if version == 1 {
		_ = binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	} else {
		_ = binary.Write(&b, binary.LittleEndian, uint32(len(header)))
	}
	b.WriteString(header)
	_ = binary.Write(&b, binary.LittleEndian, values)
	return b.Bytes()
}

// TestReadEmissions: each format gives the same numbers.
func TestReadEmissions(t *testing.T) {
	dir := t.TempDir()
	inf := math.Inf(-1)
	want := []float32{-0.5, -1.25, float32(inf), -3, 0, -2}
	wide := []float64{-0.5, -1.25, inf, -3, 0, -2}
	x, err := tensor.FromFloat32(want, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := tensor.WriteFile(filepath.Join(dir, "a.safetensors"), &tensor.File{Tensors: []tensor.Named{{Name: "other", Tensor: tensor.New(tensor.Float32, 1)}, {Name: "logits", Tensor: x}}}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"a.safetensors": nil,
		"a.npy":         npy(1, "<f4", "2, 3", "False", want),
		"b.npy":         npy(2, "<f8", "1, 2, 3", "False", wide),
		"a.jsonl":       []byte("[-0.5, -1.25, \"-Infinity\"]\n\n[-3, 0, -2.0]\n"),
		"b.json":        []byte("[[-0.5, -1.25, null], [-3, 0, -2e0]]"),
	} {
		path := filepath.Join(dir, name)
		if text != nil {
			if err := os.WriteFile(path, text, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		got, err := ReadEmissions(path)
		if err != nil || got.Frames != 2 || got.Classes != 3 || !slices.Equal(got.Values, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestReadEmissionsErrors: what cannot be is refused, by what is wrong.
func TestReadEmissionsErrors(t *testing.T) {
	dir := t.TempDir()
	nan := float32(math.NaN())
	for want, text := range map[string]string{
		"frame 1, class 0 is NaN":      string(npy(1, "<f4", "2, 1", "False", []float32{0, nan})),
		"Fortran":                      string(npy(1, "<f4", "2, 1", "True", []float32{0, 1})),
		`of "<i4"`:                     string(npy(1, "<i4", "2, 1", "False", []int32{0, 1})),
		"the shape is [4]":             string(npy(1, "<f4", "4,", "False", []float32{0, 1, 2, 3})),
		"ends after 0 of 8":            string(npy(1, "<f4", "4, 2", "False", []float32{0, 1, 2, 3})),
		"at most 268435456":            string(npy(1, "<f4", "99999999, 99999999", "False", []float32{})),
		"no .npy file":                 "hello",
		"the shape (99999999999999999": string(npy(1, "<f4", "99999999999999999999999, 2", "False", []float32{})),
		"no descr":                     "\x93NUMPY\x01\x00\x02\x00{}",
		"the header is cut off":        "\x93NUMPY\x01\x00\xff\x00{}",
	} {
		path := filepath.Join(dir, "x.npy")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadEmissions(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v; it should say %q", err, want)
		}
	}
	for want, text := range map[string]string{
		"frame 1 has 1 numbers": "[1, 2]\n[1]\n", "no frames": "\n", "line 1": "[1, \"x\"]\n", "line 2": "[1]\n{}\n",
	} {
		path := filepath.Join(dir, "x.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadEmissions(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v; it should say %q", text, err, want)
		}
	}
	if _, err := ReadEmissions(filepath.Join(dir, "none.npy")); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadEmissions(dir); err == nil {
		t.Error("a folder is read")
	}
}

// TestReadTokens: both forms, and what is refused.
func TestReadTokens(t *testing.T) {
	want := []string{"", " ", "a", "bc"}
	for _, text := range []string{"<blank>\n|\na\nbc\n", `["", "<space>", "a", "bc"]`, "<pad>\r\n<space>\r\na\r\nbc"} {
		if got, err := parseTokens(strings.NewReader(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"a\nb\na\n", "<blank>\n<pad>\n", "[1]"} {
		if got, err := parseTokens(strings.NewReader(text)); err == nil {
			t.Errorf("%q passes: %q", text, got)
		}
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(npy(1, "<f4", "2, 1", "False", []float32{0, 1}))
	f.Add(npy(3, "<f8", "1, 1, 1", "False", []float64{0}))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parseNPY(bytes.NewReader(text))
		if err == nil && len(e.Values) != e.Frames*e.Classes {
			t.Errorf("%d numbers of %d×%d", len(e.Values), e.Frames, e.Classes)
		}
	})
}

func FuzzJSONEmissions(f *testing.F) {
	f.Add("[1, null]\n[2, 3]\n")
	f.Add("[[1], [2]]")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseJSONEmissions(strings.NewReader(text))
		if err == nil && (len(e.Values) != e.Frames*e.Classes || e.Frames == 0) {
			t.Errorf("%d numbers of %d×%d", len(e.Values), e.Frames, e.Classes)
		}
	})
}

func FuzzTokens(f *testing.F) {
	f.Add("<blank>\na\n")
	f.Add(`["", "a"]`)
	f.Fuzz(func(t *testing.T, text string) {
		if tokens, err := parseTokens(strings.NewReader(text)); err == nil {
			for i, s := range tokens {
				if slices.Contains(tokens[:i], s) {
					t.Errorf("%q is there twice", s)
				}
			}
		}
	})
}
