package weaviate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// TestParseAddress reads addresses and refuses what is not one, without a word of what may be a key.
func TestParseAddress(t *testing.T) {
	plain := location{hosts: []string{"http://h:1"}, class: "C", writes: "ALL", graph: "hnsw"}
	with := func(change func(*location)) location { l := plain; change(&l); return l }
	for address, want := range map[string]location{
		"weaviate://h:1/C":  plain,
		"weaviates://h:1/C": with(func(l *location) { l.hosts = []string{"https://h:1"} }),
		"weaviate://h:1,[::1]:2,k/Photos_1?tls=1": with(func(l *location) {
			l.hosts, l.class = []string{"https://h:1", "https://[::1]:2", "https://k"}, "Photos_1"
		}),
		"weaviate://h:1/C?replicas=3&shards=12&writes=quorum&index=flat": with(func(l *location) {
			l.replicas, l.shards, l.writes, l.graph = 3, 12, "QUORUM", "flat"
		}),
	} {
		got, err := parseAddress(address)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s is %+v, %v; want %+v", address, got, err, want)
		}
	}
	for address, why := range map[string]string{
		"":                                     "must begin with",
		"http://h:1/C":                         "must begin with",
		"http://secret@h:1/C":                  "must begin with",
		"weaviate://secret@h:1/C":              "WEAVIATE_API_KEY",
		"weaviate://u:secret@h:1/C":            "WEAVIATE_API_KEY",
		"weaviate://h:1":                       `class ""`,
		"weaviate://h:1/":                      `class ""`,
		"weaviate://h:1/c":                     "a capital",
		"weaviate://h:1/C/D":                   "a capital",
		"weaviate://h:1/C){x}":                 "a capital",
		"weaviate:///C":                        "HOST:PORT",
		"weaviate://h:1,/C":                    "HOST:PORT",
		"weaviate://h:x/C":                     "HOST:PORT",
		"weaviate://h:1#/C":                    "HOST:PORT",
		"weaviate://h 1/C":                     "HOST:PORT",
		"weaviate://h:1/C?replicas=0":          "1 to 100",
		"weaviate://h:1/C?shards=x":            "whole number",
		"weaviate://h:1/C?writes=some":         "all, quorum, one",
		"weaviate://h:1/C?index=ivf":           "hnsw, flat",
		"weaviate://h:1/C?tls=perhaps":         "tls=perhaps",
		"weaviate://h:1/C?consistency=ONE":     "no such parameter",
		"weaviate://h:1/C?replicas=1;shards=2": "parameters",
	} {
		_, err := parseAddress(address)
		if err == nil || !strings.Contains(err.Error(), why) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v; want an error about %q", address, err, why)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("weaviate://h:1,[::1]:2/C?tls=1&replicas=2&writes=one")
	f.Add("weaviates://a@b/C")
	f.Fuzz(func(t *testing.T, address string) {
		a, err := parseAddress(address)
		if err != nil {
			return
		}
		if !className.MatchString(a.class) || len(a.hosts) == 0 || a.replicas < 0 || a.shards < 0 {
			t.Errorf("%q is %+v", address, a)
		}
		for _, h := range a.hosts {
			if _, err := http.NewRequest("GET", h+"/v1/x", nil); err != nil {
				t.Errorf("%q has a host of which no request can be made: %v", address, err)
			}
		}
	})
}

// TestUUID holds identifiers' places against RFC 9562: they must never change.
func TestUUID(t *testing.T) {
	for id, want := range map[string]string{
		"a": "12643a71-385c-5a4e-b664-f8d311091a7b", "photos/1.png": "bf14125c-1f7b-54a2-908b-099afd74a3e7",
	} {
		if got := uuid(id); got != want {
			t.Errorf("uuid(%q) is %s, want %s", id, got, want)
		}
	}
}

// answer is what a false server says to one request.
type answer struct {
	code   int
	body   string
	header http.Header
}

