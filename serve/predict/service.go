package predict

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
)

// Options bound requests.
type Options struct {
	Items int // pictures, sentences or rows of a request; 0 is 4096
}

// maxItems bounds Options.Items.
const maxItems = 1 << 20

// Service answers for labels. Make one by Mount.
type Service struct {
	server      *serve.Server
	o           Options
	metrics     *serve.QueueMetrics
	classifiers *shelf.Shelf[*classifier]
	taggers     *shelf.Shelf[*tagger]
	tables      *shelf.Shelf[*table]
}

// Mount has a server answer for labels. There are no models until some are put.
// Errors: Items below 0, or too large; a server that has such a service.
func Mount(server *serve.Server, o Options) (*Service, error) {
	if o.Items = cmp.Or(o.Items, 4096); o.Items < 1 || o.Items > maxItems {
		return nil, fmt.Errorf("serve/predict: Items is %d; it must be from 1 to %d, or 0 for its default", o.Items, maxItems)
	}
	s := &Service{
		server: server, o: o, metrics: serve.NewQueueMetrics("predict"),
		classifiers: shelf.New[*classifier]("classifier", server.Log()),
		taggers:     shelf.New[*tagger]("tagger", server.Log()),
		tables:      shelf.New[*table]("model of tables", server.Log()),
	}
	to := server.Registry()
	if err := cmp.Or(to.Register(s.metrics), s.classifiers.Register(to, "classify"), s.taggers.Register(to, "tag"), s.tables.Register(to, "predict")); err != nil {
		return nil, fmt.Errorf("serve/predict: it is mounted once: %w", err)
	}
	server.Mount(s)
	return s, nil
}

// Name is that of the service for /readyz.
func (*Service) Name() string { return "predict" }

// Ready names a model that is being warmed up.
func (s *Service) Ready(context.Context) error {
	return cmp.Or(s.classifiers.AllReady(), s.taggers.AllReady(), s.tables.AllReady())
}

// Models says how each model stands.
func (s *Service) Models(ctx context.Context) (map[string]wire.State, error) {
	all := s.classifiers.States()
	for _, more := range []map[string]wire.State{s.taggers.States(), s.tables.States()} {
		for name, state := range more {
			if before, known := all[name]; known {
				state = before.With(state)
			}
			all[name] = state
		}
	}
	return all, s.Ready(ctx)
}

// Close ends the models' work.
func (s *Service) Close() {
	s.classifiers.Close()
	s.taggers.Close()
	s.tables.Close()
}

// DropClassifier takes a name away from its classifier; ok is false where there is none.
func (s *Service) DropClassifier(name string) (ok bool) { return s.classifiers.Drop(name) }

// DropTagger takes a name away from its tagger; ok is false where there is none.
func (s *Service) DropTagger(name string) (ok bool) { return s.taggers.Drop(name) }

// DropTable takes a name away from its model of tables; ok is false where there is none.
func (s *Service) DropTable(name string) (ok bool) { return s.tables.Drop(name) }

// Names are those of the models, in order for each kind.
func (s *Service) Names() (all []string) {
	return append(append(append(all, s.classifiers.Names()...), s.taggers.Names()...), s.tables.Names()...)
}

// queue completes that of a model.
func (s *Service) queue(name string, q serve.Queue) (serve.Queue, error) {
	q.Name, q.Metrics = name, s.metrics
	return q, q.Check()
}

// put puts a model whose queue ends with end.
func put[T any](on *shelf.Shelf[T], name string, model T, places int, warm func(context.Context) error, end func()) (wait func() error, err error) {
	wait, err = on.Put(name, shelf.Item[T]{Model: model, Places: places, Warm: warm, Close: func() error {
		end()
		return nil
	}})
	if err != nil {
		end()
	}
	return wait, err
}

// take is the model that a request names, or the only one, and a place to use it. The request was read before.
func take[T any](r *http.Request, from *shelf.Shelf[T], name *string) (held *shelf.Held[T], err error) {
	if name == nil {
		held, err = from.Only()
	} else {
		held, err = from.Take(*name)
	}
	if err != nil {
		return nil, ofModel(err)
	}
	if err := held.Enter(r.Context()); err != nil {
		held.Done()
		return nil, err
	}
	return held, nil
}

// ofModel says that it is the name that is wrong.
func ofModel(err error) error {
	p := (*wire.Problem)(nil)
	if !errors.As(err, &p) || p.Code != wire.CodeAbsent {
		return err
	}
	named := *p
	named.Field = "model"
	return &named
}

// param is a parameter of an address, nil where it is not there.
func param(values map[string][]string, name string) *string {
	if v := values[name]; len(v) > 0 {
		return &v[0]
	}
	return nil
}
