// Command serve measures searches over HTTP: requests a second, and how long they take.
//
//	go run ./bench/serve                          # by vector, among 100,000 × 64
//	go run ./bench/serve -run runs/search-1       # by picture, too
//	go run ./bench/serve -url http://HOST:PORT    # a server that runs
//	go run ./bench/serve -url http://HOST:PORT -classify digits -clients 1,1000  # by /v1/classify, energo's or a peer's
//	go run ./bench/serve -url http://HOST:PORT -embed encoder -side 224          # vectors of pictures, by /v1/embeddings
//
// The server is in this process and the clients are, too, over loopback connections that stay open, so that
// they share the cores.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/search"
)

type settings struct {
	items, dim, k int
	run, url      string
	seconds       time.Duration
	clients       []int
	classify      string // the classifier that is asked, instead of an index
	embed         string // the encoder that is asked, instead of an index
	side          int    // pixels of a picture's side
	json          bool
}

// result is a line: what was asked, by how many clients at once.
type result struct {
	By       string  `json:"by"`
	Clients  int     `json:"clients"`
	Requests int     `json:"requests"`
	PerSec   float64 `json:"per_second"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p999_ms"`
	Max      float64 `json:"max_ms"`
}

func main() {
	s := settings{}
	flag.IntVar(&s.items, "items", 100_000, "items of the index")
	flag.IntVar(&s.dim, "dim", 64, "coordinates of a vector, without -run")
	flag.IntVar(&s.k, "k", 10, "hits of a search")
	flag.StringVar(&s.run, "run", "", "`folder` of a run whose network encodes pictures")
	flag.StringVar(&s.url, "url", "", "address of a server to measure instead of our own")
	flag.DurationVar(&s.seconds, "time", 3*time.Second, "how long each measurement takes")
	flag.StringVar(&s.classify, "classify", "", "`name` of a classifier to ask by pictures, at -url, instead of an index")
	flag.StringVar(&s.embed, "embed", "", "`name` of an encoder to ask for vectors of pictures, at -url, instead of an index")
	flag.IntVar(&s.side, "side", 28, "pixels of a picture's side")
	clients := flag.String("clients", "1,16", "how many ask at once, with commas between")
	flag.BoolVar(&s.json, "json", false, "print one JSON line a measurement")
	flag.Parse()
	s.clients = nil
	for text := range strings.SplitSeq(*clients, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "bench/serve: -clients is %q; it must be numbers above 0\n", *clients)
			os.Exit(2)
		}
		s.clients = append(s.clients, n)
	}
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, "bench/serve:", err)
		os.Exit(1)
	}
}

func run(s settings) error {
	if s.items < 1 || s.dim < 1 || s.k < 1 || s.side < 7 || s.seconds <= 0 {
		return errors.New("-items, -dim, -k and -time must be above 0, and -side above 6")
	}
	if s.classify+s.embed != "" && s.url == "" || s.classify != "" && s.embed != "" {
		return errors.New("-classify or -embed needs -url, the address of the server, and not the other")
	}
	at, stop := s.url, func() error { return nil }
	if at == "" {
		var err error
		if at, stop, err = start(&s); err != nil {
			return err
		}
	}
	return errors.Join(measureAll(s, at), stop())
}

// start serves an index of random vectors.
func start(s *settings) (at string, stop func() error, err error) {
	o := search.Options{}
	if s.run != "" {
		encoder, err := encode.Open(s.run)
		if err != nil {
			return "", nil, err
		}
		o.Encoder, s.dim = encoder, encoder.Dim()
	}
	dir, err := os.MkdirTemp("", "energo-bench-")
	if err != nil {
		return "", nil, err
	}
	x, err := index.Create(filepath.Join(dir, "index"), index.Options{Dim: s.dim})
	if err != nil {
		return "", nil, err
	}
	o.Index = x
	if err := fill(x, s.items, s.dim); err != nil {
		return "", nil, err
	}
	server, err := serve.New(context.Background(), serve.Options{})
	if err != nil {
		return "", nil, err
	}
	indexes, err := search.Mount(server, search.Bounds{})
	if err != nil {
		return "", nil, err
	}
	wait, err := indexes.Put("random", o)
	if err == nil {
		err = wait()
	}
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	return "http://" + l.Addr().String(), func() error {
		cancel()
		return errors.Join(<-ended, x.Close(), os.RemoveAll(dir))
	}, nil
}

