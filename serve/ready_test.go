package serve

import (
	"context"
	"errors"
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
		{"", 200, `{"services":{"probe":"ready"},"status":"ready"}`},
		{"a b", 200, `{"services":{"a":"ready","b":"ready","probe":"ready"},"status":"ready"}`},
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
