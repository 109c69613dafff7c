package data

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadAttributes(t *testing.T) {
	const text = "\n@weight:2\nB\\:x\tw=1:0.5\tp\\:q\\\\\\n:-2\n\tO\t\tw:\r\n\n\nO\n"
	got, err := ReadAttributes(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []Sentence{{[]string{"w=1:0.5\tp\\:q\\\\\\n:-2", "\tw:"}, []string{"B:x", "O"}}, {[]string{""}, []string{"O"}}}
	if !reflect.DeepEqual(got.Sequences, want) || !reflect.DeepEqual(got.Weights, []float64{2, 1}) {
		t.Errorf("%q, weights %v", got.Sequences, got.Weights)
	}
	for item, want := range map[string][]Attribute{
		want[0].Words[0]: {{"w=1", 0.5}, {"p:q\\\\n", -2}},
		want[0].Words[1]: {{"w", 1}},
		"":               nil,
		"a\t\ta:1e2":     {{"a", 1}, {"a", 100}},
	} {
		if got, err := Attributes(item); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v (%v), want %v", item, got, err, want)
		}
	}
	var out strings.Builder
	if err := got.Labelled(&out, [][]string{{"x", `\:`}, {"O"}}); err != nil || out.String() != strings.NewReplacer("B\\:x", "x", "\tO\t", "\t\\\\\\:\t").Replace(text) {
		t.Errorf("%q (%v)", out.String(), err)
	}
	for want, labels := range map[string][][]string{
		"labels of 1 sequences": {{"x", "y"}}, "has 1 labels; it has 2": {{"x"}, {"y"}},
		`line 3: "@a" cannot`: {{"@a", "x"}, {"O"}}, `line 7: "" cannot`: {{"a", "x"}, {""}},
	} {
		if err := got.Labelled(&strings.Builder{}, labels); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestAttributesNameTheLine(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.crfsuite")
	for text, want := range map[string]string{
		"A\ta\nB\ta:x\n":       `line 2: attribute 1, "a", has the value "x"; it must be a number`,
		"A\tb\ta:1:2\n":        `line 1: attribute 2, "a", has the value "1:2"`,
		"A\ta:inf\n":           `has the value "inf"`,
		"A\t:1\n":              `line 1: attribute 1 is ":1"; it must have a name`,
		"A\ta\n\t\n":           "line 2: it has no label",
		"A:1\ta\n":             `line 1: the label is "A:1"`,
		"@what:1\n":            `the declaration is "@what:1"; it must be @weight:`,
		"@weight:-1\nA\n":      "a number above 0",
		"A\ta\n@weight:1\nA\n": "line 2: @weight stands behind an item",
		"A\ta\nA\t\xff\n":      "line 2",
		"A\t" + strings.Repeat("x", maxTaggedLine): "line 1: it has more than",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadAttributes(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "x.crfsuite: ") {
			t.Errorf("%.20q: error %v, want one with %q", text, err, want)
		}
	}
}

func FuzzReadAttributes(f *testing.F) {
	for _, text := range []string{"A\ta:1\tb\n\nB\n", "@weight:2\nA\t\\:\\\\:1\n", "\tA\t\ta:\r\n", "\\", "A\t:", "@"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ReadAttributes(strings.NewReader(text))
		if err != nil {
			return
		}
		var labels [][]string
		for _, s := range all.Sequences {
			for i, item := range s.Words {
				if _, err := Attributes(item); err != nil || s.Tags[i] == "" {
					t.Fatalf("item %q, label %q (%v)", item, s.Tags[i], err)
				}
			}
			labels = append(labels, s.Tags)
		}
		var out strings.Builder
		if err := all.Labelled(&out, labels); err != nil {
			if strings.Contains(text, "\r") || strings.Contains(text, "\\") {
				return // a label that cannot be written
			}
			t.Fatal(err)
		}
		if strings.HasPrefix(out.String(), "\ufeff") {
			return // of a label, which would be a byte order mark
		}
		back, err := ReadAttributes(strings.NewReader(out.String()))
		if err != nil || !reflect.DeepEqual(back.Sequences, all.Sequences) || !reflect.DeepEqual(back.Weights, all.Weights) {
			t.Fatalf("%q is written as %q (%v)", text, out.String(), err)
		}
	})
}
