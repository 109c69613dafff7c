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

// A Description is what a server says of itself.
type Description struct {
	Paths map[string]any // of OpenAPI

	components map[string]any
	mu         sync.Mutex
	compiler   *jsonschema.Compiler
}

// descriptions are those of servers' addresses.
var descriptions sync.Map

// Of asks the server at an address, as httptest gives it, for its description once. It is nil where the server does not answer, as one that is being stopped.
func Of(t testing.TB, at string) *Description {
	t.Helper()
	if d, ok := descriptions.Load(at); ok {
		return d.(*Description)
	}
	answer, err := http.Get(at + "/openapi.json")
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	doc, err := jsonschema.UnmarshalJSON(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("the description: status %d, %v", answer.StatusCode, err)
	}
	whole := doc.(map[string]any)
	d := &Description{compiler: jsonschema.NewCompiler(), Paths: whole["paths"].(map[string]any), components: whole["components"].(map[string]any)}
	if err := d.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	descriptions.Store(at, d)
	return d
}

// A Client asks a server, and holds each answer to the server's description.
type Client struct {
	t  testing.TB
	at string
	*Description
}

// New returns a client of the server at an address.
func New(t testing.TB, at string) *Client {
	t.Helper()
	d := Of(t, at)
	if d == nil {
		t.Fatalf("%s does not answer", at)
	}
	return &Client{t, at, d}
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
	return Do(c.t, r, []byte(body))
}

// Do sends a request, whose body as JSON is sent, nil for one of another kind, and holds the exchange to the description of its server.
func Do(t testing.TB, r *http.Request, sent []byte) Reply {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := Reply{answer.StatusCode, answer.Header, string(text)}
	if d := Of(t, r.URL.Scheme+"://"+r.URL.Host); d != nil {
		if err := d.hold(r, sent, got); err != nil {
			t.Errorf("%s %s: status %d, %.300s: %v", r.Method, r.URL, got.Status, got.Text, err)
		}
	}
	return got
}

// versioned are paths that are for programs, and not pages.
var versioned = regexp.MustCompile(`^/v\d`)

// hold says what of an exchange is not as the server describes it.
func (d *Description) hold(r *http.Request, sent []byte, got Reply) error {
	o, pointer := d.operation(r.Method, r.URL.EscapedPath())
	if o == nil {
		if got.Status == http.StatusOK && versioned.MatchString(r.URL.Path) {
			return fmt.Errorf("it is answered, but not described")
		}
		return nil
	}
	status := strconv.Itoa(got.Status)
	answer, ok := o["responses"].(map[string]any)[status].(map[string]any)
	if !ok {
		return fmt.Errorf("the status is not described")
	}
	if r.Method == http.MethodHead {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(got.Header.Get("Content-Type"))
	if content, _ := answer["content"].(map[string]any); content[kind] == nil {
		return fmt.Errorf("it comes as %q, which is not described", kind)
	}
	if strings.HasSuffix(kind, "json") {
		if err := d.valid(pointer+"/responses/"+status+"/content/"+escaped(kind)+"/schema", []byte(got.Text)); err != nil {
			return err
		}
	}
	if kind, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" && got.Status == http.StatusOK && sent != nil {
		if err := d.valid(pointer+"/requestBody/content/application~1json/schema", sent); err != nil {
			return fmt.Errorf("accepted is %.300s: %w", sent, err)
		}
	}
	return nil
}

var (
	parameter = regexp.MustCompile(`\{\w+\}`)
	last      = regexp.MustCompile(`\{\w+\}$`) // may have slashes
)

// operation returns that of a request and the pointer to it; nil where there is none.
func (d *Description) operation(method, path string) (o map[string]any, pointer string) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, rest := range []string{"[^/]+", ".+"} {
		for template, methods := range d.Paths {
			pattern := parameter.ReplaceAllString(last.ReplaceAllString(template, rest), "[^/]+")
			if regexp.MustCompile("^" + pattern + "$").MatchString(path) {
				if o, ok := methods.(map[string]any)[strings.ToLower(method)]; ok {
					return o.(map[string]any), "/paths/" + escaped(template) + "/" + strings.ToLower(method)
				}
			}
		}
	}
	return nil, ""
}

// escaped is a name as JSON pointers have it.
func escaped(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", " ", "%20").Replace(name)
}

// valid holds a text to a schema.
func (d *Description) valid(pointer string, text []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, err := d.compiler.Compile("openapi.json#" + pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%.200q: %w", text, err)
	}
	return s.Validate(v)
}

// Described fails unless patterns, as http.ServeMux has them, are described, each under an identifier of its own, and the schemas hold together.
func (d *Description) Described(t testing.TB, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		method, path, _ := strings.Cut(p, " ")
		if o, _ := d.operation(method, path); o == nil || o["operationId"] == "" {
			t.Errorf("%s is not described", p)
		}
	}
	ids := map[string]bool{}
	for path, methods := range d.Paths {
		for method, o := range methods.(map[string]any) {
			id, _ := o.(map[string]any)["operationId"].(string)
			if id == "" || ids[id] {
				t.Errorf("%s %s has the operationId %q, which is empty or another's", method, path, id)
			}
			ids[id] = true
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	schemas, _ := d.components["schemas"].(map[string]any)
	for name := range schemas {
		if _, err := d.compiler.Compile("openapi.json#/components/schemas/" + name); err != nil {
			t.Error(err)
		}
	}
}
