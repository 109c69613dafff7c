package search

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/index"
)

// byWords adds items with words to the fixture in a folder.
func byWords(t *testing.T) testOptions {
	t.Helper()
	x := onDisk(t)
	if err := x.Add(t.Context(), []index.Item{
		{ID: "a/red_bus", Vector: []float32{0, 9, 0, 0}},
		{ID: "b", Vector: []float32{0, 1, 1, 0}, Label: "red", Fields: map[string]string{"note": "by night", index.PathField: "/secret/bus"}},
	}); err != nil {
		t.Fatal(err)
	}
	return options(x)
}

// Words are searched for alone, beside everything else that is looked for, and in batches.
func TestSearchWords(t *testing.T) {
	_, at := start(t, byWords(t))
	file := pngOf(t, board(20, 0, 255, 255, 0)) // nearest: b
	text := base64.StdEncoding.EncodeToString(file)
	kind, form := formOf(t, map[string]string{"image": string(file), "text": "red", "k": "2"})
	const js, both = "application/json", "b a/red_bus"
	for _, c := range []struct{ name, query, kind, body, want string }{
		{"alone", "", js, `{"text":"RED bus"}`, "a/red_bus b"},
		{"a field", "", js, `{"text":"night"}`, "b"},
		{"an identifier", "", js, `{"text":"0 png","k":1}`, "set/0.png"},
		{"a private field", "", js, `{"text":"secret"}`, ""},
		{"nowhere", "", js, `{"text":"violet"}`, ""},
		{"page", "", js, `{"text":"red bus","k":1,"offset":1}`, "b"},
		{"filter", "", js, `{"text":"red","filter":"label = red"}`, "b"},
		{"vector", "", js, `{"text":"red","vector":[0,1,1,0],"k":2}`, both},
		{"vector within", "", js, `{"text":"red","vector":[0,1,1,0],"within":0.5}`, "b"},
		{"image", "", js, `{"text":"red","image":"` + text + `","k":1}`, "b"},
		{"item", "", js, `{"text":"bus","id":"b","k":1}`, "a/red_bus"},
		{"like", "", js, `{"text":"red","like":[{"id":"set/1.png"},{"id":"set/2.png"}],"unlike":[{"id":"set/0.png"}],"k":2}`, both},
		{"picture", "?text=red&k=1", "image/png", string(file), "b"},
		{"form", "", kind, string(form), both},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := send(t, "POST", at+"/v1/search"+c.query, c.kind, []byte(c.body))
			if got := strings.Join(r.hits(t), " "); got != c.want {
				t.Errorf("hits %q, want %q", got, c.want)
			}
			if c.kind != js {
				return
			}
			batch := send(t, "POST", at+"/v1/search/batch", js, []byte(`{"queries":[{"id":"b","k":1},`+c.body+`]}`))
			var answer batchAnswer
			if err := json.Unmarshal([]byte(batch.text), &answer); err != nil || len(answer.Results) != 2 {
				t.Fatalf("%s, %v", batch.text, err)
			}
			var ids []string
			for _, h := range answer.Results[1].Hits {
				ids = append(ids, h.ID)
			}
			if got := strings.Join(ids, " "); got != c.want {
				t.Errorf("in a batch: %q, want %q", got, c.want)
			}
			if h := answer.Results[0].Hits[0]; h.Score != 0 || h.Distance == nil {
				t.Errorf("beside a text, a query without has %+v", h)
			}
		})
	}
}

// Hits have a score, and a distance where there is one.
func TestWordsShown(t *testing.T) {
	_, at := start(t, byWords(t))
	for body, want := range map[string]struct {
		score, distance float64 // 0: missing; a distance of 0: −1
	}{
		`{"text":"night","k":1}`:                          {score: 1.0},
		`{"text":"night","vector":[0,1,1,0],"k":1}`:       {score: 2.0 / 61, distance: -1},
		`{"text":"night","vector":[0,1,0.75,0],"k":1}`:    {score: 2.0 / 61, distance: 0.25},
		`{"vector":[0,1,0.75,0],"filter":"id = b","k":1}`: {distance: 0.25},
		`{"vector":[0,1,1,0],"filter":"id = b","k":1}`:    {distance: -1},
		`{"text":"night","id":"set/1.png","within":1}`:    {score: 1.0 / 61 * 2, distance: 1},
	} {
		r := send(t, "POST", at+"/v1/search", "application/json", []byte(body))
		var answer struct{ Hits []map[string]any }
		if err := json.Unmarshal([]byte(r.text), &answer); err != nil || len(answer.Hits) == 0 {
			t.Fatalf("%s: %s, %v", body, r.text, err)
		}
		h := answer.Hits[0]
		score, scored := h["score"].(float64)
		if scored != (want.score > 0) || want.score < 1 && math.Abs(score-want.score) > 1e-12 {
			t.Errorf("%s: score %v, want %v", body, h["score"], want.score)
		}
		distance, near := h["distance"].(float64)
		if near != (want.distance != 0) || near && distance != max(want.distance, 0) {
			t.Errorf("%s: distance %v, want %v", body, h["distance"], want.distance)
		}
	}
}