// fake is a server that answers each kind of request by a script; the last answer is given again.
type fake struct {
	mu      sync.Mutex
	scripts map[string][]answer // by "METHOD /path"
	got     []string            // requests
	bodies  []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	what := r.Method + " " + r.URL.Path
	f.mu.Lock()
	f.got, f.bodies = append(f.got, what), append(f.bodies, string(body))
	script := f.scripts[what]
	if len(script) == 0 {
		f.mu.Unlock()
		http.Error(w, "no script for "+what, http.StatusTeapot)
		return
	}
	a := script[0]
	if len(script) > 1 {
		f.scripts[what] = script[1:]
	}
	f.mu.Unlock()
	if a.code < 0 {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	for k, v := range a.header {
		w.Header()[k] = v
	}
	w.WriteHeader(a.code)
	fmt.Fprint(w, a.body)
}

func (f *fake) count(what string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range f.got {
		if g == what {
			n++
		}
	}
	return n
}

// Requests that the tests script.
const (
	getClass = "GET /v1/schema/C"
	putBatch = "POST /v1/batch/objects"
	delBatch = "DELETE /v1/batch/objects"
	question = "POST /v1/graphql"
)

const goodClass = `{"class":"C","description":"{\"energo\":1,\"dim\":2,\"metric\":\"euclidean\",\"storage\":\"float32\"}","replicationConfig":{"factor":1},"shardingConfig":{"actualCount":1}}`

// open opens an index on a false server, with pauses that do not hold up the tests.
func open(t *testing.T, f *fake) *Index {
	t.Helper()
	if f.scripts[getClass] == nil {
		f.scripts[getClass] = []answer{{code: 200, body: goodClass}}
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	x, err := Open(t.Context(), "weaviate://"+strings.TrimPrefix(s.URL, "http://")+"/C")
	if err != nil {
		t.Fatal(err)
	}
	x.client.pause = time.Millisecond
	t.Cleanup(func() { x.Close() })
	return x
}

// ok is the server's answer to a batch of n items, of which those of the given places failed.
func ok(n int, failed ...int) answer {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = `{"result":{"status":"SUCCESS"}}`
		if slices.Contains(failed, i) {
			parts[i] = `{"result":{"status":"FAILED","errors":{"error":[{"message":"disk full"}]}}}`
		}
	}
	return answer{code: 200, body: "[" + strings.Join(parts, ",") + "]"}
}

var none = answer{code: 200, body: `{"data":{"Get":{"C":[]}}}`}

// TestRetries sends again what may be, and only that.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		script []answer
		sent   int
		fails  string
	}{
		"at once":           {[]answer{ok(1)}, 1, ""},
		"busy":              {[]answer{{code: 429, header: http.Header{"Retry-After": {"0"}}}, {code: 503}, ok(1)}, 3, ""},
		"broken connection": {[]answer{{code: -1}, {code: -1}, ok(1)}, 3, ""},
		"always down":       {[]answer{{code: 502, body: "bad gateway"}}, attempts, "502 Bad Gateway: bad gateway (6 attempts)"},
		"wrong":             {[]answer{{code: 422, body: `{"error":[{"message":"no such class"}]}`}}, 1, "422 Unprocessable Entity: no such class"},
		"forbidden":         {[]answer{{code: 401, body: `{"code":401,"message":"who are you"}`}}, 1, "who are you"},
		"moved":             {[]answer{{code: 307, header: http.Header{"Location": {"http://127.0.0.1:1/"}}}}, 1, "307"},
		"no JSON":           {[]answer{{code: 200, body: "<html>"}}, 1, "invalid character"},
		"too few":           {[]answer{{code: 200, body: "[]"}}, 1, "0 of 1 items"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{scripts: map[string][]answer{
				putBatch: c.script, question: {none}, delBatch: {{code: 200, body: `{"results":{"matches":1,"successful":1}}`}},
			}}
			x := open(t, f)
			b, err := x.batch([]index.Item{{ID: "a", Vector: []float32{1, 2}}}, 1, 0)
			if err != nil {
				t.Fatal(err)
			}
			err = x.put(t.Context(), b)
			if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("put: %v; want %q", err, c.fails)
			}
			if n := f.count(putBatch); n != c.sent {
				t.Errorf("it was sent %d times, want %d", n, c.sent)
			}
		})
	}
}

