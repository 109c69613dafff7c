package inference

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
)

// Model is a network as it is served, and how its requests are joined.
type Model struct {
	Net   *onnx.Model
	Batch int           // rows that go through it together at most; 1 joins nothing, 0 is 32
	Wait  time.Duration // for which a request waits for others to join it; with 0 only those join that wait anyway
	Queue int           // requests that wait for it or go through it at most, more are refused with status 429; 0 is 64
	Close func() error  // ends it once it has been replaced or dropped, and no request uses it; may be nil
}

// The largest settings.
const (
	maxBatch = 1 << 16
	maxWait  = time.Minute
)

func (m *Model) setDefaults() error {
	if m.Net == nil {
		return errors.New("there is no network")
	}
	for _, v := range []struct {
		name           string
		value          *int
		standard, most int
	}{{"Batch", &m.Batch, 32, maxBatch}, {"Queue", &m.Queue, shelf.DefaultPlaces, shelf.MaxPlaces}} {
		if *v.value == 0 {
			*v.value = v.standard
		}
		if *v.value < 1 || *v.value > v.most {
			return fmt.Errorf("%s is %d; it must be from 1 to %d, or 0 for its default", v.name, *v.value, v.most)
		}
	}
	if m.Wait < 0 || m.Wait > maxWait {
		return fmt.Errorf("the Wait is %v; it must be from 0 to %v", m.Wait, maxWait)
	}
	return nil
}

// Service answers requests for networks.
type Service struct {
	server  *serve.Server
	version string
	models  *shelf.Shelf[*model]
	metrics *serve.QueueMetrics
}

// Mount has a server answer the protocol, for models that [Service.Put] adds before or after. version is that of the program, for clients.
// Errors: a server that answers it already.
func Mount(server *serve.Server, version string) (*Service, error) {
	s := &Service{server: server, version: version, models: shelf.New[*model]("model", server.Log()), metrics: serve.NewQueueMetrics("inference")}
	if err := server.Registry().Register(s.metrics); err != nil {
		return nil, fmt.Errorf("serve/inference: the protocol is mounted once: %w", err)
	}
	if err := s.models.Register(server.Registry(), s.Name()); err != nil {
		return nil, fmt.Errorf("serve/inference: %w", err)
	}
	server.Mount(s)
	return s, nil
}

// Put serves a network under a name once it was warmed up, which wait waits for, instead of what had the name before; from then on nobody else
// runs it. A name that is new is not ready before, and requests for it are refused with status 503.
// Errors: settings below 0, or too large; a name that a path cannot have; tensors that the protocol does not have; a server that was closed.
func (s *Service) Put(name string, m Model) (wait func() error, err error) {
	err = m.setDefaults()
	if err == nil {
		err = inProtocol(m.Net)
	}
	if err != nil {
		return nil, fmt.Errorf("serve/inference: model %.140q: %w", name, err)
	}
	run := newModel(name, m, s.metrics, s.server.Log())
	wait, err = s.models.Put(name, shelf.Item[*model]{Model: run, Places: m.Queue, Warm: run.warm, Close: run.close})
	if err != nil {
		run.queue.Close()
		return nil, fmt.Errorf("serve/inference: %w", err)
	}
	return wait, nil
}

// Drop serves a name no more; ok is false where it is not there. Requests that have begun are answered.
func (s *Service) Drop(name string) (ok bool) {
	ok = s.models.Drop(name)
	s.metrics.Forget(name)
	return ok
}

// Name is that of the service for /readyz.
func (*Service) Name() string { return "inference" }

// Ready names a model that is being warmed up.
func (s *Service) Ready(context.Context) error { return s.models.AllReady() }

// Models says how each model stands.
func (s *Service) Models(context.Context) (map[string]wire.State, error) {
	return s.models.States(), s.models.AllReady()
}

// Close ends the models' work.
func (s *Service) Close() { s.models.Close() }

// of answers requests by the model of their path, which has one version.
func (s *Service) of(do func(m *model, w http.ResponseWriter, r *http.Request) error) serve.Handler {
	return s.models.Handler("model", versioned(do))
}

// look is as of, for what takes no place: a model that is busy is described.
func (s *Service) look(do func(m *model, w http.ResponseWriter, r *http.Request) error) serve.Handler {
	return s.models.Look("model", versioned(do))
}

func versioned(do func(m *model, w http.ResponseWriter, r *http.Request) error) func(m *model, w http.ResponseWriter, r *http.Request) error {
	return func(m *model, w http.ResponseWriter, r *http.Request) error {
		if err := onlyOne(m.name, r); err != nil {
			return err
		}
		return do(m, w, r)
	}
}

// onlyOne refuses another version than the one that every model has.
func onlyOne(name string, r *http.Request) error {
	if version := r.PathValue("version"); version != "" && version != onlyVersion {
		return wire.Absent("the model %s has no version %.60q; it has %s", name, strings.ToValidUTF8(version, "?"), onlyVersion)
	}
	return nil
}

// onlyVersion is that of every model.
const onlyVersion = "1"
