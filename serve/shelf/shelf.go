package shelf

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/energo-ml/energo/serve/wire"
)

// Item is a model as it is put on a shelf.
type Item[T any] struct {
	Model T
	// Warm runs the model once, so that it is as fast as later when it is first asked; nil does nothing. A model whose warm-up fails is closed
	// and not served.
	Warm func(ctx context.Context) error
	// Close ends the model, once no request uses it; nil does nothing.
	Close func() error
	// Places are requests that use the model or wait for it; more are refused with status 429. 0 is DefaultPlaces.
	Places int
	// Runs are requests that use the model at once, while others wait; 0 is as many as Places.
	Runs int
}

// DefaultPlaces are the places of a model that does not say how many.
const DefaultPlaces = 64

// MaxPlaces bounds Item.Places.
const MaxPlaces = 1 << 16

// Shelf holds models by name. Make one by [New].
type Shelf[T any] struct {
	what string
	log  *slog.Logger

	ctx  context.Context // of warming up
	cut  context.CancelFunc
	busy sync.WaitGroup // models that are on the shelf, warmed up, or still in use

	mu     sync.Mutex
	slots  map[string]*slot[T]
	closed bool
}

// slot is what is known of a name.
type slot[T any] struct {
	model    *model[T] // nil while the first one is warmed up
	last     *model[T] // put last; the same as model once it is warm
	rejected uint64    // of all models that had the name
}

// model is one that was put.
type model[T any] struct {
	Item[T]
	name string
	// Under the shelf's mutex:
	users   int  // requests that have taken it
	placed  int  // those that have entered
	retired bool // it is not on the shelf any more
	running chan struct{}
}

// New returns a shelf without models. what is the kind of thing that is on it, for messages: "model".
func New[T any](what string, log *slog.Logger) *Shelf[T] {
	s := &Shelf[T]{what: what, log: log, slots: map[string]*slot[T]{}}
	s.ctx, s.cut = context.WithCancel(context.Background())
	return s
}

// maxName bounds names, in bytes.
const maxName = 128

// goodName is what names are, which stand in paths.
var goodName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// CheckName refuses a name that a path cannot have: it must be of at most 128 letters, digits, _, - and ., and not begin with - or with a dot.
func CheckName(name string) error {
	if len(name) > maxName || !goodName.MatchString(name) {
		return fmt.Errorf("the name is %.140q; it must be of at most %d letters, digits, _, - and ., and not begin with - or with a dot", name, maxName)
	}
	return nil
}

// ErrReplaced is for a model that another one of its name, put later, or Drop or Close overtook while it was warmed up.
var ErrReplaced = errors.New("replaced before it was warm")

// Put has a model take a name once it is warmed up, which wait waits for. Until then what had the name is still served, and a name that is
// new is known, but not ready. Where the warm-up fails what was served stays, or the name is dropped if nothing was; wait says why. The item is
// closed by the shelf in any case, unless err is not nil.
// Errors: a name that [CheckName] refuses; Places or Runs below 0 or too many; a shelf that was closed.
func (s *Shelf[T]) Put(name string, item Item[T]) (wait func() error, err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if item.Places == 0 {
		item.Places = DefaultPlaces
	}
	if item.Runs == 0 {
		item.Runs = item.Places
	}
	if min(item.Places, item.Runs) < 0 || item.Places > MaxPlaces {
		return nil, fmt.Errorf("%s %s: Places are %d and Runs %d; they must be from 1 to %d, or 0 for their defaults", s.what, name, item.Places, item.Runs, MaxPlaces)
	}
	m := &model[T]{Item: item, name: name, running: make(chan struct{}, min(item.Runs, item.Places))}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%s %s: the shelf was closed", s.what, name)
	}
	if s.slots[name] == nil {
		s.slots[name] = &slot[T]{}
	}
	s.slots[name].last = m
	s.busy.Add(1)
	result, done := error(nil), make(chan struct{})
	go func() {
		defer close(done)
		result = s.settle(m, guarded(s.ctx, item.Warm))
	}()
	return func() error {
		<-done
		return result
	}, nil
}

