// Command nearest measures how fast the nearest of many vectors are found, how many are missed, how long an index
// takes to build and how much memory it needs, beside faiss and usearch where a Python has them.
//
//	go run ./bench/nearest -dir /tmp/nearest                       # a million
//	go run ./bench/nearest -dir /tmp/nearest -n 10000000 -kinds bits,int8 -peers ivfpq,ivfflat
//
// The vectors are clustered: their centers are normal in every coordinate, a thousandth as many as vectors, and a vector is
// its center and 0.4 times a normal one; so are the queries. Every kind runs in a process of its own, one after the other.
// Queries are asked all at once, first in a process that has only built or opened the index, and then -turns times; and one by one.
// Of turns the median counts. Recall is the share of the truly nearest that is among the hits.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

type settings struct {
	Dir     string `json:"dir"`
	N       int    `json:"n"`
	Dim     int    `json:"dim"`
	Queries int    `json:"queries"`
	K       int    `json:"k"`
	Threads int    `json:"threads"`
	Turns   int    `json:"turns"`
	kinds   string
	peers   string
	python  string
	one     string
}

// result is a line: a kind of index with one setting of its search.
type result struct {
	Kind     string  `json:"kind"`
	Search   string  `json:"search,omitempty"` // the setting
	Recall   float64 `json:"recall"`
	First    float64 `json:"per_second_first"` // queries, together
	Together float64 `json:"per_second_together"`
	Alone    float64 `json:"per_second_alone"`
	Spent    float64 `json:"spent_us"` // microseconds of processors a query, together
	BuildSec float64 `json:"build_s"`
	BuildCPU float64 `json:"build_spent_s"` // of processors
	MiB      float64 `json:"mib"`           // of memory after the searches
	OwnMiB   float64 `json:"own_mib"`       // of those, not a file's
	PeakMiB  float64 `json:"peak_mib"`      // while it was built, too
}

func main() {
	s := settings{}
	flag.StringVar(&s.Dir, "dir", "", "`folder` for vectors and indexes, which stay there")
	flag.IntVar(&s.N, "n", 1_000_000, "vectors")
	flag.IntVar(&s.Dim, "dim", 128, "coordinates")
	flag.IntVar(&s.Queries, "queries", 500, "queries")
	flag.IntVar(&s.K, "k", 10, "hits of a query")
	flag.IntVar(&s.Threads, "threads", 2, "threads")
	flag.IntVar(&s.Turns, "turns", 5, "turns of all queries")
	flag.StringVar(&s.kinds, "kinds", "float32,int8,bits", "storages of ours; the first is the truth of recall, unless it is there from an earlier run")
	flag.StringVar(&s.peers, "peers", "flat,hnsw,ivfflat,ivfpq,usearch", "peers, none for none")
	flag.StringVar(&s.python, "python", "python3", "`program` that has numpy, faiss and usearch")
	flag.StringVar(&s.one, "one", "", "for itself: measure one kind")
	flag.Parse()
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, "bench/nearest:", err)
		os.Exit(1)
	}
}

func run(s settings) error {
	if s.Dir == "" || s.N < 1000 || s.Dim < 1 || s.Queries < 1 || s.K < 1 || s.Threads < 1 || s.Turns < 1 {
		return errors.New("-dir must be named, -n at least 1000, -dim, -queries, -k, -threads and -turns above 0")
	}
	if s.one != "" {
		runtime.GOMAXPROCS(s.Threads)
		return s.measure()
	}
	if err := os.MkdirAll(s.Dir, 0o777); err != nil {
		return err
	}
	if err := s.generate(); err != nil {
		return err
	}
	for _, kind := range strings.Split(s.kinds, ",") {
		if err := s.print(exec.Command(os.Args[0], append(os.Args[1:], "-one", kind)...)); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	if s.peers == "none" {
		return nil
	}
	about, err := json.Marshal(s)
	if err != nil {
		return err
	}
	for _, peer := range strings.Split(s.peers, ",") {
		if err := s.print(exec.Command(s.python, "bench/nearest/peer.py", peer, string(about))); err != nil {
			return fmt.Errorf("%s: %w", peer, err)
		}
	}
	return nil
}

// print runs a process and prints its results.
func (s *settings) print(cmd *exec.Cmd) error {
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	d := json.NewDecoder(out)
	for {
		var r result
		if err := d.Decode(&r); err == io.EOF {
			return cmd.Wait()
		} else if err != nil {
			return errors.Join(err, cmd.Wait())
		}
		fmt.Printf("%-8s %-12s recall %.4f  queries/s %8.1f first %8.1f together %7.1f alone, %6.0f µs of processors  build %7.1f s (%.1f of processors)  memory %5.0f MiB (own %5.0f), peak %5.0f\n",
			r.Kind, r.Search, r.Recall, r.First, r.Together, r.Alone, r.Spent, r.BuildSec, r.BuildCPU, r.MiB, r.OwnMiB, r.PeakMiB)
	}
}

func (s *settings) file(name string) string { return filepath.Join(s.Dir, name) }

// generate writes the vectors and the queries, unless they are there.
func (s *settings) generate() error {
	rng := rand.New(rand.NewPCG(1, 2))
	centers := make([]float32, (s.N+999)/1000*s.Dim)
	for i := range centers {
		centers[i] = float32(rng.NormFloat64())
	}
	for _, f := range []struct {
		name string
		n    int
	}{{"base.f32", s.N}, {"queries.f32", s.Queries}} {
		if info, err := os.Stat(s.file(f.name)); err == nil && info.Size() == int64(4*f.n*s.Dim) {
			continue
		}
		rng := rand.New(rand.NewPCG(3, uint64(f.n)))
		if err := s.write(f.name, f.n, rng, centers); err != nil {
			return err
		}
	}
	return nil
}

func (s *settings) write(name string, n int, rng *rand.Rand, centers []float32) error {
	f, err := os.Create(s.file(name))
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	v := make([]float32, s.Dim)
	for range n {
		c := centers[rng.IntN(len(centers)/s.Dim)*s.Dim:]
		for t := range v {
			v[t] = c[t] + 0.4*float32(rng.NormFloat64())
		}
		if err := binary.Write(w, binary.LittleEndian, v); err != nil {
			return err
		}
	}
	return errors.Join(w.Flush(), f.Close())
}

// read reads n vectors from the place-th on.
func (s *settings) read(name string, place, n int) ([]float32, error) {
	f, err := os.Open(s.file(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := make([]float32, n*s.Dim)
	_, err = f.ReadAt(unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), 4*len(out)), int64(4*place*s.Dim))
	return out, err
}

// memory returns what the process has now, without files, and at most, in MiB.
func memory() (all, own, peak float64) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, 0
	}
	of := func(name string) float64 {
		_, rest, _ := strings.Cut(string(text), name+":")
		n, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
		return n / 1024
	}
	return of("VmRSS"), of("RssAnon"), of("VmHWM")
}
