package weaviate

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/index"
)

// parsed is a filter of its text.
func parsed(t *testing.T, text string) index.Filter {
	t.Helper()
	f, err := index.ParseFilter(text)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestTranslate writes filters in the server's two languages, and refuses those that it has not.
func TestTranslate(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "",
		"label in (a, 'b ')": `{path:["terms"],operator:ContainsAny,valueText:["label \"a\"","label \"b \""]}`,
		"size = 1":           `{path:["terms"],operator:ContainsAny,valueText:["field \"size\":\"1\""]}`,
		"id = a":             `{path:["id"],operator:ContainsAny,valueText:["12643a71-385c-5a4e-b664-f8d311091a7b"]}`,
		"label = a and (size = 1 or side = l)": `{operator:And,operands:[{path:["terms"],operator:ContainsAny,valueText:["label \"a\""]},` +
			`{operator:Or,operands:[{path:["terms"],operator:ContainsAny,valueText:["field \"size\":\"1\""]},{path:["terms"],operator:ContainsAny,valueText:["field \"side\":\"l\""]}]}]}`,
	} {
		f := parsed(t, text)
		w, err := translate(&f)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		if w != nil {
			got = w.graphQL()
		}
		if got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	f := parsed(t, "label = a or label = b")
	w, err := translate(&f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(w)
	if want := `{"operator":"Or","operands":[{"operator":"ContainsAny","path":["terms"],"valueTextArray":["label \"a\""]},{"operator":"ContainsAny","path":["terms"],"valueTextArray":["label \"b\""]}]}`; err != nil || string(b) != want {
		t.Errorf("JSON is %s, %v", b, err)
	}
	for text, why := range map[string]string{
		"label ^= a":                 "label asks for a prefix",
		"id > a":                     "id asks for a range",
		"size <= 3":                  `field "size" asks for a range`,
		"label = a and more exists":  `field "more" asks for a exists`,
		"label = b or not label = a": "the filter asks for a not",
		"not (id = a and label = b)": "the filter asks for a not",
	} {
		f := parsed(t, text)
		if _, err := translate(&f); !errors.Is(err, index.ErrArgument) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, want %s", text, err, why)
		}
	}
}

// TestCutExcluded: identifiers that a search leaves out are no part of the server's filter.
func TestCutExcluded(t *testing.T) {
	for text, want := range map[string]struct{ rest, ids string }{
		"":                               {"", ""},
		"not id = a":                     {"", "a"},
		"not id in (a, b) and label = c": {`label = "c"`, "a b"},
		"(not id = a and label = c) and not id = b": {`label = "c"`, "a b"},
		"not id = a or label = b":                   {`(not (id = "a") or label = "b")`, ""},
		"not (id = a and label = b)":                {`not (id = "a" and label = "b")`, ""},
		"not id ^= a":                               {`not (id ^= "a")`, ""},
	} {
		f := parsed(t, text)
		before := f.String()
		rest, ids := cutExcluded(f)
		if got := strings.Join(ids, " "); got != want.ids || rest.String() != want.rest {
			t.Errorf("%s: rest %s, identifiers %s; want %+v", text, rest, got, want)
		}
		if f.String() != before {
			t.Errorf("%s became %s", before, f)
		}
	}
}

// TestByFilter counts and deletes what passes, as often as the server leaves some, and refuses what it cannot before it asks.
func TestByFilter(t *testing.T) {
	deleted := func(n string) answer {
		return answer{code: 200, body: `{"results":{"matches":` + n + `,"successful":` + n + `,"failed":0}}`}
	}
	f := &fake{scripts: map[string][]answer{
		question: {{code: 200, body: `{"data":{"Aggregate":{"C":[{"meta":{"count":7}}]}}}`}},
		delBatch: {deleted("5"), deleted("2"), deleted("0")},
	}}
	x := open(t, f)
	some := parsed(t, "label = a and size = 1")
	if n, err := x.Count(t.Context(), some); n != 7 || err != nil {
		t.Errorf("Count: %d, %v", n, err)
	}
	if q := f.bodies[len(f.bodies)-1]; !strings.Contains(q, `Aggregate{C(where:{operator:And`) {
		t.Errorf("the question is %s", q)
	}
	if n, err := x.DeleteWhere(t.Context(), some); n != 7 || err != nil {
		t.Errorf("DeleteWhere: %d, %v", n, err)
	}
	if b := f.bodies[len(f.bodies)-1]; !strings.Contains(b, `"where":{"operator":"And","operands":[`) {
		t.Errorf("the body is %s", b)
	}
	asked := len(f.got)
	rich := parsed(t, "size < 3")
	_, count := x.Count(t.Context(), rich)
	_, where := x.DeleteWhere(t.Context(), rich)
	_, list := x.List(t.Context(), some, "", 3)
	_, all := x.DeleteWhere(t.Context(), index.Filter{})
	_, search := x.Search(t.Context(), []index.Query{{Vector: []float32{1, 2}, K: 1, Filter: rich}})
	for i, err := range []error{count, where, list, all, search} {
		if !errors.Is(err, index.ErrArgument) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if len(f.got) != asked {
		t.Errorf("asked %v", f.got[asked:])
	}
}

// TestUpdateAndList: an update adds items again as they are but for the patch; a list resumes behind an identifier's place.
func TestUpdateAndList(t *testing.T) {
	f := &fake{scripts: map[string][]answer{
		question: {{code: 200, body: `{"data":{"Get":{"C":[{"key":"a","label":"old","fields":"{\"k\":\"v\"}","order":"1","_additional":{"id":"` + uuid("a") + `","vector":[1,2]}}]}}}`}},
		putBatch: {ok(1)},
	}}
	x := open(t, f)
	label := "new"
	if n, err := x.Update(t.Context(), []index.Patch{{ID: "a", Label: &label, Fields: map[string]string{"more": "1"}}, {ID: "none", Label: &label}}); n != 1 || err != nil {
		t.Errorf("Update: %d, %v", n, err)
	}
	at := slices.Index(f.got, putBatch)
	if at < 0 || !strings.Contains(f.bodies[at], `"vector":[1,2],"properties":{"key":"a","label":"new","fields":"{\"k\":\"v\",\"more\":\"1\"}"`) {
		t.Errorf("the requests are %v, %v", f.got, f.bodies)
	}
	items, err := x.List(t.Context(), index.Filter{}, "b", 3)
	if err != nil || len(items) != 1 || items[0].ID != "a" || items[0].Vector[1] != 2 {
		t.Errorf("List: %+v, %v", items, err)
	}
	if q := f.bodies[len(f.bodies)-1]; !strings.Contains(q, `limit:3,after:\"`+uuid("b")) {
		t.Errorf("the question is %s", q)
	}
}
