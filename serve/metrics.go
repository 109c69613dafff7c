package serve

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// metrics counts what the server does, for Prometheus.
type metrics struct {
	mu       sync.Mutex
	requests map[routeStatus]uint64
	seconds  map[string]*histogram // by route
	encode   histogram             // a batch's
	search   histogram             // a batch's
	pictures uint64                // encoded
	queries  uint64                // searched for
}

type routeStatus struct {
	route  string
	status int
}

// bounds of the histograms' buckets, in seconds.
var bounds = [...]float64{0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10}

type histogram struct {
	counts [len(bounds) + 1]uint64
	sum    float64
}

func newMetrics() *metrics {
	return &metrics{requests: map[routeStatus]uint64{}, seconds: map[string]*histogram{}}
}

// request counts one that was answered; route is "" where the path has no handler.
func (m *metrics) request(route string, status int, took time.Duration) {
	route = cmp.Or(route, "other")
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[routeStatus{route, status}]++
	h := m.seconds[route]
	if h == nil {
		h = &histogram{}
		m.seconds[route] = h
	}
	h.observe(took)
}

// encoded and searched count batches.
func (m *metrics) encoded(n int, took time.Duration)  { m.batch(&m.encode, &m.pictures, n, took) }
func (m *metrics) searched(n int, took time.Duration) { m.batch(&m.search, &m.queries, n, took) }

func (m *metrics) batch(h *histogram, total *uint64, n int, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h.observe(took)
	*total += uint64(n)
}

func (h *histogram) observe(took time.Duration) {
	i, _ := slices.BinarySearch(bounds[:], took.Seconds())
	h.counts[i]++
	h.sum += took.Seconds()
}

// write writes the histogram's lines; labels are "" or end in a comma.
func (h *histogram) write(b *bytes.Buffer, name, labels string) {
	var total uint64
	for i, n := range h.counts {
		total += n
		bound := math.Inf(1)
		if i < len(bounds) {
			bound = bounds[i]
		}
		le := "+Inf"
		if !math.IsInf(bound, 1) {
			le = strconv.FormatFloat(bound, 'g', -1, 64)
		}
		fmt.Fprintf(b, "%s_bucket{%sle=%q} %d\n", name, labels, le, total)
	}
	if labels != "" {
		labels = "{" + labels[:len(labels)-1] + "}"
	}
	fmt.Fprintf(b, "%s_sum%s %v\n%s_count%s %d\n", name, labels, h.sum, name, labels, total)
}

// write writes everything in Prometheus's text format, in a fixed order.
func (m *metrics) write(b *bytes.Buffer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	describe(b, "energo_http_requests_total", "counter", "Requests that were answered, by route and status.")
	for _, k := range slices.SortedFunc(maps.Keys(m.requests), func(a, b routeStatus) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.status, b.status))
	}) {
		fmt.Fprintf(b, "energo_http_requests_total{route=%q,status=\"%d\"} %d\n", k.route, k.status, m.requests[k])
	}
	describe(b, "energo_http_request_seconds", "histogram", "Time from a request's header to the end of its answer, by route.")
	for _, route := range slices.Sorted(maps.Keys(m.seconds)) {
		m.seconds[route].write(b, "energo_http_request_seconds", fmt.Sprintf("route=%q,", route))
	}
	describe(b, "energo_encode_seconds", "histogram", "Time of the network on a batch of pictures.")
	m.encode.write(b, "energo_encode_seconds", "")
	describe(b, "energo_search_seconds", "histogram", "Time of the index on a batch of queries.")
	m.search.write(b, "energo_search_seconds", "")
	describe(b, "energo_encoded_pictures_total", "counter", "Pictures that went through the network.")
	fmt.Fprintf(b, "energo_encoded_pictures_total %d\n", m.pictures)
	describe(b, "energo_queries_total", "counter", "Queries that were searched for.")
	fmt.Fprintf(b, "energo_queries_total %d\n", m.queries)
}

func describe(b *bytes.Buffer, name, kind, help string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// figures answers with all metrics.
func (s *Server) figures(w http.ResponseWriter, r *http.Request) error {
	var b bytes.Buffer
	s.metrics.write(&b)
	describe(&b, "energo_http_requests_in_flight", "gauge", "Requests that are worked on.")
	fmt.Fprintf(&b, "energo_http_requests_in_flight %d\n", len(s.places))
	held, waiting := s.room.figures()
	describe(&b, "energo_http_requests_waiting", "gauge", "Requests that wait for their clients to send or to take more.")
	fmt.Fprintf(&b, "energo_http_requests_waiting %d\n", waiting)
	describe(&b, "energo_http_held_bytes", "gauge", "Memory that the bodies and answers of requests hold.")
	fmt.Fprintf(&b, "energo_http_held_bytes %d\n", held)
	ctx, cancel := context.WithTimeout(r.Context(), askTime)
	defer cancel()
	if info, err := s.o.Index.Info(ctx); err == nil {
		describe(&b, "energo_items", "gauge", "Items of the index.")
		fmt.Fprintf(&b, "energo_items %d\n", info.Len)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(b.Bytes())
	return nil
}
