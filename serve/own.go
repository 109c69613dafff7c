package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// ownRoutes are those of every server, whatever it serves.
func (s *Server) ownRoutes() []Route {
	states := openapi.MapOf(openapi.Text()).With("description", "The services by name.")
	ready := openapi.Content{"application/json": openapi.Object(map[string]openapi.Schema{"status": openapi.Text(), "services": states}, "status", "services")}
	status := openapi.Content{"application/json": openapi.Object(map[string]openapi.Schema{"status": openapi.Text()}, "status")}
	return []Route{
		{Pattern: "GET /healthz", Do: s.health, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "health", Summary: "Whether the program runs",
			Answers: map[int]openapi.Answer{200: {Description: "It runs.", Content: status}},
		}},
		{Pattern: "GET /readyz", Do: s.readiness, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "readiness", Summary: "Whether everything can be answered",
			Answers: map[int]openapi.Answer{200: {Description: "Everything can be answered.", Content: ready}}, Refusals: []int{503},
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

// readiness names the services, or those that cannot answer.
func (s *Server) readiness(w http.ResponseWriter, r *http.Request) error {
	if err := s.Ready(r.Context()); err != nil {
		return err
	}
	states := map[string]string{}
	for _, service := range s.services {
		states[service.Name()] = "ready"
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"status": "ready", "services": states})
	return nil
}

// Ready says why the server cannot answer: it is being stopped, or services, which it names, are not ready. It is nil if it can.
// The services, which may be on other machines, are asked all at once.
func (s *Server) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if !s.ready.Load() {
		return wire.Unavailable("the server is being stopped")
	}
	var all sync.WaitGroup
	why := make([]error, len(s.services))
	for i, service := range s.services {
		all.Go(func() { why[i] = readyOf(ctx, service) })
	}
	all.Wait()
	var missing []string
	for i, service := range s.services {
		if why[i] != nil {
			s.o.Log.Warn("not ready", "service", service.Name(), "error", why[i])
			missing = append(missing, service.Name()+": "+cannot(why[i]))
		}
	}
	if len(missing) > 0 {
		return wire.Unavailable(strings.Join(missing, "; "))
	}
	return nil
}

// readyOf asks one service. A panic is an answer, too: it must not end the program.
func readyOf(ctx context.Context, service Service) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return service.Ready(ctx)
}

// cannot says why a service is not ready, in words that are for clients.
func cannot(err error) string {
	var p *wire.Problem
	switch {
	case errors.As(err, &p):
		return p.Detail
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", askTime)
	}
	return "it fails; the server's log says why"
}
