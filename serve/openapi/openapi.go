// Package openapi describes the requests of a server as OpenAPI 3.1 has it, so that clients can be made of the description and
// tests can hold the server to it.
package openapi

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Operation describes one kind of request.
type Operation struct {
	ID          string // for clients that are made of the description: "searchItems"
	Summary     string // a line
	Description string // more, if there is more to say
	Parameters  []Parameter
	Body        Content // what may be sent; nil is nothing
	Answers     map[int]Answer
	Refusals    []int             // statuses with which the request may be refused, as problems
	Scope       string            // that a bearer token must have; empty where no token is needed
	Problem     Content           // in which refusals come; nil is the form of RFC 9457
	Schemas     map[string]Schema // that Ref names, wherever they are declared
}

// Parameter is a part of the address.
type Parameter struct {
	Name        string
	In          string // "path" or "query"
	Description string
	Schema      Schema
	Many        bool // may be given again
}

// Answer is what comes back.
type Answer struct {
	Description string
	Content     Content
}

// Content is a body in one of several media types.
type Content map[string]Schema

// Schema is a JSON Schema of draft 2020-12.
type Schema map[string]any

// Object is the schema of an object with these members, and no others; required names those that are always there.
func Object(members map[string]Schema, required ...string) Schema {
	s := Schema{"type": "object", "properties": members, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// MapOf is an object of values under names that are not known beforehand.
func MapOf(value Schema) Schema { return Schema{"type": "object", "additionalProperties": value} }

// ListOf is a list.
func ListOf(element Schema) Schema { return Schema{"type": "array", "items": element} }

// OneOf is a value of exactly one of these.
func OneOf(schemas ...Schema) Schema { return Schema{"oneOf": schemas} }

// Ref is a schema of the document's components.
func Ref(name string) Schema { return Schema{"$ref": "#/components/schemas/" + name} }

// Text, Number, Integer and Bool are values of one kind.
func Text() Schema    { return Schema{"type": "string"} }
func Number() Schema  { return Schema{"type": "number"} }
func Integer() Schema { return Schema{"type": "integer"} }
func Bool() Schema    { return Schema{"type": "boolean"} }

// Bytes is a body that is not JSON.
func Bytes() Schema { return Schema{} }

// With returns a copy of the schema with more said of it: pairs of a keyword and its value, as "minimum", 1.
func (s Schema) With(pairs ...any) Schema {
	out := maps.Clone(s)
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

// Problem is the schema of what a client is told of a request that was not done.
func Problem() Schema {
	return Object(map[string]Schema{
		"type":   Text().With("const", "about:blank"),
		"title":  Text().With("description", "The status in words."),
		"status": Integer(),
		"detail": Text().With("description", "What is wrong, for people."),
		"code":   Text().With("description", "The kind of problem, for programs."),
		"field":  Text().With("description", "What of the request is wrong, as items[3].vector."),
	}, "type", "title", "status", "detail", "code")
}

// problemType is the media type of problems.
const problemType = "application/problem+json"

// Document is a whole description.
type Document struct {
	Title, Version, Description string
	schemas                     map[string]Schema
	operations                  map[string]map[string]any
	secured                     bool // some operation needs a token
}

// Add adds the operation of a pattern of http.ServeMux.
func (d *Document) Add(pattern string, o Operation) {
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.ReplaceAll(strings.ReplaceAll(path, "...}", "}"), "{$}", "")
	if d.operations == nil {
		d.operations, d.schemas = map[string]map[string]any{}, map[string]Schema{"Problem": Problem()}
	}
	maps.Copy(d.schemas, o.Schemas)
	if d.operations[path] == nil {
		d.operations[path] = map[string]any{}
	}
	d.operations[path][strings.ToLower(method)] = o.object()
	d.secured = d.secured || o.Scope != ""
}

// Object returns the document as values that JSON can have.
func (d *Document) Object() map[string]any {
	components := map[string]any{"schemas": d.schemas}
	if d.secured {
		components["securitySchemes"] = map[string]any{
			scheme: map[string]any{"type": "http", "scheme": "bearer", "description": "A token that has the scope that the operation names (RFC 6750)."},
		}
	}
	return map[string]any{
		"openapi":    "3.1.1",
		"info":       map[string]any{"title": d.Title, "version": cmp.Or(d.Version, "0"), "description": d.Description},
		"paths":      d.operations,
		"components": components,
	}
}

// scheme is the name of that of tokens.
const scheme = "bearer"

func (o *Operation) object() map[string]any {
	out := map[string]any{"operationId": o.ID, "summary": o.Summary}
	if o.Description != "" {
		out["description"] = o.Description
	}
	if o.Scope != "" {
		out["security"] = []map[string][]string{{scheme: {o.Scope}}}
	}
	if len(o.Parameters) > 0 {
		var list []map[string]any
		for _, p := range o.Parameters {
			list = append(list, p.object())
		}
		out["parameters"] = list
	}
	if o.Body != nil {
		out["requestBody"] = map[string]any{"required": true, "content": o.Body.object()}
	}
	answers := map[string]any{}
	for status, a := range o.Answers {
		answer := map[string]any{"description": a.Description}
		if a.Content != nil {
			answer["content"] = a.Content.object()
		}
		answers[strconv.Itoa(status)] = answer
	}
	problem := o.Problem
	if problem == nil {
		problem = Content{problemType: Ref("Problem")}
	}
	for _, status := range slices.Sorted(slices.Values(o.Refusals)) {
		answers[strconv.Itoa(status)] = map[string]any{
			"description": refusals[status], "content": problem.object(),
		}
	}
	out["responses"] = answers
	return out
}

// refusals says when a request is refused with a status.
var refusals = map[int]string{
	400: "The request is not what its media type says.",
	401: "The request has no token, or one that is not known.",
	403: "This server, or this token, does not allow it, or a page of another origin sent it.",
	404: "What was asked for is not there.",
	405: "The path does not take this method.",
	408: "The request came too slowly.",
	413: "The body is too large.",
	415: "The media type is not one that is taken.",
	421: "The server is not addressed by this name.",
	422: "The request is well formed, but not within what is allowed.",
	429: "Too much is under way; Retry-After says when to come again.",
	500: "The server failed.",
	503: "The server did not get to it in time, or is being stopped; Retry-After says when to come again.",
	507: "There is no room on disk.",
}

func (p *Parameter) object() map[string]any {
	schema := p.Schema
	if p.Many {
		schema = ListOf(schema)
	}
	out := map[string]any{"name": p.Name, "in": p.In, "schema": schema}
	if p.Description != "" {
		out["description"] = p.Description
	}
	if p.In == "path" {
		out["required"] = true
	}
	if p.Many {
		out["style"], out["explode"] = "form", true
	}
	return out
}

func (c Content) object() map[string]any {
	out := map[string]any{}
	for kind, schema := range c {
		out[kind] = map[string]any{"schema": schema}
	}
	return out
}
