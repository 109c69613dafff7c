package search

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// bomb is the beginning of a PNG file that declares width × height pixels.
func bomb(width, height uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	head := append([]byte("IHDR"), binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)...)
	head = append(head, 8, 2, 0, 0, 0)
	return binary.BigEndian.AppendUint32(append(b, head...), crc32.ChecksumIEEE(head))
}

// The answer names each fault and its place, and the server continues.
func TestProblems(t *testing.T) {
	o := options(fixture())
	o.Limits.Body, o.Batch, o.K = 1<<16, 3, 50
	_, at := start(t, o)
	const js, search, items = "application/json", "POST /v1/search", "POST /v1/items"
	good := pngOf(t, board(8, 1, 2, 3, 4))
	good64 := base64.StdEncoding.EncodeToString(good)
	twoKind, two := formOf(t, map[string]string{"k": "1", "filter": "label = x"})
	for _, c := range []struct {
		request, kind, body string
		status              int
		message             string // a part of it
	}{
		// The address and the method.
		{"GET /nothing", "", "", 404, "nothing at /nothing"},
		{"POST /v2/search", js, "{}", 404, "nothing at"},
		{"GET /v1/search", "", "", 405, "allowed are POST"},
		{"PUT /v1/items/a", "", "", 405, "allowed are DELETE, GET, HEAD, PATCH"},
		{"DELETE /v1/items/none", "", "", 404, `no item "none"`},
		{"GET /v1/items/none", "", "", 404, `no item "none"`},
		{"GET /v1/thumb/none", "", "", 404, `no item "none"`},
		{"GET /v1/items/a//b", "", "", 404, "nothing at /v1/items/a//b"},
		{"DELETE /v1/items/set/./0.png", "", "", 404, "nothing at /v1/items/set/./0.png"},
		{"DELETE /v1/items/x/../set/0.png", "", "", 404, "nothing at"},
		{"DELETE //v1/items/set/0.png", "", "", 404, "nothing at"},
		{"DELETE /v1/items", "", "", 404, "nothing at"},
		{"GET /./", "", "", 404, "nothing at"},
		// The media type.
		{search, "", "{}", 415, `the content type is ""`},
		{search, "text/plain", "{}", 415, `"text/plain"; it must be application/json`},
		{search, "application/x-www-form-urlencoded", string(good), 415, "must be"},
		{search, "image", string(good), 415, "must be"},
		// JSON.
		{search, js, "", 400, "ends early"},
		{search, js, `{"vector":[1,2`, 400, "ends early"},
		{search, js, `{"vector":[1,2,]}`, 400, "wrong at byte"},
		{search, js, `{"vector":[1,2,3,4]}{}`, 400, "more behind the JSON value"},
		{search, js, `{"vector":[1,2,3,4],"colour":1}`, 400, `unknown field "colour"`},
		{search, js, `{"vector":[1,2,3,4],"filter":{"colour":"red"}}`, 400, `unknown field "filter.colour"`},
		{search, js, `{"vector":[1,NaN,3,4]}`, 400, "wrong at byte"},
		{search, js, `{"vector":[1,Infinity,3,4]}`, 400, "wrong at byte"},
		{search, js, `{"vector":[1,1e999,3,4]}`, 400, "vector[1] is 1e999; it must be a number that a float32 can hold"},
		{search, js, `{"vector":[1,2,-1e39,4]}`, 400, "vector[2] is -1e39"},
		{search, js, `{"vector":[1,null,3,4]}`, 400, "vector[1] is null"},
		{search, js, `{"vector":[1,"2",3,4]}`, 400, `vector[1] is "2"`},
		{search, js, `{"vector":[1,[2],3,4]}`, 400, "vector[1] is [2]"},
		{search, js, `{"vector":[true]}`, 400, "vector[0] is true"},
		{search, js, `{"vector":{"0":1}}`, 400, "vector is not a list"},
		{search, js, `{"vector":null}`, 400, "vector is not a list"},
		{search, js, `{"vector":"AAAA"}`, 400, "vector is not a list"},
		{search, js, `[1,2,3,4]`, 400, "the body is a JSON array; it must be an object"},
		{search, js, `"x"`, 400, "the body is a JSON string"},
		{search, js, strings.Repeat("[", 20000), 400, "depth"},
		{search, js, `{"filter":` + strings.Repeat(`{"fields":`, 5000), 400, ""},
		{search, js, `{"vector":[` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `]}`, 400, "depth"},
		{search, js, `{"image":"*"}`, 400, "image is not base64"},
		{search, js, `{"image":7}`, 400, "image is not a string"},
		{search, js, `{"image":null}`, 400, "image is not a string"},
		{search, js, `{"id":"set/0.png","k":1.5}`, 400, "k is a JSON number 1.5; it must be an integer"},
		{search, js, `{"id":"set/0.png","k":"3"}`, 400, "k is a JSON string; it must be an integer"},
		{search, js, `{"id":"set/0.png","filter":{"label":7}}`, 400, "label is a JSON number 7; it must be a text, a list of texts, or an object"},
		{items, js, `{"items":[{"id":"a","vector":[1,2,3,4],"fields":{"a":null}}]}`, 400, "items[0]: fields.a is a JSON null"},
		{items, js, `{"items":[null]}`, 400, "items[0]: "},
		// What is allowed.
		{search, js, `{}`, 422, "one of vector, image and id is needed; there are 0"},
		{search, js, `null`, 400, "the body is a JSON null; it must be an object"},
		{search, js, `{"vector":[1,2,3,4],"K":1}`, 400, `unknown field "K"`},
		{search, js, `{"vector":[1,2,3,4],"vector":[1,2,3,4]}`, 400, "vector is there twice"},
		{search, js, `{"id":null}`, 400, "id is a JSON null; it must be a string"},
		{search, js, `{"id":"a","k":null}`, 400, "k is a JSON null; it must be an integer"},
		{search, js, `{"id":"a","filter":null}`, 400, "filter is a JSON null; it must be an object, or a text"},
		{search, js, `{"id":"a","filter":{"label":["\"]}",null]}}`, 400, "filter.label[1] is a JSON null; it must be a string"},
		{search, js, `{"id":"a","filter":{"fields":{"a":null}}}`, 400, "filter.fields.a is a JSON null; it must be a text, a list"},
		{search, js, `{"id":"a","filter":{"fields":{"a":"b","\u0061":"c"}}}`, 400, `filter.fields has "a" twice`},
		{search, js, `{"vector":[1,2,3,4],"id":"a"}`, 422, "there are 2"},
		{search, js, `{"vector":[]}`, 422, "vector has 0 coordinates; it must have 4"},
		{search, js, `{"vector":[1,2,3,4,5]}`, 422, "vector has 5 coordinates; it must have 4"},
		{search, js, `{"vector":[1,2,3,4],"k":0}`, 422, "k is 0; it must be from 1 to 50"},
		{search, js, `{"vector":[1,2,3,4],"k":51}`, 422, "k is 51"},
		{search, js, `{"vector":[1,2,3,4],"filter":{"fields":{"path":"/x"}}}`, 422, `"path" cannot be asked for`},
		{search, js, `{"id":"none"}`, 404, `no item "none"`},
		{search, js, `{"vector":[1e18,1e18,3,4]}`, 422, "vector has length 1.4142"},
		{search, js, `{"vector":[1,2,3,4],"filter":{"fields":{"":"x"}}}`, 422, "filter.Fields has a field with an empty name"},
		{search, js, `{"vector":[1,2,3,4],"filter":{"label":[` + strings.Repeat(`"",`, index.MaxFilter) + `""]}}`, 422, "filter.label has more than 10000 elements"},
		// Pictures.
		{search, "image/png", "", 422, "image is not a valid picture"},
		{search, "image/png", "<svg/>", 422, "image is not a valid picture"},
		{search, "image/png", string(good[:len(good)-20]), 422, "image is not a valid picture: PNG: it ends early"},
		{search, "image/png", string(good[:12]), 422, "image is not a valid picture"},
		{search, "image/png", string(bomb(60000, 60000)), 422, "declares 60000×60000 pixels; at most 200000000 are taken"},
		{search, "image/png", string(bomb(1<<31-1, 1<<31-1)), 422, "image"},
		{search, "image/png", string(bomb(32000000, 1)), 422, "image takes 976 MiB of memory to decode; at most 255 are allowed"},
		{search, "image/png", string(bomb(8000000, 1)), 422, "image is not a valid picture"},
		{search, "image/png", string(bomb(0, 5)), 422, "image"},
		{search, js, `{"image":"AAAA"}`, 422, "image is not a valid picture"},
		{search + "?k=ten", "image/png", string(good), 400, `k is "ten"; it must be an integer`},
		{search + "?k=1&k=2", "image/png", string(good), 400, "k is given 2 times"},
		{search + "?color=red", "image/png", string(good), 400, `no parameter "color"; there are text, k, offset, within, filter`},
		{search + "?filter=red", "image/png", string(good), 400, "filter: character 4: its end, want"},
		{search + "?filter=path+%3D+x", "image/png", string(good), 422, `"path" cannot be asked for`},
		{search + "?filter=not+(a+%3D+1+or+thumb+exists)", "image/png", string(good), 422, `"thumb" cannot be asked for`},
		{search + "?offset=-1", "image/png", string(good), 422, "offset is -1; it must be from 0"},
		{search + "?within=far", "image/png", string(good), 400, `within is "far"; it must be a number`},
		{search + "?within=-1", "image/png", string(good), 422, "within is -1"},
		{items + "?id=a&field=red", "image/png", string(good), 400, `field is "red"; it must be NAME=VALUE`},
		{items + "?id=a&field=a=1&field=a=2", "image/png", string(good), 400, `"a" is given twice`},
		// Examples.
		{search, js, `{"like":[],"k":1}`, 422, "like is empty"},
		{search, js, `{"like":[{}]}`, 422, "like[0]: one of vector, image and id is needed; there are 0"},
		{search, js, `{"like":[{"id":"set/0.png"}],"id":"set/0.png"}`, 422, "one way is needed"},
		{search, js, `{"unlike":[{"id":"set/0.png"}],"id":"set/0.png"}`, 422, "unlike and away go with like"},
		{search, js, `{"like":[{"vector":[1,2,3,4]},{"id":"none"}]}`, 404, `like[1]: there is no item "none"`},
		{search, js, `{"like":[{"vector":[1,2,3]}]}`, 422, "like[0]: vector has 3 coordinates"},
		{search, js, `{"like":[{"vector":[1,2,3,4],"weight":0}]}`, 422, "like[0].weight is 0"},
		{search, js, `{"like":[{"vector":[1,2,3,4]}],"away":-1}`, 422, "away is -1"},
		{search, js, `{"like":[{"image":"AAAA"}]}`, 422, "like[0]: image is not a valid picture"},
		// Several queries.
		{search + "/batch", js, `{"queries":[]}`, 422, "queries has 0 elements"},
		{search + "/batch", js, `{"queries":[{"vector":[1,2,3,4]},{"vector":[1,2]}]}`, 422, "queries[1]: vector has 2 coordinates"},
		{search + "/batch", js, `{"queries":[{"vector":[1,2,3,4],"k":0}]}`, 422, "queries[0]: k is 0"},
		{search + "/batch", "image/png", string(good), 415, "must be application/json"},
		// Lists, changes and deletions.
		{"GET /v1/items?limit=0", "", "", 422, "limit is \"0\"; it must be an integer from 1 to 50"},
		{"GET /v1/items?filter=(", "", "", 400, "filter: character 2"},
		{"GET /v1/items?page=2", "", "", 400, `no parameter "page"`},
		{"GET /v1/values", "", "", 404, "does not count"},
		{"PATCH /v1/items/none", js, `{"label":"x"}`, 404, `no item "none"`},
		{"PATCH /v1/items/set%2F0.png", js, `{"fields":{"path":"/etc/passwd"}}`, 422, "keeps for itself"},
		{"PATCH /v1/items/set%2F0.png", js, `{}`, 422, "one of label and fields is needed"},
		{"PATCH /v1/items/set%2F0.png", js, `{"label":null}`, 400, "label is a JSON null"},
		{"PATCH /v1/items/set%2F0.png", js, `{"vector":[1,2,3,4]}`, 400, `unknown field "vector"`},
		{items + "/delete", js, `{}`, 422, "one of ids and filter is needed"},
		{items + "/delete", js, `{"filter":{}}`, 422, "a filter that does not let all pass"},
		{items + "/delete", js, `{"ids":[""]}`, 422, "ids[0] is empty"},
		{items + "/delete", js, `{"filter":"path = x"}`, 422, "cannot be asked for"},
		{search + "?k=%zz", "image/png", string(good), 400, "parameters cannot be read"},
		{search + "?k=3", js, `{"id":"set/0.png"}`, 400, "parameters in the address"},
		// Forms.
		{search, "multipart/form-data", "x", 400, "form cannot be read"},
		{search, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc", 400, "form cannot be read"},
		{search, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc\r\n--b\r\n", 400, "form cannot be read"},
		{search, "multipart/form-data; boundary=b", "", 400, "form cannot be read"},
		{search, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\n\r\n--b\r\nA: b\r\n", 400, "no last boundary"},
		{search, twoKind, string(two), 400, "the form has no image"},
		// Items.
		{items, js, `{"items":[]}`, 422, "items has 0 elements; it must have from 1 to 3"},
		{items, js, `{"items":[{},{},{},{}]}`, 422, "items has more than 3 elements; at most 3 are allowed"},
		{items, js, `{"id":"a","vector":[1,2,3,4]}`, 400, `unknown field "id"`},
		{items, js, `{"items":[{"id":"a","vector":[1,2,3,4]},{"id":"b","vector":[1,2,3]}]}`, 422, "items[1]: vector has 3 coordinates"},
		{items, js, `{"items":[{"id":"a","vector":[1,2,3,1e99]}]}`, 400, "items[0]: vector[3] is 1e99"},
		{items, js, `{"items":[{"id":"a","vector":[1,2,3,4]},{"id":"a","vector":[1,2,3,4]}]}`, 422, `items[1]: id "a" is that of items[0], too`},
		{items, js, `{"items":[{"vector":[1,2,3,4]}]}`, 422, "items[0]: id is empty"},
		{items, js, `{"items":[{"id":"a"}]}`, 422, "items[0]: one of vector and image"},
		{items, js, `{"items":[{"id":"a","vector":[1,2,3,4],"image":"` + good64 + `"}]}`, 422, "one of vector and image"},
		{items, js, `{"items":[{"id":"a","vector":[1,2,3,4],"distance":1}]}`, 400, `items[0]: unknown field "distance"`},
		{items, js, `{"items":[{"id":"a","vector":[1,2,3,4],"fields":{"path":"/etc/passwd"}}]}`, 422, "keeps for itself"},
		{items, js, `{"items":[{"id":"a","image":"` + good64 + `"},{"id":"b","image":"AAAA"}]}`, 422, "items[1]: image is not a valid picture"},
		{items, js, `{"items":[{"id":"` + strings.Repeat("a", 2000) + `","vector":[1,2,3,4]}]}`, 422, "the identifier has 2000 bytes"},
		{items, "image/png", string(good), 422, "id is empty"},
		{items + "?id=a&k=1", "image/png", string(good), 400, `no parameter "k"`},
		// Sizes.
		{search, js, `{"vector":[` + strings.Repeat("1,", 1<<16) + `1]}`, 413, "more than 65536 bytes"},
		{search, "image/png", strings.Repeat("x", 1<<17), 413, "more than 65536 bytes"},
		{search, "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n" + strings.Repeat("x", 1<<17), 413, "more than 65536 bytes"},
		{search, "multipart/form-data; boundary=b", strings.Repeat("--b\r\nContent-Disposition: form-data; name=\"label\"\r\n\r\n\r\n", 100) + "--b--", 400, "more than 64 parts"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		r := send(t, method, at+path, c.kind, []byte(c.body))
		var answer struct{ Code, Detail string }
		if err := json.Unmarshal([]byte(r.text), &answer); err != nil {
			t.Errorf("%s with %.60q: %d, %.100q is not JSON: %v", c.request, c.body, r.status, r.text, err)
			continue
		}
		if r.status != c.status || !strings.Contains(answer.Detail, c.message) || answer.Code == "" {
			t.Errorf("%s with %.60q: %d %+v; want %d, %s", c.request, c.body, r.status, answer, c.status, c.message)
		}
	}
	if got := send(t, "POST", at+"/v1/search?k=1", "image/png", good).hits(t); len(got) != 1 {
		t.Errorf("after all of that a good request has hits %v", got)
	}
}

func TestProblemField(t *testing.T) {
	_, at := start(t, options(fixture()))
	r := send(t, "POST", at+"/v1/items", "application/json", []byte(`{"items":[{"id":"a","vector":[1]}]}`))
	if !strings.Contains(r.text, `"code":"invalid","field":"items[0].vector"`) {
		t.Error(r.text)
	}
}

// A picture that declares more than is allowed costs no memory.
func TestBombMemory(t *testing.T) {
	_, at := start(t, options(fixture()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		if r := send(t, "POST", at+"/v1/search", "image/png", bomb(50000, 50000)); r.status != http.StatusUnprocessableEntity {
			t.Fatal(r)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}

func TestReadOnly(t *testing.T) {
	o := options(fixture())
	o.ReadOnly, o.Encoder = true, nil
	_, at := start(t, o)
	for _, r := range []reply{
		send(t, "POST", at+"/v1/items", "application/json", []byte(`{"items":[{"id":"a","vector":[1,2,3,4]}]}`)),
		send(t, "DELETE", at+"/v1/items/set%2F0.png", "", nil),
	} {
		if r.status != http.StatusForbidden || !strings.Contains(r.text, "only reads") {
			t.Error(r)
		}
	}
	if r := send(t, "POST", at+"/v1/search", "image/png", pngOf(t, board(4, 0, 0, 0, 0))); r.status != 422 || !strings.Contains(r.text, "no network") {
		t.Error(r)
	}
}

// Pages of others cannot make a browser use this server.
func TestForeignPages(t *testing.T) {
	o := options(fixture())
	o.Hosts = []string{"search.example", "MyBox.Example."}
	_, at := start(t, o)
	for _, c := range []struct {
		host   string
		header map[string]string
		want   int
	}{
		{"", nil, 200},
		{"localhost", nil, 200},
		{"LOCALHOST.:80", nil, 200},
		{"[::1]:8080", nil, 200},
		{"192.168.1.2", nil, 200},
		{"search.example:443", nil, 200},
		{"mybox.example", nil, 200},
		{"MyBox.example.:443", nil, 200},
		{"evil.example", nil, 421},
		{"localhost.evil.example", nil, 421},
		{"127.0.0.1.evil.example:8080", nil, 421},
		{"localhost", map[string]string{"Origin": "http://localhost"}, 200},
		{"localhost", map[string]string{"Origin": "https://evil.example"}, 403},
		{"localhost", map[string]string{"Origin": "null"}, 403},
		{"localhost", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"localhost", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"localhost", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
	} {
		r, err := http.NewRequest("POST", at+"/v1/search", bytes.NewReader([]byte(`{"vector":[1,2,3,4]}`)))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = c.host
		r.Header.Set("Content-Type", "application/json")
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		if got := do(t, r); got.status != c.want {
			t.Errorf("%s %v: %d %s, want %d", c.host, c.header, got.status, got.text, c.want)
		}
	}
}

// A network that panics costs its own request, and not that of others in the batch.
func TestPanic(t *testing.T) {
	o := options(fixture())
	o.Encoder = quarters{panics: true}
	_, at := start(t, o)
	bad, good := pngOf(t, board(12, 13, 0, 0, 0)), pngOf(t, board(12, 0, 0, 0, 0))
	answers := make(chan reply)
	for i := range 20 {
		file, want := good, 200
		if i%2 == 0 {
			file, want = bad, 500
		}
		go func() {
			r := send(t, "POST", at+"/v1/search", "image/png", file)
			if r.status != want {
				t.Errorf("status %d %s, want %d", r.status, r.text, want)
			}
			answers <- r
		}()
	}
	for range 20 {
		if r := <-answers; r.status == 500 && strings.Contains(r.text, "thirteen") {
			t.Errorf("the client is told of our insides: %s", r.text)
		}
	}
}

// More requests than there are places are refused at once, and may come again.
func TestBusy(t *testing.T) {
	x := fixture()
	x.hold = make(chan struct{})
	o := options(x)
	o.Limits.Requests = 3
	_, at := start(t, o)
	ask := func() reply {
		return send(t, "POST", at+"/v1/search", "application/json", []byte(`{"vector":[1,2,3,4]}`))
	}
	answers := make(chan reply)
	for range 3 {
		go func() { answers <- ask() }()
	}
	for !strings.Contains(send(t, "GET", at+"/metrics", "", nil).text, "in_flight 3\n") {
		time.Sleep(time.Millisecond)
	}
	if r := ask(); r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") == "" {
		t.Errorf("status %d %s", r.status, r.text)
	}
	if r := send(t, "GET", at+"/healthz", "", nil); r.status != 200 {
		t.Errorf("a busy server is not healthy: %v", r)
	}
	close(x.hold)
	for range 3 {
		(<-answers).hits(t)
	}
	ask().hits(t)
}

// An index that takes too long is no reason to wait for ever.
func TestDeadline(t *testing.T) {
	x := fixture()
	x.hold = make(chan struct{})
	o := options(x)
	o.Limits.Answer, o.Limits.Read = 20*time.Millisecond, 20*time.Millisecond
	_, at := start(t, o)
	r := send(t, "POST", at+"/v1/search", "application/json", []byte(`{"vector":[1,2,3,4]}`))
	if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
		t.Error(r)
	}
	close(x.hold)
}

// Lists are not taken into memory beyond what is allowed.
func TestListMemory(t *testing.T) {
	_, at := start(t, options(fixture()))
	for _, c := range []struct{ path, before, element, after string }{
		{"/v1/items", `{"items":[`, "0,", "0]}"},
		{"/v1/search", `{"filter":{"label":[`, `"",`, `""]}}`},
		{"/v1/search", `{"filter":{"fields":{`, `"a":"b",`, `"a":"b"}}}`},
		{"/v1/search", `{"vector":[`, "0,", "0]}"},
	} {
		body := []byte(c.before + strings.Repeat(c.element, 15<<20/len(c.element)) + c.after)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := send(t, "POST", at+c.path, "application/json", body)
		runtime.ReadMemStats(&after)
		if r.status != 400 && r.status != 422 {
			t.Errorf("%s: %v", c.before, r)
		}
		// The body and the decoder's copy of it, each as it grows.
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 200<<20 {
			t.Errorf("%s: %d MiB were allocated", c.before, grown>>20)
		}
	}
}

// Items with long fields are refused, and so are answers that would be too long.
func TestLongTexts(t *testing.T) {
	x := fixture()
	_, at := start(t, options(x))
	post := func(path, body string) reply { return send(t, "POST", at+path, "application/json", []byte(body)) }
	half := strings.Repeat("<", 33<<10)
	if r := post("/v1/items", `{"items":[{"id":"a","vector":[1,2,3,4],"fields":{"a":"`+half+`","b":"`+half+`"}}]}`); r.status != 422 || !strings.Contains(r.text, "items[0].fields") {
		t.Errorf("%d %.200s", r.status, r.text)
	}
	if r := post("/v1/items", `{"items":[{"id":"a","vector":[1,2,3,4],"fields":{"a":"`+half+`"}}]}`); r.status != 200 {
		t.Errorf("%d %.200s", r.status, r.text)
	}
	if r := send(t, "GET", at+"/v1/items/a", "", nil); len(r.text) > 34<<10 {
		t.Errorf("an item of 33 KiB is %d bytes", len(r.text))
	}
	for i := range 600 {
		x.items = append(x.items, index.Item{ID: fmt.Sprint(i), Vector: make([]float32, 4), Fields: map[string]string{"a": half}})
	}
	if r := post("/v1/search", `{"vector":[0,0,0,0],"k":600}`); r.status != 422 || !strings.Contains(r.text, "ask for fewer") {
		t.Errorf("%d %.200s", r.status, r.text)
	}
	if got := post("/v1/search", `{"vector":[0,0,0,0],"k":400}`).hits(t); len(got) != 400 {
		t.Errorf("%d hits", len(got))
	}
}

// Errors of an index, and of time, that have a status of their own.
func TestProblemOf(t *testing.T) {
	for err, want := range map[error]int{
		index.ErrReadOnly: 403, index.ErrClosed: 503, context.DeadlineExceeded: 503, context.Canceled: 503, io.ErrNoProgress: 500,
	} {
		if got := wire.Of(problemOf(fmt.Errorf("some: %w", err))).Status; got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

// A picture that takes too long is not one that is not there.
func TestSlowPicture(t *testing.T) {
	o := options(fixture())
	o.Limits.Read, o.Limits.Answer = 10*time.Millisecond, 10*time.Millisecond
	o.Picture = func(ctx context.Context, _ index.Item) (serve.Picture, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("the picture: %w", ctx.Err())
	}
	_, at := start(t, o)
	if r := send(t, "GET", at+"/v1/thumb/set%2F0.png", "", nil); r.status != http.StatusServiceUnavailable {
		t.Error(r)
	}
}

// Clients that hang up are counted as such.
func TestGone(t *testing.T) {
	x := fixture()
	x.hold = make(chan struct{})
	s, at := start(t, options(x))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	r := httptest.NewRequestWithContext(ctx, "POST", "http://localhost/v1/search", strings.NewReader(`{"vector":[1,2,3,4]}`))
	r.Header.Set("Content-Type", "application/json")
	s.Handler().ServeHTTP(httptest.NewRecorder(), r)
	close(x.hold)
	if text := send(t, "GET", at+"/metrics", "", nil).text; !strings.Contains(text, `route="POST /v1/search",status="499"} 1`) {
		t.Error(text)
	}
}

// silent is an index that says nothing until the request ends.
type silent struct{ *plain }

func (silent) Info(ctx context.Context) (index.Info, error) {
	<-ctx.Done()
	return index.Info{}, ctx.Err()
}

// hushed is an index that may come to be another.
type hushed struct{ index.Index }

// Metrics do not wait for an index that does not answer.
func TestMetricsOfSilence(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for askTime")
	}
	o := options(fixture())
	x := &hushed{Index: o.Index}
	o.Index = x
	_, at := start(t, o)
	x.Index = silent{}
	if r := send(t, "GET", at+"/metrics", "", nil); r.status != http.StatusOK || strings.Contains(r.text, "energo_items") {
		t.Error(r)
	}
}

// What the index would refuse is named as the client sent it.
func TestQueryField(t *testing.T) {
	x, err := index.Create(t.TempDir(), index.Options{Dim: 4, Metric: distance.Cosine})
	if err != nil {
		t.Fatal(err)
	}
	_, at := start(t, options(x))
	t.Cleanup(func() { _ = x.Close() })
	black := pngOf(t, board(4, 0, 0, 0, 0))
	if r := send(t, "POST", at+"/v1/search", "image/png", black); r.status != 422 || !strings.Contains(r.text, `"detail":"image: its vector is all 0`) {
		t.Error(r)
	}
	if r := send(t, "POST", at+"/v1/search", "application/json", []byte(`{"vector":[0,0,0,0]}`)); r.status != 422 || !strings.Contains(r.text, `"detail":"vector is all 0`) {
		t.Error(r)
	}
}

// Without a network, a list says which of its items has a picture.
func TestNoNetwork(t *testing.T) {
	o := options(fixture())
	o.Encoder = nil
	_, at := start(t, o)
	r := send(t, "POST", at+"/v1/items", "application/json", []byte(`{"items":[{"id":"a","vector":[1,2,3,4]},{"id":"b","image":"AAAA"}]}`))
	if r.status != 422 || !strings.Contains(r.text, `"field":"items[1].image"`) {
		t.Error(r)
	}
}