func fill(x index.Index, n, dim int) error {
	rng := rand.New(rand.NewPCG(1, 2))
	var batch []index.Item
	for i := range n {
		batch = append(batch, index.Item{ID: fmt.Sprint(i), Label: fmt.Sprint(i % 10), Vector: vector(rng, dim)})
		if len(batch) == 4096 || i == n-1 {
			if err := x.Add(context.Background(), batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return nil
}

func vector(rng *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

// server is what GET /v1/info says of one.
type server struct {
	Index    index.Info `json:"index"`
	Pictures bool       `json:"pictures"`
}

// heading is the line over the results.
const heading = "%-8s %8s %10s %10s %10s %10s %10s\n"

func measureAll(s settings, at string) error {
	if by := s.kind(); by != "" {
		if !s.json {
			fmt.Printf(heading, "by", "clients", "a second", "p50 ms", "p99 ms", "p99.9 ms", "max ms")
		}
		for _, clients := range s.clients {
			if err := measure(s, at, by, clients, 0); err != nil {
				return err
			}
		}
		return nil
	}
	var about server
	r, err := http.Get(at + "/v1/info")
	if err != nil {
		return err
	}
	err = json.NewDecoder(r.Body).Decode(&about)
	r.Body.Close()
	if err != nil {
		return fmt.Errorf("%s/v1/info: %w", at, err)
	}
	if !s.json {
		fmt.Printf("%d items of %d coordinates, %d hits\n"+heading, about.Index.Len, about.Index.Dim, s.k, "by", "clients", "a second", "p50 ms", "p99 ms", "p99.9 ms", "max ms")
	}
	for _, by := range []string{"vector", "picture"} {
		if by == "picture" && !about.Pictures {
			log.Print("pictures are not measured: name a run with -run")
			continue
		}
		for _, clients := range s.clients {
			if err := measure(s, at, by, clients, about.Index.Dim); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind is what a model is asked for; "" for an index.
func (s *settings) kind() string {
	switch {
	case s.classify != "":
		return "class"
	case s.embed != "":
		return "embed"
	}
	return ""
}

// request makes a request, another one each time.
func (s *settings) request(by string, rng *rand.Rand, dim int) (path, kind string, text []byte, err error) {
	if by == "vector" {
		text, err = json.Marshal(map[string]any{"vector": vector(rng, dim), "k": s.k})
		return "/v1/search", "application/json", text, err
	}
	picture, err := bar(rng, s.side)
	switch {
	case err != nil:
		return "", "", nil, err
	case by == "class":
		return "/v1/classify?model=" + s.classify, "image/png", picture, nil
	case by == "embed":
		text, err = json.Marshal(map[string]string{"model": s.embed, "encoding_format": "base64", "input": "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)})
		return "/v1/embeddings", "application/json", text, err
	}
	return fmt.Sprint("/v1/search?k=", s.k), "image/png", picture, nil
}

// bar is a picture of an upright bar.
func bar(rng *rand.Rand, side int) ([]byte, error) {
	m := image.NewGray(image.Rect(0, 0, side, side))
	for y := side / 7; y < side-side/7; y++ {
		for x := range side / 7 {
			m.Pix[side*y+2*(side/7)+x+rng.IntN(2*(side/7)+1)] = 255
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, m)
	return b.Bytes(), err
}

// measure has clients ask one after the other, each as soon as it has its answer.
func measure(s settings, at, by string, clients, dim int) error {
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer web.CloseIdleConnections()
	times, failed := make([][]time.Duration, clients), make([]error, clients)
	var all sync.WaitGroup
	begun := time.Now()
	end := begun.Add(s.seconds)
	for c := range clients {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(3, uint64(c)))
			for time.Now().Before(end) && failed[c] == nil {
				path, kind, text, err := s.request(by, rng, dim)
				if err != nil {
					failed[c] = err
					return
				}
				start := time.Now()
				failed[c] = ask(web, at+path, kind, text)
				times[c] = append(times[c], time.Since(start))
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	if err := errors.Join(failed...); err != nil {
		return err
	}
	show(s, by, clients, took, slices.Sorted(slices.Values(slices.Concat(times...))))
	return nil
}

func ask(web *http.Client, address, kind string, text []byte) error {
	r, err := web.Post(address, kind, bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, answer)
	}
	return err
}

func show(s settings, by string, clients int, took time.Duration, times []time.Duration) {
	at := func(share float64) float64 {
		return times[min(int(share*float64(len(times))), len(times)-1)].Seconds() * 1e3
	}
	r := result{by, clients, len(times), float64(len(times)) / took.Seconds(), at(0.5), at(0.99), at(0.999), at(1)}
	if s.json {
		line, _ := json.Marshal(r) // plain numbers and strings: cannot fail
		fmt.Println(string(line))
		return
	}
	fmt.Printf("%-8s %8d %10.0f %10.2f %10.2f %10.2f %10.2f\n", r.By, r.Clients, r.PerSec, r.P50, r.P99, r.P999, r.Max)
}
