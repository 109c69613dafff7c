package simd

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// A Job is work cut into numbered tasks. Do may run tasks in any order and on any
// worker, so a task must write only memory that no other task touches; worker is
// in [0, Threads()) and no two running tasks of one Run share it, so it may index
// scratch. Do may call Run; it must not call runtime.Goexit.
type Job interface {
	Do(task, worker int)
}

// Waking a parked goroutine costs around a tenth of a millisecond, more than many
// kernels take. So a helper that has run out of work watches for more this long
// before it parks, and a caller watches for its last helper before it blocks.
const (
	helperSpin = 100 * time.Microsecond
	callerSpin = 200 * time.Microsecond
)

var threads atomic.Int32

// Threads returns the number of workers that Run uses: what SetThreads set, or else GOMAXPROCS.
func Threads() int {
	if n := int(threads.Load()); n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// SetThreads sets the number of workers; 0 means GOMAXPROCS. Results never depend on it.
func SetThreads(n int) { threads.Store(int32(max(n, 0))) }

// Run does tasks 0 to n-1 of j and returns when all are done. How the work is cut
// into tasks is the caller's choice, and must not depend on Threads where results depend on it.
//
// The calling goroutine takes part, beside up to Threads()-1 helpers that happen to
// be idle: Run never waits for a helper to become free, so it may be called from
// several goroutines at once and from within a task. The helpers are goroutines that
// are started when first needed and stay, parked, for the life of the program. A
// panic in a task stops the handing out of further tasks and comes out of Run. A
// warm Run does not allocate.
func Run(n int, j Job) {
	w := min(Threads(), n)
	if w <= 1 {
		for i := range n {
			j.Do(i, 0)
		}
		return
	}
	r := runs.Get().(*run)
	r.job, r.n = j, int64(n)
	offered := crew.offer(r, w-1)
	r.work()
	accepted := int32(offered - crew.revoke(r))
	if r.left.Add(accepted) != 0 {
		if w <= cores() {
			watch(callerSpin, func() bool { return r.left.Load() == 0 })
		}
		<-r.last
	}
	failure := r.failure.Load()
	r.reset()
	runs.Put(r)
	if failure != nil {
		panic(failure.value)
	}
}

// A run is one call of Run.
type run struct {
	job     Job
	n       int64
	next    atomic.Int64 // the next task to hand out
	ids     atomic.Int32 // the next worker's number
	left    atomic.Int32 // helpers that accepted less those that finished, once the caller has added the former
	last    chan struct{}
	failure atomic.Pointer[failure]
}

type failure struct{ value any }

var runs = sync.Pool{New: func() any { return &run{last: make(chan struct{}, 1)} }}

func (r *run) reset() {
	r.job = nil
	r.next.Store(0)
	r.ids.Store(0)
	r.left.Store(0)
	r.failure.Store(nil)
}

// work does tasks until none is left.
func (r *run) work() {
	defer r.catch()
	id := int(r.ids.Add(1)) - 1
	for {
		i := r.next.Add(1) - 1
		if i >= r.n {
			return
		}
		r.job.Do(int(i), id)
	}
}

// catch keeps the first panic for the caller and stops the run.
func (r *run) catch() {
	if v := recover(); v != nil {
		r.failure.CompareAndSwap(nil, &failure{v})
		r.next.Store(r.n)
	}
}

// A helper is a goroutine that lends a hand. A run is offered to it by putting it
// into mail, from where either the helper takes it or the caller takes it back.
type helper struct {
	mail   atomic.Pointer[run]
	parked atomic.Bool
	wake   chan struct{}
}

// busy is in the mail of a helper that is at work.
var busy = new(run)

type helpers struct {
	mu       sync.Mutex
	all      atomic.Pointer[[]*helper]
	spinning atomic.Int32
}

var crew helpers

// hire returns at least n helpers.
func (c *helpers) hire(n int) []*helper {
	if all := c.all.Load(); all != nil && len(*all) >= n {
		return *all
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*helper
	if old := c.all.Load(); old != nil {
		all = append(all, *old...)
	}
	for len(all) < n {
		h := &helper{wake: make(chan struct{}, 1)}
		all = append(all, h)
		go h.serve()
	}
	c.all.Store(&all)
	return all
}

// offer puts r into the mail of up to n idle helpers and returns of how many.
func (c *helpers) offer(r *run, n int) int {
	offered := 0
	for _, h := range c.hire(n) {
		if offered == n {
			break
		}
		if h.mail.CompareAndSwap(nil, r) {
			offered++
			if h.parked.CompareAndSwap(true, false) {
				h.wake <- struct{}{}
			}
		}
	}
	return offered
}

// revoke takes r back from the helpers that have not accepted it and returns their number.
func (c *helpers) revoke(r *run) int {
	revoked := 0
	for _, h := range *c.all.Load() {
		if h.mail.CompareAndSwap(r, nil) {
			revoked++
		}
	}
	return revoked
}

func (h *helper) serve() {
	for {
		r := h.mail.Load()
		if r == nil {
			h.wait()
			continue
		}
		if !h.mail.CompareAndSwap(r, busy) {
			continue // taken back
		}
		r.work()
		h.mail.Store(nil)
		if r.left.Add(-1) == 0 {
			r.last <- struct{}{}
		}
	}
}

// wait returns when there may be mail.
func (h *helper) wait() {
	filled := func() bool { return h.mail.Load() != nil }
	mail := false
	if crew.spinning.Add(1) < int32(cores()) {
		mail = watch(helperSpin, filled)
	}
	crew.spinning.Add(-1)
	if mail {
		return
	}
	h.parked.Store(true)
	if filled() && h.parked.CompareAndSwap(true, false) {
		return
	}
	<-h.wake
}

// watch polls done for the time given and reports whether it became true.
func watch(d time.Duration, done func() bool) bool {
	for start := time.Now(); ; {
		for range 64 {
			if done() {
				return true
			}
		}
		if time.Since(start) > d {
			return false
		}
	}
}

// cores returns how many goroutines can really run at once.
func cores() int { return min(runtime.GOMAXPROCS(0), runtime.NumCPU()) }
