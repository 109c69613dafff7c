package search

import (
	"context"
	"errors"
	"fmt"
	"image"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/prometheus/client_golang/prometheus"
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

// Options say what is served.
type Options struct {
	Index   index.Index
	Encoder Encoder // nil: vectors alone are taken
	// Picture returns that of an item, or fs.ErrNotExist; nil where items have none.
	Picture  func(ctx context.Context, item index.Item) (serve.Picture, error)
	Private  []string // fields of items that clients neither see, set nor ask for
	ReadOnly bool     // items are neither added nor deleted; what others change is seen within a second
	K        int      // hits of a search at most; 0 is 1000
	Batch    int      // items that are added at once at most; 0 is 1000
}

// maxBatch bounds Options.Batch.
const maxBatch = 1 << 20

func (o *Options) setDefaults() error {
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

// service answers searches of one index.
type service struct {
	*serve.Server
	o        Options
	limits   index.Options // what the index takes
	metrics  *metrics
	pictures *serve.Pictures
	thumbs   chan struct{} // one for each thumbnail being made
	layouts  *layouts
	encodes  *serve.Batcher[image.Image, []float32]
	queries  *serve.Batcher[index.Query, []index.Hit]

	ended      chan struct{} // closed when the service is
	refreshing sync.WaitGroup
}

// refresher is an index that was opened for reading, and shows what others have changed when it is asked to.
type refresher interface {
	Refresh() (changed bool, err error)
}

// refreshEvery is how late searches of a server that only reads may be.
const refreshEvery = time.Second

// refresh shows what others change until the service is closed. An error is said once, as long as it is the same.
func (s *service) refresh(x refresher) {
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

// Mount has a server answer searches of an index. The index stays open when the server is closed.
// Errors: an encoder whose vectors are not of the index's length; options below 0, or too large.
func Mount(ctx context.Context, server *serve.Server, o Options) error {
	if o.Index == nil {
		return errors.New("serve/search: no index")
	}
	if err := o.setDefaults(); err != nil {
		return err
	}
	info, err := o.Index.Info(ctx)
	if err != nil {
		return err
	}
	if o.Encoder != nil && o.Encoder.Dim() != info.Dim {
		return fmt.Errorf("serve/search: the encoder's vectors have %d coordinates, the index's %d", o.Encoder.Dim(), info.Dim)
	}
	o.Private = slices.Concat(o.Private, []string{index.ThumbField})
	s := &service{
		Server: server, o: o, limits: index.Options{Dim: info.Dim, Metric: info.Metric}, thumbs: make(chan struct{}, thumbsAtOnce),
		metrics: newMetrics(o.Index), layouts: newLayouts(), ended: make(chan struct{}),
	}
	var size image.Point
	if o.Encoder != nil {
		size = o.Encoder.Size()
	}
	if s.pictures, err = server.Pictures(size, encodeBatch); err != nil {
		return err
	}
	for _, c := range []prometheus.Collector{s.metrics.encode, s.metrics.search, s.metrics.pictures, s.metrics.queries, s.metrics} {
		if err := server.Registry().Register(c); err != nil {
			return fmt.Errorf("serve/search: a server has one index: %w", err)
		}
	}
	requests := server.Limits().Requests
	if x, ok := o.Index.(refresher); ok && o.ReadOnly {
		s.refreshing.Go(func() { s.refresh(x) })
	}
	s.encodes = serve.NewBatcher(encodeBatch, requests, s.encodeAll)
	s.queries = serve.NewBatcher(queryBatch, requests, s.searchAll)
	server.Mount(s)
	return nil
}

// indexProblems makes the index's errors problems.
func indexProblems(h serve.Handler) serve.Handler {
	return func(w http.ResponseWriter, r *http.Request) error { return problemOf(h(w, r)) }
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

// Name is that of the service for /readyz.
func (*service) Name() string { return "search" }

// Ready asks the index, which may be on another machine.
func (s *service) Ready(ctx context.Context) error {
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

// Close ends the batches.
func (s *service) Close() {
	close(s.ended)
	s.refreshing.Wait()
	s.encodes.Close()
	s.queries.Close()
}

// private tells whether clients are to know nothing of a field.
func (s *service) private(field string) bool { return slices.Contains(s.o.Private, field) }
