package serve

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Buckets are those of the histograms of times, in seconds.
var Buckets = []float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10}

// metrics counts what the server does, for Prometheus.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec   // by route and status
	seconds  *prometheus.HistogramVec // by route
	reloads  *prometheus.CounterVec   // by what was read and result
	handler  http.Handler
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "energo_http_requests_total", Help: "Requests that were answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "energo_http_request_seconds", Help: "Time from a request's header to the end of its answer, by route.", Buckets: Buckets,
		}, []string{"route"}),
		reloads: newReloads(),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.reloads,
		gauge("energo_http_requests_in_flight", "Requests that are worked on.", func() float64 { return float64(len(s.places)) }),
		gauge("energo_http_streams", "Streams that are open.", func() float64 { return float64(len(s.streams)) }),
		gauge("energo_http_requests_waiting", "Requests that wait for their clients to send or to take more.", func() float64 {
			_, waiting := s.room.figures()
			return float64(waiting)
		}),
		gauge("energo_http_held_bytes", "Memory that the bodies and answers of requests hold.", func() float64 {
			held, _ := s.room.figures()
			return float64(held)
		}),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return m
}

func gauge(name, help string, value func() float64) prometheus.GaugeFunc {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

// Registry is where services put metrics of their own.
func (s *Server) Registry() prometheus.Registerer { return s.metrics.registry }

// request counts one that was answered; route is "" where the path has no handler.
func (m *metrics) request(route string, status int, took time.Duration) {
	route = cmp.Or(route, "other")
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// answer answers with all metrics.
func (m *metrics) answer(w http.ResponseWriter, r *http.Request) error {
	m.handler.ServeHTTP(w, r)
	return nil
}
