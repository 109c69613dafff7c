package house

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
)

// A phrase is one that the tree does not use. CONTRIBUTING.md has a row for each.
type phrase struct {
	name    string         // as CONTRIBUTING.md lists it
	instead string         // what to write, as there
	match   *regexp.Regexp // its forms
	unless  string         // a form that starts with this is plain English
}

var phrases = []phrase{
	{"in the place of", "instead of", regexp.MustCompile(`(?i)\bin (the|its|their) place of\b`), ""},
	{"goes on", "continues, resumes", regexp.MustCompile(`(?i)\b(go|goes|going|gone|went) on\b`), ""},
	{"so many", "n, the number of", regexp.MustCompile(`(?i)\bso many\b`), ""},
	{"that is none", "that is not one", regexp.MustCompile(`\b([Tt]here )?(is|are|was|were) none\b`), "there"},
	{"is wanted", "must be, expected", regexp.MustCompile(`(?i)\bwanted\b`), ""},
	{"of no account", "ignored", regexp.MustCompile(`(?i)\bof no account\b`), ""},
	{"anyhow", "always", regexp.MustCompile(`(?i)\banyhow\b`), ""},
	{"all but impossible", "of negligible probability", regexp.MustCompile(`(?i)\ball but (im)?(possible|probable|certain)\b`), ""},
	{"such a one", "one", regexp.MustCompile(`(?i)\bsuch an? one\b`), ""},
	{"at its place", "in order", regexp.MustCompile(`(?i)\bat (its|their) places?\b`), ""},
	{"rooms", "packages", regexp.MustCompile(`(?i)\brooms\b`), ""},
}

// namesToAvoid say how a thing came; a name says what it is.
var namesToAvoid = []string{"found", "given", "told", "wanted"}

