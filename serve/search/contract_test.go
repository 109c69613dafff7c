package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the description of a server, to which every exchange of these tests is held: an answer has a status, a media type
// and a form that it names, and what was accepted is what it says is accepted.
type contract struct {
	mu       sync.Mutex
	paths    map[string]any
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

var contracts sync.Map // of servers' addresses, *contract

// contractOf asks a server for its description once.
func contractOf(t testing.TB, at string) *contract {
	t.Helper()
	if c, ok := contracts.Load(at); ok {
		return c.(*contract)
	}
	answer, err := http.Get(at + "/openapi.json")
	if err != nil {
		return nil // a server that is being stopped
	}
	defer answer.Body.Close()
	doc, err := jsonschema.UnmarshalJSON(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the description: status %d, %v", answer.StatusCode, err)
	}
	c := &contract{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, paths: doc.(map[string]any)["paths"].(map[string]any)}
	if err := c.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	contracts.Store(at, c)
	return c
}

// operation returns that of a request and the pointer to it; nil where there is none.
func (c *contract) operation(method, path string) (map[string]any, string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if rest, ok := strings.CutPrefix(path, "/v1/indexes/"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		path = indexPath + "/" + rest
	}
	for _, template := range slices.Backward(slices.Sorted(maps.Keys(c.paths))) { // the longer of two that begin alike is first
		before, isTemplate := strings.CutSuffix(template, "{id}")
		if path != template && !(isTemplate && len(path) > len(before) && strings.HasPrefix(path, before)) {
			continue
		}
		if o, ok := c.paths[template].(map[string]any)[strings.ToLower(method)]; ok {
			return o.(map[string]any), "/paths/" + escaped(template) + "/" + strings.ToLower(method)
		}
	}
	return nil, ""
}

// escaped is a name as JSON pointers have it.
func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", " ", "%20").Replace(name)
}

// schema returns one of the document, compiled.
func (c *contract) schema(pointer string) (*jsonschema.Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[pointer]; s != nil {
		return s, nil
	}
	s, err := c.compiler.Compile("openapi.json#" + pointer)
	c.schemas[pointer] = s
	return s, err
}

// check holds an exchange to the contract.
func (c *contract) check(method, path, sentKind string, sent []byte, r reply) error {
	o, pointer := c.operation(method, path)
	if o == nil {
		if r.status == http.StatusOK && strings.HasPrefix(path, "/v1/") {
			return fmt.Errorf("%s %s is answered, but not described", method, path)
		}
		return nil
	}
	status := strconv.Itoa(r.status)
	answer, ok := o["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		return fmt.Errorf("%s %s is answered with status %s, which is not described", method, path, status)
	}
	kind, _, _ := mime.ParseMediaType(r.header.Get("Content-Type"))
	content, _ := answer["content"].(map[string]any)
	if _, ok := content[kind]; !ok && method != http.MethodHead {
		return fmt.Errorf("%s %s: status %s comes as %q, which is not described", method, path, status, kind)
	}
	if strings.HasSuffix(kind, "json") && method != http.MethodHead {
		if err := c.valid(pointer+"/responses/"+status+"/content/"+escaped(kind)+"/schema", []byte(r.text)); err != nil {
			return fmt.Errorf("%s %s: status %s, %.300s: %w", method, path, status, r.text, err)
		}
	}
	if sentKind, _, _ = mime.ParseMediaType(sentKind); r.status == http.StatusOK && sentKind == "application/json" {
		if err := c.valid(pointer+"/requestBody/content/application~1json/schema", sent); err != nil {
			return fmt.Errorf("%s %s: accepted is %.300s: %w", method, path, sent, err)
		}
	}
	return nil
}

func (c *contract) valid(pointer string, text []byte) error {
	s, err := c.schema(pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// The description is a document whose references lead somewhere, and every route but the pages is in it.
func TestDescription(t *testing.T) {
	_, at := start(t, options(fixture()))
	text := send(t, "GET", at+"/openapi.json", "", nil).text
	var doc struct {
		OpenAPI    string `json:"openapi"`
		Paths      map[string]map[string]struct{ OperationID string }
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Fatalf("%q: %v", doc.OpenAPI, err)
	}
	c, ids := contractOf(t, at), map[string]bool{}
	for name := range doc.Components.Schemas {
		if _, err := c.schema("/components/schemas/" + name); err != nil {
			t.Error(err)
		}
	}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			if o.OperationID == "" || ids[o.OperationID] {
				t.Errorf("%s %s has the operationId %q, which is empty or another's", method, path, o.OperationID)
			}
			ids[o.OperationID] = true
		}
	}
	for _, r := range (&Service{}).Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if _, ok := doc.Paths[strings.ReplaceAll(path, "...", "")][strings.ToLower(method)]; !ok && !r.Plain {
			t.Errorf("%s is not described", r.Pattern)
		}
	}
}
