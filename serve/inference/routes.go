package inference

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// Routes lists everything that is answered.
func (s *Service) Routes() []serve.Route {
	routes := []serve.Route{
		{Pattern: "GET /v2", Do: s.about, Plain: true, Doc: openapi.Operation{
			ID: "v2", Summary: "The server and its extensions of the Open Inference Protocol", Answers: answers("The server.", openapi.Ref("V2Server")),
		}},
		{Pattern: "GET /v2/health/live", Do: s.live, Plain: true, Scope: serve.ScopeNone, Doc: openapi.Operation{
			ID: "v2Live", Summary: "Whether the program runs", Answers: answers("It runs.", flag("live")),
		}},
		{Pattern: "GET /v2/health/ready", Do: s.allReady, Plain: true, Scope: serve.ScopeNone, Doc: openapi.Operation{
			ID: "v2Ready", Summary: "Whether every model can answer", Answers: answers("They can.", flag("ready")), Refusals: []int{503},
		}},
	}
	for _, p := range []struct{ path, id string }{{"/v2/models/{model}", "v2Model"}, {"/v2/models/{model}/versions/{version}", "v2ModelVersion"}} {
		routes = append(routes, s.modelRoutes(p.path, p.id)...)
	}
	for i := range routes {
		routes[i].Tell = tell
		routes[i].Doc.Problem = openapi.Content{"application/json": openapi.Ref("V2Error")}
		routes[i].Doc.Schemas = schemas()
	}
	return routes
}

// modelRoutes are those of a model, with its version in the path or without.
func (s *Service) modelRoutes(path, id string) []serve.Route {
	params := []openapi.Parameter{{Name: "model", In: "path", Description: "The model's name.", Schema: openapi.Text()}}
	if id == "v2ModelVersion" {
		params = append(params, openapi.Parameter{Name: "version", In: "path", Description: "Each model has one, 1.", Schema: openapi.Text()})
	}
	tensors := openapi.Content{"application/json": openapi.Ref("V2Answer"), "application/octet-stream": openapi.Bytes()}
	return []serve.Route{
		{Pattern: "GET " + path, Do: s.look(describe), Plain: true, Doc: openapi.Operation{
			ID: id, Summary: "A model's inputs and outputs", Parameters: params, Answers: answers("The model.", openapi.Ref("V2Model")), Refusals: []int{404},
		}},
		{Pattern: "GET " + path + "/ready", Do: s.modelReady, Plain: true, Scope: serve.ScopeNone, Doc: openapi.Operation{
			ID: id + "Ready", Summary: "Whether a model can answer", Parameters: params,
			Answers:  answers("It can.", openapi.Object(map[string]openapi.Schema{"name": openapi.Text(), "ready": openapi.Bool()}, "name", "ready")),
			Refusals: []int{404, 503},
		}},
		{Pattern: "POST " + path + "/infer", Do: s.of(infer), Scope: bearer.ScopeRead, Doc: openapi.Operation{
			ID: id + "Infer", Summary: "Outputs of inputs", Parameters: params,
			Description: "As JSON, or with bytes of tensors behind the JSON, whose length the header " + lengthHeader + " says: those of an input with binary_data_size, in their order, " +
				"little-endian; outputs with binary_data come in the same way.",
			Body:     openapi.Content{"application/json": openapi.Ref("V2Request"), "application/octet-stream": openapi.Bytes()},
			Answers:  map[int]openapi.Answer{200: {Description: "The outputs.", Content: tensors}},
			Refusals: []int{404},
		}},
	}
}

func answers(description string, s openapi.Schema) map[int]openapi.Answer {
	return map[int]openapi.Answer{200: {Description: description, Content: openapi.Content{"application/json": s}}}
}

func flag(name string) openapi.Schema {
	return openapi.Object(map[string]openapi.Schema{name: openapi.Bool()}, name)
}

