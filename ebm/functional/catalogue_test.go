package functional

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// source returns this package's files without tests.
func source(t *testing.T) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// TestEveryFunctionalHasARow parses the package: an exported type with the methods of
// Functional must be what some row of the catalogue makes, and be documented in full.
func TestEveryFunctionalHasARow(t *testing.T) {
	rows := map[string]bool{}
	for _, e := range Catalogue() {
		f, err := New(e.Name, DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		rows[reflect.TypeOf(f).Name()] = true
	}
	methods, docs := map[string]int{}, map[string]string{}
	for _, file := range source(t) {
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil && (d.Name.Name == "Eval" || d.Name.Name == "Statistic" || d.Name.Name == "Name") {
					if id, ok := d.Recv.List[0].Type.(*ast.Ident); ok {
						methods[id.Name]++
					}
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok {
						docs[s.Name.Name] = d.Doc.Text()
					}
				}
			}
		}
	}
	types := 0
	for name, n := range methods {
		if n != 3 || !ast.IsExported(name) {
			continue
		}
		types++
		if !rows[name] {
			t.Errorf("functional.%s has no row in the catalogue", name)
		}
		for _, section := range []string{"\tq = ", "Statistic:", "Margin:", "Units:", "Kinks:", "Source:"} {
			if !strings.Contains(docs[name], section) {
				t.Errorf("the doc comment of %s has no %q", name, section)
			}
		}
	}
	if types != len(rows) {
		t.Errorf("%d types with Functional's methods for %d rows", types, len(rows))
	}
}

func TestRowsSayWhatFunctionalsDo(t *testing.T) {
	references, err := os.ReadFile("../../docs/references.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, e := range Catalogue() {
		f, err := New(e.Name, DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() != e.Name || seen[e.Name] {
			t.Errorf("row %q makes %q, or comes twice", e.Name, f.Name())
		}
		seen[e.Name] = true
		if f.Statistic().NonNegative != e.NeedsNonNegative {
			t.Errorf("%s: NeedsNonNegative is %v, the statistic's %v", e.Name, e.NeedsNonNegative, !e.NeedsNonNegative)
		}
		if positive := e.Margin != "none" && e.Margin != "0"; positive != e.GoodMargin {
			t.Errorf("%s: GoodMargin is %v with margin %q", e.Name, e.GoodMargin, e.Margin)
		}
		for setting, change := range map[string]func(*Options){
			"margin": func(o *Options) { o.Margin = 7 }, "beta": func(o *Options) { o.Beta = 7 },
			"gamma": func(o *Options) { o.Gamma = 7 }, "cap": func(o *Options) { o.Cap = 7 },
			"delta": func(o *Options) { o.Delta = 7 }, "cost": func(o *Options) { o.Cost = [][]float64{{0, 7}, {7, 0}} },
		} {
			o := DefaultOptions()
			change(&o)
			g, err := New(e.Name, o)
			if err != nil {
				t.Fatal(err)
			}
			if used := !reflect.DeepEqual(f, g); used != e.Takes(setting) {
				t.Errorf("%s: Takes(%q) is %v, but it changes the functional: %v", e.Name, setting, !used, used)
			}
		}
		o := DefaultOptions()
		o.Rival = "wrong"
		if g, err := New(e.Name, o); err != nil || (g.Statistic().Kind == Wrong) != e.Rival || e.Rival != (f.Statistic().Kind == Offending) {
			t.Errorf("%s: Rival is %v, but with the rival wrong it is %#v, %v", e.Name, e.Rival, g, err)
		}
		if len(e.Source) == 0 || e.Formula == "" {
			t.Errorf("%s: no source or no formula", e.Name)
		}
		for _, key := range e.Source {
			if !strings.Contains(string(references), "| "+key+" |") {
				t.Errorf("%s: source %q is not in docs/references.md", e.Name, key)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	with := func(change func(*Options)) Options {
		o := DefaultOptions()
		change(&o)
		return o
	}
	inf, nan := 1/zero, zero/zero
	for _, c := range []struct {
		name string
		o    Options
		want string
	}{
		{"nlll", DefaultOptions(), `none called "nlll"; there are energy, perceptron, hinge,`},
		{"hinge", with(func(o *Options) { o.Margin = -1 }), "hinge: margin is -1; it must be a number of at least 0"},
		{"hinge", with(func(o *Options) { o.Margin = nan }), "margin is NaN"},
		{"hinge", with(func(o *Options) { o.Margin = inf }), "margin is +Inf"},
		{"nll", with(func(o *Options) { o.Beta = 0 }), "nll: beta is 0; it must be a number above 0"},
		{"mee", with(func(o *Options) { o.Beta = -2 }), "beta is -2"},
		{"mee", with(func(o *Options) { o.Beta = inf }), "beta is +Inf"},
		{"square_exp", with(func(o *Options) { o.Gamma = 0 }), "gamma is 0"},
		{"lvq2", with(func(o *Options) { o.Cap = 0 }), "cap is 0"},
		{"lvq2", with(func(o *Options) { o.Delta = -1 }), "delta is -1"},
		{"log", with(func(o *Options) { o.Rival = "worst" }), `log: rival is "worst"; it must be least or wrong`},
		{"log", with(func(o *Options) { o.Rival, o.Beta = "wrong", -1 }), "log: beta is -1; it must be a number above 0"},
		{"margin_cost", with(func(o *Options) { o.Cost = [][]float64{{0, 1}} }), "cost has 1 rows"},
		{"margin_cost", with(func(o *Options) { o.Cost = [][]float64{{0, 1}, {1}} }), "row 1 of cost has 1 entries; it must have 2"},
		{"margin_cost_max", with(func(o *Options) { o.Cost = [][]float64{{0, -1}, {1, 0}} }), "cost[0][1] is -1"},
		{"margin_cost_max", with(func(o *Options) { o.Cost = [][]float64{{0, 1}, {nan, 0}} }), "cost[1][0] is NaN"},
	} {
		f, err := New(c.name, c.o)
		if err == nil || f != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%q, %+v) = %v, %v; the error should say %q", c.name, c.o, f, err, c.want)
		}
	}
	// A setting that is not used is not looked at; zero margins are settings.
	if f, err := New("hinge", Options{}); err != nil || f != (Hinge{}) {
		t.Errorf("hinge without a margin: %v, %v", f, err)
	}
	// What the diagonal of the cost holds does not matter.
	if _, err := New("margin_cost", with(func(o *Options) { o.Cost = [][]float64{{-9, 1}, {1, nan}} })); err != nil {
		t.Error(err)
	}
}

var zero float64

func TestZeroValuesAreTheDefaults(t *testing.T) {
	for _, c := range []struct{ zero, one Functional }{
		{NLL{}, NLL{1}},
		{MEE{}, MEE{1}},
		{SquareExp{}, SquareExp{Gamma: 1}},
		{LVQ2{}, LVQ2{Cap: 1}},
	} {
		b := draw(generator(1), c.zero, 50, 4, 2)
		loss, grad := b.eval(t, c.zero)
		loss1, grad1 := b.eval(t, c.one)
		if !reflect.DeepEqual(loss, loss1) || !reflect.DeepEqual(grad, grad1) {
			t.Errorf("%T: the zero value is not the default", c.zero)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := None; k <= Wrong; k++ {
		if s := k.String(); s == "unknown" || seen[s] {
			t.Errorf("kind %d is called %q", k, s)
		}
		seen[k.String()] = true
	}
	if s := (Wrong + 1).String(); s != "unknown" {
		t.Errorf("a kind that does not exist is called %q", s)
	}
}
