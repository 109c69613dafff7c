package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
)

// Encoder turns pictures into vectors, as a trained network does.
type Encoder interface {
	// Dim is how many coordinates a vector has.
	Dim() int
	// Size is that of the pictures that it is given; others are fitted to it, as data.Fit does.
	Size() image.Point
	// Encode writes the vectors of pictures to dst, Dim elements each.
	Encode(dst []float32, pictures []image.Image) error
	// Channels is that of the pictures that it is given: 1 is grey, 3 are colours.
	Channels() int
}

// Bounds are those of requests, for all indexes of a server; a field that is 0 has the default.
type Bounds struct {
	K     int // hits of a search at most; 1000
	Batch int // items that are added at once at most; 1000
}

// Options say what is served under a name.
type Options struct {
	Index   index.Index
	Encoder Encoder // nil: vectors alone are taken
	// Picture returns that of an item, or fs.ErrNotExist; nil where items have none.
	Picture  func(ctx context.Context, item index.Item) (serve.Picture, error)
	Private  []string // fields of items that clients neither see, set nor ask for
	ReadOnly bool     // items are neither added nor deleted; what others change is seen within a second
	Queue    int      // requests that are worked on or wait at most, more are refused with status 429; 0 is 64
	// Close ends the index, once it was replaced or dropped, or the server was closed, and no request uses it; nil leaves it open.
	Close func() error
}

// maxBatch bounds Bounds.Batch.
const maxBatch = 1 << 20

func (o *Bounds) setDefaults() error {
	for _, v := range []struct {
		name  string
		value *int
		most  int
	}{{"K", &o.K, index.MaxK}, {"Batch", &o.Batch, maxBatch}} {
		if *v.value == 0 {
			*v.value = 1000
		}
		if *v.value < 1 || *v.value > v.most {
			return fmt.Errorf("serve/search: %s is %d; it must be from 1 to %d, or 0 for its default", v.name, *v.value, v.most)
		}
	}
	return nil
}

// Bounds of what is worked on together.
const (
	encodeBatch = 32
	queryBatch  = 64
)

// thumbsAtOnce is how many files of thumbnails are in memory at once.
const thumbsAtOnce = 4

// Service answers searches of indexes by name.
type Service struct {
	server  *serve.Server
	bounds  Bounds
	beside  Beside
	indexes *shelf.Shelf[*store]
	metrics *metrics
}

// Mount has a server answer searches of indexes that [Service.Put] adds before or after.
// Errors: bounds below 0, or too large; a server that answers searches already.
func Mount(server *serve.Server, b Bounds) (*Service, error) {
	return MountBeside(server, b, Beside{})
}

// MountBeside is Mount with the page beside another one.
func MountBeside(server *serve.Server, b Bounds, page Beside) (*Service, error) {
	if err := b.setDefaults(); err != nil {
		return nil, err
	}
	s := &Service{server: server, bounds: b, beside: page, indexes: shelf.New[*store]("index", server.Log())}
	s.metrics = newMetrics(s.indexes)
	for _, c := range s.metrics.collectors() {
		if err := server.Registry().Register(c); err != nil {
			return nil, fmt.Errorf("serve/search: searches are mounted once: %w", err)
		}
	}
	if err := s.indexes.Register(server.Registry(), s.Name()); err != nil {
		return nil, fmt.Errorf("serve/search: %w", err)
	}
	server.Mount(s)
	return s, nil
}

// Put serves an index under a name, instead of what had the name before, once its encoder was warmed up, which wait waits for. Requests that
// have begun are answered by the one before.
// Errors: no index; an encoder whose vectors are not of the index's length; a name that a path cannot have; a server that was closed.
func (s *Service) Put(name string, o Options) (wait func() error, err error) {
	x, err := s.open(name, o)
	if err != nil {
		return nil, err
	}
	wait, err = s.indexes.Put(name, shelf.Item[*store]{Model: x, Places: o.Queue, Warm: x.warm, Close: x.close})
	if err != nil {
		x.end()
		return nil, fmt.Errorf("serve/search: %w", err)
	}
	return wait, nil
}

