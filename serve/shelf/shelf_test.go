package shelf_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/energo-ml/energo/serve/shelf"
	"github.com/energo-ml/energo/serve/wire"
	"github.com/prometheus/client_golang/prometheus"
)

func newShelf() *shelf.Shelf[int] { return shelf.New[int]("model", slog.New(slog.DiscardHandler)) }

// put has a model take a name, and waits for it.
func put(t *testing.T, s *shelf.Shelf[int], name string, item shelf.Item[int]) {
	t.Helper()
	wait, err := s.Put(name, item)
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(); err != nil {
		t.Fatal(err)
	}
}

// status is that of a problem; 0 where there is no error.
func status(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var p *wire.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v is not a problem", err)
	}
	return p.Status
}

func take(t *testing.T, s *shelf.Shelf[int], name string) *shelf.Held[int] {
	t.Helper()
	h, err := s.Take(name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// What is replaced is closed when the last request that took it is done, and not before.
func TestReplaced(t *testing.T) {
	s := newShelf()
	closed := 0
	put(t, s, "a", shelf.Item[int]{Model: 1, Close: func() error { closed++; return nil }})
	first, second := take(t, s, "a"), take(t, s, "a")
	put(t, s, "a", shelf.Item[int]{Model: 2})
	if now := take(t, s, "a"); now.Model != 2 {
		t.Errorf("the model is %d, want 2", now.Model)
	} else {
		now.Done()
	}
	first.Done()
	first.Done()
	if first.Model != 1 || second.Model != 1 || closed != 0 {
		t.Fatalf("models %d and %d, closed %d times; want 1, 1 and 0", first.Model, second.Model, closed)
	}
	second.Done()
	s.Close()
	if closed != 1 {
		t.Fatalf("closed %d times, want 1", closed)
	}
	if _, err := s.Put("a", shelf.Item[int]{}); err == nil {
		t.Error("a closed shelf takes a model")
	}
}

// A name is not ready until its model is warm, and what it had before is served meanwhile, and where the warm-up fails.
func TestWarm(t *testing.T) {
	s := newShelf()
	defer s.Close()
	gate := make(chan error)
	warm := func(context.Context) error { return <-gate }
	wait, err := s.Put("a", shelf.Item[int]{Model: 1, Warm: warm})
	if err != nil {
		t.Fatal(err)
	}
	if got := status(t, s.Ready("a")); got != 503 {
		t.Errorf("status %d before it is warm, want 503", got)
	}
	if got := status(t, s.AllReady()); got != 503 {
		t.Errorf("status %d of all before it is warm, want 503", got)
	}
	if got := status(t, s.Ready("b")); got != 404 {
		t.Errorf("status %d of a name that is not there, want 404", got)
	}
	gate <- nil
	if err := errors.Join(wait(), s.Ready("a"), s.AllReady()); err != nil {
		t.Fatal(err)
	}
	closed := false
	wait, err = s.Put("a", shelf.Item[int]{Model: 2, Warm: warm, Close: func() error { closed = true; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if h := take(t, s, "a"); h.Model != 1 {
		t.Errorf("model %d while the next is warmed up, want 1", h.Model)
	} else {
		h.Done()
	}
	failure := errors.New("it fails")
	gate <- failure
	if err := wait(); !errors.Is(err, failure) || !closed {
		t.Fatalf("error %v, closed %v; want %v, true", err, closed, failure)
	}
	if h := take(t, s, "a"); h.Model != 1 {
		t.Errorf("model %d after a failure, want 1", h.Model)
	} else {
		h.Done()
	}
	wait, err = s.Put("c", shelf.Item[int]{Warm: func(context.Context) error { panic("no") }})
	if err != nil {
		t.Fatal(err)
	}
	if err := wait(); err == nil || !strings.Contains(err.Error(), "panic: no") {
		t.Errorf("error %v of a panic", err)
	}
	if got := status(t, s.Ready("c")); got != 404 {
		t.Errorf("status %d of a new name whose warm-up failed, want 404", got)
	}
}

// Of models that are put at the same time the last is served, whichever is warm first, and the others are closed.
func TestOvertaken(t *testing.T) {
	s := newShelf()
	gates := []chan struct{}{make(chan struct{}), make(chan struct{})}
	var closed [2]atomic.Bool
	var waits []func() error
	for i, gate := range gates {
		wait, err := s.Put("a", shelf.Item[int]{Model: i, Warm: func(context.Context) error { <-gate; return nil }, Close: func() error { closed[i].Store(true); return nil }})
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
	}
	close(gates[1])
	if err := waits[1](); err != nil {
		t.Fatal(err)
	}
	close(gates[0])
	if err := waits[0](); !errors.Is(err, shelf.ErrReplaced) || !closed[0].Load() || closed[1].Load() {
		t.Fatalf("error %v, closed %v and %v; want %v, true, false", err, closed[0].Load(), closed[1].Load(), shelf.ErrReplaced)
	}
	if h := take(t, s, "a"); h.Model != 1 {
		t.Errorf("model %d, want 1", h.Model)
	} else {
		h.Done()
	}
	if !s.Drop("a") || s.Drop("a") || !closed[1].Load() {
		t.Error("a model that was dropped is not closed, or is dropped twice")
	}
	s.Close()
}

// Places and runs are bounded by model.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		defer s.Close()
		put(t, s, "a", shelf.Item[int]{Places: 2, Runs: 1})
		put(t, s, "b", shelf.Item[int]{Places: 1})
		first, second, third := take(t, s, "a"), take(t, s, "a"), take(t, s, "a")
		defer third.Done()
		ctx, cancel := context.WithCancel(t.Context())
		if err := errors.Join(first.Enter(ctx), first.Enter(ctx)); err != nil {
			t.Fatal(err)
		}
		result := make(chan error)
		go func() { result <- second.Enter(ctx) }()
		synctest.Wait()
		if got := status(t, third.Enter(ctx)); got != 429 {
			t.Errorf("status %d of a third request, want 429", got)
		}
		other := take(t, s, "b")
		if err := other.Enter(ctx); err != nil {
			t.Errorf("another model: %v", err)
		}
		other.Done()
		if got := metric(t, s, "a"); got != [4]float64{1, 1, 1, 1} {
			t.Errorf("ready, using, waiting, rejected are %v, want 1 each", got)
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v of one that does not wait any more", err)
		}
		go func() { result <- second.Enter(t.Context()) }()
		synctest.Wait()
		first.Leave()
		if err := <-result; err != nil {
			t.Error(err)
		}
		second.Done()
		first.Done()
		if got := metric(t, s, "a"); got != [4]float64{1, 0, 0, 1} {
			t.Errorf("ready, using, waiting, rejected are %v at the end, want 1, 0, 0, 1", got)
		}
	})
}

// metric is what Prometheus is told of a name.
func metric(t *testing.T, s *shelf.Shelf[int], name string) (out [4]float64) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := s.Register(r, "test"); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{"energo_model_ready": 0, "energo_model_requests": 1, "energo_model_requests_waiting": 2, "energo_model_rejected_total": 3}
	for _, f := range families {
		for _, m := range f.Metric {
			if m.Label[0].GetValue() == name {
				out[at[f.GetName()]] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return out
}

// Only is for shelves with one model.
func TestOnly(t *testing.T) {
	s := newShelf()
	defer s.Close()
	if _, err := s.Only(); status(t, err) != 404 {
		t.Errorf("error %v of an empty shelf", err)
	}
	put(t, s, "a", shelf.Item[int]{Model: 7})
	if h, err := s.Only(); err != nil || h.Model != 7 {
		t.Fatalf("error %v", err)
	} else {
		h.Done()
	}
	put(t, s, "b", shelf.Item[int]{})
	if _, err := s.Only(); status(t, err) != 404 || !strings.Contains(err.Error(), "a, b") {
		t.Errorf("error %v, want one that names a and b", err)
	}
}

// Names that a path cannot have, and bounds, are refused.
func TestRefused(t *testing.T) {
	s := newShelf()
	defer s.Close()
	for _, name := range []string{"", ".", "..", "../x", "a/b", "%2e%2e", "-a", "a b", "é", "a\x00", strings.Repeat("a", 129)} {
		if _, err := s.Put(name, shelf.Item[int]{}); err == nil {
			t.Errorf("the name %q is taken", name)
		}
	}
	for _, item := range []shelf.Item[int]{{Places: -1}, {Runs: -1}, {Places: shelf.MaxPlaces + 1}} {
		if _, err := s.Put("a", item); err == nil {
			t.Errorf("%+v is taken", item)
		}
	}
}

// Requests never fail, and never see a closed model, while it is replaced over and over. All that was opened is closed.
func TestReplacedUnderLoad(t *testing.T) {
	type box struct{ closed atomic.Bool }
	s := shelf.New[*box]("model", slog.New(slog.DiscardHandler))
	var open atomic.Int64
	replace := func() {
		b := &box{}
		open.Add(1)
		wait, err := s.Put("a", shelf.Item[*box]{Model: b, Close: func() error { b.closed.Store(true); open.Add(-1); return nil }})
		if err == nil {
			err = wait()
		}
		if err != nil {
			t.Error(err)
		}
	}
	replace()
	var all sync.WaitGroup
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	for range 8 {
		all.Go(func() {
			for ctx.Err() == nil {
				h, err := s.Take("a")
				if err == nil {
					err = h.Enter(context.Background())
				}
				if err != nil {
					t.Error(err)
					return
				}
				if h.Model.closed.Load() {
					t.Error("a request has a closed model")
				}
				h.Done()
			}
		})
	}
	for ctx.Err() == nil {
		replace()
	}
	all.Wait()
	s.Close()
	if n := open.Load(); n != 0 {
		t.Errorf("%d models are open at the end", n)
	}
}
