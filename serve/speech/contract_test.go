package speech

import (
	"encoding/json"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described is the description that the servers of these tests give of themselves, by address, to which every answer is held.
var described sync.Map

type contract struct {
	mu       sync.Mutex
	paths    map[string]any
	compiler *jsonschema.Compiler
}

func contractOf(t testing.TB, host string) *contract {
	t.Helper()
	if c, ok := described.Load(host); ok {
		return c.(*contract)
	}
	answer, err := http.Get("http://" + host + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	doc, err := jsonschema.UnmarshalJSON(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := &contract{paths: doc.(map[string]any)["paths"].(map[string]any), compiler: jsonschema.NewCompiler()}
	if err := c.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	described.Store(host, c)
	return c
}

// hold fails where an answer is not as the server describes it.
func hold(t testing.TB, r *http.Request, got reply) {
	t.Helper()
	c, method, status := contractOf(t, r.URL.Host), strings.ToLower(r.Method), strconv.Itoa(got.status)
	what := r.Method + " " + r.URL.Path + ", status " + status
	methods, _ := c.paths[r.URL.Path].(map[string]any)
	o, _ := methods[method].(map[string]any)
	answers, _ := o["responses"].(map[string]any)
	answer, ok := answers[status].(map[string]any)
	if !ok {
		t.Errorf("%s is not described: %s", what, got.text)
		return
	}
	kind, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	if content, _ := answer["content"].(map[string]any); content[kind] == nil {
		t.Errorf("%s comes as %q, which is not described", what, kind)
		return
	}
	if kind != "application/json" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	path := strings.NewReplacer("~", "~0", "/", "~1").Replace(r.URL.Path)
	s, err := c.compiler.Compile("openapi.json#/paths/" + path + "/" + method + "/responses/" + status + "/content/application~1json/schema")
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal([]byte(got.text), &v); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s, %.300s: %v", what, got.text, err)
	}
}

// Every route is described, with every field that it takes, and what is described has forms that hold together.
func TestDescription(t *testing.T) {
	_, at := start(t, options(t))
	c := contractOf(t, strings.TrimPrefix(at, "http://"))
	for name := range schemas() {
		if _, err := c.compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Error(err)
		}
	}
	var q transcription
	names := []string{"model", "response_format", "timestamp_granularities", "temperature", "stream", "channel", "file"}
	for _, k := range q.decoding.fields() {
		names = append(names, k.name)
	}
	form := c.paths[transcriptions].(map[string]any)["post"].(map[string]any)["requestBody"].(map[string]any)["content"].(map[string]any)["multipart/form-data"].(map[string]any)["schema"].(map[string]any)["properties"].(map[string]any)
	for _, name := range names {
		if form[name] == nil {
			t.Errorf("the field %s is not described", name)
		}
	}
	if len(form) != len(names) {
		t.Errorf("%d fields are described; there are %d", len(form), len(names))
	}
	for _, p := range c.paths["/v1/audio/stream"].(map[string]any)["get"].(map[string]any)["parameters"].([]any) {
		if p.(map[string]any)["schema"] == nil {
			t.Errorf("the parameter %v has no schema", p.(map[string]any)["name"])
		}
	}
}
