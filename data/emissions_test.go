package data

import (
	"archive/zip"
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

// bigEndian are the bytes of numbers, the most significant first.
func bigEndian(values any) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.BigEndian, values)
	return b.Bytes()
}

// npzFile returns an archive of arrays.
func npzFile(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestReadBatch: a batch is cut into its recordings, by lengths beside the emissions or in a file of their own, and as a stream.
func TestReadBatch(t *testing.T) {
	values := []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11} // [2, 3, 2]
	dir := t.TempDir()
	batch := npyFile(1, "<f4", "2, 3, 2", "False", values)
	column := make([]float32, len(values))
	for n := range 2 {
		for f := range 3 {
			for c := range 2 {
				column[n+2*f+6*c] = values[6*n+2*f+c]
			}
		}
	}
	for name, text := range map[string][]byte{
		"a.npy": batch, "f.npy": npyFile(1, "<f4", "2, 3, 2", "True", column),
		"a.npz":    npzFile(t, map[string][]byte{"emissions.npy": batch, "lengths.npy": npyFile(1, ">i4", "2,", "False", bigEndian([]int32{3, 1}))}),
		"l.npy":    npyFile(1, "<f8", "2,", "False", []float64{3, 1}),
		"l.json":   []byte("[3, 1]\n"),
		"l.txt":    []byte("3\n1\n"),
		"half.txt": []byte("3 1.5"),
		"long.txt": []byte("3 4"),
		"one.txt":  []byte("3"),
		"word.txt": []byte("3 x"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ file, lengths string }{{"a.npy", "l.npy"}, {"a.npy", "l.json"}, {"f.npy", "l.txt"}, {"a.npz", ""}} {
		lengths := c.lengths
		if lengths != "" {
			lengths = filepath.Join(dir, lengths)
		}
		all, err := ReadEmissions(filepath.Join(dir, c.file), lengths)
		if err != nil || len(all) != 2 || !slices.Equal(all[0].Values, values[:6]) || !slices.Equal(all[1].Values, values[6:8]) || all[1].Frames != 1 || all[1].Classes != 2 {
			t.Errorf("%s, %s: %+v, %v", c.file, c.lengths, all, err)
		}
	}
	if all, err := DecodeEmissions(bytes.NewReader(batch), ""); err != nil || len(all) != 2 || !slices.Equal(all[1].Values, values[6:]) {
		t.Errorf("a stream: %+v, %v", all, err)
	}
	for lengths, want := range map[string]string{
		"half.txt": "length 1 is 1.5; it must be a whole number", "long.txt": "length 1 is 4; it must be from 0 to 3 frames",
		"one.txt": "1 lengths for 2 recordings", "word.txt": `length 1 is "x"`,
	} {
		if _, err := ReadEmissions(filepath.Join(dir, "a.npy"), filepath.Join(dir, lengths)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; it must say %q", lengths, err, want)
		}
	}
}

// readOne reads a file of one recording.
func readOne(path string) (Emissions, error) {
	all, err := ReadEmissions(path, "")
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("there are %d recordings", len(all))
	}
	if err != nil {
		return Emissions{}, err
	}
	return all[0], nil
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
		"c.npy":         npyFile(1, ">f4", "2, 3", "False", bigEndian(want)),
		"d.npy":         npyFile(1, "<f2", "2, 1, 3", "False", []uint16{0xb800, 0xbd00, 0xfc00, 0xc200, 0, 0xc000}),
		"e.npy":         npyFile(1, "<f4", "2, 3", "True", []float32{-0.5, -3, -1.25, 0, float32(inf), -2}),
		"f.npy":         npyFile(1, ">f8", "1, 1, 2, 3", "False", bigEndian(wide)),
		"a.npz":         npzFile(t, map[string][]byte{"other.npy": npyFile(1, "<i8", "1,", "False", []int64{3}), "log_probs.npy": npyFile(1, "<f4", "2, 3", "False", want)}),
		"b.npz":         npzFile(t, map[string][]byte{"arr_0.npy": npyFile(1, "<f4", "1, 3, 3", "False", append(slices.Clone(want), 7, 7, 7)), "lengths.npy": npyFile(1, "<i8", "1,", "False", []int64{2})}),
		"npy.without":   npyFile(1, "<f4", "2, 3", "False", want),
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
		got, err := readOne(path)
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
		"of int32: emissions must be":     string(npyFile(1, "<i4", "2, 1", "False", []int32{0, 1})),
		"of uint8: emissions must be":     string(npyFile(1, "|u1", "2, 1", "False", []uint8{0, 1})),
		"of bool: emissions must be":      string(npyFile(1, "|b1", "2, 1", "False", []uint8{0, 1})),
		`of "|V2": emissions must be`:     string(npyFile(1, "|V2", "1, 1", "False", []uint8{0, 1})),
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
		if _, err := ReadEmissions(path, ""); err == nil || !strings.Contains(err.Error(), want) {
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
		if _, err := ReadEmissions(path, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: the error is %v; it should say %q", text, err, want)
		}
	}
	if _, err := ReadEmissions(filepath.Join(dir, "none.npy"), ""); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadEmissions(dir, ""); err == nil {
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

func FuzzNPY(f *testing.F) {
	f.Add(npyFile(1, "<f4", "2, 1", "False", []float32{0, 1}))
	f.Add(npyFile(3, "<f8", "1, 1, 1", "False", []float64{0}))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := parseNPY(bytes.NewReader(text))
		if err != nil {
			return
		}
		all, err := a.recordings()
		for _, e := range all {
			if len(e.Values) != e.Frames*e.Classes || err != nil {
				t.Errorf("%d numbers of %d×%d", len(e.Values), e.Frames, e.Classes)
			}
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

// PyTorch's file of a tensor alone, which oracle/torch_files.py wrote.
func TestTorchEmissions(t *testing.T) {
	e, err := readOne("testdata/emissions.pt")
	want := []float32{0, float32(math.Inf(-1)), -1.5, -0.25}
	if err != nil || e.Frames != 2 || e.Classes != 2 || !slices.Equal(e.Values, want) {
		t.Errorf("%v, %v; want 2 frames of 2 classes, %v", e, err, want)
	}
}
