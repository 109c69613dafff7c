package data

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestReadTagged(t *testing.T) {
	got, err := ReadTagged(strings.NewReader("\n\tThe/at 1/2/cd ``/``\n\n \t\ncan't/md* ././.\n"))
	want := []Sentence{
		{[]string{"The", "1/2", "``"}, []string{"at", "cd", "``"}},
		{[]string{"can't", "./."}, []string{"md*", "."}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
}

func TestReadTaggedNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"a/b\n\nno tag/x here": "line 3: token 1 is \"no\"; it must be word/TAG",
		"a/b /x":               "line 1: token 2 is \"/x\"",
		"a/b x/":               "line 1: token 2 is \"x/\"",
		"a/b\n\xff/x":          "line 2: it is not UTF-8",
		"a/b\n" + strings.Repeat("word/tag ", maxTaggedLine/9+1): "line 2: it has more than",
	} {
		if _, err := ReadTagged(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: error %v, want one with %q", text, err, want)
		}
	}
}

func FuzzReadTagged(f *testing.F) {
	for _, s := range []string{"", "a/b c/d\ne/f\n", "\t\ta/b", "//", "a//", "a/b\r\nc/d", "\x00/\x00", "\u2003a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ReadTagged(strings.NewReader(text))
		if err != nil {
			return
		}
		var again strings.Builder
		for _, s := range all {
			if len(s.Words) != len(s.Tags) || len(s.Words) == 0 {
				t.Fatalf("%d words, %d tags", len(s.Words), len(s.Tags))
			}
			for i, w := range s.Words {
				if w == "" || s.Tags[i] == "" || strings.Contains(s.Tags[i], "/") {
					t.Fatalf("word %q, tag %q", w, s.Tags[i])
				}
				fmt.Fprintf(&again, "%s/%s ", w, s.Tags[i])
			}
			again.WriteByte('\n')
		}
		if back, err := ReadTagged(strings.NewReader(again.String())); err != nil || !reflect.DeepEqual(all, back) {
			t.Fatalf("written and read again: %q (%v)", back, err)
		}
	})
}

func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadTagged(t *testing.T) {
	names := func(dir string) (all []string) {
		files, err := LoadTagged(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			all = append(all, f.Name)
		}
		return all
	}
	plain := writeFiles(t, map[string]string{"b": "x/y", "a": "x/y", ".hidden": "no tags"})
	if got := names(plain); !reflect.DeepEqual(got, []string{"a", "b"}) {
		t.Errorf("files %v", got)
	}
	brown := writeFiles(t, map[string]string{"ca02": "x/y", "ca01": "x/y", "README": "no tags", "cats.txt": "ca01 news\nca02 news\n"})
	if got := names(brown); !reflect.DeepEqual(got, []string{"ca01", "ca02"}) {
		t.Errorf("files %v", got)
	}
	for want, files := range map[string]map[string]string{
		"bad: line 2: token 1":       {"bad": "x/y\nz"},
		"no such file":               {"cats.txt": "gone"},
		"cats.txt: line 1: \"../x\"": {"cats.txt": "../x news"},
	} {
		if _, err := LoadTagged(writeFiles(t, files)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := LoadTagged(filepath.Join(plain, "gone")); err == nil {
		t.Error("no error of a folder that is not there")
	}
}

func TestSplitFiles(t *testing.T) {
	var files []TaggedFile
	for i := range 31 {
		files = append(files, TaggedFile{Name: fmt.Sprintf("%02d", i)})
	}
	split := func(seed uint64) (rest, part []TaggedFile) {
		rest, part, err := SplitFiles(files, 0.1, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatal(err)
		}
		return rest, part
	}
	rest, part := split(1)
	if len(rest) != 28 || len(part) != 3 {
		t.Fatalf("%d and %d files", len(rest), len(part))
	}
	seen := map[string]int{}
	for _, side := range [][]TaggedFile{rest, part} {
		for i, f := range side {
			seen[f.Name]++
			if i > 0 && f.Name < side[i-1].Name {
				t.Errorf("%s after %s", f.Name, side[i-1].Name)
			}
		}
	}
	if len(seen) != 31 {
		t.Errorf("%d files of 31 are there", len(seen))
	}
	again, _ := split(1)
	other, _ := split(2)
	if !reflect.DeepEqual(rest, again) || reflect.DeepEqual(rest, other) {
		t.Error("the split does not follow the seed")
	}
	for _, bad := range []struct {
		n     int
		share float64
	}{{1, 0.5}, {3, 0}, {3, 1}} {
		if _, _, err := SplitFiles(files[:bad.n], bad.share, rand.New(rand.NewPCG(1, 0))); err == nil {
			t.Errorf("%d files, share %v: no error", bad.n, bad.share)
		}
	}
	if rest, part, err := SplitFiles(files[:2], 0.9, rand.New(rand.NewPCG(1, 0))); err != nil || len(rest) != 1 || len(part) != 1 {
		t.Errorf("2 files: %d and %d (%v)", len(rest), len(part), err)
	}
}

func TestBaseTag(t *testing.T) {
	for tag, want := range map[string]string{
		"nn": "nn", "nn-tl": "nn", "NN-TL-HL": "NN", "fw-in+nn-tl": "in+nn", "md*-hl": "md*", "pps+bez-nc": "pps+bez",
		"-tl": "-tl", "fw-": "fw-", "FW": "FW", "--": "--", "---hl": "--", "-LRB-": "-LRB-", "": "", "*-nc": "*",
	} {
		if got := BaseTag(tag); got != want {
			t.Errorf("%q becomes %q, want %q", tag, got, want)
		}
	}
}
