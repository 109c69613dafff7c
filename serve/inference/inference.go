package inference

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/engine/onnx"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
)

// Options say what is served, and how requests are joined.
type Options struct {
	Models  map[string]*onnx.Model // by name; from then on nobody else runs them
	Version string                 // of the program, for clients
	Batch   int                    // rows that go through a model together at most; 1 joins nothing, 0 is 32
	Wait    time.Duration          // for which a request waits for others to join it; with 0 only those join that wait anyway
	Queue   int                    // requests that wait for a model at most, more are refused with status 429; 0 is 64
}

// The largest options.
const (
	maxBatch = 1 << 16
	maxWait  = time.Minute
	maxQueue = 1 << 16
)

func (o *Options) setDefaults() error {
	if len(o.Models) == 0 {
		return errors.New("serve/inference: no models")
	}
	for _, v := range []struct {
		name           string
		value          *int
		standard, most int
	}{{"Batch", &o.Batch, 32, maxBatch}, {"Queue", &o.Queue, 64, maxQueue}} {
		if *v.value == 0 {
			*v.value = v.standard
		}
		if *v.value < 1 || *v.value > v.most {
			return fmt.Errorf("serve/inference: %s is %d; it must be from 1 to %d, or 0 for its default", v.name, *v.value, v.most)
		}
	}
	if o.Wait < 0 || o.Wait > maxWait {
		return fmt.Errorf("serve/inference: Wait is %v; it must be from 0 to %v", o.Wait, maxWait)
	}
	return nil
}

// service answers requests for models.
type service struct {
	server  *serve.Server
	o       Options
	models  map[string]*model
	metrics *metrics
}

// Mount has a server answer the protocol for some models. They are warmed up from then on, one beside the other; until that is done
// the server is not ready, and their requests are refused with status 503.
// Errors: options below 0, or too large; a name that a path cannot have; a model with tensors that the protocol does not have.
func Mount(server *serve.Server, o Options) error {
	if err := o.setDefaults(); err != nil {
		return err
	}
	s := &service{server: server, o: o, models: map[string]*model{}}
	for _, name := range slices.Sorted(maps.Keys(o.Models)) {
		m, err := newModel(name, o.Models[name], &o)
		if err != nil {
			return err
		}
		s.models[name] = m
	}
	s.metrics = newMetrics(&o, s.models)
	for _, c := range s.metrics.collectors() {
		if err := server.Registry().Register(c); err != nil {
			return fmt.Errorf("serve/inference: the protocol is mounted once: %w", err)
		}
	}
	for _, m := range s.models {
		m.metrics, m.log = s.metrics, server.Log()
		go m.work()
	}
	server.Mount(s)
	return nil
}

// Name is that of the service for /readyz.
func (*service) Name() string { return "inference" }

// Ready names a model that is being warmed up.
func (s *service) Ready(context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(s.models)) {
		if !s.models[name].ready.Load() {
			return notWarm(name)
		}
	}
	return nil
}

// Close ends the models' work.
func (s *service) Close() {
	for _, m := range s.models {
		m.queue.close()
	}
	for _, m := range s.models {
		<-m.ended
	}
}

// named is the model of a request's path.
func (s *service) named(r *http.Request) (*model, error) {
	name, version := r.PathValue("model"), r.PathValue("version")
	m, ok := s.models[name]
	switch {
	case !ok:
		return nil, wire.Absent("there is no model %q; there are %s", strings.ToValidUTF8(name, "?"), strings.Join(slices.Sorted(maps.Keys(s.models)), ", "))
	case version != "" && version != onlyVersion:
		return nil, wire.Absent("the model %s has no version %q; it has %s", name, strings.ToValidUTF8(version, "?"), onlyVersion)
	}
	return m, nil
}

// onlyVersion is that of every model.
const onlyVersion = "1"