// Drop serves a name no more; ok is false where it is not there. Requests that have begun are answered.
func (s *Service) Drop(name string) (ok bool) {
	ok = s.indexes.Drop(name)
	s.metrics.forget(name)
	return ok
}

// of answers requests by the index of their path, or by the only one.
func (s *Service) of(do func(*store, http.ResponseWriter, *http.Request) error) serve.Handler {
	return s.indexes.Handler("index", based(do))
}

// look is as of, for what takes no place.
func (s *Service) look(do func(*store, http.ResponseWriter, *http.Request) error) serve.Handler {
	return s.indexes.Look("index", based(do))
}

// based has answers link to where the request was sent, and makes the index's errors problems.
func based(do func(*store, http.ResponseWriter, *http.Request) error) func(*store, http.ResponseWriter, *http.Request) error {
	return func(x *store, w http.ResponseWriter, r *http.Request) error {
		at := *x
		if name := r.PathValue("index"); name != "" {
			at.base = strings.Replace(indexPath, "{index}", name, 1)
		}
		return problemOf(do(&at, w, r))
	}
}

// Name is that of the service for /readyz.
func (*Service) Name() string { return "search" }

// Ready asks the indexes.
func (s *Service) Ready(ctx context.Context) error {
	_, err := s.Models(ctx)
	return err
}

// Models asks the indexes, which may be on other machines, all at once, and says how each stands.
func (s *Service) Models(ctx context.Context) (map[string]wire.State, error) {
	names := s.indexes.Names()
	why := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			held, err := s.indexes.Take(name)
			if err == nil {
				defer held.Done()
				err = held.Model.ready(ctx)
			}
			why[i] = err
		})
	}
	all.Wait()
	states, first := map[string]wire.State{}, error(nil)
	for i, err := range why {
		states[names[i]] = wire.StateOf(err)
		if first == nil && err != nil && len(names) > 1 {
			err = wire.Within(names[i], err)
		}
		first = cmp.Or(first, err)
	}
	return states, first
}

// Close ends the indexes' work.
func (s *Service) Close() { s.indexes.Close() }

// store is an index that is served.
type store struct {
	*serve.Server
	o        Options
	bounds   Bounds
	base     string        // of links
	limits   index.Options // what the index takes
	metrics  *metricsOf
	pictures *serve.Pictures
	thumbs   chan struct{} // one for each thumbnail being made
	layouts  *layouts
	encodes  *serve.Batcher[image.Image, []float32]
	queries  *serve.Batcher[index.Query, []index.Hit]
	worded   *serve.Batcher[index.Query, []index.Hit] // those with a text, for which others do not wait; nil: none are taken

	ended      chan struct{}   // closed when the store is
	refreshing *sync.WaitGroup // and reading words
}

// refresher is an index that was opened for reading, and shows what others have changed when it is asked to.
type refresher interface {
	Refresh() (changed bool, err error)
}

// refreshEvery is how late searches of a server that only reads may be.
const refreshEvery = time.Second

// refresh shows what others change until the service is closed. An error is said once, as long as it is the same.
func (s *store) refresh(x refresher) {
	every := time.NewTicker(refreshEvery)
	defer every.Stop()
	last := ""
	for {
		select {
		case <-s.ended:
			return
		case <-every.C:
		}
		_, err := x.Refresh()
		if err != nil && err.Error() != last {
			s.Log().Warn("the index could not be read again; searches are of what it was", "error", err)
		}
		if last = ""; err != nil {
			last = err.Error()
		}
	}
}

