package openai

import (
	"net/http"
	"strconv"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// Failure is what OpenAI's clients show of a problem.
type Failure struct {
	Message string    `json:"message"`
	Type    string    `json:"type"`
	Param   *string   `json:"param"` // what of the request was wrong; null is all of it
	Code    wire.Code `json:"code"`
}

// types are the kinds of problems that OpenAI tells apart.
var types = map[int]string{
	http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error",
	http.StatusTooManyRequests: "rate_limit_error", http.StatusServiceUnavailable: "service_unavailable_error",
	http.StatusInternalServerError: "server_error",
}

// Of is a problem as OpenAI's clients show it.
func Of(p *wire.Problem) Failure {
	f := Failure{Message: p.Detail, Type: types[p.Status], Code: p.Code}
	if f.Type == "" {
		f.Type = "invalid_request_error"
	}
	if p.Field != "" {
		f.Param = &p.Field
	}
	return f
}

// Tell answers with a problem as {"error": {"message", "type", "param", "code"}}. What is well formed, but not within what is allowed, has the status
// 400, as OpenAI has it.
func Tell(p *wire.Problem, w http.ResponseWriter) {
	status := p.Status
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	if p.Retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.Retry))
	}
	wire.WriteJSON(w, status, map[string]Failure{"error": Of(p)})
}

// Speak has a route tell problems in the form of OpenAI, and describes that form.
func Speak(r *serve.Route) {
	r.Tell = Tell
	r.Doc.Problem = openapi.Content{"application/json": openapi.Ref("OpenAIError")}
	if r.Doc.Schemas == nil {
		r.Doc.Schemas = map[string]openapi.Schema{}
	}
	r.Doc.Schemas["OpenAIError"] = openapi.Object(map[string]openapi.Schema{"error": openapi.Object(map[string]openapi.Schema{
		"message": openapi.Text().With("description", "What is wrong, for people."),
		"type":    openapi.Text().With("description", "The kind of problem, as OpenAI tells them apart."),
		"param":   {"type": []string{"string", "null"}, "description": "What of the request is wrong, as input[3]."},
		"code":    openapi.Text().With("description", "The kind of problem, for programs."),
	}, "message", "type", "param", "code")}, "error")
}