// schemas are those that requests and answers share.
func schemas() map[string]openapi.Schema {
	text, object, list := openapi.Text, openapi.Object, openapi.ListOf
	var kinds []string
	for _, d := range datatypes {
		kinds = append(kinds, d.name)
	}
	kind := text().With("enum", kinds)
	shape := list(openapi.Integer().With("minimum", 1)).With("maxItems", maxRank)
	data := list(openapi.Schema{"type": []string{"number", "boolean", "array"}}).With("description", "Elements in row-major order, flat or as nested lists.")
	size := object(map[string]openapi.Schema{"binary_data_size": openapi.Integer().With("minimum", 0)})
	tensor := object(map[string]openapi.Schema{"name": text(), "datatype": kind, "shape": list(openapi.Integer()).With("description", "-1 is a free dimension.")}, "name", "datatype", "shape")
	return map[string]openapi.Schema{
		"V2Error":  object(map[string]openapi.Schema{"error": text()}, "error"),
		"V2Server": object(map[string]openapi.Schema{"name": text(), "version": text(), "extensions": list(text())}, "name", "version", "extensions"),
		"V2Model": object(map[string]openapi.Schema{
			"name": text(), "versions": list(text()), "platform": text(), "inputs": list(openapi.Ref("V2Tensor")), "outputs": list(openapi.Ref("V2Tensor")),
		}, "name", "versions", "platform", "inputs", "outputs"),
		"V2Tensor": tensor,
		"V2Request": object(map[string]openapi.Schema{
			"id": text().With("maxLength", maxID), "parameters": flagOf("binary_data_output", "Outputs come as bytes unless they say otherwise."),
			"inputs":  list(object(map[string]openapi.Schema{"name": text(), "datatype": kind, "shape": shape, "parameters": size, "data": data}, "name", "datatype", "shape")),
			"outputs": list(object(map[string]openapi.Schema{"name": text(), "parameters": flagOf("binary_data", "It comes as bytes.")}, "name")),
		}, "inputs"),
		"V2Answer": object(map[string]openapi.Schema{
			"model_name": text(), "model_version": text(), "id": text(),
			"outputs": list(object(map[string]openapi.Schema{"name": text(), "datatype": kind, "shape": list(openapi.Integer()), "parameters": size, "data": data}, "name", "datatype", "shape")),
		}, "model_name", "model_version", "outputs"),
	}
}

func flagOf(name, description string) openapi.Schema {
	return openapi.Object(map[string]openapi.Schema{name: openapi.Bool().With("description", description)})
}

// tell is a problem in the protocol's form, in which what is wrong with a request has the status 400.
func tell(p *wire.Problem, w http.ResponseWriter) {
	status := p.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	if p.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.Retry))
	}
	wire.WriteJSON(w, status, map[string]string{"error": p.Detail})
}

func (s *Service) about(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]any{"name": "energo", "version": s.version, "extensions": []string{"binary_tensor_data"}})
	return nil
}

func (s *Service) live(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]bool{"live": true})
	return nil
}

func (s *Service) allReady(w http.ResponseWriter, r *http.Request) error {
	if err := s.server.Ready(r.Context()); err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]bool{"ready": true})
	return nil
}

// tensorOf describes an input or an output.
type tensorOf struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

func describe(m *model, w http.ResponseWriter, _ *http.Request) error {
	inputs, outputs := []tensorOf{}, []tensorOf{}
	for _, p := range m.Net.Inputs {
		kind, _ := datatype(p.Kind)
		inputs = append(inputs, tensorOf{p.Name, kind, shapeOf(p)})
	}
	for _, p := range m.Net.Outputs {
		kind, _ := datatype(p.Kind)
		outputs = append(outputs, tensorOf{p.Name, kind, shapeOf(p)})
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"name": m.name, "versions": []string{onlyVersion}, "platform": "energo_onnx", "inputs": inputs, "outputs": outputs})
	return nil
}

// modelReady takes no place: a model that is busy is ready.
func (s *Service) modelReady(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("model")
	if err := s.models.Ready(name); err != nil {
		p := (*wire.Problem)(nil)
		if _, _, of := s.server.Model(r, name); errors.As(of, &p) && p.Status == http.StatusServiceUnavailable {
			return p // one that failed is not on the shelf
		}
		return err
	}
	if err := onlyOne(name, r); err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"name": name, "ready": true})
	return nil
}

// infer answers POST …/infer.
func infer(m *model, w http.ResponseWriter, r *http.Request) error {
	q, binary, err := read(r, m.Net)
	if err != nil {
		return err
	}
	which, asBytes, err := q.requested(m.Net)
	if err != nil {
		return err
	}
	in, err := q.values(r.Context(), m.Net, binary)
	if err != nil {
		return err
	}
	out, err := m.infer(r.Context(), in)
	if err != nil {
		return err
	}
	a := answer{ModelName: m.name, ModelVersion: onlyVersion, ID: q.id, Outputs: make([]result, 0, len(which))}
	return a.tell(w, m.Net, out, which, asBytes)
}
