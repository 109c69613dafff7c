package predict

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
)

// more are rows with a missing number, a missing and an unknown text, and a column that the model does not need.
const more = "group,colour,length,name\na,red,78,x\na,,?,y\nb,green,1e2,z\n"

var moreRows = []map[string]any{
	{"group": "a", "colour": "red", "length": 78, "name": "x"},
	{"group": "a", "colour": nil, "length": nil},
	{"group": "b", "colour": "green", "length": 1e2},
}

// commanded is what energo predict writes for more: a map of the columns of each row.
func commanded(t *testing.T, target data.TableTarget) (text string, rows []map[string]string) {
	t.Helper()
	table, err := data.ParseTable(strings.NewReader(more), "more.csv")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := tableOf(t, target).Write(&b, table); err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all[1:] {
		of := map[string]string{}
		for i, name := range all[0] {
			of[name] = row[i]
		}
		rows = append(rows, of)
	}
	return b.String(), rows
}

// Rows have the answers that energo predict has, as CSV byte for byte, for every kind of answers.
func TestPredict(t *testing.T) {
	c, _ := start(t, Options{})
	var lists [][]any
	for _, row := range moreRows {
		lists = append(lists, []any{row["colour"], row["group"], row["length"]})
	}
	for name, target := range targets {
		text, want := commanded(t, target)
		if r := c.Ask("POST", "/v1/predict?model="+name, "text/csv", more); r.Status != http.StatusOK || r.Text != text {
			t.Errorf("%s: %d %s; want %s", name, r.Status, r.Text, text)
		}
		for _, body := range []any{
			map[string]any{"model": name, "rows": moreRows},
			map[string]any{"model": name, "columns": []string{"colour", "group", "length"}, "rows": lists},
		} {
			a := read[predicted](t, c.Ask("POST", "/v1/predict", "application/json", jsonOf(t, body)))
			if a.Model != name || len(a.Answers) != len(want) || a.Column != target.Column {
				t.Fatalf("%s: %+v", name, a)
			}
			for i, answer := range a.Answers {
				hold(t, name, answer, want[i])
			}
		}
	}
}

// hold holds an answer to that of the command.
func hold(t *testing.T, name string, got rowsAnswer, want map[string]string) {
	t.Helper()
	text := fmt.Sprint(got.Answer)
	switch v := got.Answer.(type) {
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 32)
	case []any:
		var parts []string
		for _, p := range v {
			parts = append(parts, p.(string))
		}
		text = strings.Join(parts, ";")
	}
	if text != want["answer"] {
		t.Errorf("%s: the answer is %s, not %s", name, text, want["answer"])
	}
	number := func(e float32) string { return strconv.FormatFloat(float64(e), 'g', -1, 32) }
	for class, e := range got.Energies {
		if number(e) != want["energy "+class] {
			t.Errorf("%s: %s has the energy %v, not %s", name, class, e, want["energy "+class])
		}
	}
	if (got.Energy != nil) != (name == "rank") || got.Energy != nil && number(*got.Energy) != want["energy"] {
		t.Errorf("%s: the energy is %v, not %s", name, got.Energy, want["energy"])
	}
}

func TestPredictRefuses(t *testing.T) {
	c, _ := start(t, Options{Items: 2})
	for body, want := range map[string]string{
		`{"rows":[{}]}`:                                             "more than one model of tables, so one must be named",
		`{"model":"none","rows":[{}]}`:                              `"field":"model"`,
		`{"model":"class"}`:                                         "there are no rows",
		`{"model":"class","rows":[]}`:                               "there are no rows",
		`{"model":"class","rows":[{},{},{}]}`:                       "more than 2 elements",
		`{"model":"class","rows":[{"length":1}]}`:                   `rows[0] has no column \"colour\", which the model class needs`,
		`{"model":"class","rows":[{"length":"x","colour":"red"}]}`:  "rows[0].length is a JSON string; it must be a number, or null where it is missing",
		`{"model":"class","rows":[{"length":true,"colour":"red"}]}`: "rows[0].length is a JSON bool",
		`{"model":"class","rows":[{"length":1,"colour":7}]}`:        "rows[0].colour is a JSON number 7; it must be a string, or null where it is missing",
		`{"model":"class","rows":[{"length":1e99,"colour":"red"}]}`: "rows: row 0: column length: 1e99 is not finite, or too great for float32",
		`{"model":"class","rows":[{"length":1,"length":2}]}`:        `rows[0] has \"length\" twice`,
		`{"model":"class","rows":[[1]]}`:                            "rows[0] has 1 elements; columns names 0",
		`{"model":"class","columns":["a","a"],"rows":[[1,2]]}`:      `columns has \"a\" twice`,
		`{"model":"class","columns":["a"],"rows":[{"a":1}]}`:        "columns has no effect",
		`{"model":"class","rows":[7]}`:                              "rows[0] is a JSON number 7; it must be an object, or a list in the order of columns",
		`{"model":"rank","rows":[{"colour":"red"}]}`:                `no column \"group\"`,
	} {
		if r := c.Ask("POST", "/v1/predict", "application/json", body); r.Status == http.StatusOK || !strings.Contains(r.Text, want) {
			t.Errorf("%s: %d %s; want %s", body, r.Status, r.Text, want)
		}
	}
	for body, want := range map[string]string{
		"":                               "it is empty",
		"length,colour\n1\n":             "line 2: it has 1 fields",
		"length\n1\n":                    `there is no column \"colour\"`,
		"length,colour\nx,red\n":         "line 2: column length: \\\"x\\\" is not a number",
		"length,colour\n1,a\n1,a\n1,a\n": "the body has 3 rows; at most 2 are allowed",
		"length,colour,answer\n1,a,b\n":  `there is a column \"answer\"`,
	} {
		if r := c.Ask("POST", "/v1/predict?model=class", "text/csv", body); r.Status == http.StatusOK || !strings.Contains(r.Text, want) {
			t.Errorf("%q: %d %s; want %s", body, r.Status, r.Text, want)
		}
	}
	if r := c.Ask("POST", "/v1/predict?model=class&k=1", "text/csv", more); r.Status != http.StatusBadRequest {
		t.Errorf("an unknown parameter: %d", r.Status)
	}
	if r := c.Ask("POST", "/v1/predict", "image/png", "x"); r.Status != http.StatusUnsupportedMediaType {
		t.Errorf("a picture: %d", r.Status)
	}
}

// FuzzPredict: whatever rows are, they are made a table of the model's columns or refused.
func FuzzPredict(f *testing.F) {
	for _, s := range []string{`{"rows":[{"length":1,"colour":"a"}]}`, `{"columns":["colour","length"],"rows":[["a",1],[null,"?"]]}`, `{"rows":[[]]}`, `{"rows":[{"length":-0,"colour":"\u0000"}]}`} {
		f.Add([]byte(s))
	}
	m := &table{Model: tableOf(f, targets["class"]), name: "class", columns: []column{{"length", false, true}, {"colour", true, false}}}
	f.Fuzz(func(t *testing.T, text []byte) {
		q := &rows{}
		if err := q.decode(text, 10); err != nil {
			return
		}
		table, err := q.table(m)
		if err != nil {
			return
		}
		if table.Rows() != len(q.rows) || !slices.Equal(table.Header, []string{"length", "colour"}) {
			t.Fatalf("%q: %d rows of %v", text, table.Rows(), table.Header)
		}
		if _, err := m.Schema.Features(table); err != nil && !json.Valid(text) {
			t.Fatal(err)
		}
	})
}
