package search

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/index"
)

// Several queries are answered as each by itself, in their order.
func TestSearchBatch(t *testing.T) {
	_, at := start(t, options(onDisk(t)))
	var queries []string
	for i := range 200 {
		queries = append(queries, fmt.Sprintf(`{"vector":[%d,%d,1,0],"k":%d,"offset":%d,"filter":"side exists"}`, i%3, i%2, 1+i%3, i%2))
	}
	r := send(t, "POST", at+"/v1/search/batch", "application/json", []byte(`{"queries":[`+strings.Join(queries, ",")+`]}`))
	var answer batchAnswer
	if err := json.Unmarshal([]byte(r.text), &answer); err != nil || r.status != 200 || len(answer.Results) != len(queries) {
		t.Fatalf("status %d, %d results, %v", r.status, len(answer.Results), err)
	}
	for i, q := range queries {
		want := send(t, "POST", at+"/v1/search", "application/json", []byte(q)).hits(t)
		var got []string
		for _, h := range answer.Results[i].Hits {
			got = append(got, h.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("query %d has %v, by itself %v", i, got, want)
		}
	}
}

// pagesOf goes through a list and returns the identifiers of each part.
func pagesOf(t *testing.T, at, params string) (parts []string) {
	t.Helper()
	after := ""
	for {
		r := send(t, "GET", at+"/v1/items?"+params+"&after="+after, "", nil)
		var answer listAnswer
		if err := json.Unmarshal([]byte(r.text), &answer); err != nil || r.status != 200 {
			t.Fatalf("%d %s %v", r.status, r.text, err)
		}
		var ids []string
		for _, item := range answer.Items {
			ids = append(ids, item.ID)
			if (len(item.Vector) == 4) != strings.Contains(params, "vectors=true") {
				t.Errorf("%s: item %s has a vector of %d", params, item.ID, len(item.Vector))
			}
		}
		parts = append(parts, strings.Join(ids, " "))
		if after = answer.Next; after == "" {
			return parts
		}
	}
}

func TestList(t *testing.T) {
	_, at := start(t, options(onDisk(t)))
	for params, want := range map[string]string{
		"limit=3":                           "set/0.png set/1.png set/2.png|set/3.png",
		"limit=2":                           "set/0.png set/1.png|set/2.png set/3.png|",
		"filter=side+%3D+right&limit=1":     "set/1.png|set/3.png|",
		"filter=label+%3D+0&vectors=true":   "set/0.png set/2.png",
		"filter=%7B%22label%22:%22no%22%7D": "",
	} {
		if got := strings.Join(pagesOf(t, at, params), "|"); got != want {
			t.Errorf("%s: %q, want %q", params, got, want)
		}
	}
}

// An answer that would be too long ends early, and the next part begins there.
func TestLongList(t *testing.T) {
	x := fixture()
	half := strings.Repeat("<", 60<<10)
	for i := range 600 {
		x.items = append(x.items, index.Item{ID: fmt.Sprintf("%04d", i), Vector: make([]float32, 4), Fields: map[string]string{"a": half}})
	}
	_, at := start(t, options(x))
	parts := pagesOf(t, at, "limit=1000")
	if all := strings.Fields(strings.Join(parts, " ")); len(parts) < 3 || len(all) != 604 {
		t.Errorf("%d parts of %d items", len(parts), len(all))
	}
}

func TestDeleteMany(t *testing.T) {
	_, at := start(t, options(onDisk(t)))
	for _, c := range []struct{ body, want string }{
		{`{"filter":"side = right","dry_run":true}`, `{"deleted":2}`},
		{`{"ids":["set/0.png","none"],"dry_run":true}`, `{"deleted":1}`},
		{`{"ids":["set/0.png","none"]}`, `{"deleted":1}`},
		{`{"filter":{"fields":{"side":"right"},"id":{"prefix":"set/"}}}`, `{"deleted":2}`},
		{`{"filter":"side = right"}`, `{"deleted":0}`},
		{`{"ids":[]}`, `{"deleted":0}`},
	} {
		if r := send(t, "POST", at+"/v1/items/delete", "application/json", []byte(c.body)); strings.TrimSpace(r.text) != c.want {
			t.Errorf("%s: %d %s, want %s", c.body, r.status, r.text, c.want)
		}
	}
	if got := pagesOf(t, at, "limit=9"); got[0] != "set/2.png" {
		t.Errorf("left are %v", got)
	}
}

func TestUpdate(t *testing.T) {
	_, at := start(t, options(onDisk(t)))
	item := at + "/v1/items/set%2F0.png"
	for _, c := range []struct{ body, want string }{
		{`{"label":"x"}`, `"label":"x","fields":{"side":"left"}`},
		{`{"fields":{"year":"2019"}}`, `"label":"x","fields":{"side":"left","year":"2019"}`},
		{`{"label":"","fields":{"side":null}}`, `"id":"set/0.png","fields":{"year":"2019"}`},
	} {
		if r := send(t, "PATCH", item, "application/json", []byte(c.body)); r.status != 200 || !strings.Contains(r.text, c.want) {
			t.Errorf("%s: %d %s, want %s", c.body, r.status, r.text, c.want)
		}
	}
	if r := send(t, "GET", item, "", nil); !strings.Contains(r.text, `"vector":[1,0,0,0]`) || !strings.Contains(r.text, "/v1/thumb/") {
		t.Errorf("the vector or the picture is gone: %s", r.text)
	}
}

func TestValues(t *testing.T) {
	_, at := start(t, options(onDisk(t)))
	for params, want := range map[string]string{
		"":                         `{"items":4,"labels":{"items":4,"distinct":2,"most":[{"value":"0","items":2},{"value":"1","items":2}]},"fields":{"side":{"items":4,"distinct":2,"most":[{"value":"left","items":2},{"value":"right","items":2}]}}}`,
		"?filter=id+%3D+set/3.png": `{"items":1,"labels":{"items":1,"distinct":1,"most":[{"value":"1","items":1}]},"fields":{"side":{"items":1,"distinct":1,"most":[{"value":"right","items":1}]}}}`,
	} {
		if r := send(t, "GET", at+"/v1/values"+params, "", nil); strings.TrimSpace(r.text) != want {
			t.Errorf("%q: %d %s, want %s", params, r.status, r.text, want)
		}
	}
}

// A picture that was sent is there again, made small, without a file of its own.
func TestThumbOfSent(t *testing.T) {
	o := options(onDisk(t))
	o.Picture = nil
	_, at := start(t, o)
	if r := send(t, "POST", at+"/v1/items?id=sent&label=7", "image/png", pngOf(t, board(500, 200, 0, 0, 0))); r.status != 200 {
		t.Fatal(r)
	}
	r := send(t, "GET", at+"/v1/thumb/sent", "", nil)
	m, kind, err := image.Decode(strings.NewReader(r.text))
	if err != nil || kind != "jpeg" || m.Bounds().Dx() != thumbSide {
		t.Fatalf("status %d: %s, %v", r.status, kind, err)
	}
	if grey, _, _, _ := m.At(20, 20).RGBA(); grey>>8 < 195 || grey>>8 > 205 {
		t.Errorf("its first quarter has the grey %d, want 200", grey>>8)
	}
	if r := send(t, "GET", at+"/v1/items/sent", "", nil); strings.Contains(r.text, "fields") {
		t.Errorf("the small picture is seen as a field: %.200s", r.text)
	}
}

// sick is an index that says something of its state.
type sick struct {
	index.Index
	info index.Info
}

func (x sick) Info(ctx context.Context) (index.Info, error) {
	info, err := x.Index.Info(ctx)
	info.Trouble, info.Free = x.info.Trouble, x.info.Free
	return info, err
}

// A server whose index cannot store changes is not ready, unless it only reads.
func TestReadyOfFullDisk(t *testing.T) {
	little, enough := int64(1<<20), int64(1<<40)
	for _, c := range []struct {
		info     index.Info
		readOnly bool
		want     int
	}{
		{index.Info{}, false, 200},
		{index.Info{Free: &enough}, false, 200},
		{index.Info{Free: &little}, false, 503},
		{index.Info{Free: &little}, true, 200},
		{index.Info{Trouble: "no space left on device"}, false, 503},
	} {
		o := options(sick{fixture(), c.info})
		o.ReadOnly = c.readOnly
		_, at := start(t, o)
		if r := send(t, "GET", at+"/readyz", "", nil); r.status != c.want || c.want == 503 && r.header.Get("Retry-After") == "" {
			t.Errorf("%+v, only reading: %v: %d %s, want %d", c.info, c.readOnly, r.status, r.text, c.want)
		}
	}
}
