package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ownScratch matches what scratch.Sized does: memory kept where its capacity is enough.
var ownScratch = regexp.MustCompile(`if cap\([^)\n]+\) < |if \w+ <= cap\(|slices\.Grow\([^\n]*\[:0\],[^\n]*\)\[:`)

// TestOneScratch: memory that is used again is sized by internal/scratch alone.
func TestOneScratch(t *testing.T) {
	apart := map[string]string{
		"internal/scratch/scratch.go":  "the helper itself",
		"internal/simd/gemm/kernel.go": "aligns new memory to a cache line",
	}
	matched := map[string]bool{}
	goFiles(t, func(path, text string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		at := ownScratch.FindStringIndex(text)
		if at == nil {
			return
		}
		if matched[path] = true; apart[path] == "" {
			t.Errorf("%s:%d sizes memory itself; use scratch.Sized", path, 1+strings.Count(text[:at[0]], "\n"))
		}
	})
	for path := range apart {
		if !matched[path] {
			t.Errorf("%s has nothing that the test looks for", path)
		}
	}
}

// goFiles calls see with the path from the root and the text of every Go file.
func goFiles(t *testing.T, see func(path, text string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		see(filepath.ToSlash(path), string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
