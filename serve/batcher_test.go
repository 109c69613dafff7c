package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Every caller gets its own results, whatever was done together.
func TestBatcher(t *testing.T) {
	var sizes []int
	b := newBatcher(8, 100, func(in []int) ([]string, error) {
		sizes = append(sizes, len(in))
		time.Sleep(100 * time.Microsecond)
		if slices.Contains(in, 13) {
			return nil, errors.New("thirteen")
		}
		out := make([]string, len(in))
		for i, v := range in {
			out[i] = strconv.Itoa(v)
		}
		return out, nil
	})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			out, err := b.do(t.Context(), nil, i, i+1)
			bad := i == 13 || i == 12
			if bad != (err != nil) || !bad && (out[0] != strconv.Itoa(i) || out[1] != strconv.Itoa(i+1)) {
				t.Errorf("call %d: %v %v", i, out, err)
			}
		})
	}
	all.Wait()
	b.close()
	if slices.Max(sizes) < 4 {
		t.Errorf("of %d pieces of work the largest has %d parts; calls that wait are to be joined", len(sizes), slices.Max(sizes))
	}
	if slices.Max(sizes) > 8+1 {
		t.Errorf("a piece of work has %d parts, more than 8 and the rest of a call", slices.Max(sizes))
	}
}

// A caller that has gone is not waited for, and what nobody waits for is not done.
func TestBatcherLeaving(t *testing.T) {
	hold, done := make(chan struct{}), []int{}
	b := newBatcher(1, 10, func(in []int) ([]int, error) {
		<-hold
		done = append(done, in...)
		return in, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 3 {
		all.Go(func() {
			if _, err := b.do(ctx, nil, i); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	for len(b.queue) < 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	all.Wait()
	close(hold)
	if _, err := b.do(t.Context(), nil, 7); err != nil {
		t.Error(err)
	}
	b.close()
	if len(done) != 2 || done[1] != 7 {
		t.Errorf("the work was done for %v; want the first, which was begun, and 7", done)
	}
}

// What failed together is tried alone, but not once the work is out of time, nor for a caller that has gone.
func TestBatcherRepeats(t *testing.T) {
	for _, c := range []struct {
		err  error
		gone bool
		want string
	}{
		{errors.New("wrong"), false, "[[1 2 3] [1] [2] [3]]"},
		{errors.New("wrong"), true, "[[1 2 3] [1] [3]]"},
		{context.DeadlineExceeded, false, "[[1 2 3]]"},
		{fmt.Errorf("index: %w", context.Canceled), false, "[[1 2 3]]"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var tried [][]int
		b := &batcher[int, int]{work: func(in []int) ([]int, error) {
			if tried = append(tried, in); c.gone {
				cancel()
			}
			return nil, c.err
		}}
		batch := []*call[int, int]{{ctx: t.Context(), in: []int{1}}, {ctx: ctx, in: []int{2}}, {ctx: t.Context(), in: []int{3}}}
		b.together(batch)
		cancel()
		if got := fmt.Sprint(tried); got != c.want {
			t.Errorf("%v: tried %s, want %s", c.err, got, c.want)
		}
		for _, call := range batch {
			if call.err == nil {
				t.Errorf("%v: no error for %v", c.err, call.in)
			}
		}
	}
}

// What a call holds is free when it was worked on or left out, not when its caller goes.
func TestBatcherFrees(t *testing.T) {
	hold, freed := make(chan struct{}), make(chan int, 3)
	b := newBatcher(1, 1, func(in []int) ([]int, error) {
		<-hold
		return in, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 3 { // one at work, one in the queue, one in front of it
		all.Go(func() {
			if _, err := b.do(ctx, func() { freed <- i }, i); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
	for len(b.queue) < 1 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond)
	cancel()
	all.Wait()
	if len(freed) != 1 {
		t.Errorf("%d calls are free while two are held", len(freed))
	}
	close(hold)
	b.close()
	if len(freed) != 3 {
		t.Errorf("%d of 3 calls are free", len(freed))
	}
}

func TestBatcherResults(t *testing.T) {
	b := newBatcher(1, 1, func([]int) ([]int, error) { return nil, nil })
	defer b.close()
	if _, err := b.do(t.Context(), nil, 1); err == nil {
		t.Error("results that are missing are no error")
	}
}

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
		`energo_encode_seconds_count`:                                      3, `energo_search_seconds_count`: 3,
		`energo_encoded_pictures_total`: 3, `energo_queries_total`: 3, `energo_items`: 4, `energo_http_requests_in_flight`: 0,
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
			if base, ok := strings.CutSuffix(name, suffix); ok && kinds[base] == "histogram" {
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

// A histogram's bucket holds what is at most its bound.
func TestHistogram(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{0, 500 * time.Microsecond, 501 * time.Microsecond, time.Hour} {
		h.observe(d)
	}
	var b bytes.Buffer
	h.write(&b, "x", "")
	for _, want := range []string{`x_bucket{le="0.0005"} 2`, `x_bucket{le="0.001"} 3`, `x_bucket{le="10"} 3`, `x_bucket{le="+Inf"} 4`, "x_count 4"} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
	if math.Abs(h.sum-3600.001001) > 1e-9 {
		t.Error(fmt.Sprint(h.sum))
	}
}
