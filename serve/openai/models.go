package openai

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// A Model is one that is served, by whatever service.
type Model struct {
	Name    string
	Created time.Time // when it was put; in the list by seconds
}

// owner is who OpenAI's clients are told has made a model.
const owner = "energo"

// listed is a model in the form of OpenAI.
type listed struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func (m Model) listed() listed { return listed{m.Name, "model", m.Created.Unix(), owner} }

// models answers for the list.
type models struct{ all func() []Model }

// Mount has a server list models. all is asked at each request, and returns each name once.
func Mount(server *serve.Server, all func() []Model) { server.Mount(&models{all}) }

// Name is that of the service for /readyz.
func (*models) Name() string { return "models" }

// Ready is always nil: a list needs nothing.
func (*models) Ready(context.Context) error { return nil }

// Close does nothing.
func (*models) Close() {}

// Routes lists everything that is answered.
func (m *models) Routes() []serve.Route {
	model := openapi.Object(map[string]openapi.Schema{
		"id": openapi.Text(), "object": openapi.Text().With("const", "model"), "owned_by": openapi.Text(),
		"created": openapi.Integer().With("description", "When it was first served, or replaced, in seconds since 1970."),
	}, "id", "object", "created", "owned_by")
	list := openapi.Object(map[string]openapi.Schema{"object": openapi.Text().With("const", "list"), "data": openapi.ListOf(model)}, "object", "data")
	answer := func(description string, s openapi.Schema) map[int]openapi.Answer {
		return map[int]openapi.Answer{200: {Description: description, Content: openapi.Content{"application/json": s}}}
	}
	routes := []serve.Route{
		{Pattern: "GET /v1/models", Do: m.list, Plain: true, Doc: openapi.Operation{
			ID: "listModels", Summary: "The models that are served", Answers: answer("The models.", list),
		}},
		{Pattern: "GET /v1/models/{model}", Do: m.one, Plain: true, Doc: openapi.Operation{
			ID: "model", Summary: "A model", Answers: answer("The model.", model), Refusals: []int{404},
			Parameters: []openapi.Parameter{{Name: "model", In: "path", Description: "The model's name.", Schema: openapi.Text()}},
		}},
	}
	for i := range routes {
		Speak(&routes[i])
	}
	return routes
}

func (m *models) list(w http.ResponseWriter, _ *http.Request) error {
	data := []listed{}
	for _, o := range slices.SortedFunc(slices.Values(m.all()), func(a, b Model) int { return cmp.Compare(a.Name, b.Name) }) {
		data = append(data, o.listed())
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data})
	return nil
}

func (m *models) one(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("model")
	for _, o := range m.all() {
		if o.Name == name {
			wire.WriteJSON(w, http.StatusOK, o.listed())
			return nil
		}
	}
	p := wire.Absent("there is no model %q; /v1/models lists them", strings.ToValidUTF8(name, "?"))
	p.Field = "model"
	return p
}
