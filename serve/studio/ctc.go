package studio

import (
	"fmt"
	"maps"
	"slices"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/studio/answer"
)

// ctc is the route of the view of CTC.
func (s *service) ctc() []serve.Route {
	text, integers, rows := openapi.Text(), openapi.ListOf(openapi.Integer()), openapi.ListOf(openapi.ListOf(maybe()))
	asked := openapi.Object(map[string]openapi.Schema{
		"classes": openapi.ListOf(text).With("minItems", 2, "maxItems", answer.ClassesMost),
		"scores":  openapi.ListOf(openapi.ListOf(openapi.Number())).With("minItems", 1, "maxItems", answer.FramesMost), "text": text.With("maxLength", answer.LettersMost),
		"width": openapi.Integer().With("minimum", 1, "maximum", answer.WidthMost, "default", 16),
	}, "classes", "scores")
	likely := openapi.Object(map[string]openapi.Schema{"text": text, "probability": openapi.Number()}, "text", "probability")
	shown := map[string]openapi.Schema{
		"probabilities": rows, "loss": maybe(), "gradient": rows, "states": openapi.ListOf(text), "occupancy": rows, "path": integers,
		"path_share": openapi.Number(), "paths": openapi.Number(), "greedy": likely, "greedy_path": integers, "texts": openapi.ListOf(likely),
	}
	return s.computed([]serve.Route{{Pattern: "POST /v1/studio/ctc", Scope: bearer.ScopeRead, Doc: openapi.Operation{
		ID: "ctc", Summary: "The paths through frames that spell a text, and the texts that are likeliest",
		Description: fmt.Sprintf("Classes are letters, the blank first; scores are logits, a number for each class of each of at most %d frames. Path is the state of each frame on the likeliest path, occupancy the share of all paths in each state.", answer.FramesMost),
		Body:        openapi.Content{"application/json": asked}, Answers: one("Loss, gradient, trellis and texts.", openapi.Object(shown, slices.Sorted(maps.Keys(shown))...)),
	}}})
}