// guarded warms a model up. A panic is an error: it must not end the program.
func guarded(ctx context.Context, warm func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	if warm == nil {
		return nil
	}
	return warm(ctx)
}

// settle has a model that was warmed up take its name, unless that failed or something later has it.
func (s *Shelf[T]) settle(m *model[T], failed error) error {
	s.mu.Lock()
	at := s.slots[m.name]
	switch {
	case at == nil || at.last != m:
		failed = ErrReplaced
	case failed != nil && at.model == nil:
		delete(s.slots, m.name)
	case failed != nil:
		at.last = at.model
	}
	old := m
	if failed == nil {
		old, at.model = at.model, m
	}
	last := retire(old)
	s.mu.Unlock()
	if last {
		s.end(old)
	}
	return failed
}

// retire takes a model, which may be nil, off the shelf; last tells that nobody uses it, so that it is to be ended. The mutex is held.
func retire[T any](m *model[T]) (last bool) {
	if m == nil {
		return false
	}
	m.retired = true
	return m.users == 0
}

// end closes a model that is off the shelf and that nobody uses.
func (s *Shelf[T]) end(m *model[T]) {
	defer s.busy.Done()
	if m.Close == nil {
		return
	}
	if err := m.Close(); err != nil {
		s.log.Error("a "+s.what+" could not be closed", "name", m.name, "error", err)
	}
}

// Drop takes a name off the shelf; ok is false where it is not there. The model is closed once the requests that have taken it are done.
func (s *Shelf[T]) Drop(name string) (ok bool) {
	s.mu.Lock()
	at := s.slots[name]
	if at == nil {
		s.mu.Unlock()
		return false
	}
	delete(s.slots, name)
	last := retire(at.model)
	s.mu.Unlock()
	if last {
		s.end(at.model)
	}
	return true
}

// Close drops all names, and waits until all models are closed.
func (s *Shelf[T]) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cut()
	for _, name := range s.Names() {
		s.Drop(name)
	}
	s.busy.Wait()
}

// Names are those on the shelf in order, with those that are not ready yet.
func (s *Shelf[T]) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.slots))
}

// Ready says why a name cannot be taken: status 404, or 503 while it is warmed up. It is nil if it can.
func (s *Shelf[T]) Ready(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.at(name)
	return err
}

// AllReady says which name cannot be taken yet; nil if all can.
func (s *Shelf[T]) AllReady() error {
	for _, name := range s.Names() {
		var p *wire.Problem
		if err := s.Ready(name); errors.As(err, &p) && p.Code == wire.CodeWarming {
			return err
		}
	}
	return nil
}

// States say how each name stands.
func (s *Shelf[T]) States() map[string]wire.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]wire.State{}
	for name := range s.slots {
		_, err := s.at(name)
		all[name] = wire.StateOf(err)
	}
	return all
}

// at is the model of a name. The mutex is held.
func (s *Shelf[T]) at(name string) (*model[T], error) {
	at := s.slots[name]
	switch {
	case at == nil && len(s.slots) == 0:
		return nil, wire.Absent("there is no %s %q; there are none", s.what, shown(name))
	case at == nil:
		return nil, wire.Absent("there is no %s %q; there are %s", s.what, shown(name), s.list())
	case at.model == nil:
		return nil, wire.Warming("the " + s.what + " " + name + " is being warmed up")
	}
	return at.model, nil
}

// shown is a name that a client sent.
func shown(name string) string { return fmt.Sprintf("%.140s", strings.ToValidUTF8(name, "?")) }

// mostListed is how many names a message has.
const mostListed = 20

// list names what is there.
func (s *Shelf[T]) list() string {
	names := slices.Sorted(maps.Keys(s.slots))
	if len(names) <= mostListed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostListed], ", "), len(names)-mostListed)
}
