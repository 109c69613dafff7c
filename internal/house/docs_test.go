package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// documents are those that readers begin with, by their paths from the root.
func documents(t *testing.T) (all map[string]string) {
	t.Helper()
	all = map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(text)
		}
	}
	return all
}

// TestPathsOfDocuments: what stands in backticks like a path is one of the tree's, or a job of the benchmark.
func TestPathsOfDocuments(t *testing.T) {
	files := map[string]bool{} // names without folders
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		files[filepath.Base(path)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := exec.Command("go", "run", "../../bench", "-list").Output()
	if err != nil {
		t.Fatalf("bench -list: %v", err)
	}
	benchmarks := strings.Fields(string(jobs))
	quoted := regexp.MustCompile("`([^`\\s]+)`")
	source := regexp.MustCompile(`\.(go|md|py|sh|s)$`)
	checked := 0
	for name, text := range documents(t) {
		for i, block := range strings.Split(text, "```") {
			if i%2 == 1 {
				continue
			}
			for _, m := range quoted.FindAllStringSubmatch(block, -1) {
				path := m[1]
				isPath := strings.Contains(strings.Trim(path, "/"), "/") && !strings.Contains(path, ":") && !strings.HasPrefix(path, "/")
				if !isPath && !source.MatchString(path) || strings.HasPrefix(path, "runs/") {
					continue
				}
				checked++
				switch {
				case slices.Contains(benchmarks, path) || exists(path):
				case !isPath && files[path]:
				case strings.Contains(path, "NAME") && exists(filepath.Dir(path)):
				default:
					t.Errorf("%s: `%s` is neither a path of the tree nor a job of the benchmark", name, path)
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d paths were checked", checked)
	}
}

// TestTestsOfDocuments: a test that a document names in backticks is one of the tree's.
func TestTestsOfDocuments(t *testing.T) {
	known := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			known[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	quoted := regexp.MustCompile("`(Test[A-Z]\\w*)`")
	for name, text := range documents(t) {
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if checked++; !known[m[1]] {
				t.Errorf("%s: there is no test `%s`", name, m[1])
			}
		}
	}
	if checked < 30 {
		t.Errorf("only %d names were checked", checked)
	}
}

func exists(pattern string) bool {
	names, err := filepath.Glob(filepath.Join(root, pattern))
	return err == nil && len(names) > 0
}

// TestCitedKeys: what comments and documents cite stands in docs/references.md, once.
func TestCitedKeys(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/references.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z0-9]+) \|`).FindAllStringSubmatch(string(text), -1) {
		if known[m[1]]++; known[m[1]] > 1 {
			t.Errorf("docs/references.md has %s twice", m[1])
		}
	}
	year := regexp.MustCompile(`\[([a-z]+\d{4}[a-z]?)\]`)
	any := regexp.MustCompile(`\[([a-z0-9]+)\]`)
	cited := 0
	cite := func(where, text string, key *regexp.Regexp) {
		for _, m := range key.FindAllStringSubmatch(text, -1) {
			if cited++; known[m[1]] == 0 {
				t.Errorf("%s cites [%s], which docs/references.md does not have", where, m[1])
			}
		}
	}
	for name, text := range documents(t) {
		cite(name, text, year)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, comment := range f.Comments {
			where, text := set.Position(comment.Pos()).String(), comment.Text()
			cite(where, text, year)
			for line := range strings.Lines(text) {
				if source, ok := strings.CutPrefix(line, "Source:"); ok {
					cite(where, source, any)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cited < 100 {
		t.Errorf("only %d citations were found", cited)
	}
}

// TestPackagesOfDocuments: every package is on the map, and every one that others may import is at the door.
func TestPackagesOfDocuments(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/design.md"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "doc.go"), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	door := map[string]bool{}
	items := regexp.MustCompile(`(?m)^ +- packages? ([a-z0-9/, \n]+?):`)
	for _, m := range items.FindAllStringSubmatch(f.Doc.Text(), -1) {
		for _, name := range strings.Split(m[1], ",") {
			door[strings.TrimSpace(name)] = true
		}
	}
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if name+"/" == module {
			continue
		}
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/design.md has no `%s`", name)
		}
		public := p.Name != "main" && !strings.HasPrefix(name, "internal/")
		if public && !door[name] {
			t.Errorf("doc.go does not say what package %s is for", name)
		}
		delete(door, name)
	}
	for name := range door {
		t.Errorf("doc.go names package %s, which does not exist", name)
	}
}
