package house

import (
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var long = flag.Bool("long", false, "run the tests that take long")

// compiled is a package with what the compiler exports of it.
type compiled struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// TestErrorsInOrder: no loop over a map returns an error. The order of a map changes, and of several things that are wrong another would be
// told each time. Such a loop goes over slices.Sorted(maps.Keys(m)).
func TestErrorsInOrder(t *testing.T) {
	if !*long {
		t.Skip("it checks the types of the whole tree; -long has it run")
	}
	all, exports := exported(t)
	files, loops := token.NewFileSet(), 0
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range all {
		info, parsed := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}, []*ast.File(nil)
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
		if _, err := (&types.Config{Importer: imports, Sizes: types.SizesFor("gc", "amd64")}).Check(p.ImportPath, files, parsed, info); err != nil {
			t.Fatal(err)
		}
		for _, file := range parsed {
			ast.Inspect(file, func(n ast.Node) bool {
				loop, ok := n.(*ast.RangeStmt)
				if !ok || !isMap(info.TypeOf(loop.X)) {
					return true
				}
				loops++
				if at := errorFrom(loop.Body, info); at != nil {
					t.Errorf("%v: an error is returned from a loop over a map; go over slices.Sorted(maps.Keys(m))", files.Position(at.Pos()))
				}
				return true
			})
		}
	}
	if loops < 50 {
		t.Errorf("only %d loops over maps; the search is broken", loops)
	}
}

// exported lists our packages, and the files of what all of them import.
func exported(t *testing.T) (all []compiled, exports map[string]string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	exports = map[string]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p compiled
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, exports
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath+"/", module) && len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
}

func isMap(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// errorFrom is where a loop's body returns an error that is not nil, but for functions within it; nil where it does not.
func errorFrom(body *ast.BlockStmt, info *types.Info) (at ast.Node) {
	failure := types.Universe.Lookup("error").Type()
	ast.Inspect(body, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) > 0 {
			last := info.Types[r.Results[len(r.Results)-1]]
			if !last.IsNil() && last.Type != nil && types.AssignableTo(last.Type, failure) {
				at = n
			}
		}
		return true
	})
	return at
}
