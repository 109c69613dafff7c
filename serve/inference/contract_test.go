package inference

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the description of a server, to which every exchange of these tests is held: an answer has a status, a media type and a form that it
// names, and what was accepted is what it says is accepted.
type contract struct {
	paths    map[string]any
	compiler *jsonschema.Compiler
}

// described is the contract of the servers of these tests, which is the same for all.
var described struct {
	sync.Mutex
	*contract
}

func contractOf(t testing.TB, host string) *contract {
	t.Helper()
	described.Lock()
	defer described.Unlock()
	if described.contract != nil {
		return described.contract
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
	c := &contract{doc.(map[string]any)["paths"].(map[string]any), jsonschema.NewCompiler()}
	if err := c.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	described.contract = c
	return c
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// operation returns that of a request and the pointer to it; nil where there is none.
func (c *contract) operation(method, path string) (o map[string]any, pointer string) {
	for template, methods := range c.paths {
		if regexp.MustCompile("^" + parameter.ReplaceAllString(template, "[^/]+") + "$").MatchString(path) {
			if o, ok := methods.(map[string]any)[strings.ToLower(method)]; ok {
				return o.(map[string]any), "/paths/" + escaped(template) + "/" + strings.ToLower(method)
			}
		}
	}
	return nil, ""
}

// escaped is a name as JSON pointers have it.
func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
}

// valid holds a text to a schema.
func (c *contract) valid(pointer string, text []byte) error {
	described.Lock()
	defer described.Unlock()
	s, err := c.compiler.Compile("openapi.json#" + pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%.200q: %w", text, err)
	}
	return s.Validate(v)
}

// hold fails where an exchange is not as the server describes it.
func hold(t testing.TB, r *http.Request, sent []byte, got reply) {
	t.Helper()
	c, what := contractOf(t, r.URL.Host), r.Method+" "+r.URL.Path
	o, pointer := c.operation(r.Method, r.URL.EscapedPath())
	if o == nil {
		if got.status == http.StatusOK {
			t.Errorf("%s is answered, but not described", what)
		}
		return
	}
	status := strconv.Itoa(got.status)
	answer, ok := o["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		t.Errorf("%s is answered with status %s, which is not described: %s", what, status, got.text)
		return
	}
	kind, _, _ := mime.ParseMediaType(got.header.Get("Content-Type"))
	if content, _ := answer["content"].(map[string]any); content[kind] == nil {
		t.Errorf("%s: status %s comes as %q, which is not described", what, status, kind)
		return
	}
	if kind == "application/json" {
		if err := c.valid(pointer+"/responses/"+status+"/content/application~1json/schema", []byte(got.text)); err != nil {
			t.Errorf("%s: status %s, %.300s: %v", what, status, got.text, err)
		}
	}
	if sent != nil && got.status == http.StatusOK {
		if err := c.valid(pointer+"/requestBody/content/application~1json/schema", sent); err != nil {
			t.Errorf("%s: accepted is %.300s: %v", what, sent, err)
		}
	}
}

// Every route is described, and what is described has forms that hold together.
func TestDescription(t *testing.T) {
	_, at := start(t, options(t))
	c := contractOf(t, strings.TrimPrefix(at, "http://"))
	for _, r := range (&Service{}).Routes() {
		method, path, _ := strings.Cut(r.Pattern, " ")
		if o, _ := c.operation(method, path); o == nil || o["operationId"] == "" {
			t.Errorf("%s is not described", r.Pattern)
		}
	}
	for name := range schemas() {
		if _, err := c.compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Error(err)
		}
	}
}
