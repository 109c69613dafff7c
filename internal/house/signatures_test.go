package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// internalName is a name of a package under internal, as files of ours call it.
var internalName = regexp.MustCompile(`\b(simd|gemm|trellis|wholefile|scratch|excerpt|card|flock|bytetext|spelling)\.[A-Z]`)

// TestSignatures: no exported function, method or type of a public package names a type that a reader of its
// documentation cannot look up, for it lies under internal.
func TestSignatures(t *testing.T) {
	functions := 0
	for _, p := range list(t) {
		dir := strings.TrimPrefix(p.ImportPath+"/", module)
		if strings.HasPrefix(dir, "internal/") || strings.HasPrefix(dir, "cmd/") || strings.HasPrefix(dir, "bench/") {
			continue
		}
		paths, err := filepath.Glob(filepath.Join("..", "..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.FileExports(file)
			for _, d := range file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if ok {
					functions++
					f.Body = nil
				}
				if g, isGen := d.(*ast.GenDecl); isGen && g.Tok != token.TYPE {
					continue // values are no signatures
				}
				var text bytes.Buffer
				if err := format.Node(&text, files, d); err != nil {
					t.Fatal(err)
				}
				if at := internalName.FindString(text.String()); at != "" {
					t.Errorf("%s: %s stands in an exported declaration:\n%s", path, strings.TrimRight(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), text.String())
				}
			}
		}
	}
	if functions < 500 {
		t.Errorf("only %d exported functions; the search is broken", functions)
	}
}
