package search

import (
	"strconv"
	"strings"
	"testing"
)

// The metrics are Prometheus's text, and count.
func TestMetrics(t *testing.T) {
	_, at := start(t, options(fixture()))
	file := pngOf(t, board(8, 9, 9, 9, 9))
	for range 3 {
		send(t, "POST", at+"/v1/search", "image/png", file).hits(t)
	}
	send(t, "POST", at+"/v1/search", "image/png", nil)
	send(t, "GET", at+"/%22%0A%7B%7D", "", nil)
	r := send(t, "GET", at+"/metrics", "", nil)
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Error(r.header)
	}
	values := parseMetrics(t, r.text)
	for name, want := range map[string]float64{
		`energo_http_requests_total{route="POST /v1/search",status="200"}`: 3,
		`energo_http_requests_total{route="POST /v1/search",status="422"}`: 1,
		`energo_http_requests_total{route="other",status="404"}`:           1,
		`energo_http_request_seconds_count{route="POST /v1/search"}`:       4,
		`energo_http_request_seconds_bucket{route="other",le="+Inf"}`:      1,
		`energo_encode_seconds_count{index="test"}`:                        3, `energo_search_seconds_count{index="test"}`: 3,
		`energo_encoded_pictures_total{index="test"}`: 3, `energo_queries_total{index="test"}`: 3, `energo_items{index="test"}`: 4, `energo_http_requests_in_flight`: 0,
	} {
		if got, ok := values[name]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", name, got, ok, want)
		}
	}
}

// parseMetrics holds the format's rules: a type before its samples, and buckets that only grow.
func parseMetrics(t *testing.T, text string) map[string]float64 {
	t.Helper()
	values, kinds := map[string]float64{}, map[string]string{}
	last := 0.0
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(strings.TrimSpace(rest), " ")
			kinds[name] = kind
			last = 0
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		cut := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[cut+1:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		name, _, _ := strings.Cut(line[:cut], "{")
		family := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && (kinds[base] == "histogram" || kinds[base] == "summary") {
				family = base
			}
		}
		if kinds[family] == "" {
			t.Errorf("%q has no type before it", line)
		}
		if strings.HasSuffix(name, "_bucket") {
			if v < last {
				t.Errorf("%q is less than the bucket before", line)
			}
			if last = v; strings.Contains(line, "+Inf") {
				last = 0
			}
		}
		if _, twice := values[line[:cut]]; twice {
			t.Errorf("%q comes twice", line)
		}
		values[line[:cut]] = v
	}
	return values
}
