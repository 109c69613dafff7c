package card

import (
	"encoding/json"
	"strings"
	"testing"
)

type inner struct {
	Gap  float64 `json:"gap"`
	List []int   `json:"list"`
}

type sample struct {
	Name  string           `json:"name"`
	Error float64          `json:"test_error"`
	Why   string           `json:"why,omitempty"`
	In    inner            `json:"in"`
	More  []inner          `json:"more"`
	Maybe *inner           `json:"maybe"`
	Map   map[string]inner `json:"map"`
}

func TestDecode(t *testing.T) {
	for _, s := range []sample{
		{},
		{Name: "ü\u2028<", Why: "x", More: []inner{{1, nil}, {2, []int{3}}}, Map: map[string]inner{"a.b": {}, "": {}}, Maybe: &inner{}},
	} {
		for _, indent := range []string{"", "  "} {
			text, err := json.MarshalIndent(s, "", indent)
			if err != nil {
				t.Fatal(err)
			}
			var got sample
			if err := Decode(append(text, '\n'), &got); err != nil {
				t.Errorf("%s: %v", text, err)
			}
			if again, _ := json.MarshalIndent(got, "", indent); string(again) != string(text) {
				t.Errorf("%s became %s", text, again)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const whole = `{"name":"a","test_error":0.5,"in":{"gap":1,"list":null},"more":null,"maybe":null,"map":null}`
	if err := Decode([]byte(whole), &sample{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"test_error":0.5,`, ``, "test_error is missing"},
		{`"test_error"`, `"Test_error"`, "Test_error is there twice, or has no place"},
		{`"test_error"`, `"test_errop"`, `unknown field "test_errop"`},
		{`"name":"a",`, `"name":"a","name":"b",`, "name is there twice"},
		{`"gap":1`, `"Gap":1`, "in.Gap is there twice, or has no place"},
		{`"gap":1,`, ``, "in.gap is missing"},
		{`"more":null`, `"more":[{"gap":1}]`, "more[0].list is missing"},
		{`"more":null`, `"more":[{"gap":1,"list":[],"list":[]}]`, "more[0].list is there twice"},
		{`"name":"a",`, `"name":"a","why":"",`, "why is there twice, or has no place"},
		{whole, whole + `{}`, "more follows"},
		{whole, whole[:40], "cut off"},
		{whole, "", "cut off"},
		{whole, "null", "missing"},
		{whole, "[]", "cannot unmarshal"},
		{`0.5`, `0x5`, "byte 26"},
		{`"a"`, "\"\xff\"", "byte 9 is not UTF-8"},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if err := Decode([]byte(text), &sample{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", text, err, c.want)
		}
	}
}
