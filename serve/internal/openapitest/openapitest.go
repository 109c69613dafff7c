// Package openapitest holds exchanges with a server to what the server says of itself: an answer has a status, a media type and a form that the
// description names, and what was accepted is what it says is accepted.
package openapitest

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// A Client asks a server, and holds each answer to the server's description.
type Client struct {
	t        testing.TB
	at       string
	mu       sync.Mutex
	paths    map[string]any
	compiler *jsonschema.Compiler
}

// New returns a client of the server at an address, as httptest gives it.
func New(t testing.TB, at string) *Client {
	t.Helper()
	answer, err := http.Get(at + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	doc, err := jsonschema.UnmarshalJSON(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{t: t, at: at, compiler: jsonschema.NewCompiler(), paths: doc.(map[string]any)["paths"].(map[string]any)}
	if err := c.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return c
}

// A Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Text   string
}

// Ask sends a request with a body of a media type, "" for none.
func (c *Client) Ask(method, path, kind, body string) Reply {
	c.t.Helper()
	r, err := http.NewRequest(method, c.at+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	reply := Reply{answer.StatusCode, answer.Header, string(text)}
	if err := c.hold(r, body, reply); err != nil {
		c.t.Errorf("%s %s: status %d, %.300s: %v", method, path, reply.Status, reply.Text, err)
	}
	return reply
}

// hold says what of an exchange is not as the server describes it.
func (c *Client) hold(r *http.Request, sent string, got Reply) error {
	o, pointer := c.operation(r.Method, r.URL.EscapedPath())
	if o == nil {
		if got.Status == http.StatusOK {
			return fmt.Errorf("it is answered, but not described")
		}
		return nil
	}
	status := strconv.Itoa(got.Status)
	answer, ok := o["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		return fmt.Errorf("the status is not described")
	}
	kind, _, _ := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if content, _ := answer["content"].(map[string]any); content[kind] == nil {
		return fmt.Errorf("it comes as %q, which is not described", kind)
	}
	if strings.HasSuffix(kind, "json") {
		if err := c.valid(pointer+"/responses/"+status+"/content/"+escaped(kind)+"/schema", got.Text); err != nil {
			return err
		}
	}
	if r.Header.Get("Content-Type") == "application/json" && got.Status == http.StatusOK {
		if err := c.valid(pointer+"/requestBody/content/application~1json/schema", sent); err != nil {
			return fmt.Errorf("accepted is %.300s: %w", sent, err)
		}
	}
	return nil
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// operation returns that of a request and the pointer to it; nil where there is none.
func (c *Client) operation(method, path string) (o map[string]any, pointer string) {
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
func (c *Client) valid(pointer, text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.compiler.Compile("openapi.json#" + pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
	if err != nil {
		return fmt.Errorf("%.200q: %w", text, err)
	}
	return s.Validate(v)
}

// Described fails unless patterns, as http.ServeMux has them, are described.
func (c *Client) Described(patterns ...string) {
	c.t.Helper()
	for _, p := range patterns {
		method, path, _ := strings.Cut(p, " ")
		if o, _ := c.operation(method, path); o == nil || o["operationId"] == "" {
			c.t.Errorf("%s is not described", p)
		}
	}
}
