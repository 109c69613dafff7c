package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Every caller gets its own results, whatever was done together.
func TestBatcher(t *testing.T) {
	var sizes []int
	b := NewBatcher(8, 100, func(in []int) ([]string, error) {
		sizes = append(sizes, len(in))
		time.Sleep(100 * time.Microsecond)
		if slices.Contains(in, 13) {
			return nil, errors.New("thirteen")
		}
		out := make([]string, len(in))
		for i, v := range in {
			out[i] = strconv.Itoa(v)
		}
		return out, nil
	})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			out, err := b.Do(t.Context(), nil, i, i+1)
			bad := i == 13 || i == 12
			if bad != (err != nil) || !bad && (out[0] != strconv.Itoa(i) || out[1] != strconv.Itoa(i+1)) {
				t.Errorf("call %d: %v %v", i, out, err)
			}
		})
	}
	all.Wait()
	b.Close()
	if slices.Max(sizes) < 4 {
		t.Errorf("of %d pieces of work the largest has %d parts; calls that wait are to be joined", len(sizes), slices.Max(sizes))
	}
	if slices.Max(sizes) > 8 {
		t.Errorf("a piece of work has %d parts, more than 8", slices.Max(sizes))
	}
}

// A caller that has gone is not waited for, and what nobody waits for is not done.
func TestBatcherLeaving(t *testing.T) {
	hold, done := make(chan struct{}), []int{}
	b := NewBatcher(1, 10, func(in []int) ([]int, error) {
		<-hold
		done = append(done, in...)
		return in, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			if _, err := b.Do(ctx, nil, i); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	for b.length() < 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	all.Wait()
	close(hold)
	if _, err := b.Do(t.Context(), nil, 7); err != nil {
		t.Error(err)
	}
	b.Close()
	if len(done) != 2 || done[1] != 7 {
		t.Errorf("the work was done for %v; want the first, which was begun, and 7", done)
	}
}

// What failed together is tried alone, but not once the work is out of time, nor for a caller that has gone.
func TestBatcherRepeats(t *testing.T) {
	for _, c := range []struct {
		err  error
		gone bool
		want string
	}{
		{errors.New("wrong"), false, "[[1 2 3] [1] [2] [3]]"},
		{errors.New("wrong"), true, "[[1 2 3] [1] [3]]"},
		{context.DeadlineExceeded, false, "[[1 2 3]]"},
		{fmt.Errorf("index: %w", context.Canceled), false, "[[1 2 3]]"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var tried [][]int
		b := &Batcher[int, int]{work: func(in []int) ([]int, error) {
			if tried = append(tried, in); c.gone {
				cancel()
			}
			return nil, c.err
		}}
		batch := []*call[int, int]{{ctx: t.Context(), in: []int{1}}, {ctx: ctx, in: []int{2}}, {ctx: t.Context(), in: []int{3}}}
		b.together(batch)
		cancel()
		if got := fmt.Sprint(tried); got != c.want {
			t.Errorf("%v: tried %s, want %s", c.err, got, c.want)
		}
		for _, call := range batch {
			if call.err == nil {
				t.Errorf("%v: no error for %v", c.err, call.in)
			}
		}
	}
}

// What a call holds is free when it was worked on or left out. Of one that is worked on that is not when its caller goes.
func TestBatcherFrees(t *testing.T) {
	hold, freed := make(chan struct{}), make(chan int, 3)
	b := NewBatcher(1, 1, func(in []int) ([]int, error) {
		<-hold
		return in, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 3 { // one at work, two in the queue
		all.Go(func() {
			if _, err := b.Do(ctx, func() { freed <- i }, i); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	for b.length() < 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	all.Wait()
	if len(freed) != 2 {
		t.Errorf("%d calls are free while one is held", len(freed))
	}
	close(hold)
	b.Close()
	if len(freed) != 3 {
		t.Errorf("%d of 3 calls are free", len(freed))
	}
}

func TestBatcherResults(t *testing.T) {
	b := NewBatcher(1, 1, func([]int) ([]int, error) { return nil, nil })
	defer b.Close()
	if _, err := b.Do(t.Context(), nil, 1); err == nil {
		t.Error("results that are missing are no error")
	}
}

// Calls that do not go together are worked on apart, with the oldest first; items bound what goes together, and a call with more goes alone.
func TestBatcherJoins(t *testing.T) {
	begun, hold := make(chan struct{}, 10), make(chan struct{})
	var worked [][]int
	rules := Rules[int]{Joins: func(a, b int) bool { return a%2 == b%2 }, Items: func(v int) int { return v / 10 }}
	b := NewJoined(Queue{Items: 5, Calls: 10}, rules, func(in []int) ([]int, error) {
		begun <- struct{}{}
		<-hold
		worked = append(worked, slices.Clone(in))
		return in, nil
	})
	var all sync.WaitGroup
	for i, v := range []int{90, 20, 31, 22, 34, 14, 21} { // the first is at work, the others come meanwhile
		all.Go(func() {
			if out, err := b.Do(t.Context(), nil, v); err != nil || out[0] != v {
				t.Errorf("%d gives %v, %v", v, out, err)
			}
		})
		if i == 0 {
			<-begun
			continue
		}
		for b.length() < i {
			time.Sleep(time.Millisecond)
		}
	}
	close(hold)
	all.Wait()
	b.Close()
	if got, want := fmt.Sprint(worked), "[[90] [20 22 14] [31 21] [34]]"; got != want {
		t.Errorf("worked on together are %s, want %s", got, want)
	}
	if _, err := b.Do(t.Context(), nil, 1); !errors.Is(err, errClosed) {
		t.Errorf("a call after the end: %v", err)
	}
}
