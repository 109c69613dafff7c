package house

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// short says how many lines of code an example of the front door may take: what a user of other libraries would write, and little
// more. Making the data does not count.
var short = map[string]int{
	"Example_train":       25, // a network trained, saved, loaded and asked
	"Example_trainByLoss": 25,
	"Example_density":     40, // a density trained, drawn from, and its log Z
}

// TestExamplesAreShort counts the lines of the bodies, without blank ones and comments.
func TestExamplesAreShort(t *testing.T) {
	path := filepath.Join(root, "example_test.go")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	lines, counted := bytes.Split(text, []byte("\n")), 0
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || short[fn.Name.Name] == 0 {
			continue
		}
		n := 0
		for _, line := range lines[files.Position(fn.Body.Lbrace).Line : files.Position(fn.Body.Rbrace).Line-1] {
			if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
				n++
			}
		}
		if counted++; n < 10 || n > short[fn.Name.Name] {
			t.Errorf("%s has %d lines of code; it may have %d", fn.Name.Name, n, short[fn.Name.Name])
		}
		t.Logf("%s: %d lines of code", fn.Name.Name, n)
	}
	if counted != len(short) {
		t.Errorf("%d of %d examples are there", counted, len(short))
	}
}
