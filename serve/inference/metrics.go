package inference

import (
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what the models do, for Prometheus.
type metrics struct {
	run, queue, company *prometheus.HistogramVec // seconds
	batch               *prometheus.HistogramVec // requests that went through together
	rows                *prometheus.CounterVec
	most                *prometheus.GaugeVec
}

func newMetrics() *metrics {
	label := []string{"model"}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, label)
	}
	return &metrics{
		run:     histogram("energo_inference_seconds", "Time of a model on a batch of requests.", serve.Buckets),
		queue:   histogram("energo_inference_queue_seconds", "Time of a request in the queue of its model.", serve.Buckets),
		company: histogram("energo_inference_added_wait_seconds", "Time for which a model that had nothing else to do let a batch wait for more requests.", serve.Buckets),
		batch:   histogram("energo_inference_batch_requests", "Requests of a batch.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}),
		rows:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "energo_inference_rows_total", Help: "Rows that went through a model; a request without a first dimension that is free is one."}, label),
		most:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "energo_inference_max_wait_seconds", Help: "The longest time for which a request of a model waits for others to join it: a setting."}, label),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.run, m.queue, m.company, m.batch, m.rows, m.most}
}

// forget drops what was counted of a model that is not served any more.
func (m *metrics) forget(model string) {
	for _, v := range []interface{ DeleteLabelValues(...string) bool }{m.run, m.queue, m.company, m.batch, m.rows, m.most} {
		v.DeleteLabelValues(model)
	}
}

// queued counts a request that leaves its queue, added a batch that waited for company, and ran a batch that was run.
func (m *metrics) queued(model string, took time.Duration) {
	m.queue.WithLabelValues(model).Observe(took.Seconds())
}

func (m *metrics) added(model string, waited time.Duration) {
	m.company.WithLabelValues(model).Observe(waited.Seconds())
}

func (m *metrics) ran(model string, requests, rows int, took time.Duration) {
	m.run.WithLabelValues(model).Observe(took.Seconds())
	m.batch.WithLabelValues(model).Observe(float64(requests))
	m.rows.WithLabelValues(model).Add(float64(rows))
}
