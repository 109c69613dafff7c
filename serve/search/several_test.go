package search

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
)

// several serves indexes by name.
func several(t *testing.T, all map[string]Options) (*Service, string) {
	t.Helper()
	server, err := serve.New(t.Context(), serve.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Mount(server, Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range all {
		wait, err := s.Put(name, o)
		if err == nil {
			err = wait()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		web.Close()
		server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s, web.URL
}

// Several indexes are searched by name, and their links lead to their own pictures. Without a name there must be one.
func TestSeveral(t *testing.T) {
	o := options(fixture()).Options
	s, at := several(t, map[string]Options{"a": o, "b": {Index: &plain{dim: 2, items: []index.Item{{ID: "set/1.png", Vector: []float32{1, 0}}}}}})
	if r := send(t, "GET", at+"/v1/indexes", "", nil); strings.TrimSpace(r.text) != `{"indexes":[{"name":"a","ready":true},{"name":"b","ready":true}]}` {
		t.Errorf("%d %s", r.status, r.text)
	}
	search := func(path, vector string) reply {
		return send(t, "POST", at+path, "application/json", fmt.Appendf(nil, `{"vector":%s,"k":1}`, vector))
	}
	if r := search("/v1/indexes/b/search", "[1,0]"); r.status != 200 || len(r.hits(t)) != 1 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := search("/v1/indexes/a/search", "[1,0]"); r.status != 422 {
		t.Errorf("%d %s", r.status, r.text)
	}
	r := search("/v1/indexes/a/search", "[9,0,0,0]")
	if !strings.Contains(r.text, `"/v1/indexes/a/thumb/set%2F`) || !strings.Contains(r.text, `"/v1/indexes/a/picture/set%2F`) {
		t.Errorf("links of %s", r.text)
	}
	for path, want := range map[string]int{
		"/v1/indexes/a/thumb/set%2F0.png": 200, "/v1/indexes/a/items/set%2F0.png": 200, "/v1/indexes/a/info": 200, "/v1/indexes/b/map": 200,
		"/v1/indexes/c/info": 404, "/v1/indexes/%2e%2e/info": 404, "/v1/indexes/..%2Fa/info": 404, "/v1/info": 404, "/v1/thumb/set%2F0.png": 404,
	} {
		if r := send(t, "GET", at+path, "", nil); r.status != want {
			t.Errorf("%s: %d %s, want %d", path, r.status, r.text, want)
		}
	}
	if r := search("/v1/search", "[1,0]"); r.status != 404 || !strings.Contains(r.text, "a, b") {
		t.Errorf("%d %s, want one that names both", r.status, r.text)
	}
	if !s.Drop("b") || s.Drop("b") {
		t.Error("b is not dropped once")
	}
	if r := search("/v1/search", "[9,0,0,0]"); r.status != 200 || !strings.Contains(r.text, `"/v1/thumb/set%2F`) {
		t.Errorf("%d %s of the only index that is left", r.status, r.text)
	}
	if text := send(t, "GET", at+"/metrics", "", nil).text; strings.Contains(text, `index="b"`) || !strings.Contains(text, `energo_items{index="a"} 4`) {
		t.Errorf("metrics of an index that is gone:\n%s", text)
	}
}

// A flood on one index leaves another one to its clients.
func TestFloodOnOne(t *testing.T) {
	hold := make(chan struct{})
	slow := &plain{dim: 1, hold: hold}
	_, at := several(t, map[string]Options{"slow": {Index: slow, Queue: 2}, "other": {Index: &plain{dim: 1}}})
	body := []byte(`{"vector":[1]}`)
	statuses := make(chan int)
	for range 10 {
		go func() { statuses <- send(t, "POST", at+"/v1/indexes/slow/search", "application/json", body).status }()
	}
	count := map[int]int{}
	for range 8 {
		count[<-statuses]++
	}
	if count[429] != 8 {
		t.Errorf("statuses %v of 10 requests for 2 places, want 8 of 429", count)
	}
	if r := send(t, "POST", at+"/v1/indexes/other/search", "application/json", body); r.status != 200 {
		t.Errorf("the other index: %d %s", r.status, r.text)
	}
	close(hold)
	for range 2 {
		if status := <-statuses; status != 200 {
			t.Errorf("status %d of one that has a place", status)
		}
	}
}
