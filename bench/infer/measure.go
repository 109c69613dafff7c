package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/energo-ml/energo/internal/peer"
	"github.com/energo-ml/energo/serve/client"
)

// result is a line: a server of a network under a number of clients. Rates are of the median round, times of all rounds.
type result struct {
	Model   string  `json:"model"`
	Server  string  `json:"server"`
	Clients int     `json:"clients"`
	PerSec  float64 `json:"per_second"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	P999    float64 `json:"p999_ms"`
	Cores   float64 `json:"server_cores"`  // processor time of the server, over the time
	PerCore float64 `json:"per_processor"` // requests in a second of the server's processor time
	Peak    float64 `json:"server_mib"`    // the most memory that it has had since it began
}

// tally is what the rounds of a server add up to.
type tally struct {
	rates []float64
	times []time.Duration
	spent time.Duration
	took  time.Duration
}

// measure measures all servers of a network.
func (s *settings) measure(dir string, m model) error {
	all, err := s.sides(dir, m)
	if err != nil {
		return err
	}
	defer end(all)
	input, err := s.agree(all, m)
	if err != nil {
		return err
	}
	body, length := request(input)
	for _, clients := range s.clients {
		tallies := make([]tally, len(all))
		for range s.rounds {
			for i, one := range all {
				if err := s.round(one, &tallies[i], clients, body, length); err != nil {
					return fmt.Errorf("%s: %w", one.name, err)
				}
			}
		}
		for i, one := range all {
			s.show(tallies[i].result(m, one, clients))
		}
	}
	return nil
}

// tolerance is how far apart outputs of two servers may be, of the largest.
const tolerance = 1e-3

// agree makes an input, and holds the servers' outputs to those of the first.
func (s *settings) agree(all []*side, m model) (input client.Tensor, err error) {
	ctx := context.Background()
	var first []float32
	for _, one := range all {
		c, err := client.New(one.URL, client.Options{})
		if err != nil {
			return input, err
		}
		if first == nil {
			about, err := c.Model(ctx, modelName)
			if err != nil {
				return input, err
			}
			if len(about.Inputs) != 1 {
				return input, fmt.Errorf("it has %d inputs; want one", len(about.Inputs))
			}
			if input, err = client.NewTensor(about.Inputs[0].Name, m.Shape, noise(m.Shape)); err != nil {
				return input, err
			}
		}
		out, err := c.Infer(ctx, modelName, []client.Tensor{input})
		if err != nil {
			return input, fmt.Errorf("%s: %w", one.name, err)
		}
		got, err := client.Elements[float32](out[0])
		if err != nil {
			return input, fmt.Errorf("%s: %w", one.name, err)
		}
		if first == nil {
			first = got
		}
		if d := distance(first, got); !(d <= tolerance) {
			return input, fmt.Errorf("%s gives another output than %s: %v of the largest apart", one.name, all[0].name, d)
		}
	}
	return input, nil
}

// noise are elements of a shape.
func noise(shape []int) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// distance is the largest difference over the largest element; NaN for other lengths.
func distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	apart, largest := 0.0, 0.0
	for i, x := range a {
		apart, largest = max(apart, math.Abs(float64(x)-float64(b[i]))), max(largest, math.Abs(float64(x)))
	}
	return apart / max(largest, math.SmallestNonzeroFloat64)
}

// lengthHeader says how long the JSON is that stands before the bytes of tensors.
const lengthHeader = "Inference-Header-Content-Length"

// request is a body, and the length of its JSON.
func request(t client.Tensor) (body []byte, length string) {
	head, _ := json.Marshal(map[string]any{ // plain values: cannot fail
		"parameters": map[string]bool{"binary_data_output": true},
		"inputs":     []map[string]any{{"name": t.Name, "datatype": t.Datatype, "shape": t.Shape, "parameters": map[string]int{"binary_data_size": len(t.Raw)}}},
	})
	return slices.Concat(head, t.Raw), strconv.Itoa(len(head))
}

// round has clients ask a server one request after the other.
func (s *settings) round(one *side, to *tally, clients int, body []byte, length string) error {
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer web.CloseIdleConnections()
	times, failed := make([][]time.Duration, clients), make([]error, clients)
	var all sync.WaitGroup
	spent, begun := peer.Spent(one.cmd.Process.Pid), time.Now()
	end := begun.Add(s.time)
	for c := range clients {
		all.Go(func() {
			for time.Now().Before(end) && failed[c] == nil {
				start := time.Now()
				failed[c] = ask(web, one.URL, body, length)
				times[c] = append(times[c], time.Since(start))
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	to.spent += peer.Spent(one.cmd.Process.Pid) - spent
	to.took += took
	round := slices.Concat(times...)
	to.rates = append(to.rates, float64(len(round))/took.Seconds())
	to.times = append(to.times, round...)
	return errors.Join(failed...)
}

func ask(web *http.Client, url string, body []byte, length string) error {
	r, err := http.NewRequest(http.MethodPost, url+"/v2/models/"+modelName+"/infer", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	r.Header.Set(lengthHeader, length)
	answer, err := web.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return err
}

func (t *tally) result(m model, one *side, clients int) result {
	slices.Sort(t.rates)
	slices.Sort(t.times)
	at := func(share float64) float64 {
		return t.times[min(int(share*float64(len(t.times))), len(t.times)-1)].Seconds() * 1e3
	}
	return result{
		strings.TrimSuffix(filepath.Base(m.File), ".onnx"), one.name, clients, t.rates[len(t.rates)/2], at(0.5), at(0.99), at(0.999),
		t.spent.Seconds() / t.took.Seconds(), float64(len(t.times)) / t.spent.Seconds(), peer.Peak(one.cmd.Process.Pid),
	}
}

func (s *settings) show(r result) {
	if s.json {
		_ = json.NewEncoder(os.Stdout).Encode(r) // plain numbers and strings
		return
	}
	fmt.Printf("%-10s %-22s %3d clients %9.1f a second  p50 %8.2f ms  p99 %8.2f ms  p99.9 %8.2f ms  %.2f cores, %8.1f a processor's second  %5.0f MiB\n",
		r.Model, r.Server, r.Clients, r.PerSec, r.P50, r.P99, r.P999, r.Cores, r.PerCore, r.Peak)
}
