package card

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadModel: the card goes before the metadata; what is unknown, twice or not allowed is named with its line.
func TestReadModel(t *testing.T) {
	for _, c := range []struct {
		card, metadata string // metadata is that of size
		size           int
		list           Numbers
		want           string // of the error
	}{
		{"size: 3\nlist: 2.5\n", "7", 3, Numbers{2.5}, ""},
		{"list: [1, 2]\n", "7", 7, Numbers{1, 2}, ""},
		{"", "7", 7, nil, ""},
		{"# nothing\n", "", 0, nil, ""},
		{"size: 0\n", "7", 0, nil, `net.energo.yaml: line 1: size is "0"; it must be above 0`},
		{"list: 1\nsize:\n", "7", 0, nil, `line 2: size is ""; it must be above 0`},
		{"size: 1\nsize: 2\n", "", 0, nil, "line 2: size comes twice"},
		{"sice: 1\n", "", 0, nil, `line 1: there is no key "sice", did you mean size?; the keys are list, size`},
		{"- 1\n", "", 0, nil, "line 1: it must be a map of keys to values"},
		{"size: [\n", "", 0, nil, "net.energo.yaml: yaml"},
		{"", "x", 0, nil, `net.onnx: metadata: size is "x"; it must be above 0`},
	} {
		path := filepath.Join(t.TempDir(), "net.onnx")
		if err := os.WriteFile(strings.TrimSuffix(path, ".onnx")+ModelEnding, []byte(c.card), 0o666); err != nil {
			t.Fatal(err)
		}
		var size int
		var list Numbers
		keys := []Key{{"size", &size, func() bool { return size > 0 }, "above 0"}, {Name: "list", To: &list, Must: "a number, or a list of them"}}
		metadata := map[string]string{"other": "["}
		if c.metadata != "" {
			metadata["size"] = c.metadata
		}
		m, err := ReadModel(path, keys, maps.All(metadata))
		if c.want != "" {
			if m != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: error %v; want %q", c.card, err, c.want)
			}
			continue
		}
		if err != nil || size != c.size || len(list) != len(c.list) || m.Says("size") != (c.size > 0) || m.Says("list") != (c.list != nil) {
			t.Errorf("%q: %d, %v, %v", c.card, size, list, err)
		}
		if err := m.Missing("size", "how many"); !strings.Contains(err.Error(), `the key "size" is missing: how many, which `) {
			t.Error(err)
		}
	}
	m, err := ReadModel(filepath.Join(t.TempDir(), "none.onnx"), nil, maps.All(map[string]string{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Missing("size", "how many"); !strings.Contains(err.Error(), `none.onnx does not say how many: that takes a card, `) {
		t.Error(err)
	}
}
