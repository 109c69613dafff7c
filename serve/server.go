package serve

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/energo-ml/energo/search/index"
	"golang.org/x/sync/semaphore"
)

// Encoder turns pictures into vectors, as a trained network does.
type Encoder interface {
	// Dim is how many coordinates a vector has.
	Dim() int
	// Size is that of the pictures that it is given; others are fitted to it, as data.Fit does.
	Size() image.Point
	// Encode writes the vectors of pictures to dst, Dim elements each.
	Encode(dst []float32, pictures []image.Image) error
}

// Picture is a picture that is not decoded yet, as data.EncodedPicture and data.DecodedPicture are.
type Picture interface {
	// Memory is the bytes that decoding it takes at most.
	Memory() int64
	// Within decodes it, scaled so that neither side has more than side pixels.
	Within(side int) (image.Image, error)
}

// Options say what is served.
type Options struct {
	Index   index.Index
	Encoder Encoder // nil: vectors alone are taken
	// Picture returns that of an item, or fs.ErrNotExist; nil where items have none.
	Picture  func(ctx context.Context, item index.Item) (Picture, error)
	Private  []string     // fields of items that clients neither see, set nor ask for
	ReadOnly bool         // items are neither added nor deleted
	Hosts    []string     // names of this server, besides localhost and addresses in figures
	Log      *slog.Logger // of what went wrong on this side; nil is slog.Default()
	Limits   Limits
}

// Limits bound what is taken from clients; a field that is 0 has the default.
type Limits struct {
	Body int64 // bytes of a request's body; 16 MiB
	// Memory is the bytes that all requests hold together, half of them for bodies and answers and half for pictures
	// that are decoded; 512 MiB, or what the largest body takes if that is more.
	Memory   int64
	Pixels   int // of a picture; 32 million
	K        int // hits of a search; 1000
	Batch    int // items that are added at once; 1000
	Requests int // worked on at once, more are refused; 128
	// Header, Read, Answer and Idle are the longest times for a request's header (5 s), all of the
	// request (30 s), the answer once it was read (30 s), and a connection without requests (2 min).
	Header, Read, Answer, Idle time.Duration
	Stop                       time.Duration // for requests under way when the server is told to stop; 15 s
}

// withDefaults returns the limits with defaults instead of zeros.
func (l Limits) withDefaults() (Limits, error) {
	orDefault(&l.Body, 16<<20)
	orDefault(&l.Memory, max(512<<20, memoryFor(l.Body)))
	orDefault(&l.Pixels, 32_000_000)
	orDefault(&l.K, 1000)
	orDefault(&l.Batch, 1000)
	orDefault(&l.Requests, 128)
	orDefault(&l.Header, 5*time.Second)
	orDefault(&l.Read, 30*time.Second)
	orDefault(&l.Answer, 30*time.Second)
	orDefault(&l.Idle, 2*time.Minute)
	orDefault(&l.Stop, 15*time.Second)
	if min(l.Body, l.Memory) < 0 || min(l.Pixels, l.K, l.Batch, l.Requests) < 0 || min(l.Header, l.Read, l.Answer, l.Idle, l.Stop) < 0 {
		return l, fmt.Errorf("serve: limits are %+v; each must be above 0, or 0 for its default", l)
	}
	if l.Body > maxBody || l.Memory > maxMemory || l.Pixels > maxPixels || l.K > index.MaxK || max(l.Batch, l.Requests) > maxCount || max(l.Header, l.Read, l.Answer, l.Idle, l.Stop) > maxTime {
		return l, fmt.Errorf("serve: limits are %+v; at most %d bytes, %d pixels, %d hits, %d items or requests, and %v are allowed", l, int64(maxBody), maxPixels, index.MaxK, maxCount, maxTime)
	}
	if least := memoryFor(l.Body); l.Memory < least {
		return l, fmt.Errorf("serve: Memory is %d bytes; bodies of %d need at least %d", l.Memory, l.Body, least)
	}
	return l, nil
}

// memoryFor is the least Memory with which a body of that many bytes can be taken.
func memoryFor(body int64) int64 { return 2 * (visitSize + bodyCopies*body + 1) * 8 / 7 }

// The largest limits: far beyond use, and sums and products of them do not overflow.
const (
	maxBody   = 1 << 40
	maxMemory = 1 << 43
	maxPixels = 1 << 30
	maxCount  = 1 << 20
	maxTime   = 365 * 24 * time.Hour
)

func orDefault[T comparable](v *T, standard T) {
	if none := *new(T); *v == none {
		*v = standard
	}
}

// thumbsAtOnce is how many files of thumbnails are in memory at once.
const thumbsAtOnce = 4

