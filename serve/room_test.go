package serve

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestRoom: what is taken is given back, whoever is cut off, and nobody waits for ever.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(800)
		begin := func() *visit {
			v := &visit{}
			r.await(v, func(time.Time) error {
				go func() { time.Sleep(time.Millisecond); r.leave(v) }()
				return nil
			})
			return v
		}
		first, second := begin(), begin()
		if !r.take(first, 400) || !r.take(second, 400) || r.take(begin(), 1) {
			t.Fatal("800 bytes are not 400, 400 and none")
		}
		time.Sleep(patience)
		third := begin()
		if !r.take(third, 500) || !first.cutOff || !second.cutOff || r.arrived(first) || !r.arrived(third) {
			t.Errorf("slow visits are not cut off: %+v, %+v", first, second)
		}
		if r.take(first, 1) {
			t.Error("one that was cut off is given more")
		}
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				v := begin()
				for r.take(v, 30) && v.held < 300 {
					time.Sleep(patience / 4)
				}
				if r.arrived(v) {
					r.leave(v)
				}
			})
		}
		all.Wait()
		r.leave(third)
		synctest.Wait()
		time.Sleep(time.Second)
		if r.free != 800 || r.leaving != 0 {
			t.Errorf("in the end %d bytes are free and %d leaving, of 800", r.free, r.leaving)
		}
	})
}
