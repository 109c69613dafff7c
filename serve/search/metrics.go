package search

import (
	"context"
	"time"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what is done with the index, for Prometheus.
type metrics struct {
	encode, search    prometheus.Histogram // a batch's seconds
	pictures, queries prometheus.Counter
	index             index.Index
	items             *prometheus.Desc
}

func newMetrics(x index.Index) *metrics {
	seconds := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: serve.Buckets})
	}
	count := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	return &metrics{
		encode:   seconds("energo_encode_seconds", "Time of the network on a batch of pictures."),
		search:   seconds("energo_search_seconds", "Time of the index on a batch of queries."),
		pictures: count("energo_encoded_pictures_total", "Pictures that went through the network."),
		queries:  count("energo_queries_total", "Queries that were searched for."),
		index:    x,
		items:    prometheus.NewDesc("energo_items", "Items of the index.", nil, nil),
	}
}

// encoded and searched count batches.
func (m *metrics) encoded(n int, took time.Duration)  { batch(m.encode, m.pictures, n, took) }
func (m *metrics) searched(n int, took time.Duration) { batch(m.search, m.queries, n, took) }

func batch(seconds prometheus.Histogram, total prometheus.Counter, n int, took time.Duration) {
	seconds.Observe(took.Seconds())
	total.Add(float64(n))
}

// Describe says that the number of items is collected.
func (m *metrics) Describe(to chan<- *prometheus.Desc) { to <- m.items }

// askTime is how long the index may take to say how many items it has.
const askTime = 2 * time.Second

// Collect asks the index, which may be on another machine. Where it does not answer there is no number.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	if info, err := m.index.Info(ctx); err == nil {
		to <- prometheus.MustNewConstMetric(m.items, prometheus.GaugeValue, float64(info.Len))
	}
}