// What has no word, or nothing to be near to, is refused, and any text where words are not searched for.
func TestWordsRefused(t *testing.T) {
	o := byWords(t)
	_, folder := start(t, o)
	o.Private = append([]string{"note"}, o.Private...)
	_, private := start(t, o)
	_, plainIndex := start(t, options(fixture()))
	many := ""
	for i := range index.MaxWords + 1 {
		many += fmt.Sprint(" w", i)
	}
	picture := string(pngOf(t, board(8, 1, 2, 3, 4)))
	const js = "application/json"
	for _, c := range []struct {
		at, query, kind, body string
		status                int
		message               string
	}{
		{folder, "", js, `{"text":""}`, 422, "text is empty; it must have a word"},
		{folder, "", js, `{"text":"?!"}`, 422, `text is \"?!\", which has no word`},
		{folder, "", js, `{"text":"` + many + `"}`, 422, "text has 257 different words; at most 256 are allowed"},
		{folder, "", js, `{"text":"` + strings.Repeat("a", index.MaxText+1) + `"}`, 422, "text has 65537 bytes; at most 65536 are allowed"},
		{folder, "", js, `{"text":["red"]}`, 400, "text is a JSON array; it must be a string"},
		{folder, "", js, `{"text":"red","within":1}`, 422, "within is set, but there is no vector"},
		{folder, "", js, `{"text":"red","unlike":[{"id":"b"}]}`, 422, "unlike and away go with like"},
		{folder, "", js, `{"text":"red","away":1}`, 422, "unlike and away go with like"},
		{folder, "", js, `{"text":"red","like":[]}`, 422, "like"},
		{folder, "", js, `{"text":"red","id":"b","vector":[1,2,3,4]}`, 422, "one of vector, image and id is needed; there are 2"},
		{folder, "", js, `{"like":[{"text":"red"}]}`, 400, `unknown field \"like[0].text\"`},
		{folder, "/batch", js, `{"queries":[{"text":"red"},{"text":"?"}]}`, 422, `queries[1]: text is \"?\"`},
		{folder, "?text=", "image/png", picture, 422, "text is empty"},
		{folder, "?text=red&text=bus", "image/png", picture, 400, "text"},
		{folder, "?text=" + url.QueryEscape("a\xff"), "image/png", picture, 422, "UTF-8"},
		{plainIndex, "", js, `{"text":"red"}`, 422, "text is set; this index does not search for words"},
		{plainIndex, "/batch", js, `{"queries":[{"text":"red","id":"b"}]}`, 422, "queries[0]: text is set"},
		{private, "", js, `{"text":"night"}`, 422, "text is set; this index does not search for words"},
	} {
		r := send(t, "POST", c.at+"/v1/search"+c.query, c.kind, []byte(c.body))
		if r.status != c.status || !strings.Contains(r.text, c.message) {
			t.Errorf("%s %.100s: %d %s; want %d, %s", c.query, c.body, r.status, r.text, c.status, c.message)
		}
	}
	for at, want := range map[string]string{folder: `"texts":true`, private: `"texts":false`, plainIndex: `"texts":false`} {
		if r := send(t, "GET", at+"/v1/info", "", nil); !strings.Contains(r.text, want) {
			t.Errorf("info is %s, want %s", r.text, want)
		}
	}
}

// slowWords is an index whose words are read until it is told to stop.
type slowWords struct {
	index.Index
	reads chan struct{}
}

func (x slowWords) LoadWords(ctx context.Context) error {
	close(x.reads)
	<-ctx.Done()
	return ctx.Err()
}

// Words are read when serving starts, which does not wait for them, and no longer than the server is there.
func TestWordsLoaded(t *testing.T) {
	x := slowWords{fixture(), make(chan struct{})}
	o := options(x)
	s, at := start(t, o)
	if r := send(t, "GET", at+"/readyz", "", nil); r.status != 200 {
		t.Errorf("%d %s", r.status, r.text)
	}
	<-x.reads
	s.Close() // waits for what the store has begun
}
