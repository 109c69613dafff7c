package data

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/engine/tensor"
)

// npyFile returns an array's file.
func npyFile(version byte, kind, shape string, fortran string, values any) []byte {
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
	wide := []float64{-0.5, -1.25, -1e39, -3, 0, -2}
	x, err := tensor.FromFloat32(want, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := tensor.WriteFile(filepath.Join(dir, "a.safetensors"), &tensor.File{Tensors: []tensor.Named{{Name: "other", Tensor: tensor.New(tensor.Float32, 1)}, {Name: "logits", Tensor: x}}}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"a.safetensors": nil,
		"a.npy":         npyFile(1, "<f4", "2, 3", "False", want),
		"b.npy":         npyFile(2, "<f8", "1, 2, 3", "False", wide),
		"a.jsonl":       []byte("[-0.5, -1.25, \"-Infinity\"]\n\n[-3, 0, -2.0]\n"),
		"b.json":        []byte("[[-0.5, -1.25, null], [-3, 0, -2e0]]"),
		"c.json":        []byte("\uFEFF[\r\n  [\r\n    -0.5,\r\n    -1.25, -Infinity\r\n ],\r\n [-3, 0, -2]\r\n]\r\n"),
		"b.jsonl":       []byte("[-0.5, -1.25, -1e39] [-3, 0,\n-2]"),
		"c.jsonl":       []byte("[[-0.5, -1.25, \"-inf\"]]\n[[-3, 0, -2]]"),
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
		"frame 1, class 0 is NaN":         string(npyFile(1, "<f4", "2, 1", "False", []float32{0, nan})),
		"Fortran":                         string(npyFile(1, "<f4", "2, 1", "True", []float32{0, 1})),
		`of "<i4"`:                        string(npyFile(1, "<i4", "2, 1", "False", []int32{0, 1})),
		"the shape is [4]":                string(npyFile(1, "<f4", "4,", "False", []float32{0, 1, 2, 3})),
		"ends after 0 of 8":               string(npyFile(1, "<f4", "4, 2", "False", []float32{0, 1, 2, 3})),
		"more follows the 2 numbers":      string(npyFile(1, "<f4", "2, 1", "False", []float32{0, 1, 2})),
		"more follows the 4 numbers":      string(npyFile(1, "<f4", "2, 2", "False", []float64{0, 1, 2, 3})),
		"of version 4":                    string(npyFile(4, "<f4", "2, 1", "False", []float32{0, 1})),
		"at most 268435456":               string(npyFile(1, "<f4", "99999999, 99999999", "False", []float32{})),
		"no .npy file":                    "hello",
		"the shape is (99999999999999999": string(npyFile(1, "<f4", "99999999999999999999999, 2", "False", []float32{})),
		"no descr":                        "\x93NUMPY\x01\x00\x02\x00{}",
		"the header is cut off":           "\x93NUMPY\x01\x00\xff\x00{}",
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
		"line 2: frame 1 has 1 numbers":                   "[1, 2]\n[1]\n",
		"no frames":                                       "\n",
		`line 1: frame 0, class 1 is "\"x\""`:             "[1, \"x\"]\n",
		`line 2: behind 1 frames there is '{'`:            "[1]\n{}\n",
		`line 3: frame 1, class 1 is "NaN"`:               "[[1, 2],\n\n[3, NaN]]",
		`line 1: frame 0, class 0 is "Infinity"`:          "[Infinity]",
		`frame 0, class 1 is "1e39"; it must be a`:        "[1, 1e39]",
		`frame 0, class 0 is ""`:                          "[]",
		`frame 0, class 1 is ""`:                          "[1,]",
		`frame 1, class 0 is "0x1p3"`:                     "[[1],[0x1p3]]",
		"line 3: the file ends within frame 1":            "[1]\n[2\n",
		"the file ends within frame 2":                    "[[1],[2],",
		"frame 0: there is '2' behind an element":         "[1 2]",
		`frame 0, class 0 is "` + strings.Repeat("1", 64): "[" + strings.Repeat("1", 1<<20) + "]",
		"frame 0, class 0 is":                             "[[[1]]]",
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

// TestJSONMemory: emissions on a line, or a number a line, take hardly more memory than the numbers.
func TestJSONMemory(t *testing.T) {
	for _, between := range []string{"", "\n"} {
		const n = 1 << 20
		text := strings.NewReader("[" + strings.Repeat("1.5,"+between, n-1) + "1.5]")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		e, err := parseJSONEmissions(text)
		runtime.ReadMemStats(&after)
		if err != nil || e.Classes != n {
			t.Fatalf("%d classes, %v", e.Classes, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
			t.Errorf("%d bytes for %d numbers", used, n)
		}
	}
}

// TestReadTokens: all forms, and what is refused.
func TestReadTokens(t *testing.T) {
	want := []string{"", " ", "a", "bc"}
	for _, text := range []string{
		"<blank>\n|\na\nbc\n", `["", "<space>", "a", "bc"]`, "<pad>\r\n<space>\r\na\r\nbc",
		"\uFEFF<blank>\n|\na\nbc\n\n\n", "\n|\na\nbc\n\n", `{"a": 2, "bc": 3, "<pad>": 0, "|": 1}`,
	} {
		if got, err := parseTokens(strings.NewReader(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	// A blank line at the end is the blank where there is no other.
	if got, err := parseTokens(strings.NewReader("a\n\n")); err != nil || !slices.Equal(got, []string{"a", ""}) {
		t.Errorf("%q, %v", got, err)
	}
	for text, want := range map[string]string{
		"a\nb\na\n":                `token 2 is "a", which is the same as token 0, "a"`,
		"<space>\na\n|":            `token 2 is "|", which is the same as token 0, "<space>"`,
		"<blank>\na\n<pad>\n":      `token 2 is "<pad>", and token 0 is "<blank>"; only one may be the blank`,
		`{"<pad>": 1, "": 0}`:      "only one may be the blank",
		"[1]":                      "cannot unmarshal number",
		`{"a": 0, "b": 2}`:         `the class of "b" is 2; with 2 tokens it must be from 0 to 1`,
		`{"a": 0, "b": -1}`:        `the class of "b" is -1`,
		`{"a": 1, "b": 0, "c": 1}`: `"a" and "c" are both class 1`,
		`{"a": 0.5}`:               "0.5",
		"":                         "no tokens",
		"\n\n":                     "no tokens",
		"\uFEFF":                   "no tokens",
		"[]":                       "no tokens",
		"{}":                       "no tokens",
		"a\nb\xff\n":               `line 2, "b\xff", is not UTF-8`,
		"[\"a\",\n\"\xff\"]":       "line 2, ",
	} {
		if got, err := parseTokens(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzNPY(f *testing.F) {
	f.Add(npyFile(1, "<f4", "2, 1", "False", []float32{0, 1}))
	f.Add(npyFile(3, "<f8", "1, 1, 1", "False", []float64{0}))
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
	f.Add("[[-Infinity,\n-1e39], [\"-inf\", NaN]]")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseJSONEmissions(strings.NewReader(text))
		if err == nil && (len(e.Values) != e.Frames*e.Classes || e.Frames == 0) {
			t.Errorf("%d numbers of %d×%d", len(e.Values), e.Frames, e.Classes)
		}
		// What JSON's own reader takes for numbers is read, and alike.
		var rows [][]float32
		if json.Unmarshal([]byte(text), &rows) != nil || strings.Contains(text, "null") {
			return
		}
		for _, row := range rows {
			if len(row) == 0 || len(row) != len(rows[0]) {
				return
			}
		}
		if len(rows) > 0 && len(text) < maxJSONWord && (err != nil || !slices.Equal(e.Values, slices.Concat(rows...))) {
			t.Errorf("%v, %v; want %v", e.Values, err, rows)
		}
	})
}

func FuzzTokens(f *testing.F) {
	f.Add("<blank>\na\n")
	f.Add(`["", "a"]`)
	f.Add(`{"<pad>": 1, "a": 0}`)
	f.Add("a\n\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		if tokens, err := parseTokens(strings.NewReader(text)); err == nil {
			seen := map[string]bool{}
			for _, s := range tokens {
				if seen[s] {
					t.Errorf("%q is there twice", s)
				}
				seen[s] = true
			}
		}
	})
}

// PyTorch's file of a tensor alone, which oracle/torch_files.py wrote.
func TestTorchEmissions(t *testing.T) {
	e, err := ReadEmissions("testdata/emissions.pt")
	want := []float32{0, float32(math.Inf(-1)), -1.5, -0.25}
	if err != nil || e.Frames != 2 || e.Classes != 2 || !slices.Equal(e.Values, want) {
		t.Errorf("%v, %v; want 2 frames of 2 classes, %v", e, err, want)
	}
}
