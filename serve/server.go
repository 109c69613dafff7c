package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/serve/bearer"
	"github.com/energo-ml/energo/serve/openapi"
	"github.com/energo-ml/energo/serve/wire"
	"golang.org/x/sync/semaphore"
)

// Options say how a server answers, whatever its services are.
type Options struct {
	Hosts  []string     // names of this server, besides localhost and addresses in figures
	Log    *slog.Logger // of what went wrong on this side; nil is slog.Default()
	Access *slog.Logger // a line a request, of level Info, or Error where the server failed; nil: no such lines
	Limits Limits
	// Tokens is a file of tokens (package serve/bearer), one of which each request must have; without, everybody is answered.
	// It is read again when it changes.
	Tokens string
	TLS    TLS // of Serve; empty is HTTP without TLS
	// Origins are those of other servers whose pages may send requests, as "https://example.org"; "*" is all of them, and needs Tokens.
	Origins []string
}

// Limits bound what is taken from clients; a field that is 0 has the default.
type Limits struct {
	Body int64 // bytes of a request's body; 16 MiB
	// Memory is the bytes that all requests hold together, half of them for bodies and answers and half for pictures
	// that are decoded; 512 MiB, or what the largest body takes if that is more.
	Memory   int64
	Pixels   int // of a picture; data.MaxPicturePixels
	Requests int // worked on at once, more are refused; 128
	Streams  int // answers of routes with Stream at once, more are refused; 256
	// Header, Read, Answer and Idle are the longest times for a request's header from its first byte on (5 s), all of the
	// request (30 s), the answer once it was read (30 s), and a connection without requests, be it new or not (2 min).
	Header, Read, Answer, Idle time.Duration
	Stop                       time.Duration // for requests under way when the server is told to stop; 15 s
	Ping                       time.Duration // after which a stream without events sends a comment, so that proxies keep it; 15 s
}

