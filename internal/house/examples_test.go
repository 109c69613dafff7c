package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackagesAreShown: every package that others may import says what it is for, and has
// an example. That it compiles is the compiler's test.
func TestPackagesAreShown(t *testing.T) {
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if p.Name == "main" || strings.Contains(name, "internal/") {
			continue
		}
		if name+"/" == module { // the front door
			name = "."
		}
		doc, examples := shown(t, filepath.Join(root, name))
		if !strings.HasPrefix(doc, "Package "+p.Name+" ") {
			t.Errorf("package %s: its comment begins %.40q; it must be \"Package %s\" and what it is for", name, doc, p.Name)
		}
		if examples == 0 {
			t.Errorf("package %s has no example", name)
		}
	}
}

// shown returns the package comment of the files in a folder, and counts their examples.
func shown(t *testing.T, dir string) (doc string, examples int) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		test := strings.HasSuffix(name, "_test.go")
		if f.Doc != nil && !test {
			doc += f.Doc.Text()
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && test && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example") {
				examples++
			}
		}
	}
	return doc, examples
}