// Server answers requests. Make one by [New].
type Server struct {
	o       Options
	limits  index.Options // what the index takes
	mux     *http.ServeMux
	foreign *http.CrossOriginProtection
	metrics *metrics

	places   chan struct{} // one for each request that is worked on
	room     *room
	pictures *semaphore.Weighted // bytes of pictures that are decoded
	largest  int64               // bytes that decoding one may take
	decodes  chan struct{}       // one for each request whose pictures are decoded
	thumbs   chan struct{}       // one for each thumbnail being made
	encodes  *batcher[image.Image, []float32]
	queries  *batcher[index.Query, []index.Hit]

	underWay sync.WaitGroup
	base     context.Context // of all work
	cut      context.CancelFunc
	ready    atomic.Bool
	closing  sync.Once
}

// New returns a server of an index. Close it when its handler is not called any more; [Server.Serve] does.
// Errors: an encoder whose vectors are not of the index's length; limits below 0, or too large.
func New(ctx context.Context, o Options) (*Server, error) {
	if o.Index == nil {
		return nil, errors.New("serve: no index")
	}
	var err error
	if o.Limits, err = o.Limits.withDefaults(); err != nil {
		return nil, err
	}
	info, err := o.Index.Info(ctx)
	if err != nil {
		return nil, err
	}
	if o.Encoder != nil && o.Encoder.Dim() != info.Dim {
		return nil, fmt.Errorf("serve: the encoder's vectors have %d coordinates, the index's %d", o.Encoder.Dim(), info.Dim)
	}
	o.Hosts = slices.Clone(o.Hosts)
	for i, name := range o.Hosts {
		o.Hosts[i] = plainHost(name)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	largest := o.Limits.Memory / 2
	if o.Encoder != nil {
		if largest -= encodeBatch * fittedSize(o.Encoder.Size()); largest <= 0 {
			return nil, fmt.Errorf("serve: Memory is %d bytes, which %d pictures of %v pixels do not leave half of", o.Limits.Memory, encodeBatch, o.Encoder.Size())
		}
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{
		o: o, limits: index.Options{Dim: info.Dim, Metric: info.Metric}, base: base, cut: cut, foreign: http.NewCrossOriginProtection(), metrics: newMetrics(),
		places: make(chan struct{}, o.Limits.Requests), thumbs: make(chan struct{}, thumbsAtOnce), decodes: make(chan struct{}, runtime.GOMAXPROCS(0)),
		room:     newRoom(o.Limits.Memory / 2),
		pictures: semaphore.NewWeighted(o.Limits.Memory / 2), largest: largest,
	}
	s.encodes = newBatcher(encodeBatch, o.Limits.Requests, s.encodeAll)
	s.queries = newBatcher(queryBatch, o.Limits.Requests, s.searchAll)
	s.routes()
	s.ready.Store(true)
	return s, nil
}

// Close ends what works behind the handler, once no request is under way.
func (s *Server) Close() {
	s.ready.Store(false)
	s.underWay.Wait()
	s.closing.Do(func() {
		s.encodes.close()
		s.queries.close()
		s.cut()
	})
}

// Serve answers on a listener until the context ends. Then it takes no more requests, finishes
// those under way, for at most Limits.Stop, and closes the server. The index stays open.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer s.Close()
	defer s.cut()
	h := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.o.Limits.Header, ReadTimeout: s.o.Limits.Read,
		// The clock of writing starts when the header has been read.
		WriteTimeout: s.o.Limits.Read + s.o.Limits.Answer + 5*time.Second, IdleTimeout: s.o.Limits.Idle,
		MaxHeaderBytes: 16 << 10,
		BaseContext:    func(net.Listener) context.Context { return s.base },
		ErrorLog:       slog.NewLogLogger(s.o.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.ready.Store(false)
	patience, done := context.WithTimeout(s.base, s.o.Limits.Stop)
	defer done()
	err := h.Shutdown(patience)
	if errors.Is(err, context.DeadlineExceeded) {
		s.cut()
		h.Close()
		return fmt.Errorf("serve: some requests were cut off: they took longer than %v", s.o.Limits.Stop)
	}
	return err
}

// routes lists everything that is answered.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	for pattern, h := range map[string]handler{
		"POST /v1/search":          s.search,
		"POST /v1/items":           s.add,
		"GET /v1/items/{id...}":    s.get,
		"DELETE /v1/items/{id...}": s.remove,
		"GET /v1/thumb/{id...}":    s.thumb,
		"GET /v1/info":             s.info,
	} {
		s.mux.Handle(pattern, s.bounded(h))
	}
	for pattern, h := range map[string]handler{
		"GET /healthz": s.health,
		"GET /readyz":  s.readiness,
		"GET /metrics": s.figures,
	} {
		s.mux.Handle(pattern, s.answered(h))
	}
	s.pages()
}

// private tells whether clients are to know nothing of a field.
func (s *Server) private(field string) bool { return slices.Contains(s.o.Private, field) }