// withDefaults returns the limits with defaults instead of zeros.
func (l Limits) withDefaults() (Limits, error) {
	orDefault(&l.Body, 16<<20)
	orDefault(&l.Memory, max(512<<20, memoryFor(l.Body)))
	orDefault(&l.Pixels, data.MaxPicturePixels)
	orDefault(&l.Requests, 128)
	orDefault(&l.Streams, 256)
	orDefault(&l.Header, 5*time.Second)
	orDefault(&l.Read, 30*time.Second)
	orDefault(&l.Answer, 30*time.Second)
	orDefault(&l.Idle, 2*time.Minute)
	orDefault(&l.Stop, 15*time.Second)
	orDefault(&l.Ping, 15*time.Second)
	if min(l.Body, l.Memory) < 0 || min(l.Pixels, l.Requests, l.Streams) < 0 || min(l.Header, l.Read, l.Answer, l.Idle, l.Stop, l.Ping) < 0 {
		return l, fmt.Errorf("serve: limits are %+v; each must be above 0, or 0 for its default", l)
	}
	if l.Body > maxBody || l.Memory > maxMemory || l.Pixels > maxPixels || max(l.Requests, l.Streams) > maxCount || max(l.Header, l.Read, l.Answer, l.Idle, l.Stop, l.Ping) > maxTime {
		return l, fmt.Errorf("serve: limits are %+v; at most %d bytes, %d pixels, %d requests and streams, and %v are allowed", l, int64(maxBody), maxPixels, maxCount, maxTime)
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

// Service is what a server answers with: an index, a model.
type Service interface {
	// Name is what /readyz calls it, another than that of other services: "search", a model's name.
	Name() string
	// Routes are the requests that it answers.
	Routes() []Route
	// Ready says why it cannot answer; nil if it can. It is asked often, and must be quick: ctx ends in two seconds.
	Ready(ctx context.Context) error
	// Close ends what works behind the routes, once no request is under way.
	Close()
}

// Route is one kind of request and what answers it.
type Route struct {
	Pattern string // as http.ServeMux takes it: "POST /v1/search"
	Do      Handler
	// Doc describes it for clients; without an ID it is not in the description, as pages for people are not.
	Doc openapi.Operation
	// Scope is the one that a token must have; "" is ScopeNone for a page (Plain, without Doc.ID), and otherwise read for GET and HEAD, write
	// for other methods. What is sent by POST and changes nothing sets bearer.ScopeRead.
	Scope bearer.Scope
	// Tell tells a client a problem, where a protocol has a form of its own for that, which Doc.Problem describes; nil is
	// that of RFC 9457.
	Tell func(p *wire.Problem, w http.ResponseWriter)
	// Plain is for what holds no memory and takes no time, as pages of the program: it is answered also where all
	// places are taken.
	Plain bool
	// Stream is for answers that last as long as the client likes: events ([Server.Events]), or a connection that is taken over
	// (http.ResponseController's Hijack), as for a WebSocket. They have no deadline, but Limits.Streams bounds their number; what is
	// written to w must be taken within Limits.Answer. The request's context ends when the server is told to stop, and the handler must return then.
	Stream bool
}

// Handler answers a request, or says why not: a wire.Problem for what the client is told in those words.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Server answers the requests of its services. Make one by [New].
type Server struct {
	o        Options
	mux      *http.ServeMux
	foreign  *http.CrossOriginProtection
	metrics  *metrics
	services []Service
	about    openapi.Document
	tell     map[string]func(*wire.Problem, http.ResponseWriter) // by pattern

	places   chan struct{} // one for each request that is worked on
	streams  chan struct{} // one for each stream
	room     *room
	pictures *semaphore.Weighted // bytes of pictures that are decoded
	decodes  chan struct{}       // one for each request whose pictures are decoded

	underWay sync.WaitGroup
	base     context.Context // of all work
	cut      context.CancelFunc
	serving  context.Context // of streams
	drain    context.CancelFunc
	watching sync.WaitGroup

	files       []reloader
	tokens      *kept[*bearer.List]    // nil without
	sessions    *sessions              // nil without tokens
	certificate *kept[tls.Certificate] // nil without
	ready       atomic.Bool
	closing     sync.Once
}

// New returns a server that serves nothing yet: see [Server.Mount]. Close it when its handler is not called any more;
// [Server.Serve] does. The context's values are those of all work; its end is not.
// Errors: limits below 0, or too large; a file of tokens or of a certificate that cannot be read, or is wrong; an origin that is not one.
func New(ctx context.Context, o Options) (*Server, error) {
	var err error
	if o.Limits, err = o.Limits.withDefaults(); err != nil {
		return nil, err
	}
	o.Hosts, o.Origins = slices.Clone(o.Hosts), slices.Clone(o.Origins)
	for i, name := range o.Hosts {
		o.Hosts[i] = plainHost(name)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{
		o: o, mux: http.NewServeMux(), base: base, cut: cut, foreign: http.NewCrossOriginProtection(),
		places: make(chan struct{}, o.Limits.Requests), streams: make(chan struct{}, o.Limits.Streams), decodes: make(chan struct{}, runtime.GOMAXPROCS(0)),
		room:     newRoom(o.Limits.Memory / 2),
		pictures: semaphore.NewWeighted(o.Limits.Memory / 2),
		tell:     map[string]func(*wire.Problem, http.ResponseWriter){},
	}
	s.serving, s.drain = context.WithCancel(base)
	s.metrics = newMetrics(s)
	if err := s.open(); err != nil {
		cut()
		return nil, err
	}
	s.about.Title, s.about.Description = "energo", "A server of energo. Problems are those of RFC 9457."
	for _, r := range append(s.ownRoutes(), s.sessionRoutes()...) {
		s.handle(r)
	}
	s.ready.Store(true)
	if len(s.files) > 0 {
		s.watching.Go(s.watch)
	}
	return s, nil
}

// open reads what decides who is answered.
func (s *Server) open() error {
	if s.o.Tokens != "" {
		if err := s.openTokens(s.o.Tokens); err != nil {
			return err
		}
	}
	if s.o.TLS != (TLS{}) {
		if err := s.openTLS(s.o.TLS); err != nil {
			return err
		}
	}
	return s.openOrigins()
}

// Mount adds a service, before the handler is called. It panics where two services have the same name, or the same route.
func (s *Server) Mount(service Service) {
	if slices.ContainsFunc(s.services, func(other Service) bool { return other.Name() == service.Name() }) {
		panic("serve: two services have the name " + service.Name())
	}
	s.services = append(s.services, service)
	for _, r := range service.Routes() {
		s.handle(r)
	}
}

// handle adds a route to what is answered, and to the description.
func (s *Server) handle(r Route) {
	if r.Tell == nil {
		r.Tell = (*wire.Problem).Tell
	}
	h := s.answered(r.Do, r.Tell)
	if !r.Plain {
		h = s.bounded(r)
	}
	scope := r.scope()
	s.mux.Handle(r.Pattern, s.allowed(scope, h, r.Tell))
	s.tell[r.Pattern] = r.Tell
	if r.Doc.ID == "" {
		return
	}
	always := []int{http.StatusForbidden, http.StatusMisdirectedRequest, http.StatusInternalServerError}
	if s.tokens != nil && scope != ScopeNone {
		always = append(always, http.StatusBadRequest, http.StatusUnauthorized)
		r.Doc.Scope = string(scope)
	}
	if !r.Plain {
		always = append(always, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	}
	if r.Doc.Body != nil {
		always = append(always, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	r.Doc.Refusals = slices.Concat(r.Doc.Refusals, always)
	s.about.Add(r.Pattern, r.Doc)
}

// Limits are those of the server, with defaults instead of zeros.
func (s *Server) Limits() Limits { return s.o.Limits }

// Log is where services say what went wrong on this side.
func (s *Server) Log() *slog.Logger { return s.o.Log }

// Context is that of work which belongs to no single request. It ends when the server is closed, or cut off.
func (s *Server) Context() context.Context { return s.base }

// Drain refuses new requests from now on and says so to those that ask whether the server is ready, so that what
// stands in front of it sends them elsewhere. Streams end.
func (s *Server) Drain() {
	s.ready.Store(false)
	s.drain()
}

// Close ends what works behind the handler, once no request is under way.
func (s *Server) Close() {
	s.Drain()
	s.underWay.Wait()
	s.closing.Do(func() {
		for _, service := range s.services {
			service.Close()
		}
		s.cut()
	})
	s.watching.Wait()
}

// Serve answers on a listener until the context ends. Then it takes no more requests, finishes
// those under way, for at most Limits.Stop, and closes the server. What the services serve stays open.
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
	if s.certificate != nil {
		h.TLSConfig = s.tlsConfig()
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(newArrivals(l, h.TLSConfig, s.o.Limits)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	s.Drain()
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
