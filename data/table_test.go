package data

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func table(t testing.TB, text string) *Table {
	t.Helper()
	tab, err := ParseTable(strings.NewReader(text), "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestReadTable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte("\xef\xbb\xbf age , city,note\n1, \"Bonn, Rhein\",\"a\nb\"\n\n?,Ulm,0x1\n-2.5e1,NA,3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	tab, err := ReadTable(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"age", "city", "note"}; !slices.Equal(tab.Header, want) {
		t.Errorf("header %q; want %q", tab.Header, want)
	}
	if want := []int{2, 5, 6}; !slices.Equal(tab.Lines, want) {
		t.Errorf("lines %v; want %v", tab.Lines, want)
	}
	if n := tab.Columns[0].Numbers; len(n) != 3 || n[0] != 1 || !math.IsNaN(n[1]) || n[2] != -25 {
		t.Errorf("age is %v", n)
	}
	for _, c := range tab.Columns[1:] {
		if c.Numbers != nil {
			t.Errorf("%s has numbers %v; it has texts", c.Name, c.Numbers)
		}
	}
	if got := tab.Columns[1].Texts; got[0] != "Bonn, Rhein" || got[2] != "NA" {
		t.Errorf("city is %q", got)
	}
}

func TestReadTableRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "a.csv: it is empty"},
		{"a,b\n", "a.csv: it has a header and no rows"},
		{"a,,c\n1,2,3\n", "a.csv: line 1: column 2 has no name"},
		{"a,b,a\n1,2,3\n", `a.csv: line 1: columns 1 and 3 have the same name "a"`},
		{"a,b\n1,2\n1\n", "a.csv: line 3: it has 1 fields; the header has 2"},
		{"a,b\n1,\"x\ny\"\n1,2,3\n", "a.csv: line 4: it has 3 fields; the header has 2"},
		{"a,b\n1,2\n3,inf\n", "a.csv: line 3: column b: inf is not finite"},
		{"a,b\n1e39,2\n", "a.csv: line 2: column a: 1e39 is not finite, or too great"},
		{"a,b\n1,\xff\n", "a.csv: line 2: column b is not UTF-8"},
		{"a,\xff\n1,2\n", "a.csv: line 1: the name of column 2 is not UTF-8"},
		{"a,b\n1,\"2\n", "a.csv: parse error on line 2"},
	} {
		_, err := ParseTable(strings.NewReader(c.text), "a.csv")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v; want %s", c.text, err, c.want)
		}
	}
	if _, err := ReadTable(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: error %v", err)
	}
}

// TestTableFeatures: features of numbers have mean 0 and deviation 1 over the training rows, whatever the other rows hold; texts are one-hot.
func TestTableFeatures(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 50 {
		n := 4 + rng.IntN(60)
		var b strings.Builder
		b.WriteString("y,x,city\n")
		for i := range n {
			x := fmt.Sprint(rng.NormFloat64()*1e4 + 7)
			if i > 1 && rng.IntN(4) == 0 {
				x = ""
			}
			fmt.Fprintf(&b, "%d,%s,c%d\n", i%2, x, rng.IntN(5))
		}
		tab, rows := table(t, b.String()), rng.Perm(n)[:n/2+1]
		s, err := tab.Fit(rows, TableTarget{Column: "y", Kind: TableClass}, nil)
		if err != nil {
			t.Fatal(err)
		}
		x, err := s.Features(tab)
		if err != nil {
			t.Fatal(err)
		}
		checkNumbers(t, trial, tab, s, x, rows)
		checkTexts(t, trial, tab, s, x)
	}
}

func checkNumbers(t *testing.T, trial int, tab *Table, s *TableSchema, x []float32, rows []int) {
	t.Helper()
	var sum, square, n float64
	missing := false
	for _, r := range rows {
		v := float64(x[r*s.Width()])
		if math.IsNaN(tab.Columns[1].Numbers[r]) {
			missing = true
			if v != 0 || x[r*s.Width()+1] != 1 {
				t.Fatalf("trial %d: a missing number gives %v", trial, x[r*s.Width():][:2])
			}
			continue
		}
		sum, square, n = sum+v, square+v*v, n+1
	}
	if missing != s.Inputs[0].Indicator {
		t.Errorf("trial %d: the indicator is %v; training rows miss numbers: %v", trial, s.Inputs[0].Indicator, missing)
	}
	if n > 1 && (math.Abs(sum/n) > 1e-5 || math.Abs(square/n-1) > 1e-5) {
		t.Errorf("trial %d: mean %v and mean square %v; want 0 and 1", trial, sum/n, square/n)
	}
}

func checkTexts(t *testing.T, trial int, tab *Table, s *TableSchema, x []float32) {
	t.Helper()
	in, width := s.Inputs[1], s.Width()
	for r := range tab.Rows() {
		row := x[(r+1)*width-len(in.Values) : (r+1)*width]
		for i, v := range row {
			if (v == 1) != (in.Values[i] == tab.Columns[2].Texts[r]) || v != 0 && v != 1 {
				t.Fatalf("trial %d: row %d of %q has %v for %q", trial, r, tab.Columns[2].Texts[r], row, in.Values)
			}
		}
	}
}

