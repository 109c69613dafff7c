package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/energo-ml/energo/serve/wire"
)

// asked is a service that says by a function whether it is ready.
type asked struct {
	name  string
	ready func(context.Context) error
}

func (asked) Routes() []Route                   { return nil }
func (a asked) Name() string                    { return a.name }
func (a asked) Ready(ctx context.Context) error { return a.ready(ctx) }
func (asked) Close()                            {}

// Readiness names the services, and says of each that is not ready why; one that does not answer hides no other.
func TestReadiness(t *testing.T) {
	good := func(context.Context) error { return nil }
	states := map[string]func(context.Context) error{
		"loads":  func(context.Context) error { return wire.Unavailable("the model is being loaded") },
		"secret": func(context.Context) error { return errors.New("/home/me/secret") },
		"panics": func(context.Context) error { panic("/home/me/secret") },
		"slow": func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		},
	}
	for _, c := range []struct {
		names  string
		status int
		want   string
	}{
		{"", 200, `{"models":{},"services":{"probe":"ready"},"status":"ready"}`},
		{"a b", 200, `{"models":{},"services":{"a":"ready","b":"ready","probe":"ready"},"status":"ready"}`},
		{"loads a", 503, `"services":{"a":"ready","loads":"the model is being loaded","probe":"ready"}`},
		{"a loads", 503, `"detail":"loads: the model is being loaded"`},
		{"slow loads", 503, `"detail":"slow: no answer within 2s; loads: the model is being loaded"`},
		{"secret panics a", 503, `"detail":"secret: it fails; the server's log says why; panics: it fails; the server's log says why"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newProbe(t, Options{})
			for _, name := range strings.Fields(c.names) {
				ready := states[name]
				if ready == nil {
					ready = good
				}
				s.Mount(asked{name, ready})
			}
			w := ask(s, "GET /readyz")
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || strings.Contains(w.Body.String(), "/home") {
				t.Errorf("%q: %d %s, want %d %s", c.names, w.Code, w.Body, c.status, c.want)
			}
			s.Drain()
			if w := ask(s, "GET /readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "being stopped") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		})
	}
	defer func() {
		if v := recover(); v == nil {
			t.Error("two services have one name")
		}
	}()
	newProbe(t, Options{}).Mount(asked{"probe", good})
}

// modelled is a service of models whose states are known.
type modelled struct {
	asked
	routes []Route
	states map[string]wire.State
}

func (m modelled) Routes() []Route { return m.routes }

func (m modelled) Models(ctx context.Context) (map[string]wire.State, error) {
	return m.states, m.Ready(ctx)
}

// Each model is ready or not by itself, by all services that answer for it; why one failed is told to those alone who may read.
func TestReadinessOfModels(t *testing.T) {
	good := func(context.Context) error { return nil }
	const ready, warming, failed = wire.StatusReady, wire.StatusWarming, wire.StatusFailed
	tokens := fileOf(t, "tokens", tokenFile())
	for _, o := range []Options{{}, {Tokens: tokens}} {
		s := newProbe(t, o)
		s.Mount(modelled{
			asked{"one", good},
			[]Route{{Pattern: "GET /v1/one", Do: s.health}},
			map[string]wire.State{"a": {Status: ready}, "b": {Status: ready}, "c": {Status: warming, Detail: "c is warm soon"}, "e": {Status: ready}},
		})
		s.Mount(modelled{
			asked{"two", good},
			[]Route{{Pattern: "GET /v1/two", Do: s.health}},
			map[string]wire.State{"a": {Status: ready}, "b": {Status: warming, Detail: "b is warm soon"}, "c": {Status: failed, Detail: "/srv/c"}},
		})
		s.Mount(modelled{asked{"opening", good}, nil, map[string]wire.State{"d": {Status: failed, Detail: "/srv/d"}, "e": {Status: ready, Detail: "/srv/e"}}})
		for _, header := range []string{"", "Authorization: Bearer read", "Authorization: Bearer none"} {
			var headers []string
			if header != "" {
				headers = []string{header}
			}
			may := o.Tokens == "" || header == "Authorization: Bearer read"
			why := func(path string) string {
				if may {
					return path
				}
				return logSays
			}
			for path, want := range map[string]string{
				"/readyz/a": `200 {"name":"a","services":["one","two"],"status":"ready"}`,
				"/readyz/b": `503 the model b is not ready (warming): b is warm soon`,
				"/readyz/c": `503 the model c is not ready (failed): ` + why("/srv/c"),
				"/readyz/d": `503 the model d is not ready (failed): ` + why("/srv/d"),
				"/readyz/e": `200 {"detail":"` + why("/srv/e") + `","name":"e","services":["one"],"status":"ready"}`,
				"/readyz/f": `404 there is no model "f"`,
				"/readyz": `200 {"models":{"a":{"status":"ready"},"b":{"status":"warming","detail":"b is warm soon"},"c":{"status":"failed","detail":"` + why("/srv/c") +
					`"},"d":{"status":"failed","detail":"` + why("/srv/d") + `"},"e":{"status":"ready","detail":"` + why("/srv/e") + `"}},"services":`,
			} {
				w := ask(s, "GET "+path, headers...)
				status, text, _ := strings.Cut(want, " ")
				if fmt.Sprint(w.Code) != status || !strings.Contains(w.Body.String(), strings.ReplaceAll(text, `"f"`, `\"f\"`)) || w.Code == 503 && w.Header().Get("Retry-After") == "" {
					t.Errorf("tokens %q, %q, %s: %d %s, want %s", o.Tokens, header, path, w.Code, w.Body, want)
				}
			}
		}
		s.Drain()
		if w := ask(s, "GET /readyz/a"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "being stopped") {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := ask(s, "GET /readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"a":{"status":"ready"}`) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}
