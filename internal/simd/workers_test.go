package simd

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// counter counts how often each task ran, and fails when two tasks share a worker.
type counter struct {
	t     *testing.T
	tasks []atomic.Int32
	taken []atomic.Bool
	inner func(task int)
}

func newCounter(t *testing.T, n int, inner func(int)) *counter {
	return &counter{t, make([]atomic.Int32, n), make([]atomic.Bool, max(Threads(), 1)), inner}
}

func (c *counter) Do(task, worker int) {
	if !c.taken[worker].CompareAndSwap(false, true) {
		c.t.Errorf("two tasks run as worker %d", worker)
	}
	c.tasks[task].Add(1)
	if c.inner != nil {
		c.inner(task)
	}
	c.taken[worker].Store(false)
}

func (c *counter) check() {
	c.t.Helper()
	for i := range c.tasks {
		if n := c.tasks[i].Load(); n != 1 {
			c.t.Errorf("task %d of %d ran %d times", i, len(c.tasks), n)
		}
	}
}

func withThreads(t *testing.T, n int) {
	SetThreads(n)
	t.Cleanup(func() { SetThreads(0) })
}

func TestRunDoesEachTaskOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		withThreads(t, threads)
		for n := range 50 {
			c := newCounter(t, n, nil)
			Run(n, c)
			c.check()
		}
		c := newCounter(t, 20, func(int) { time.Sleep(200 * time.Microsecond) })
		Run(20, c)
		c.check()
	}
}

func TestRunNested(t *testing.T) {
	withThreads(t, 3)
	for range 50 {
		outer := newCounter(t, 7, func(int) {
			c := newCounter(t, 5, func(int) {
				d := newCounter(t, 3, nil)
				Run(3, d)
				d.check()
			})
			Run(5, c)
			c.check()
		})
		Run(7, outer)
		outer.check()
	}
}

func TestRunConcurrently(t *testing.T) {
	withThreads(t, 4)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 200 {
				c := newCounter(t, n%9, nil)
				Run(n%9, c)
				c.check()
			}
		})
	}
	wg.Wait()
}

func TestRunAfterIdling(t *testing.T) {
	withThreads(t, 2)
	for range 30 {
		time.Sleep(time.Millisecond) // long enough for the helper to park
		c := newCounter(t, 4, func(int) { time.Sleep(100 * time.Microsecond) })
		Run(4, c)
		c.check()
	}
}

func TestRunPanics(t *testing.T) {
	withThreads(t, 3)
	for bad := range 6 {
		got := func() (v any) {
			defer func() { v = recover() }()
			Run(6, newCounter(t, 6, func(task int) {
				runtime.Gosched()
				if task == bad {
					panic("task failed")
				}
			}))
			return nil
		}()
		if got != "task failed" {
			t.Errorf("panic in task %d came out of Run as %v", bad, got)
		}
		c := newCounter(t, 6, nil) // and the pool still works
		Run(6, c)
		c.check()
	}
}

type nothing struct{}

func (nothing) Do(int, int) {}

func TestRunDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops items at random under the race detector")
	}
	withThreads(t, 2)
	Run(8, nothing{})
	if n := testing.AllocsPerRun(200, func() { Run(8, nothing{}) }); n != 0 {
		t.Errorf("%v allocations a Run", n)
	}
}

func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		Run(2, nothing{})
	}
}
