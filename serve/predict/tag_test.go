package predict

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/serve"
)

// Words have the tags and probabilities that the tagger gives them, and stand where the answer says.
func TestTag(t *testing.T) {
	c, _ := start(t, Options{})
	const text = "The “dog” sees ü.\n\ndogs run."
	a := read[tagAnswer](t, c.Ask("POST", "/v1/tag", "application/json", jsonOf(t, map[string]any{"model": "words", "text": text, "probabilities": true, "marginals": true})))
	if a.Model != "words" || a.Unscaled == "" || len(a.Sentences) != 3 || len(a.Sentences[1].Tags) != 0 {
		t.Fatalf("%+v", a)
	}
	own, chars := taggerOf(t), []rune(text)
	for _, s := range a.Sentences {
		want, err := own.Answer(s.Words)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(s.Tags, append([]string{}, want.Tags...)) {
			t.Errorf("%v has the tags %v, not %v", s.Words, s.Tags, want.Tags)
		}
		for i, w := range s.Words {
			if s.Probabilities[i] != want.Shares[i] || s.Marginals[i][s.Tags[i]] != want.Shares[i] || len(s.Marginals[i]) != 6 {
				t.Errorf("%s has the probabilities %v and %v, not %v", w, s.Probabilities[i], s.Marginals[i], want.Shares[i])
			}
			if stood := string(chars[s.Offsets[i][0]:s.Offsets[i][1]]); stood != w && !strings.Contains("“”", stood) {
				t.Errorf("%s stands where %s is", w, stood)
			}
		}
	}
	if words := fmt.Sprint(a.Sentences[0].Words, a.Sentences[2].Words); words != "[The `` dog '' sees ü .] [dogs run .]" {
		t.Error(words)
	}

	a = read[tagAnswer](t, c.Ask("POST", "/v1/tag", "application/json", `{"tokens":[["dogs","run","."],[]]}`))
	tags, err := own.Tag([][]string{{"dogs", "run", "."}})
	if err != nil || !slices.Equal(a.Sentences[0].Tags, tags[0]) || a.Sentences[0].Offsets != nil || a.Sentences[0].Probabilities != nil || len(a.Sentences) != 2 {
		t.Errorf("%+v, %v", a, err)
	}
}

// Taggers of attributes take files of CRFsuite, and nothing else.
func TestTagAttributes(t *testing.T) {
	c, s := start(t, Options{})
	const text = "A\tx\ty:2\nB\ty\n\nB\tz\n"
	file, err := data.ReadAttributes(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	words, err := tag.NewAttributeLexicon(file.Sequences)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tag.NewAttributes(words, words.Encode(file.Sequences), nil, tag.AttributeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	settled(t)(s.PutTagger("items", tag.NewModel(e), "", serve.Queue{}))
	a := read[tagAnswer](t, c.Ask("POST", "/v1/tag", "application/json", jsonOf(t, map[string]any{"model": "items", "attributes": text, "marginals": true})))
	if len(a.Sentences) != 2 || len(a.Sentences[0].Tags) != 2 || a.Sentences[0].Words != nil || a.Unscaled != "" || len(a.Sentences[0].Marginals[0]) != 2 {
		t.Errorf("%+v", a)
	}
	for body, want := range map[string]string{
		`{"model":"items","text":"x"}`:             "was trained on files of CRFsuite",
		`{"model":"words","attributes":"A\\tx"}`:   "takes text or tokens",
		`{"model":"items","attributes":"A\\tx:y"}`: `"field":"attributes"`,
	} {
		if r := c.Ask("POST", "/v1/tag", "application/json", body); r.Status != http.StatusUnprocessableEntity || !strings.Contains(r.Text, want) {
			t.Errorf("%s: %d %s", body, r.Status, r.Text)
		}
	}
}

func TestTagRefuses(t *testing.T) {
	c, _ := start(t, Options{Items: 2})
	for body, want := range map[string]string{
		`{"text":"a","model":"none"}`:                 `there is no tagger \"none\"; there are words`,
		`{}`:                                          "there must be one of text, tokens and attributes; there are 0",
		`{"text":"a","tokens":[]}`:                    "there are 2",
		`{"tokens":[["a",""]]}`:                       `"field":"tokens[0][1]"`,
		`{"text":"a\nb\nc"}`:                          "there are 3 sentences; at most 2 are allowed",
		`{"tokens":[["a"],["a"],["a"]]}`:              "more than 2 elements",
		`{"text":"` + strings.Repeat("a ", 33) + `"}`: "there are 33 words; at most 32 are allowed",
		`{"text":"a","probabilities":1}`:              "probabilities is a JSON number 1; it must be true or false",
		`{"text":null}`:                               "text is a JSON null",
	} {
		if r := c.Ask("POST", "/v1/tag", "application/json", body); r.Status == http.StatusOK || !strings.Contains(r.Text, want) {
			t.Errorf("%s: %d %s; want %s", body, r.Status, r.Text, want)
		}
	}
	if r := c.Ask("POST", "/v1/tag", "image/png", "x"); r.Status != http.StatusUnsupportedMediaType {
		t.Errorf("a picture: %d", r.Status)
	}
}

// FuzzTag: whatever a text is, its words stand where the answer says.
func FuzzTag(f *testing.F) {
	for _, s := range []string{`{"text":"a \"b\"\n--c"}`, `{"tokens":[["a"],[]],"marginals":true}`, `{"attributes":"A\tx"}`, `{"text":"\u2028x \u00a0y"}`} {
		f.Add([]byte(s))
	}
	m := &tagger{Model: taggerOf(f), name: "words", tags: 6}
	f.Fuzz(func(t *testing.T, text []byte) {
		q := &tagged{}
		if err := q.decode(text, 10); err != nil {
			return
		}
		all, offsets, err := q.sentences(m, 10)
		if err != nil || q.text == nil {
			return
		}
		chars, at := []rune(*q.text), 0
		for i := range all {
			for j, o := range offsets[i] {
				if o[0] < at || o[1] <= o[0] || o[1] > len(chars) {
					t.Fatalf("%q: word %q stands at %v, behind %d", *q.text, all[i][j], o, at)
				}
				at = o[1]
			}
		}
	})
}
