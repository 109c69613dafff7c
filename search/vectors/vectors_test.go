package vectors

import (
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/internal/npy"
	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
)

// some are items with everything that files may hold.
func some() []index.Item {
	return []index.Item{
		{ID: "a", Vector: []float32{1, -0.5, 1e-30}, Label: "cat", Fields: map[string]string{"colour": "black, white", "path": "cats/a.png"}},
		{ID: "b\"ü", Vector: []float32{0, 0.1, 3.4e38}},
		{ID: "c", Vector: []float32{16777217, 2, 3}, Label: "dog", Fields: map[string]string{"year": "2020"}},
	}
}

// rows are all rows of a file, as texts, and what is wrong with others.
func rows(t *testing.T, path string, o Options) (items []index.Item, bad []string, err error) {
	t.Helper()
	r, err := Open(path, o)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	for row, err := range r.Rows() {
		of := (*RowError)(nil)
		switch {
		case errors.As(err, &of):
			bad = append(bad, of.Error())
		case err != nil:
			return items, bad, err
		default:
			items = append(items, row.Item)
		}
	}
	return items, bad, nil
}

func place(t *testing.T, text, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is written comes back, bit by bit, in every format.
func TestRoundTrip(t *testing.T) {
	for _, suffix := range Formats {
		t.Run(suffix, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "all"+suffix)
			for _, items := range [][]index.Item{some(), {}} {
				names := map[string]bool{}
				for _, item := range items {
					for name := range item.Fields {
						names[name] = true
					}
				}
				w, err := Create(path, Outline{Rows: len(items), Dim: 3, Fields: slices.Sorted(maps.Keys(names))})
				if err != nil {
					t.Fatal(err)
				}
				for i := range items {
					if err := w.Write(&items[i]); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				got, bad, err := rows(t, path, Options{})
				if err != nil || bad != nil || len(got) != len(items) || len(items) > 0 && !reflect.DeepEqual(got, items) {
					t.Errorf("%+v came back as\n%+v, %v %v", items, got, bad, err)
				}
			}
		})
	}
}

