package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestWhereNewcomersAdd: what the table of CONTRIBUTING.md names is there: each file or folder; for loss/NAME.go, a
// neighbour to copy; each name, in the file that the table says or, as job.Spec, in its package.
func TestWhereNewcomersAdd(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?m)^\| to add \|.*\n\| --- .*\n((\|.*\n)+)`).FindSubmatch(text)
	if table == nil {
		t.Fatal("CONTRIBUTING.md has no table of what to add")
	}
	inFile := regexp.MustCompile("`(\\w+)` in `([\\w./]+)`")
	quoted := regexp.MustCompile("`([^`\\s]+)`")
	exported := regexp.MustCompile(`^([a-z]+)\.([A-Z]\w+)$`)
	names, paths := 0, 0
	for row := range strings.Lines(string(table[1])) {
		what := strings.TrimSpace(strings.Split(row, "|")[1])
		for _, m := range inFile.FindAllStringSubmatch(row, -1) {
			if names++; !declares(t, m[2], m[1]) {
				t.Errorf("%s: %s does not declare %s", what, m[2], m[1])
			}
		}
		for _, m := range quoted.FindAllStringSubmatch(inFile.ReplaceAllString(row, "`$2`"), -1) {
			place := m[1]
			if m := exported.FindStringSubmatch(place); m != nil {
				if names++; !declares(t, m[1], m[2]) {
					t.Errorf("%s: package %s does not declare %s", what, m[1], m[2])
				}
				continue
			}
			if strings.HasSuffix(place, "…") { // the beginning of names
				continue
			}
			if paths++; !isPlace(place) {
				t.Errorf("%s: `%s` is not a path of the tree; a name must say in which file it is", what, place)
			}
		}
	}
	if names < 12 || paths < 30 {
		t.Errorf("only %d names and %d paths were read", names, paths)
	}
}

// isPlace reports whether a path of the table exists; NAME.go stands for Go files that are not tests.
func isPlace(path string) bool {
	dir, ok := strings.CutSuffix(path, "/NAME.go")
	if !ok {
		return exists(path)
	}
	all, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	return err == nil && slices.ContainsFunc(all, func(name string) bool {
		return !strings.HasSuffix(name, "_test.go") && filepath.Base(name) != "doc.go"
	})
}

// declares reports whether a file, or one of a folder's, declares a name at its top level.
func declares(t *testing.T, path, name string) bool {
	t.Helper()
	files := []string{filepath.Join(root, path)}
	if filepath.Ext(path) == "" {
		var err error
		if files, err = filepath.Glob(filepath.Join(root, path, "*.go")); err != nil {
			t.Fatal(err)
		}
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			return false // TestPathsOfDocuments and the rest of this test say so
		}
		if filepath.Ext(file) != ".go" {
			return regexp.MustCompile(`(?m)^` + name + `\b`).Match(text)
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool { return slices.Contains(namesOf(d), name) })
	})
}

// namesOf returns the names that a declaration at the top level declares, methods not among them.
func namesOf(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			return []string{d.Name.Name}
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	return names
}
