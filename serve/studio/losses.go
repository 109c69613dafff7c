package studio

import (
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
)

// losses are the routes of the view of losses.
func (s *service) losses() []serve.Route {
	number, text := openapi.Number(), openapi.Text()
	name := pathParam("name", "The loss, as the list has it.")
	option := queryParam("option", "An option and its value, NAME=VALUE.", text)
	option.Many = true
	at := queryParam("at", "A point, X,Y, one for each of the loss's points, in order.", text)
	at.Many = true
	pair := openapi.ListOf(number).With("minItems", 2, "maxItems", 2)
	mark := openapi.Object(map[string]openapi.Schema{"at": number, "name": text}, "at", "name")
	line := openapi.Object(map[string]openapi.Schema{"slope": number, "at": number, "name": text}, "slope", "at", "name")
	values := openapi.ListOf(maybe())
	curve := openapi.Object(map[string]openapi.Schema{"name": text, "x": values, "value": values, "slope": values}, "name", "x", "value", "slope")
	point := openapi.Object(map[string]openapi.Schema{"name": text, "at": pair, "gradient": values}, "name", "at", "gradient")
	circle := openapi.Object(map[string]openapi.Schema{"radius": number, "name": text}, "radius", "name")
	graph := openapi.Object(map[string]openapi.Schema{"x": text, "curves": openapi.ListOf(curve), "marks": openapi.ListOf(mark), "request": text, "go": text}, "x", "curves", "marks", "request", "go")
	plane := openapi.Object(map[string]openapi.Schema{"energies": openapi.ListOf(number), "value": text, "correct": text, "other": text, "lines": openapi.ListOf(line)}, "energies", "value", "correct", "other", "lines")
	geometry := openapi.Object(map[string]openapi.Schema{"loss": maybe(), "active": openapi.Bool(), "points": openapi.ListOf(point), "circles": openapi.ListOf(circle), "request": text, "go": text}, "loss", "active", "points", "circles", "request", "go")
	return s.computed([]serve.Route{
		{Pattern: "GET /v1/studio/losses", Doc: openapi.Operation{
			ID: "losses", Summary: "The losses and the functionals", Answers: one("They, with formula, conventions and options.", lossesSchema()),
		}},
		{Pattern: "GET /v1/studio/losses/{name}/curves", Doc: openapi.Operation{
			ID: "lossCurves", Summary: "A loss along one number, and its derivative", Description: "null is what is not finite. request is what energo loss eval reads, go the lines of a Go program, at one place.",
			Parameters: []openapi.Parameter{name, option, queryParam("along", "own: its own argument; difference: of functionals, E⁺ − E⁻ where E⁺ + E⁻ = 3.", words([]string{"own", "difference"}))},
			Answers:    one("The curves.", graph), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/losses/{name}/plane", Doc: openapi.Operation{
			ID: "lossPlane", Summary: "A functional over the energies of both answers", Description: "The value and the derivatives by E⁺ and E⁻ are base64 of little-endian float32, E⁻ running fastest. A line is E⁻ = slope·E⁺ + at.",
			Parameters: []openapi.Parameter{name, option}, Answers: one("The plane.", plane), Refusals: []int{400, 404, 422},
		}},
		{Pattern: "GET /v1/studio/losses/{name}/points", Doc: openapi.Operation{
			ID: "lossPoints", Summary: "A loss of an anchor, a positive and a negative in the plane, and its gradient", Description: "active tells whether any point is moved. Circles are around the anchor.",
			Parameters: []openapi.Parameter{name, option, at}, Answers: one("The points.", geometry), Refusals: []int{400, 404, 422},
		}},
	})
}

func lossesSchema() openapi.Schema {
	text, texts := openapi.Text(), openapi.ListOf(openapi.Text())
	option := openapi.Object(map[string]openapi.Schema{
		"name": text, "is": text, "default": text, "kind": openapi.Text().With("enum", []any{"number", "boolean", "choice"}), "choices": texts,
		"min": openapi.Number(), "max": openapi.Number(), "start": openapi.Number(),
	}, "name", "is", "default", "kind")
	fields := map[string]openapi.Schema{
		"name": text, "called": text, "formula": text, "domain": text, "margin": text, "kinks": text, "differs": text, "source": texts,
		"functional": openapi.Bool(), "good": openapi.Bool(), "points": texts, "options": openapi.ListOf(option),
	}
	return openapi.Object(map[string]openapi.Schema{"losses": openapi.ListOf(openapi.Object(fields, "name", "called", "formula", "domain", "margin", "functional", "options", "source"))}, "losses")
}