func TestTableFitRefuses(t *testing.T) {
	many := &strings.Builder{}
	many.WriteString("y,x\n")
	for i := range maxTableValues + 1 {
		fmt.Fprintf(many, "a%d,t%d\n", i%2, i)
	}
	for _, c := range []struct {
		text   string
		target TableTarget
		ignore []string
		want   string
	}{
		{"y,x\na,1\nb,2\n", TableTarget{Column: "z"}, nil, `there is no column "z"; the columns are y, x`},
		{"y,x\na,1\nb,2\n", TableTarget{Column: "y"}, []string{"q"}, `there is no column "q"`},
		{"y,x\na,1\nb,2\n", TableTarget{Column: "y"}, []string{"x"}, "the columns give 0 features"},
		{"y,x\na,1\na,2\n", TableTarget{Column: "y"}, nil, "column y: it has 1 classes"},
		{"y,x\na,1\n,2\n", TableTarget{Column: "y", Kind: TableNumber}, nil, `line 2: column y: "a" is not a number`},
		{"y,x\n1,1\n,2\n", TableTarget{Column: "y", Kind: TableNumber}, nil, "line 3: column y: the answer is missing"},
		{many.String(), TableTarget{Column: "y"}, nil, "column x: it has 1025 different texts; at most 1024"},
		{"y,x\na,1\nb,2\n", TableTarget{Column: "y", Kind: "sort"}, nil, `the target's kind is "sort"`},
	} {
		tab := table(t, c.text)
		rows := make([]int, tab.Rows())
		for i := range rows {
			rows[i] = i
		}
		if _, err := tab.Fit(rows, c.target, c.ignore); err == nil || !strings.Contains(err.Error(), "a.csv") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v; want %s", c.target, err, c.want)
		}
	}
}

func TestTableAnswers(t *testing.T) {
	tab := table(t, "tags,size,g,x\nb;a,3,u,1\n,2,u,2\na;a,1,v,3\n")
	fit := func(target TableTarget) (*TableSchema, TableAnswers) {
		s, err := tab.Fit([]int{0, 2}, target, []string{"tags"})
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.Answers(tab)
		if err != nil {
			t.Fatal(err)
		}
		return s, a
	}
	s, a := fit(TableTarget{Column: "tags", Separator: ";"})
	if want := [][]int{{0, 1}, nil, {0}}; s.Target.Kind != TableClasses || !reflect.DeepEqual(a.Labels, want) {
		t.Errorf("%s %v; want %v", s.Target.Kind, a.Labels, want)
	}
	s, a = fit(TableTarget{Column: "size", Kind: TableRank, Group: "g"})
	if !slices.Equal(a.Numbers, []float64{3, 2, 1}) || !slices.Equal(a.Groups, []string{"u", "u", "v"}) || len(s.Inputs) != 1 {
		t.Errorf("%v in %v with %v", a.Numbers, a.Groups, s.Inputs)
	}
	if s, _ = fit(TableTarget{Column: "size"}); s.Target.Kind != TableNumber || s.Target.Mean != 2 || s.Target.Scale != 1 {
		t.Errorf("the target is %+v; the training rows have 3 and 1", s.Target)
	}
	s, _ = fit(TableTarget{Column: "g"})
	for _, c := range []struct{ text, want string }{
		{"g,size,x\nu,1,1\nw,1,1\n", `b.csv: line 3: column g: the class "w"`},
		{"g,size,x\n,1,1\n", "b.csv: line 2: column g: the answer is missing"},
		{"size,x\n1,1\n", `b.csv: line 1: there is no column "g"`},
	} {
		other, err := ParseTable(strings.NewReader(c.text), "b.csv")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Answers(other); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v; want %s", c.text, err, c.want)
		}
	}
	other := table(t, "size,x\n1,1\n1,big\n")
	if _, err := s.Features(other); err == nil || !strings.Contains(err.Error(), `line 3: column x: "big" is not a number`) {
		t.Errorf("a text for a number: error %v", err)
	}
}

func TestTableSchemaCheck(t *testing.T) {
	tab := table(t, "y,x,c\na,1,u\nb,,v\n")
	fit := func() *TableSchema {
		s, err := tab.Fit([]int{0, 1}, TableTarget{Column: "y"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if err := fit().Check(); err != nil {
		t.Error(err)
	}
	for want, damage := range map[string]func(s *TableSchema){
		"inputs[0] has the mean 1 and the scale 0":  func(s *TableSchema) { s.Inputs[0].Scale = 0 },
		"inputs[0] has no name":                     func(s *TableSchema) { s.Inputs[0].Name = "" },
		"inputs[1]: its values are not sorted":      func(s *TableSchema) { s.Inputs[1].Values = []string{"v", "u"} },
		"the columns give 0 features":               func(s *TableSchema) { s.Inputs = nil },
		"the target's classes are not sorted":       func(s *TableSchema) { s.Target.Classes = []string{"a", "a"} },
		`the target's kind is "sort"`:               func(s *TableSchema) { s.Target.Kind = "sort" },
		"the target has the mean NaN and the scale": func(s *TableSchema) { s.Target.Mean = math.NaN() },
	} {
		s := fit()
		damage(s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v; want %s", err, want)
		}
	}
}

func FuzzParseTable(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a,b\n\"1\n2\",?\n", "a\nx\ny\n", "y,x\nu;v,1e38\nu,-1e38\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tab, err := ParseTable(strings.NewReader(string(text)), "a.csv")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "a.csv: ") {
				t.Errorf("error %v does not name the file", err)
			}
			return
		}
		rows := make([]int, tab.Rows())
		for i := range rows {
			rows[i] = i
		}
		s, err := tab.Fit(rows, TableTarget{Column: tab.Header[0], Separator: ";"}, nil)
		if err != nil {
			return
		}
		x, err := s.Features(tab)
		if err != nil || len(x) != tab.Rows()*s.Width() {
			t.Fatalf("%d features, %v", len(x), err)
		}
		for i, v := range x {
			if v-v != 0 {
				t.Fatalf("x[%d] is %v", i, v)
			}
		}
		if _, err := s.Answers(tab); err != nil {
			t.Fatal(err)
		}
	})
}
