package serve

import (
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counted is the value of a counter.
func counted(t *testing.T, m *QueueMetrics, name string) float64 {
	t.Helper()
	r := prometheus.NewRegistry()
	r.MustRegister(m)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

// What a queue does is counted, as long as it is open.
func TestQueueMetrics(t *testing.T) {
	m := NewQueueMetrics("test")
	b := NewQueued(Queue{Name: "m", Items: 4, Calls: 2, Metrics: m}, func(in []int) ([]int, error) { return in, nil })
	if _, err := b.Do(t.Context(), nil, 1, 2, 3); err != nil {
		t.Fatal(err)
	}
	if n := counted(t, m, "energo_test_items_total"); n != 3 {
		t.Errorf("%v items are counted", n)
	}
	b.Close()
	if len(m.lengths) != 0 {
		t.Error("a closed queue is counted")
	}
}

// With a wait, calls that come one after the other are joined, a full batch waits for nobody, and no call waits longer.
func TestQueueWait(t *testing.T) {
	var sizes []int
	const wait = 200 * time.Millisecond
	b := NewQueued(Queue{Name: "m", Items: 3, Calls: 10, Wait: wait}, func(in []int) ([]int, error) {
		sizes = append(sizes, len(in))
		return in, nil
	})
	start := time.Now()
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			time.Sleep(time.Duration(i) * time.Millisecond)
			if _, err := b.Do(t.Context(), nil, i); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if took := time.Since(start); len(sizes) == 1 && took >= wait {
		t.Errorf("a full batch waited %v", took)
	}
	if len(sizes) != 1 || sizes[0] != 3 {
		t.Errorf("three calls within the wait were done as %v", sizes)
	}
	start = time.Now()
	if _, err := b.Do(t.Context(), nil, 9); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took < wait {
		t.Errorf("a call alone waited %v for others, not %v", took, wait)
	}
	b.Close()
}

func TestQueueCheck(t *testing.T) {
	q := Queue{}
	if err := q.Check(); err != nil || q.Items != 32 || q.Calls != 64 {
		t.Errorf("defaults %+v, %v", q, err)
	}
	for _, q := range []Queue{{Items: -1}, {Calls: 1 << 17}, {Wait: -1}, {Wait: time.Hour}} {
		if q.Check() == nil {
			t.Errorf("%+v is taken", q)
		}
	}
}
