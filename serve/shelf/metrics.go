package shelf

import (
	"github.com/prometheus/client_golang/prometheus"
)

// label is that of the name in metrics.
var label = []string{"model"}

var (
	readyDesc    = prometheus.NewDesc("energo_model_ready", "Whether the model of a name can be used.", label, nil)
	usingDesc    = prometheus.NewDesc("energo_model_requests", "Requests that use the model of a name.", label, nil)
	waitingDesc  = prometheus.NewDesc("energo_model_requests_waiting", "Requests that wait for the model of a name.", label, nil)
	rejectedDesc = prometheus.NewDesc("energo_model_rejected_total", "Requests that found all places of the model of a name taken.", label, nil)
)

// Register has a registry collect the metrics of the shelf's models, with the name of its service, which is another than that of other
// shelves: energo_model_ready, energo_model_requests, energo_model_requests_waiting and energo_model_rejected_total.
func (s *Shelf[T]) Register(to prometheus.Registerer, service string) error {
	return prometheus.WrapRegistererWith(prometheus.Labels{"service": service}, to).Register(s)
}

// Describe says which metrics are collected.
func (s *Shelf[T]) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readyDesc, usingDesc, waitingDesc, rejectedDesc} {
		to <- d
	}
}

// Collect tells how each name stands.
func (s *Shelf[T]) Collect(to chan<- prometheus.Metric) {
	for _, m := range s.figures() {
		to <- m
	}
}

func (s *Shelf[T]) figures() (all []prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, at := range s.slots {
		var ready, using, waiting float64
		if m := at.model; m != nil {
			ready, using = 1, float64(len(m.running))
			waiting = max(0, float64(m.placed)-using)
		}
		all = append(
			all,
			prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, ready, name),
			prometheus.MustNewConstMetric(usingDesc, prometheus.GaugeValue, using, name),
			prometheus.MustNewConstMetric(waitingDesc, prometheus.GaugeValue, waiting, name),
			prometheus.MustNewConstMetric(rejectedDesc, prometheus.CounterValue, float64(at.rejected), name),
		)
	}
	return all
}
