package serve

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Queue says how the calls of a Batcher wait for it and for one another.
type Queue struct {
	Name    string        // of the model, in metrics
	Items   int           // that are worked on together; a call with more goes alone
	Calls   int           // that are made at once at most, which is the caller's to see to
	Wait    time.Duration // for which a call waits for others to join it; with 0 only those join that wait anyway
	Metrics *QueueMetrics // nil for none
}

// The largest queues.
const (
	maxQueueItems = 1 << 16
	maxQueueCalls = 1 << 16
	maxQueueWait  = time.Minute
)

// Check puts defaults instead of zeros: 32 items and 64 calls.
// Errors: what is below 0, or above 65,536 items, 65,536 calls or a minute.
func (q *Queue) Check() error {
	for _, v := range []struct {
		name           string
		value          *int
		standard, most int
	}{{"Items", &q.Items, 32, maxQueueItems}, {"Calls", &q.Calls, 64, maxQueueCalls}} {
		orDefault(v.value, v.standard)
		if *v.value < 1 || *v.value > v.most {
			return fmt.Errorf("serve: %s of a queue is %d; it must be from 1 to %d, or 0 for its default", v.name, *v.value, v.most)
		}
	}
	if q.Wait < 0 || q.Wait > maxQueueWait {
		return fmt.Errorf("serve: Wait of a queue is %v; it must be from 0 to %v", q.Wait, maxQueueWait)
	}
	return nil
}

// QueueMetrics counts what the queues of a service do, for Prometheus, by the names of their models. A nil one counts nothing.
type QueueMetrics struct {
	run, queue, company, batch *prometheus.HistogramVec
	items                      *prometheus.CounterVec
	most                       *prometheus.GaugeVec
	length                     *prometheus.Desc

	mu      sync.Mutex
	lengths map[string]*func() int
}

// NewQueueMetrics returns those of a service, whose name stands in the metrics'. They are collected once they are registered.
func NewQueueMetrics(service string) *QueueMetrics {
	label := []string{"model"}
	name := func(end string) string { return "energo_" + service + "_" + end }
	histogram := func(end, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name(end), Help: help, Buckets: buckets}, label)
	}
	m := &QueueMetrics{
		run:     histogram("seconds", "Time of a model on a batch of requests.", Buckets),
		queue:   histogram("queue_seconds", "Time of a request in the queue of its model.", Buckets),
		company: histogram("added_wait_seconds", "Time for which a model that had nothing else to do let a batch wait for more requests.", Buckets),
		batch:   histogram("batch_requests", "Requests of a batch.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}),
		items:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: name("items_total"), Help: "Pictures, texts, sentences or rows that went through a model; inputs that are not joined with others are one."}, label),
		most:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name("max_wait_seconds"), Help: "The longest time for which a request waits for others to join it: a setting."}, label),
		length:  prometheus.NewDesc(name("queue_length"), "Requests that wait for a model.", label, nil),
		lengths: map[string]*func() int{},
	}
	return m
}

// parts are what is collected, besides the lengths of the queues.
func (m *QueueMetrics) parts() []prometheus.Collector {
	return []prometheus.Collector{m.run, m.queue, m.company, m.batch, m.items, m.most}
}

// Describe implements prometheus.Collector.
func (m *QueueMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, c := range m.parts() {
		c.Describe(to)
	}
	to <- m.length
}

// Collect implements prometheus.Collector.
func (m *QueueMetrics) Collect(to chan<- prometheus.Metric) {
	for _, c := range m.parts() {
		c.Collect(to)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for model, length := range m.lengths {
		to <- prometheus.MustNewConstMetric(m.length, prometheus.GaugeValue, float64((*length)()), model)
	}
}

// add counts a queue from now on, instead of one of the same model that it replaces.
func (m *QueueMetrics) add(q *Queue, length func() int) (remove func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := &length
	m.lengths[q.Name] = own
	m.most.WithLabelValues(q.Name).Set(q.Wait.Seconds())
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.lengths[q.Name] == own {
			delete(m.lengths, q.Name)
			m.most.DeleteLabelValues(q.Name)
		}
	}
}

// Forget drops what was counted of a model that is not served any more.
func (m *QueueMetrics) Forget(model string) {
	for _, v := range []interface{ DeleteLabelValues(...string) bool }{m.run, m.queue, m.company, m.batch, m.items, m.most} {
		v.DeleteLabelValues(model)
	}
}

// queued counts a call that leaves its queue, waited a batch that waited for more, and ran one that was worked on.
func (m *QueueMetrics) queued(model string, took time.Duration) {
	if m != nil {
		m.queue.WithLabelValues(model).Observe(took.Seconds())
	}
}

func (m *QueueMetrics) waited(model string, took time.Duration) {
	if m != nil {
		m.company.WithLabelValues(model).Observe(took.Seconds())
	}
}

func (m *QueueMetrics) ran(model string, calls, items int, took time.Duration) {
	if m != nil {
		m.run.WithLabelValues(model).Observe(took.Seconds())
		m.batch.WithLabelValues(model).Observe(float64(calls))
		m.items.WithLabelValues(model).Add(float64(items))
	}
}
