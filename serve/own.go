package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// ownRoutes are those of every server, whatever it serves.
func (s *Server) ownRoutes() []Route {
	status := openapi.Content{"application/json": openapi.Object(map[string]openapi.Schema{"status": openapi.Text()}, "status")}
	return []Route{
		{Pattern: "GET /healthz", Do: s.health, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "health", Summary: "Whether the program runs",
			Answers: map[int]openapi.Answer{200: {Description: "It runs.", Content: status}},
		}},
		{Pattern: "GET /readyz", Do: s.readiness, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "readiness", Summary: "Whether everything can be answered",
			Answers: map[int]openapi.Answer{200: {Description: "Everything can be answered.", Content: status}}, Refusals: []int{503},
		}},
		{Pattern: "GET /metrics", Do: s.metrics.answer, Plain: true, Doc: openapi.Operation{
			ID: "metrics", Summary: "Figures for Prometheus",
			Answers: map[int]openapi.Answer{200: {Description: "Prometheus's text format.", Content: openapi.Content{"text/plain": openapi.Text()}}},
		}},
		{Pattern: "GET /openapi.json", Do: s.description, Plain: true, Doc: openapi.Operation{
			ID: "description", Summary: "This description",
			Answers: map[int]openapi.Answer{200: {Description: "A document of OpenAPI 3.1.", Content: openapi.Content{"application/json": {"type": "object"}}}},
		}},
	}
}

func (s *Server) description(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, s.about.Object())
	return nil
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

// askTime is how long services may take to say how they are.
const askTime = 2 * time.Second

// readiness asks the services, which may be on other machines.
func (s *Server) readiness(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	if !s.ready.Load() {
		return wire.Unavailable("the server is being stopped")
	}
	for _, service := range s.services {
		if err := service.Ready(ctx); err != nil {
			s.o.Log.Warn("not ready", "error", err)
			return err
		}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready"})
	return nil
}
