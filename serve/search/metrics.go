package search

import (
	"context"
	"sync"
	"time"

	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/shelf"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what is done with the indexes, for Prometheus.
type metrics struct {
	encode, search    *prometheus.HistogramVec // a batch's seconds
	pictures, queries *prometheus.CounterVec
	indexes           *shelf.Shelf[*store]
	items             *prometheus.Desc
}

func newMetrics(indexes *shelf.Shelf[*store]) *metrics {
	label := []string{"index"}
	seconds := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: serve.Buckets}, label)
	}
	count := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, label)
	}
	return &metrics{
		encode:   seconds("energo_encode_seconds", "Time of the network of an index on a batch of pictures."),
		search:   seconds("energo_search_seconds", "Time of an index on a batch of queries."),
		pictures: count("energo_encoded_pictures_total", "Pictures that went through the network of an index."),
		queries:  count("energo_queries_total", "Queries that were searched for in an index."),
		indexes:  indexes,
		items:    prometheus.NewDesc("energo_items", "Items of an index.", label, nil),
	}
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.encode, m.search, m.pictures, m.queries, m}
}

// forget drops what was counted of an index that is not served any more.
func (m *metrics) forget(index string) {
	for _, v := range []interface{ DeleteLabelValues(...string) bool }{m.encode, m.search, m.pictures, m.queries} {
		v.DeleteLabelValues(index)
	}
}

// metricsOf are those of one index.
type metricsOf struct {
	encode, search    prometheus.Observer
	pictures, queries prometheus.Counter
}

func (m *metrics) of(index string) *metricsOf {
	return &metricsOf{
		m.encode.WithLabelValues(index), m.search.WithLabelValues(index), m.pictures.WithLabelValues(index), m.queries.WithLabelValues(index),
	}
}

// encoded and searched count batches.
func (m *metricsOf) encoded(n int, took time.Duration)  { batch(m.encode, m.pictures, n, took) }
func (m *metricsOf) searched(n int, took time.Duration) { batch(m.search, m.queries, n, took) }

func batch(seconds prometheus.Observer, total prometheus.Counter, n int, took time.Duration) {
	seconds.Observe(took.Seconds())
	total.Add(float64(n))
}

// Describe says that the numbers of items are collected.
func (m *metrics) Describe(to chan<- *prometheus.Desc) { to <- m.items }

// askTime is how long the index may take to say how many items it has.
const askTime = 2 * time.Second

// Collect asks the indexes, which may be on other machines, all at once. Where one does not answer there is no number.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), askTime)
	defer cancel()
	var all sync.WaitGroup
	defer all.Wait()
	for _, name := range m.indexes.Names() {
		all.Go(func() {
			held, err := m.indexes.Take(name)
			if err != nil {
				return
			}
			defer held.Done()
			if info, err := held.Model.o.Index.Info(ctx); err == nil {
				to <- prometheus.MustNewConstMetric(m.items, prometheus.GaugeValue, float64(info.Len), name)
			}
		})
	}
}