// open begins the work behind an index.
func (s *Service) open(name string, o Options) (*store, error) {
	if o.Index == nil {
		return nil, errors.New("serve/search: no index")
	}
	ctx, cancel := context.WithTimeout(s.server.Context(), openTime)
	defer cancel()
	info, err := o.Index.Info(ctx)
	if err != nil {
		return nil, err
	}
	if o.Encoder != nil && o.Encoder.Dim() != info.Dim {
		return nil, fmt.Errorf("serve/search: the encoder's vectors have %d coordinates, the index's %d", o.Encoder.Dim(), info.Dim)
	}
	o.Private = slices.Concat(o.Private, []string{index.ThumbField})
	x := &store{
		Server: s.server, o: o, bounds: s.bounds, base: "/v1", limits: index.Options{Dim: info.Dim, Metric: info.Metric}, thumbs: make(chan struct{}, thumbsAtOnce),
		metrics: s.metrics.of(name), layouts: newLayouts(), ended: make(chan struct{}), refreshing: new(sync.WaitGroup),
	}
	var size image.Point
	if o.Encoder != nil {
		size = o.Encoder.Size()
	}
	if x.pictures, err = s.server.Pictures(size, encodeBatch); err != nil {
		return nil, err
	}
	if y, ok := o.Index.(refresher); ok && o.ReadOnly {
		x.refreshing.Go(func() { x.refresh(y) })
	}
	requests := s.server.Limits().Requests
	x.encodes = serve.NewBatcher(encodeBatch, requests, x.encodeAll)
	x.queries = serve.NewBatcher(queryBatch, requests, x.searchAll)
	if y, ok := wordsOf(&x.o); ok {
		x.worded = serve.NewBatcher(queryBatch, requests, x.searchAll)
		if info.Len <= mostLoaded {
			x.refreshing.Go(func() { x.loadWords(y) })
		}
	}
	return x, nil
}

// openTime is how long an index, which may be on another machine, may take to say what it is.
const openTime = 30 * time.Second

// warm encodes a picture, so that the network is as fast as later when it is first asked.
func (s *store) warm(context.Context) error {
	if s.o.Encoder == nil {
		return nil
	}
	blank := image.NewGray(image.Rectangle{Max: s.o.Encoder.Size()})
	if err := s.o.Encoder.Encode(make([]float32, s.o.Encoder.Dim()), []image.Image{blank}); err != nil {
		s.Log().Warn("an encoder was not warmed up", "error", err)
	}
	return nil
}

// problemOf makes an error of the index a problem. Others it leaves as they are.
func problemOf(err error) error {
	var p *wire.Problem
	switch {
	case err == nil, errors.As(err, &p):
		return err
	case errors.Is(err, index.ErrArgument):
		return wire.Invalid("", "%v", err)
	case errors.Is(err, index.ErrReadOnly):
		return readOnly()
	case errors.Is(err, syscall.ENOSPC):
		return &wire.Problem{Status: http.StatusInsufficientStorage, Code: wire.CodeFull, Detail: "the index's disk is full; nothing was changed", Retry: 60}
	case errors.Is(err, index.ErrClosed):
		return wire.Unavailable("the index is being closed")
	}
	return err
}

func readOnly() *wire.Problem { return wire.Forbidden("this server only reads") }

// leastFree is how many bytes there must be on the index's disk: a segment is written before the log that it is of goes.
const leastFree = 64 << 20

// ready asks the index, which may be on another machine.
func (s *store) ready(ctx context.Context) error {
	info, err := s.o.Index.Info(ctx)
	switch {
	case err != nil:
		s.Log().Warn("the index does not answer", "error", err)
		return wire.Unavailable("the index does not answer")
	case s.o.ReadOnly:
		return nil
	case info.Trouble != "":
		s.Log().Warn("the index cannot store changes as it should", "trouble", info.Trouble)
		return wire.Unavailable("the index cannot store changes as it should; its log says why")
	case info.Free != nil && *info.Free < leastFree:
		return wire.Unavailable(fmt.Sprintf("the index's disk has %d MiB left, less than %d", *info.Free>>20, leastFree>>20))
	}
	return nil
}

// close ends the store, which no request uses.
func (s *store) close() error {
	s.end()
	if s.o.Close == nil {
		return nil
	}
	return s.o.Close()
}

// end ends the batches.
func (s *store) end() {
	close(s.ended)
	s.refreshing.Wait()
	s.encodes.Close()
	s.queries.Close()
	if s.worded != nil {
		s.worded.Close()
	}
}

// private tells whether clients are to know nothing of a field.
func (s *store) private(field string) bool { return slices.Contains(s.o.Private, field) }
