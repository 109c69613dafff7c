package serve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
)

// Modelled is a Service of models by name, each of which is ready or not by itself.
type Modelled interface {
	Service
	// Models says how each model stands, and what Ready says, instead of which it is asked. What failed is told to those alone who may read.
	Models(ctx context.Context) (map[string]wire.State, error)
}

// askTime is how long services may take to say how they are.
const askTime = 2 * time.Second

// readyRoutes are those of readiness.
func (s *Server) readyRoutes() []Route {
	state := map[string]openapi.Schema{
		"status": openapi.Text().With("enum", []wire.Status{wire.StatusReady, wire.StatusWarming, wire.StatusFailed}),
		"detail": openapi.Text().With("description", "Why it cannot be used; of a model that is ready, why a newer version of it is not served."),
	}
	all := map[string]openapi.Schema{
		"services": openapi.MapOf(openapi.Text()).With("description", "The services by name: ready, or why not."),
		"models":   openapi.MapOf(openapi.Object(state, "status")).With("description", "The models by name."),
	}
	good := maps.Clone(all)
	good["status"] = openapi.Text().With("const", "ready")
	bad := openapi.Problem()
	maps.Copy(bad["properties"].(map[string]openapi.Schema), all)
	one := maps.Clone(state)
	one["name"], one["services"] = openapi.Text(), openapi.ListOf(openapi.Text()).With("description", "Those that answer for it.")
	return []Route{
		{Pattern: "GET /readyz", Do: s.readiness, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "readiness", Summary: "Whether everything can be answered, and how each model stands",
			Answers: map[int]openapi.Answer{
				200: {Description: "Everything can be answered. A model that failed is not among that.", Content: openapi.Content{"application/json": openapi.Object(good, "status", "services", "models")}},
				503: {Description: "Something cannot be answered, or the server is being stopped.", Content: openapi.Content{"application/problem+json": bad}},
			},
		}},
		{Pattern: "GET /readyz/{model}", Do: s.modelReadiness, Plain: true, Scope: ScopeNone, Doc: openapi.Operation{
			ID: "modelReadiness", Summary: "Whether a model can answer", Description: "A model may be served in several ways; it is ready where all of them are.",
			Parameters: []openapi.Parameter{{Name: "model", In: "path", Description: "The model's name.", Schema: openapi.Text()}},
			Answers:    map[int]openapi.Answer{200: {Description: "It can.", Content: openapi.Content{"application/json": openapi.Object(one, "name", "status", "services")}}},
			Refusals:   []int{404, 503},
		}},
	}
}

// readings are how the services and their models stand.
type readings struct {
	why      []error // of each service
	models   map[string]wire.State
	services map[string][]string // of each model
}

// ask asks the services, which may be on other machines, all at once.
func (s *Server) ask(ctx context.Context) readings {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var all sync.WaitGroup
	r := readings{make([]error, len(s.services)), map[string]wire.State{}, map[string][]string{}}
	models := make([]map[string]wire.State, len(s.services))
	for i, service := range s.services {
		all.Go(func() {
			r.why[i] = guarded(func() (err error) {
				if m, ok := service.(Modelled); ok {
					models[i], err = m.Models(ctx)
					return err
				}
				return service.Ready(ctx)
			})
		})
	}
	all.Wait()
	for i, of := range models {
		for name, state := range of {
			if before, known := r.models[name]; known {
				state = before.With(state)
			}
			r.models[name] = state
			if len(s.services[i].Routes()) > 0 {
				r.services[name] = append(r.services[name], s.services[i].Name())
			}
		}
	}
	return r
}

// guarded makes a panic an error: it must not end the program.
func guarded(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return do()
}

// readiness names the services and models, or those that cannot answer.
func (s *Server) readiness(w http.ResponseWriter, r *http.Request) error {
	now := s.ask(r.Context())
	if !s.mayRead(r) {
		for name, state := range now.models {
			now.models[name] = discreet(state)
		}
	}
	states := map[string]string{}
	for i, service := range s.services {
		states[service.Name()] = "ready"
		if now.why[i] != nil {
			states[service.Name()] = cannot(now.why[i])
		}
	}
	if err := s.refusal(now.why); err != nil {
		err.More = map[string]any{"services": states, "models": now.models}
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"status": "ready", "services": states, "models": now.models})
	return nil
}

// modelReadiness says how a model stands.
func (s *Server) modelReadiness(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("model")
	state, services, err := s.Model(r, name)
	if err != nil {
		return err
	}
	out := map[string]any{"name": name, "status": state.Status, "services": services}
	if state.Detail != "" {
		out["detail"] = state.Detail
	}
	wire.WriteJSON(w, http.StatusOK, out)
	return nil
}

// Model says how a model stands, by whatever services, which it names, for whoever sends a request.
// Errors: status 404 for a name that no service knows; 503 where the model cannot be used, or the server is being stopped.
func (s *Server) Model(r *http.Request, name string) (state wire.State, services []string, err error) {
	now := s.ask(r.Context())
	state, known := now.models[name]
	if !s.mayRead(r) {
		state = discreet(state)
	}
	switch {
	case !s.ready.Load():
		return state, nil, wire.Unavailable("the server is being stopped")
	case !known:
		return state, nil, wire.Absent("there is no model %q; /readyz lists them", fmt.Sprintf("%.140s", strings.ToValidUTF8(name, "?")))
	case state.Status != wire.StatusReady:
		return state, nil, wire.Unavailable(fmt.Sprintf("the model %s is not ready (%s): %s", name, state.Status, state.Detail))
	}
	return state, now.services[name], nil
}

// mayRead tells whether a client may know what went wrong: errors have the names of files.
func (s *Server) mayRead(r *http.Request) bool {
	if s.tokens == nil {
		return true
	}
	h, no := s.holder(r)
	return no == nil && h.May(bearer.ScopeRead)
}

// discreet is a state for those who may not read.
func discreet(s wire.State) wire.State {
	if s.Detail != "" && s.Status != wire.StatusWarming {
		s.Detail = logSays
	}
	return s
}

const logSays = "it fails; the server's log says why"

// Ready says why the server cannot answer: it is being stopped, or services, which it names, are not ready. It is nil if it can.
// The services, which may be on other machines, are asked all at once.
func (s *Server) Ready(ctx context.Context) error {
	if err := s.refusal(s.ask(ctx).why); err != nil {
		return err
	}
	return nil
}

// refusal is what a client is told where services cannot answer; nil if they can.
func (s *Server) refusal(why []error) *wire.Problem {
	if !s.ready.Load() {
		return wire.Unavailable("the server is being stopped")
	}
	var missing []string
	for i, service := range s.services {
		if why[i] != nil {
			s.o.Log.Warn("not ready", "service", service.Name(), "error", why[i])
			missing = append(missing, service.Name()+": "+cannot(why[i]))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return wire.Unavailable(strings.Join(slices.Clip(missing), "; "))
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
	return logSays
}
