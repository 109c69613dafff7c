package simd

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A Job is work cut into numbered tasks. Do may run tasks in any order and on any
// worker, so a task must write only memory that no other task touches; worker is
// in [0, Threads()) and no two running tasks share it, so it may index scratch.
type Job interface {
	Do(task, worker int)
}

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
// into tasks is the caller's choice and must not depend on Threads.
func Run(n int, j Job) {
	w := min(Threads(), n)
	if w <= 1 {
		for i := range n {
			j.Do(i, 0)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for id := range w {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				j.Do(i, id)
			}
		})
	}
	wg.Wait()
}