// A writer that was not fed all rows leaves no file.
func TestWriterAborts(t *testing.T) {
	for _, suffix := range Formats {
		dir := t.TempDir()
		w, err := Create(filepath.Join(dir, "all"+suffix), Outline{Rows: 2, Dim: 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Write(&some()[1]), w.Close()); err == nil || !strings.Contains(err.Error(), "1 of 2 items") {
			t.Errorf("%s: %v", suffix, err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: %v is left", suffix, left)
		}
	}
	if _, err := Create(filepath.Join(t.TempDir(), "a.csv"), Outline{Dim: 1, Fields: []string{"vector"}}); err == nil {
		t.Error("a field that is called as a column was taken")
	}
	if _, err := Create(filepath.Join(t.TempDir(), "a.txt"), Outline{Dim: 1}); err == nil {
		t.Error("a.txt was taken")
	}
}

// JSON lines as people have them: flat, with fields, with numbers as identifiers and names of their own.
func TestJSONLines(t *testing.T) {
	path := place(t, "\ufeff"+`{"id":7,"vector":[1,2],"label":"x","year":2020,"ok":true,"none":null,"tags":["a", "b"],"fields":{"z":"1"}}

{"vector":[1,2]}
{"id":"a"}
{"id":"a","vector":[1,"2"]}
{"id":"a","vector":[1e99]}
{"id":null,"vector":[1]}
{"id":"a","vector":[NaN]}
[1]
null
{"id":"d","vector":[1],"x":"1","fields":{"x":"2"}}
`, "a.jsonl")
	items, bad, err := rows(t, path, Options{})
	want := []index.Item{
		{ID: "7", Vector: []float32{1, 2}, Label: "x", Fields: map[string]string{"year": "2020", "ok": "true", "tags": `["a","b"]`, "z": "1"}},
		{Vector: []float32{1, 2}},
	}
	if err != nil || !reflect.DeepEqual(items, want) {
		t.Errorf("%+v, %v", items, err)
	}
	for i, says := range []string{`line 4: there is no column "vector", of the vector; the columns are id`, "line 5: \"vector\"", "line 6: \"vector\"", `line 7: "id" is null`, "line 8: invalid character 'N'", "line 9: ", "line 10: it is null", `line 11: "fields": the field "x" is there twice`} {
		if i >= len(bad) || !strings.HasPrefix(bad[i], says) {
			t.Errorf("bad rows %q; %d should say %q", bad, i, says)
		}
	}
	path = place(t, `{"key":"k","emb":[3],"class":"c","id":"field"}`, "a.ndjson")
	items, _, err = rows(t, path, Options{ID: "key", Vector: "emb", Label: "class"})
	if err != nil || !reflect.DeepEqual(items, []index.Item{{ID: "k", Vector: []float32{3}, Label: "c", Fields: map[string]string{"id": "field"}}}) {
		t.Errorf("%+v, %v", items, err)
	}
	path = filepath.Join(t.TempDir(), "a.jsonl.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	fmt.Fprintln(z, `{"id":"z","vector":[1]}`)
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if items, _, err = rows(t, path, Options{}); err != nil || len(items) != 1 {
		t.Errorf("%+v, %v", items, err)
	}
}

// CSV as people have it: a vector in one column, in any of the usual forms, or in many.
func TestTables(t *testing.T) {
	for text, want := range map[string][]index.Item{
		"id,vector,label,note\na,\"[1, 2.5]\",x,\nb,1 2,,hi\nc,1;2,,\n": {
			{ID: "a", Vector: []float32{1, 2.5}, Label: "x"}, {ID: "b", Vector: []float32{1, 2}, Fields: map[string]string{"note": "hi"}}, {ID: "c", Vector: []float32{1, 2}},
		},
		"v1,id,v0\n1,a,0\n":       {{ID: "a", Vector: []float32{0, 1}}},
		",0,1,2\n9,1,2,3\n":       {{Vector: []float32{1, 2, 3}}},
		"\ufeffvector\r\n[1]\r\n": {{Vector: []float32{1}}},
	} {
		items, bad, err := rows(t, place(t, text, "a.csv"), Options{})
		if err != nil || bad != nil || !reflect.DeepEqual(items, want) {
			t.Errorf("%q: %+v, %q, %v", text, items, bad, err)
		}
	}
	_, bad, err := rows(t, place(t, "id,vector\na,[1\nb,1 x\nc\n,1\nd,1e99\n", "a.csv"), Options{})
	want := []string{
		`line 2: the column "vector": "1" has no closing bracket`, `line 3: the column "vector": number 2: "x" is not a number`, "line 4: it has 1 columns, the header 2",
		`line 5: the column "id" is empty; it must be the identifier`, `line 6: the column "vector": number 1: 1e99 is beyond float32`,
	}
	if err != nil || !slices.Equal(bad, want) {
		t.Errorf("%q, %v", bad, err)
	}
	for text, says := range map[string]string{
		"":                   "is empty",
		"id,vektor\na,1\n":   `there is no column "vector", of the vector; the columns are id, vektor, did you mean vector`,
		"id,id\n":            `columns 1 and 2 are both called "id"`,
		"id,vector\na,\"1\n": "line 2: ",
	} {
		if _, _, err := rows(t, place(t, text, "a.csv"), Options{}); err == nil || !strings.Contains(err.Error(), says) && !strings.Contains(err.Error(), strings.Split(says, ", did")[0]) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// Arrays with identifiers beside them, in every form.
func TestArrays(t *testing.T) {
	head := func(descr string, fortran bool, shape ...int) string {
		return string((&npy.Header{Descr: descr, Fortran: fortran, Shape: shape}).Bytes())
	}
	path := place(t, head("<f2", false, 2, 1)+"\x00\x3c\x00\xc0", "a.npy")
	ids := func(name, text string) string {
		at := filepath.Join(filepath.Dir(path), name)
		if err := os.WriteFile(at, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return at
	}
	for name, text := range map[string]string{"i.txt": "x\ny\n", "i.csv": "id,label,file\nx,l,/p.png\ny,,\n", "i.jsonl": `{"id":"x","label":"l","vector":"a field"}` + "\n" + `{"id":"y"}`} {
		items, bad, err := rows(t, path, Options{IDs: ids(name, text)})
		if err != nil || bad != nil || len(items) != 2 || items[0].ID != "x" || items[1].ID != "y" || items[0].Vector[0] != 1 || items[1].Vector[0] != -2 {
			t.Errorf("%s: %+v, %q, %v", name, items, bad, err)
		}
		if name == "i.csv" && (items[0].Fields["path"] != "/p.png" || items[0].Label != "l") {
			t.Errorf("%s: %+v", name, items)
		}
	}
	if items, _, err := rows(t, path, Options{}); err != nil || items[0].ID != "" {
		t.Errorf("without identifiers: %+v, %v", items, err)
	}
	ids("a.ids.csv", "id\nx\ny\n")
	if items, _, err := rows(t, path, Options{}); err != nil || items[1].ID != "y" {
		t.Errorf("beside it: %+v, %v", items, err)
	}
	if _, _, err := rows(t, path, Options{IDs: ids("few.txt", "x\n")}); err == nil || !strings.Contains(err.Error(), "it has 1 identifiers, and "+path+" has 2 vectors") {
		t.Error(err)
	}
	if _, bad, err := rows(t, path, Options{IDs: ids("hole.txt", "x\n\n")}); err != nil || len(bad) != 1 || !strings.Contains(bad[0], "row 1 (line 2 of the identifiers): it is empty") {
		t.Error(bad, err)
	}
	for text, says := range map[string]string{
		head("<f4", true, 2, 2):           "Fortran order",
		head("<f4", false, 2):             "the shape is [2]; it must be vectors × coordinates",
		head("<f4", false, 2, 0):          "the shape is [2 0]",
		head("<i4", false, 2, 1):          "the elements are int32; they must be float16, float32 or float64",
		head("<f4", false, 2, 1) + "1234": "row 1: the file is cut off; its header says 2 rows",
		"no array":                        "this is no .npy file",
	} {
		if _, _, err := rows(t, place(t, text, "a.npy"), Options{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	big := place(t, head(">f8", false, 1, 1)+"\x3f\xf8\x00\x00\x00\x00\x00\x00", "b.npy")
	if items, _, err := rows(t, big, Options{}); err != nil || items[0].Vector[0] != 1.5 {
		t.Errorf("%+v, %v", items, err)
	}
}

func TestFormat(t *testing.T) {
	for path, want := range map[string]string{"A.NPY": ".npy", "x.jsonl.gz": ".jsonl", "x.parquet": ".parquet", "x.npy.gz": "", "x.txt": "", "x": ""} {
		if got, err := Format(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// Rows are added, replaced, and left out with their places.
func TestImport(t *testing.T) {
	x, err := index.Create(t.TempDir(), index.Options{Dim: 2, Metric: distance.Cosine})
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	path := place(t, `{"id":"a","vector":[1,2],"path":"p.png"}
{"vector":[1,2],"path":"/p.png"}
{"id":"a","vector":[1,3]}
{"id":"b","vector":[0,0]}
{"id":"b","vector":[1]}
{"id":"b","vector":[1,1],"root":"x"}
{"id":"b","vector":"x"}
{"id":"b","vector":[2,2]}`, "a.jsonl")
	for i, want := range []Importing{{Rows: 8, Added: 3, Rooted: 1}, {Rows: 8, Replaced: 3, Rooted: 1}} {
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var bad []string
		m := Importing{Index: x, Name: "n", Skip: func(err error) { bad = append(bad, err.Error()) }}
		if err := errors.Join(m.Add(t.Context(), r), r.Close()); err != nil || m.Rows != want.Rows || m.Added != want.Added || m.Replaced != want.Replaced || m.Rooted != want.Rooted {
			t.Errorf("time %d: %+v, %v", i, m, err)
		}
		for i, says := range []string{`line 3: the identifier "a" is also that of line 1`, "line 4: vector is all 0", "line 5: vector has 1 coordinates", `line 6: a field is called "root"`, "line 7: "} {
			if len(bad) != 5 || !strings.HasPrefix(bad[i], path+": "+says) {
				t.Errorf("%q, want %q", bad, says)
			}
		}
	}
	item, ok, err := x.Get(t.Context(), "n/1")
	if err != nil || !ok || item.Fields["path"] != "/p.png" || item.Fields["root"] != "" {
		t.Errorf("%+v, %v", item, err)
	}
	r, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	strict := Importing{Index: x}
	if err := strict.Add(t.Context(), r); err == nil || !strings.Contains(err.Error(), "line 3") || strict.Replaced != 1 {
		t.Errorf("%+v, %v", strict, err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"id":1,"vector":[1]}`), ".jsonl")
	f.Add([]byte("id,vector\na,1 2\n"), ".csv")
	f.Add((&npy.Header{Descr: "<f4", Shape: []int{1, 1}}).Bytes(), ".npy")
	dir := f.TempDir()
	for _, suffix := range []string{".parquet", ".safetensors"} {
		path := filepath.Join(dir, "a"+suffix)
		w, err := Create(path, Outline{Rows: 3, Dim: 3, Fields: []string{"colour", "path", "year"}})
		if err != nil {
			f.Fatal(err)
		}
		for _, item := range some() {
			if err := w.Write(&item); err != nil {
				f.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			f.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, suffix)
	}
	f.Fuzz(func(t *testing.T, content []byte, suffix string) {
		if !slices.Contains(Formats, suffix) {
			return
		}
		_, _, _ = rows(t, place(t, string(content), "a"+suffix), Options{})
	})
}
