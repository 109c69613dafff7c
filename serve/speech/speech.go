package speech

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"

	"github.com/energo-ml/energo/seq/audio"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
	"golang.org/x/sync/semaphore"
)

// Options say what is served, and what requests may take; a field that is 0 has the default.
type Options struct {
	// Languages are language models by name, as requests name them.
	Languages map[string]ctc.LanguageModel
	Seconds   float64 // of a recording; 600
	Memory    int64   // bytes that decoded recordings, and what is made of them, hold together; 1 GiB
	// StreamSeconds is the sound of a stream; 4 hours.
	StreamSeconds float64
	Beam          int // the widest beam that a request may ask for; 256
	HotWords      int // of a request; 1000
}

// The largest options.
const (
	maxSeconds = 1e6
	maxMemory  = 1 << 43
	maxBeam    = 1 << 14
	maxHot     = 1 << 16
)

func (o *Options) setDefaults() error {
	for _, v := range []struct {
		name     string
		value    *float64
		standard float64
	}{{"Seconds", &o.Seconds, 600}, {"StreamSeconds", &o.StreamSeconds, 4 * 3600}} {
		if *v.value == 0 {
			*v.value = v.standard
		}
		if !(*v.value > 0 && *v.value <= maxSeconds) {
			return fmt.Errorf("serve/speech: %s is %v; it must be above 0 and at most %v, or 0 for its default", v.name, *v.value, float64(maxSeconds))
		}
	}
	for _, v := range []struct {
		name           string
		value          *int
		standard, most int
	}{{"Beam", &o.Beam, 256, maxBeam}, {"HotWords", &o.HotWords, 1000, maxHot}} {
		if *v.value == 0 {
			*v.value = v.standard
		}
		if *v.value < 1 || *v.value > v.most {
			return fmt.Errorf("serve/speech: %s is %d; it must be from 1 to %d, or 0 for its default", v.name, *v.value, v.most)
		}
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.Memory < 0 || o.Memory > maxMemory {
		return fmt.Errorf("serve/speech: Memory is %d; it must be from 1 to %d, or 0 for its default", o.Memory, int64(maxMemory))
	}
	return nil
}

// Service answers requests for models of speech.
type Service struct {
	server  *serve.Server
	o       Options
	models  *shelf.Shelf[*Model]
	metrics *metrics
	decodes chan struct{}       // one for each recording that is decoded
	memory  *semaphore.Weighted // bytes of recordings
}

// Mount has a server read speech, by models that [Service.Put] adds before or after.
// Errors: options that are out of range; a server that has the service.
func Mount(server *serve.Server, o Options) (*Service, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	s := newService(server, o)
	for _, c := range s.metrics.collectors() {
		if err := server.Registry().Register(c); err != nil {
			return nil, fmt.Errorf("serve/speech: the service is mounted once: %w", err)
		}
	}
	if err := s.models.Register(server.Registry(), s.Name()); err != nil {
		return nil, fmt.Errorf("serve/speech: %w", err)
	}
	server.Mount(s)
	return s, nil
}

func newService(server *serve.Server, o Options) *Service {
	s := &Service{
		server: server, o: o, models: shelf.New[*Model]("model", server.Log()),
		decodes: make(chan struct{}, runtime.GOMAXPROCS(0)), memory: semaphore.NewWeighted(o.Memory),
	}
	s.metrics = newMetrics(s)
	return s
}

// Put serves a model under a name once it was warmed up, which wait waits for, instead of what had the name before; from then on nobody else uses
// it. A name that is new is not ready before, and requests for it are refused with status 503.
// Errors: places below 0, or too many; a name that a path cannot have; a server that was closed.
func (s *Service) Put(name string, m *Model) (wait func() error, err error) {
	places := cmp.Or(m.Places, shelf.DefaultPlaces)
	wait, err = s.models.Put(name, shelf.Item[*Model]{Model: m, Warm: m.warm, Places: places, Runs: min(m.runs, places)})
	if err != nil {
		return nil, fmt.Errorf("serve/speech: %w", err)
	}
	return wait, nil
}

// Drop serves a name no more; ok is false where it is not there. Requests and streams that have begun are answered.
func (s *Service) Drop(name string) (ok bool) { return s.models.Drop(name) }

// Names are those of the models.
func (s *Service) Names() []string { return s.models.Names() }

// Name is that of the service for /readyz.
func (*Service) Name() string { return "speech" }

// Ready names a model that is being warmed up.
func (s *Service) Ready(context.Context) error { return s.models.AllReady() }

// Models says how each model stands.
func (s *Service) Models(context.Context) (map[string]wire.State, error) {
	return s.models.States(), s.models.AllReady()
}

// Close ends the service, once no request and no stream is under way.
func (s *Service) Close() { s.models.Close() }

// take gives a request a model, by its name or the only one.
func (s *Service) take(name string) (*shelf.Held[*Model], error) {
	give := s.models.Only
	if name != "" {
		give = func() (*shelf.Held[*Model], error) { return s.models.Take(name) }
	}
	held, err := give()
	if p, ok := err.(*wire.Problem); ok && p.Code == wire.CodeAbsent {
		p.Field = "model"
	}
	return held, err
}

// highRate is the rate of recordings of Options.Seconds; those of a higher one must be shorter.
const highRate = 48000

// recording decodes a file for a model. Its memory is taken until free is called, once.
func (s *Service) recording(ctx context.Context, m *Model, file []byte, c audio.Channels) (one audio.Recording, free func(), err error) {
	select { // more decoders than cores would all be late
	case s.decodes <- struct{}{}:
		defer func() { <-s.decodes }()
	case <-ctx.Done():
		return one, nil, ctx.Err()
	}
	limits := audio.Limits{Seconds: s.o.Seconds, Samples: int(math.Ceil(s.o.Seconds * highRate))}
	all, err := audio.DecodeWithin(bytes.NewReader(file), c, limits)
	if err != nil {
		return one, nil, s.ofFile(err)
	}
	one = all[0]
	size := m.memory(one.Clip)
	if size > s.o.Memory {
		return one, nil, tooLong("file", "the recording takes %d MiB of memory; at most %d are allowed", size>>20, s.o.Memory>>20)
	}
	if !s.memory.TryAcquire(size) {
		return one, nil, wire.Busy("the recordings under way take too much memory together")
	}
	return one, func() { s.memory.Release(size) }, nil
}

// plain is an error's text without the name of our package.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "audio: ") }
