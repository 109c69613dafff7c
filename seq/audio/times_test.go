package audio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTimes reads words by the names of the columns, and names the lines that are wrong.
func TestTimes(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "times.csv")
	if err := os.WriteFile(path, []byte("\ufeffword,path,start,end,x\none,a.wav,0.1,0.25,\ntwo,a.wav,0.3,0.3,\none,/b.wav,1,2,\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	all, err := Times(path)
	if err != nil {
		t.Fatal(err)
	}
	a := all[filepath.Join(dir, "a.wav")]
	if len(all) != 2 || len(a) != 2 || a[0] != (Interval{"one", 0.1, 0.25}) || a[1] != (Interval{"two", 0.3, 0.3}) || len(all["/b.wav"]) != 1 {
		t.Errorf("%v", all)
	}
	if _, err := Times(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there can be read")
	}
	for text, want := range map[string]string{
		"":                                   "empty",
		"path,word,start\n":                  "line 1: the header",
		"path,word,start,end,word\n":         "line 1: the header names the column word twice",
		"path,word,start,end\na,b,1\n":       "line 2",
		"path,word,start,end\na,b,2,1\n":     `line 2: "b" is from "2" to "1"`,
		"path,word,start,end\na,b,NaN,1\n":   "seconds",
		"path,word,start,end\na,b,0,Inf\n":   "seconds",
		"path,word,start,end\na,b,-1,1\n":    "seconds",
		"path,word,start,end\na,b,one,two\n": "seconds",
	} {
		if _, err := parseTimes(strings.NewReader(text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzTimes(f *testing.F) {
	f.Add("path,word,start,end\na,b,1,2\n")
	f.Add("path,word,start,end\n\"a\nb\",b,1e3,2e300\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseTimes(strings.NewReader(text), "x")
		if err != nil {
			return
		}
		for path, words := range all {
			for _, w := range words {
				if !(w.Start >= 0 && w.End >= w.Start) {
					t.Fatalf("%s: %+v", path, w)
				}
			}
		}
	})
}
