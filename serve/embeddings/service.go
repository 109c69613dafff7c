package embeddings

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"slices"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
)

// A PictureEncoder turns pictures into vectors, as encode.Encoder does.
type PictureEncoder interface {
	// Dim is how many coordinates a vector has.
	Dim() int
	// Size is that of the pictures that it is given; others are fitted to it, as data.Fit does.
	Size() image.Point
	// Encode writes the vectors of pictures to dst, Dim elements each.
	Encode(dst []float32, pictures []image.Image) error
}

// A TextEncoder turns texts into vectors, as sentence.Encoder does.
type TextEncoder interface {
	// Dim is how many coordinates a vector has.
	Dim() int
	// Tokens returns the numbers of a text's tokens. Its errors are told to clients.
	Tokens(text string) ([]int, error)
	// Check refuses numbers that are no tokens, or too many.
	Check(tokens []int) error
	// Encode writes the vectors of texts, each its tokens, to dst, Dim elements each.
	Encode(dst []float32, texts [][]int) error
}

// Options bound requests; a field that is 0 has the default.
type Options struct {
	Inputs int // of a request; 2048, as OpenAI has it
	Tokens int // of the texts of a request, together; 65536
}

// The largest options.
const (
	maxInputs = 1 << 20
	maxTokens = 1 << 26
)

func (o *Options) setDefaults() error {
	o.Inputs, o.Tokens = cmp.Or(o.Inputs, 2048), cmp.Or(o.Tokens, 1<<16)
	if o.Inputs < 1 || o.Inputs > maxInputs || o.Tokens < 1 || o.Tokens > maxTokens {
		return fmt.Errorf("serve/embeddings: Inputs is %d and Tokens is %d; they must be from 1 to %d and %d, or 0 for their defaults", o.Inputs, o.Tokens, maxInputs, maxTokens)
	}
	return nil
}

// Service answers with vectors. Make one by Mount.
type Service struct {
	server  *serve.Server
	o       Options
	metrics *serve.QueueMetrics
	models  *shelf.Shelf[*model]
}

// decodedTogether are the pictures of a request that are decoded at a time at most: their memory is held while they wait.
const decodedTogether = 32

// model is an encoder that is served: of pictures, or of texts.
type model struct {
	name     string
	dim      int
	pictures *serve.Pictures // nil for one of texts
	images   *serve.Batcher[image.Image, []float32]
	texts    TextEncoder // nil for one of pictures
	tokens   *serve.Batcher[[]int, []float32]
}

// Mount has a server answer with vectors. There are no models until some are put.
// Errors: options below 0, or too large; a server that has such a service.
func Mount(server *serve.Server, o Options) (*Service, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	s := &Service{server: server, o: o, metrics: serve.NewQueueMetrics("embeddings"), models: shelf.New[*model]("encoder", server.Log())}
	if err := cmp.Or(server.Registry().Register(s.metrics), s.models.Register(server.Registry(), "embeddings")); err != nil {
		return nil, fmt.Errorf("serve/embeddings: it is mounted once: %w", err)
	}
	server.Mount(s)
	return s, nil
}

// PutPictures has an encoder of pictures answer by a name, once it is warmed up, which wait waits for: shelf.Shelf.Put. Of the queue, Items, Calls and Wait count; Calls are the model's places.
// Errors: those of serve.Queue.Check and shelf.Shelf.Put; pictures that the server's memory has no room for.
func (s *Service) PutPictures(name string, e PictureEncoder, queue serve.Queue) (wait func() error, err error) {
	m := &model{name: name, dim: e.Dim()}
	if queue, err = s.queue(name, queue); err != nil {
		return nil, err
	}
	if m.pictures, err = s.server.Pictures(e.Size(), min(queue.Items, decodedTogether)); err != nil {
		return nil, err
	}
	m.images = serve.NewQueued(queue, func(pictures []image.Image) ([][]float32, error) {
		all := make([]float32, len(pictures)*m.dim)
		return rows(all, m.dim), e.Encode(all, pictures)
	})
	return s.put(name, m, queue.Calls, m.images.Close, func(ctx context.Context) error {
		_, err := m.images.Do(ctx, nil, image.Image(image.NewGray(image.Rectangle{Max: e.Size()})))
		return err
	})
}

// PutTexts has an encoder of texts answer by a name, as PutPictures does.
// Errors: those of serve.Queue.Check and shelf.Shelf.Put.
func (s *Service) PutTexts(name string, e TextEncoder, queue serve.Queue) (wait func() error, err error) {
	m := &model{name: name, dim: e.Dim(), texts: e}
	if queue, err = s.queue(name, queue); err != nil {
		return nil, err
	}
	m.tokens = serve.NewQueued(queue, func(texts [][]int) ([][]float32, error) {
		all := make([]float32, len(texts)*m.dim)
		return rows(all, m.dim), e.Encode(all, texts)
	})
	return s.put(name, m, queue.Calls, m.tokens.Close, func(ctx context.Context) error {
		_, err := m.tokens.Do(ctx, nil, []int{0})
		return err
	})
}

// rows are those of all vectors.
func rows(all []float32, dim int) [][]float32 { return slices.Collect(slices.Chunk(all, dim)) }

// queue completes that of a model.
func (s *Service) queue(name string, q serve.Queue) (serve.Queue, error) {
	q.Name, q.Metrics = name, s.metrics
	return q, q.Check()
}

// put puts a model whose queue ends with end.
func (s *Service) put(name string, m *model, places int, end func(), warm func(context.Context) error) (wait func() error, err error) {
	wait, err = s.models.Put(name, shelf.Item[*model]{Model: m, Places: places, Warm: warm, Close: func() error {
		end()
		return nil
	}})
	if err != nil {
		end()
	}
	return wait, err
}

// Name is that of the service for /readyz.
func (*Service) Name() string { return "embeddings" }

// Ready names a model that is being warmed up.
func (s *Service) Ready(context.Context) error { return s.models.AllReady() }

// Models says how each model stands.
func (s *Service) Models(context.Context) (map[string]wire.State, error) {
	return s.models.States(), s.models.AllReady()
}

// Close ends the models' work.
func (s *Service) Close() { s.models.Close() }

// Drop takes a name away; ok is false where no model has it.
func (s *Service) Drop(name string) (ok bool) { return s.models.Drop(name) }

// Names are those of the models, in order.
func (s *Service) Names() []string { return s.models.Names() }
