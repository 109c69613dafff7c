package format

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestExternal: elements in another file, of initializers and of a constant; parts that are alike are read once.
func TestExternal(t *testing.T) {
	g := golden(t, "external.onnx").Graph
	if len(g.Initializers) != 2 || len(g.Nodes) != 1 {
		t.Fatalf("%d initializers and %d nodes", len(g.Initializers), len(g.Nodes))
	}
	a, b, k := g.Initializers[0].Raw, g.Initializers[1].Raw, g.Nodes[0].Attributes[0].Tensor.Raw
	if !bytes.Equal(a, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x40}) || !bytes.Equal(b, []byte{0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40}) {
		t.Errorf("the elements are % x and % x", a, b)
	}
	if &b[0] != &k[0] {
		t.Error("bytes that two tensors have are read twice")
	}
	data, err := os.ReadFile(filepath.Join("testdata", "external.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(data); err == nil || !strings.Contains(err.Error(), `external data "external.bin": there is no folder`) {
		t.Errorf("without a folder: %v", err)
	}
}

// externalModel has an initializer "w" with size floats for each list of keys and values.
func externalModel(size int64, entries ...[]string) message {
	g := message{}
	for _, list := range entries {
		w := append(message{}.text(tensorName, "w"), tensorOf(Float, size).int(tensorLocation, 1)...)
		for i := 0; i < len(list); i += 2 {
			w = w.bytes(tensorExternal, message{}.text(entryKey, list[i]).text(entryValue, list[i+1]))
		}
		g = g.bytes(graphInitializers, w)
	}
	return message{}.bytes(modelGraph, g)
}

// TestExternalPlaces: files are looked for inside the model's folder alone, and parts inside the files.
func TestExternalPlaces(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "model")
	if err := os.MkdirAll(filepath.Join(dir, "below"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"outside", "model/a.bin", "model/below/b.bin"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("0123456789abcdef"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"in": "below/b.bin", "out": "../outside", "round": "round", "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	path := filepath.Join(dir, "m.onnx")
	read := func(m message) (*Model, error) {
		t.Helper()
		if err := os.WriteFile(path, m, 0o666); err != nil {
			t.Fatal(err)
		}
		return ReadFile(path)
	}
	for _, list := range [][]string{
		{"location", "a.bin", "offset", "4", "length", "8"},
		{"location", "below/b.bin", "offset", "4"},
		{"location", ".//a.bin", "offset", "4", "checksum", "unknown"},
		{"location", "in", "offset", "4"},
	} {
		m, err := read(externalModel(2, list))
		if err != nil || string(m.Graph.Initializers[0].Raw) != "456789ab" {
			t.Errorf("%q: %v", list, err)
		}
	}
	for _, c := range []struct {
		want string
		list []string
	}{
		{"there is no location", nil},
		{"must be a file in the model's folder or below", []string{"location", "../outside"}},
		{"must be a file in the model's folder or below", []string{"location", filepath.Join(root, "outside")}},
		{"must be a file in the model's folder or below", []string{"location", "below/../../outside"}},
		{"must be a file in the model's folder or below", []string{"location", "below/../a.bin"}},
		{"must be a file in the model's folder or below", []string{"location", "out"}},
		{"must be a file in the model's folder or below", []string{"location", "up/outside"}},
		{"must be a file in the model's folder or below", []string{"location", "round"}},
		{"must be a file in the model's folder or below", []string{"location", "none"}},
		{"it is no regular file", []string{"location", "below"}},
		{"has 16 bytes; 8 from byte 12 on are beyond its end", []string{"location", "a.bin", "offset", "12"}},
		{"has 16 bytes; 8 from byte 9223372036854775807 on", []string{"location", "a.bin", "offset", "9223372036854775807"}},
		{"the offset is -1; it must be 0 or more", []string{"location", "a.bin", "offset", "-1"}},
		{`offset "x": `, []string{"location", "a.bin", "offset", "x"}},
		{"its length is 7, and the elements have 8 bytes", []string{"location", "a.bin", "length", "7"}},
	} {
		_, err := read(externalModel(2, c.list))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `m.onnx: initializer 0: tensor "w": external data "`) {
			t.Errorf("%q: the error is %v, want %q", c.list, err, c.want)
		}
	}
	overlap := externalModel(3, []string{"location", "a.bin"}, []string{"location", "./a.bin", "offset", "4"})
	if _, err := read(overlap); err == nil || !strings.Contains(err.Error(), "has 16 bytes, and tensors take 24; they overlap") {
		t.Errorf("parts that overlap: %v", err)
	}
	both := tensorOf(Float, 1).int(tensorLocation, 1).float(tensorFloats, 1)
	if _, err := read(message{}.bytes(modelGraph, message{}.bytes(graphInitializers, both))); err == nil || !strings.Contains(err.Error(), "in float_data as well") {
		t.Errorf("elements inside and outside: %v", err)
	}
}

// TestReadFile: errors name the file.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadFile(filepath.Join(dir, "none.onnx")); !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), "none.onnx") != 1 {
		t.Errorf("a file that is not there: %v", err)
	}
	folder := filepath.Join(dir, "folder.onnx")
	if err := os.Mkdir(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(folder); err == nil || strings.Count(err.Error(), "folder.onnx") != 1 {
		t.Errorf("a folder: %v", err)
	}
	huge := filepath.Join(dir, "huge.onnx")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(maxFile+1), f.Close()); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	if _, err := ReadFile(huge); err == nil || !strings.Contains(err.Error(), "huge.onnx: it has more than 2147483647 bytes") {
		t.Errorf("a file that is too large: %v", err)
	}
}

// FuzzDecode: what can be read can be written, unless a type is a map's, and is read again as what gives the same bytes.
func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob(filepath.Join("testdata", "*.onnx"))
	if err != nil || len(names) != len(goldens) {
		f.Fatalf("%d files, want %d: %v", len(names), len(goldens), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(model(node(message{}.text(attributeName, "a").int(attributeKind, int64(AttrInts)).packed(attributeInts, 1, 2)))))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = DecodeTensor(data)
		m, err := Decode(data)
		if err != nil {
			if len(err.Error()) > 20000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		first, err := m.Encode()
		if err != nil {
			if !strings.Contains(err.Error(), "map") {
				t.Fatal(err)
			}
			return
		}
		again, err := Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := again.Encode(); err != nil || !bytes.Equal(first, second) {
			t.Errorf("other bytes the second time: %v", err)
		}
	})
}

// TestNext: a field that is cut off anywhere is an error.
func TestNext(t *testing.T) {
	whole := message{}.int(1, 300).text(2, "abc").float(3, 1)
	whole = protowire.AppendFixed64(protowire.AppendTag(whole, 4, protowire.Fixed64Type), 7)
	ends := map[int]bool{0: true, 3: true, 8: true, 13: true, len(whole): true}
	for n := range len(whole) + 1 {
		err := fields(whole[:n], func(field) error { return nil })
		if (err == nil) != ends[n] {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
}