// TestPhrases: every phrase of the list is matched in each of its forms, and what is plain English is not.
func TestPhrases(t *testing.T) {
	for text, want := range map[string]string{
		"new ones in the place\n// of the old": "in the place of",
		"The run goes on.":                     "goes on",
		"went on":                              "goes on",
		"with so many columns":                 "so many",
		"a class that is none":                 "that is none",
		"no tags; they are none":               "that is none",
		"where there is none":                  "",
		"There are none.":                      "",
		"x is None":                            "",
		"a number is wanted":                   "is wanted",
		"it is of no account":                  "of no account",
		"Anyhow, it is":                        "anyhow",
		"are all but impossible":               "all but impossible",
		"all but one":                          "",
		"there is such a one":                  "such a one",
		"rows at their places":                 "at its place",
		"the rooms of the house":               "rooms",
		"room for n":                           "",
		"in place of tanh":                     "",
	} {
		faults := faultsOf("x.md", text)
		switch {
		case want == "" && len(faults) > 0:
			t.Errorf("%q: %v", text, faults)
		case want != "" && (len(faults) != 1 || !strings.Contains(faults[0], fmt.Sprintf("%q", want))):
			t.Errorf("%q: %q, not the phrase %q alone", text, faults, want)
		}
	}
	text := "package p\n\n// It goes on, so\n// many times.\nvar given = \"is \" +\n\t\"wanted\" // given\n"
	got := strings.Join(faultsOf("x.go", text), "\n")
	for _, where := range []string{`x.go:3: "goes on"`, `x.go:3: "so many"`, `x.go:6: "is wanted"`, `x.go:5: given`} {
		if !strings.Contains(got, where) {
			t.Errorf("nothing begins with %s in\n%s", where, got)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != 4 {
		t.Errorf("%d faults, not 4:\n%s", n, got)
	}
}

// TestLanguage: comments, texts, documents and scripts are free of the phrases of the list, and Go code of the names.
func TestLanguage(t *testing.T) {
	kinds := map[string]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() {
			if d.Name() == ".git" || name == "runs" {
				return filepath.SkipDir
			}
			return nil
		}
		kind := filepath.Ext(name)
		if name == ".ci/run" {
			kind = ".sh"
		}
		if !slices.Contains([]string{".go", ".md", ".txtar", ".tmpl", ".html", ".css", ".js", ".py", ".sh", ".s"}, kind) || name == "internal/house/language_test.go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		kinds[kind]++
		for _, fault := range faultsOf(name, string(text)) {
			t.Error(fault)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, least := range map[string]int{".go": 500, ".md": 10, ".py": 10, ".sh": 2, ".s": 10} {
		if kinds[kind] < least {
			t.Errorf("only %d files %s were read", kinds[kind], kind)
		}
	}
}

// TestPhrasesOfContributing: CONTRIBUTING.md lists the same phrases and names.
func TestPhrasesOfContributing(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := "| not | but |\n| --- | --- |\n"
	for _, p := range phrases {
		want += "| " + p.name + " | " + p.instead + " |\n"
	}
	if !strings.Contains(string(text), want) {
		t.Errorf("CONTRIBUTING.md must have the table\n%s", want)
	}
	if names := "`" + strings.Join(namesToAvoid, "`, `") + "`"; !strings.Contains(string(text), names) {
		t.Errorf("CONTRIBUTING.md must name %s", names)
	}
}

// prose is text of a file without its marks of comments and quotes. Lines of one text are joined by a space, so that
// phrases are matched across them; a newline ends a text.
type prose struct {
	strings.Builder
	starts, lines []int // where in the text which line of the file begins
}

// add continues the current text by what starts at a line of the file.
func (p *prose) add(line int, text string) {
	for s := range strings.Lines(text) {
		s = strings.TrimSpace(s)
		p.starts, p.lines = append(p.starts, p.Len()), append(p.lines, line)
		if line++; s == "" {
			p.WriteByte('\n')
			continue
		}
		p.WriteString(strings.Join(strings.Fields(s), " ") + " ")
	}
}

// line returns the line of the file of a place in the text.
func (p *prose) line(at int) int { return p.lines[sort.SearchInts(p.starts, at+1)-1] }

// faultsOf returns the phrases and names that a file must not have, with their lines.
func faultsOf(name, text string) (faults []string) {
	var p prose
	if filepath.Ext(name) == ".go" {
		faults = p.addGo(name, text)
	} else {
		p.add(1, withoutList(name, regexp.MustCompile(`(?m)^[ \t]*(//|#+|\*|--|>)`).ReplaceAllString(text, "")))
	}
	for _, f := range phrases {
		for _, at := range f.match.FindAllStringIndex(p.String(), -1) {
			if f.unless != "" && strings.HasPrefix(strings.ToLower(p.String()[at[0]:]), f.unless) {
				continue
			}
			faults = append(faults, fmt.Sprintf("%s:%d: %q: write %s", name, p.line(at[0]), f.name, f.instead))
		}
	}
	return faults
}

// withoutList returns CONTRIBUTING.md with the list of phrases and names blanked, other texts as they are.
func withoutList(name, text string) string {
	if name != "CONTRIBUTING.md" {
		return text
	}
	return regexp.MustCompile("(?s)\n\\| not \\| but \\|\n.*`wanted`").ReplaceAllStringFunc(text, func(list string) string {
		return strings.Repeat("\n", strings.Count(list, "\n"))
	})
}

// addGo adds the comments and the strings of Go code, and returns the names that it must not have.
func (p *prose) addGo(name, text string) (faults []string) {
	files := token.NewFileSet()
	file := files.AddFile(name, -1, len(text))
	var s scanner.Scanner
	s.Init(file, []byte(text), nil, scanner.ScanComments)
	before := token.ILLEGAL
	for {
		pos, tok, lit := s.Scan()
		line := file.Line(pos)
		switch tok {
		case token.EOF:
			return faults
		case token.COMMENT:
			p.add(line, regexp.MustCompile(`(?m)^[ \t]*//|^/\*|\*/$`).ReplaceAllString(lit, ""))
		case token.STRING:
			if before == token.COMMENT {
				p.add(line, "\n")
			}
			p.add(line, strings.Trim(lit, "\"`"))
		case token.ADD: // of strings, whose texts are joined
			continue
		case token.SEMICOLON:
			if lit == "\n" { // before a comment's next line
				continue
			}
			p.add(line, "\n")
		case token.IDENT:
			if slices.Contains(namesToAvoid, strings.ToLower(lit)) {
				faults = append(faults, fmt.Sprintf("%s:%d: %s says how a thing came; a name says what it is", name, line, lit))
			}
			p.add(line, "\n")
		default:
			p.add(line, "\n")
		}
		before = tok
	}
}
