package search

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/energo-ml/energo/search/index"
)

// FuzzRequest sends anything as a body: the answer is good or says what is wrong with the request, and
// never that the server is.
func FuzzRequest(f *testing.F) {
	o := options(fixture())
	o.Limits.Body, o.Limits.Pixels = 1<<16, 1<<16
	o.Log = slog.New(slog.DiscardHandler)
	s, err := newServer(f.Context(), o)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	h := s.Handler()
	good := pngOf(f, board(8, 1, 2, 3, 4))
	f.Add("POST", "/v1/search", "application/json", []byte(`{"vector":[1,2,3,4],"k":3,"filter":{"label":["1"],"fields":{"side":{"gte":"left"}},"not":{"id":"a"}}}`))
	f.Add("POST", "/v1/search?k=3&filter=label+%3D+1+and+a+%3E+2", "image/png", good)
	f.Add("POST", "/v1/search?text=right", "image/png", good)
	f.Add("POST", "/v1/search/batch", "application/json", []byte(`{"queries":[{"text":"left 1","id":"set/0.png"},{"text":"?","within":1}]}`))
	f.Add("POST", "/v1/search", "multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc\r\n--b--\r\n"))
	f.Add("POST", "/v1/items", "application/json", []byte(`{"items":[{"id":"a","vector":[1,2,3,4],"label":"b","fields":{"c":"d"}}]}`))
	f.Add("POST", "/v1/items?id=a", "image/gif", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"))
	f.Add("POST", "/v1/search/batch", "application/json", []byte(`{"queries":[{"like":[{"id":"set/0.png","weight":2}],"unlike":[{"vector":[1,2,3,4]}],"away":0.5,"offset":1,"within":3}]}`))
	f.Add("GET", "/v1/items?limit=2&after=set&filter=side+exists&vectors=true", "", []byte{})
	f.Add("PATCH", "/v1/items/set%2F0.png", "application/json", []byte(`{"label":"x","fields":{"a":"b","side":null}}`))
	f.Add("POST", "/v1/items/delete", "application/json", []byte(`{"filter":{"or":[{"label":"7"},{"fields":{"year":{"lt":2019}}}]},"dry_run":true}`))
	f.Add("GET", "/v1/thumb/set%2F0.png", "", []byte{})
	f.Add("DELETE", "/v1/items/a", "", []byte{})
	f.Fuzz(func(t *testing.T, method, path, kind string, body []byte) {
		r, err := http.NewRequest(method, "http://localhost", bytes.NewReader(body))
		if err != nil {
			t.Skip()
		}
		if r.URL, err = r.URL.Parse(path); err != nil {
			t.Skip()
		}
		r.Host = "localhost"
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %q, %q: %d %s", method, path, kind, w.Code, w.Body)
		}
		if id := "set/0.png"; method == "POST" {
			if item, ok, _ := o.Index.Get(t.Context(), id); ok && item.Fields[index.PathField] != "/secret/0.png" && item.Fields[index.PathField] != "" {
				t.Errorf("the path of %s is now %q", id, item.Fields[index.PathField])
			}
		}
	})
}
