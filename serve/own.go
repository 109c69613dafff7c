package serve

import (
	"net/http"

	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// ownRoutes are those of every server, whatever it serves.
func (s *Server) ownRoutes() []Route {
	status := openapi.Content{"application/json": openapi.Object(map[string]openapi.Schema{"status": openapi.Text()}, "status")}
	return append(s.readyRoutes(), []Route{
		{Pattern: "GET /healthz", Do: s.health, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "health", Summary: "Whether the program runs",
			Answers: map[int]openapi.Answer{200: {Description: "It runs.", Content: status}},
		}},
		{Pattern: "GET /metrics", Do: s.metrics.answer, Plain: true, Doc: openapi.Operation{
			ID: "metrics", Summary: "Figures for Prometheus",
			Answers: map[int]openapi.Answer{200: {Description: "Prometheus's text format.", Content: openapi.Content{"text/plain": openapi.Text()}}},
		}},
		{Pattern: "GET /openapi.json", Do: s.description, Plain: true, Doc: openapi.Operation{
			ID: "description", Summary: "This description",
			Answers: map[int]openapi.Answer{200: {Description: "A document of OpenAPI 3.1.", Content: openapi.Content{"application/json": {"type": "object"}}}},
		}},
	}...)
}

func (s *Server) description(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, s.about.Object())
	return nil
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}