// TestNextHost asks the next node where one is down, and stays with it.
func TestNextHost(t *testing.T) {
	f := &fake{scripts: map[string][]answer{getClass: {{code: 200, body: goodClass}}, question: {none}}}
	up := httptest.NewServer(f)
	defer up.Close()
	var asked atomic.Int32
	down := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(503) }))
	defer down.Close()
	x, err := Open(t.Context(), "weaviate://"+strings.TrimPrefix(down.URL, "http://")+","+strings.TrimPrefix(up.URL, "http://")+"/C")
	if err != nil {
		t.Fatal(err)
	}
	defer x.Close()
	for range 5 {
		if _, err := x.Search(t.Context(), []index.Query{{Vector: []float32{1, 2}, K: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the node that is down was asked %d times", n)
	}
}

// TestAddTakenBack has the second batch refused: what was new is deleted, and what was replaced is put back.
func TestAddTakenBack(t *testing.T) {
	old := `{"key":"item 1","label":"old","fields":"{\"k\":\"v\"}","terms":["t"],"order":"1","_additional":{"id":"` + uuid("item 1") + `","vector":[3,4]}}`
	f := &fake{scripts: map[string][]answer{
		question: {{code: 200, body: `{"data":{"Get":{"C":[` + old + `]}}}`}, none},
		putBatch: {ok(batchItems), ok(5, 0, 2, 3, 4), ok(1)},
		delBatch: {{code: 200, body: `{"results":{"matches":1,"successful":1}}`}},
	}}
	x := open(t, f)
	items := make([]index.Item, batchItems+5)
	for i := range items {
		items[i] = index.Item{ID: fmt.Sprintf("item %d", i), Vector: []float32{1, 2}}
	}
	err := x.Add(t.Context(), items)
	if err == nil || !strings.Contains(err.Error(), `refuses 4 of 5 items: item "item 1000": disk full; item "item 1002": disk full; item "item 1003"`) || strings.Contains(err.Error(), "undone") {
		t.Errorf("Add: %v", err)
	}
	var deleted []string
	for i, what := range f.got {
		if what != delBatch {
			continue
		}
		var del struct {
			Match struct {
				Where struct{ ValueTextArray []string }
			}
		}
		if err := json.Unmarshal([]byte(f.bodies[i]), &del); err != nil {
			t.Fatal(err)
		}
		deleted = append(deleted, del.Match.Where.ValueTextArray...)
	}
	if len(deleted) != len(items)-1 || slices.Contains(deleted, uuid("item 1")) || !slices.Contains(deleted, uuid("item 1004")) {
		t.Errorf("%d items were deleted again, of %d that were new", len(deleted), len(items)-1)
	}
	want := `{"objects":[{"class":"C","id":"` + uuid("item 1") + `","vector":[3,4],"properties":{"key":"item 1","label":"old","fields":"{\"k\":\"v\"}","terms":["t"],"order":"1"}}]}`
	if last := f.bodies[len(f.bodies)-1]; last != want {
		t.Errorf("what was there before is put back as %s", last)
	}
}

// TestAddNotTakenBack says so where an Add cannot be undone, also after its context is over.
func TestAddNotTakenBack(t *testing.T) {
	f := &fake{scripts: map[string][]answer{question: {none}, putBatch: {{code: 400}}, delBatch: {{code: 403, body: "no"}}}}
	x := open(t, f)
	err := x.Add(t.Context(), []index.Item{{ID: "a", Vector: []float32{1, 2}}})
	if err == nil || !strings.Contains(err.Error(), "could not be undone") || !strings.Contains(err.Error(), "403") || !strings.Contains(err.Error(), "400") {
		t.Errorf("Add: %v", err)
	}
}

// TestBadAnswers opens and asks servers that answer what they should not.
func TestBadAnswers(t *testing.T) {
	for body, why := range map[string]string{
		"<html>":                      "invalid character",
		`{"description":"my photos"}`: "not made as an index of energo",
		`{"description":"{}"}`:        "not made as an index of energo",
		`{"description":"{\"energo\":2,\"dim\":2,\"metric\":\"dot\"}"}`:     "newer energo",
		`{"description":"{\"energo\":1,\"dim\":0,\"metric\":\"dot\"}"}`:     "Dim is 0",
		`{"description":"{\"energo\":1,\"dim\":2,\"metric\":\"hamming\"}"}`: "hamming",
	} {
		s := httptest.NewServer(&fake{scripts: map[string][]answer{getClass: {{code: 200, body: body}}}})
		if _, err := Open(t.Context(), "weaviate://"+strings.TrimPrefix(s.URL, "http://")+"/C"); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("Open of %s: %v; want %q", body, err, why)
		}
		s.Close()
	}
	for body, why := range map[string]string{
		"":                                 "unexpected end",
		`{"data":[]}`:                      "cannot unmarshal",
		`{"errors":[{"message":"oh no"}]}`: "oh no",
		`{"data":{"Get":{"C":[{"key":"a","fields":"null","_additional":{}}]}}}`:           "without a distance",
		`{"data":{"Get":{"C":[{"key":"a","fields":"[]","_additional":{"distance":1}}]}}}`: "not a JSON object",
	} {
		x := open(t, &fake{scripts: map[string][]answer{question: {{code: 200, body: body}}}})
		if _, err := x.Search(t.Context(), []index.Query{{Vector: []float32{1, 2}, K: 1}}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("Search answered with %s: %v; want %q", body, err, why)
		}
		if _, err := x.Info(t.Context()); err == nil {
			t.Errorf("Info answered with %s is no error", body)
		}
	}
	s := httptest.NewServer(&fake{scripts: map[string][]answer{getClass: {{code: 404}}}})
	defer s.Close()
	if _, err := Open(t.Context(), "weaviate://"+strings.TrimPrefix(s.URL, "http://")+"/C"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of no class: %v", err)
	}
}

// TestCopies refuses to write where a copy is away, and reads.
func TestCopies(t *testing.T) {
	class := strings.Replace(strings.Replace(goodClass, `"factor":1`, `"factor":2`, 1), `"actualCount":1`, `"actualCount":3`, 1)
	const nodes = "GET /v1/nodes/C"
	for body, fails := range map[answer2]string{
		{200, `{"nodes":[{"shards":[{},{},{}]},{"shards":[{},{},{}]}]}`}: "",
		{200, `{"nodes":[{"shards":[{},{},{}]}]}`}:                       "only 3 of 6",
		{200, `{"nodes":[{"shards":[{},{},{}]},{"shards":null}]}`}:       "only 3 of 6",
		{500, `{"error":[{"message":"node1 is away"}]}`}:                 "node1 is away",
		{403, ""}: "",
	} {
		f := &fake{scripts: map[string][]answer{
			getClass: {{code: 200, body: class}}, nodes: {{code: body.code, body: body.text}}, question: {none}, putBatch: {ok(1)},
		}}
		x := open(t, f)
		err := x.Add(t.Context(), []index.Item{{ID: "a", Vector: []float32{1, 2}}})
		if (err == nil) != (fails == "") || err != nil && !strings.Contains(err.Error(), fails) {
			t.Errorf("%v: Add: %v; want %q", body, err, fails)
		}
		if err != nil && f.count(putBatch)+f.count(delBatch) > 0 {
			t.Errorf("%v: something was written", body)
		}
		if _, err := x.Search(t.Context(), []index.Query{{Vector: []float32{1, 2}, K: 1}}); err != nil {
			t.Errorf("%v: Search: %v", body, err)
		}
		if q := f.bodies[len(f.bodies)-1]; !strings.Contains(q, "consistencyLevel:ONE") {
			t.Errorf("the question is %s", q)
		}
	}
}

// answer2 is an answer that can be a key.
type answer2 struct {
	code int
	text string
}

// TestKey sends the key in its header, and nowhere else.
func TestKey(t *testing.T) {
	t.Setenv(keyVariable, "top-secret")
	var header atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header.Store(r.Header.Get("Authorization"))
		w.WriteHeader(401)
		fmt.Fprint(w, "the key top-secret is unknown")
	}))
	defer s.Close()
	_, err := Open(t.Context(), "weaviate://"+strings.TrimPrefix(s.URL, "http://")+"/C")
	if err == nil || strings.Contains(err.Error(), "top-secret") || header.Load() != "Bearer top-secret" {
		t.Errorf("Open: %v; the header is %v", err, header.Load())
	}
}

// TestCancel ends a call while it waits for the next attempt.
func TestCancel(t *testing.T) {
	f := &fake{scripts: map[string][]answer{question: {{code: 503}}}}
	x := open(t, f)
	x.client.pause = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := x.Search(ctx, []index.Query{{Vector: []float32{1, 2}, K: 1}, {Vector: []float32{1, 2}, K: 1}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Search: %v", err)
	}
}

// TestTooLong refuses an answer without end.
func TestTooLong(t *testing.T) {
	_, err := readBody(strings.NewReader("123456"), 5)
	if !errors.Is(err, errTooLong) || passing(err) {
		t.Errorf("6 bytes of 5: %v", err)
	}
	if out, err := readBody(strings.NewReader("12345"), 5); err != nil || string(out) != "12345" {
		t.Errorf("5 bytes of 5: %q, %v", out, err)
	}
}
