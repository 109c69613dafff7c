package audio

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestManifest(t *testing.T) {
	folder := t.TempDir()
	there := filepath.Join(folder, "elsewhere.wav")
	for name, c := range map[string]struct {
		csv  string
		want []Utterance
	}{
		"plain":            {"path,text\na.wav,one two\n", []Utterance{{Path: filepath.Join(folder, "a.wav"), Text: "one two", Voice: "", Line: 2}}},
		"voice":            {"path,text,voice\nw/a.wav,one,slt\n", []Utterance{{Path: filepath.Join(folder, "w", "a.wav"), Text: "one", Voice: "slt", Line: 2}}},
		"any order":        {"voice,text,length,path\nslt,one,5,a.wav\n", []Utterance{{Path: filepath.Join(folder, "a.wav"), Text: "one", Voice: "slt", Line: 2}}},
		"absolute":         {"path,text\n" + there + ",\n", []Utterance{{Path: there, Text: "", Voice: "", Line: 2}}},
		"byte order mark":  {"\ufeffpath,text\r\na,b\r\n", []Utterance{{Path: filepath.Join(folder, "a"), Text: "b", Voice: "", Line: 2}}},
		"quotes and lines": {"path,text\n\n\"a,b\",\"one \"\"two\"\"\nthree\"\nc,d\n", []Utterance{{Path: filepath.Join(folder, "a,b"), Text: "one \"two\"\nthree", Voice: "", Line: 3}, {Path: filepath.Join(folder, "c"), Text: "d", Voice: "", Line: 5}}},
		"no lines":         {"path,text", nil},
	} {
		path := filepath.Join(folder, "m.csv")
		if err := os.WriteFile(path, []byte(c.csv), 0o600); err != nil {
			t.Fatal(err)
		}
		for i := range c.want {
			c.want[i].File = path
		}
		got, err := Manifest(path)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, c.want)
		}
	}
	if _, err := Manifest(filepath.Join(folder, "none.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestManifestErrors(t *testing.T) {
	for name, c := range map[string]struct{ csv, want string }{
		"nothing":     {"", "empty"},
		"no text":     {"path,voice\na,b\n", "line 1"},
		"no path":     {"text\nb\n", "line 1"},
		"no header":   {"a.wav,one\n", "line 1"},
		"twice":       {"path,text,text\na,b,c\n", "line 1: the header names the column text twice"},
		"fields":      {"path,text\na,b\nc\n", "line 3"},
		"quote":       {"path,text\na,b\nc,\"d\n", "line 3"},
		"header":      {"path,\"text\n", "line"},
		"empty path":  {"path,text\na,b\n,b\n", "line 3: the path is empty"},
		"zero byte":   {"path,text\na\x00,b\n", "line 2"},
		"not UTF-8":   {"path,text\na,b\nc,\xff\n", "line 3"},
		"behind rows": {"path,text\n\"a\",\"one\ntwo\"\n,x\n", "line 4"},
	} {
		_, err := parseManifest(strings.NewReader(c.csv), "")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// FuzzManifest: no input panics, and what is read obeys Manifest's rules.
func FuzzManifest(f *testing.F) {
	f.Add("path,text\na.wav,one\n")
	f.Add("voice,path,text\n\"x\ny\",\"a,b\",\n\n")
	f.Add("\ufeffpath,text,path\n\"")
	f.Fuzz(func(t *testing.T, csv string) {
		all, err := parseManifest(strings.NewReader(csv), "folder")
		if err != nil && all != nil {
			t.Fatal("an error and utterances")
		}
		line := 1
		for _, u := range all {
			if u.Line <= line || u.Path == "" || strings.ContainsRune(u.Path, 0) {
				t.Fatalf("%+v behind line %d", u, line)
			}
			line = u.Line
		}
	})
}
