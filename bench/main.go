// Command bench runs energo and its peers (PyTorch, ONNX Runtime) in turn on the same jobs and
// prints the ratios of their times, and what each side computes with.
//
//	go run ./bench                       # every job, a table
//	go run ./bench -jobs '^gemm/' -json  # some, one JSON line a job
//	go run ./bench -peer none            # without a peer
//	go run ./bench -peer python3,/usr/bin/python3  # beside two, a line for each
//	go run ./bench -models net.onnx@16x3x224x224  # a model in the ONNX format, beside ONNX Runtime
//
// Each job gets a fresh process on either side. The two take turns, each turn
// after a short pause so that neither's spinning threads disturb the other, and
// every run is timed by itself; medians and minima are over all runs of all turns.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/energo-ml/energo/internal/simd"
)

type settings struct {
	peer      string
	reference bool // a peer may have the reference BLAS
	level     string
	threads   int
	turns     int
	turn      time.Duration
	pause     time.Duration
}

// result is one job's line. Times are in milliseconds, memory in MiB above what
// the process held before the job; the peak fields are the whole process's.
type result struct {
	Job         string   `json:"job"`
	OursMS      float64  `json:"ours_ms"`
	PeerMS      *float64 `json:"peer_ms"`
	Ratio       *float64 `json:"ratio"` // ours / theirs, of the medians
	OursMinMS   float64  `json:"ours_min_ms"`
	PeerMinMS   *float64 `json:"peer_min_ms"`
	RatioMin    *float64 `json:"ratio_min"`
	OursMiB     float64  `json:"ours_mib"`
	PeerMiB     *float64 `json:"peer_mib"`
	OursPeakMiB float64  `json:"ours_peak_mib"`
	PeerPeakMiB *float64 `json:"peer_peak_mib"`
	Runs        int      `json:"runs"`
	PeerRuns    int      `json:"peer_runs"`
	Threads     int      `json:"threads"`
	Level       string   `json:"level"` // instruction set that our kernels used
	Peer        string   `json:"peer"`
}

func main() {
	var s settings
	pattern := flag.String("jobs", ".", "run the jobs that match this regular `expression`")
	models := flag.String("models", "", "run models in the ONNX format instead, FILE or FILE@SHAPE of the first input, with commas between them; the peer is ONNX Runtime")
	asJSON := flag.Bool("json", false, "print one JSON line a job")
	list := flag.Bool("list", false, "list the jobs and leave")
	worker := flag.Bool("worker", false, "be our side of the benchmark (used by the command itself)")
	flag.StringVar(&s.peer, "peer", "python3", "Python `command` that can import torch, several with commas between them, or none")
	flag.BoolVar(&s.reference, "reference-blas", false, "let peers have the reference BLAS, which nobody computes with who has another")
	flag.StringVar(&s.level, "level", "", "instruction set of our kernels, at most the machine's: generic, avx2 or avx512 (default the best)")
	flag.IntVar(&s.threads, "threads", 2, "threads on each side")
	flag.IntVar(&s.turns, "turns", 12, "turns of each side")
	flag.DurationVar(&s.turn, "turn", 250*time.Millisecond, "about how long a turn lasts")
	flag.DurationVar(&s.pause, "pause", 60*time.Millisecond, "quiet before each turn")
	flag.Parse()
	if err := run(s, *pattern, *models, *asJSON, *list, *worker); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(s settings, pattern, models string, asJSON, list, worker bool) error {
	if err := useLevel(s.level); err != nil {
		return err
	}
	if worker {
		return serve(s.threads, os.Stdin, os.Stdout)
	}
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; jobs are chosen with -jobs", flag.Arg(0))
	}
	if s.threads < 1 || s.turns < 1 || s.turn <= 0 {
		return errors.New("-threads and -turns must be at least 1, -turn positive")
	}
	names, err := chosen(pattern, models)
	if err != nil {
		return err
	}
	if list {
		for _, n := range names {
			fmt.Println(n)
		}
		return nil
	}
	peers, err := findPeers(s.peer)
	if err != nil {
		return err
	}
	defer removeAll(peers)
	for i, name := range names {
		all, err := compare(s, peers, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for k, r := range all {
			print(r, asJSON, i+k == 0)
		}
	}
	return nil
}

// chosen names the jobs that match a pattern, or those of models.
func chosen(pattern, models string) (names []string, err error) {
	if models != "" {
		for m := range strings.SplitSeq(models, ",") {
			names = append(names, modelPrefix+m)
		}
		return names, nil
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("-jobs: %w", err)
	}
	for _, j := range jobs() {
		if re.MatchString(j.name) {
			names = append(names, j.name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no job matches %q; -list shows them", pattern)
	}
	return names, nil
}

// useLevel sets the instruction set of our kernels by name; "" leaves the best.
func useLevel(name string) error {
	if name == "" {
		return nil
	}
	for l := simd.Generic; l <= simd.Best(); l++ {
		if l.String() == name {
			simd.Use(l)
			return nil
		}
	}
	return fmt.Errorf("-level is %q; this machine has up to %v", name, simd.Best())
}

// compare runs one job on all sides in turn. There is a result for each peer that has the job, or one without a peer.
func compare(s settings, peers []*other, name string) ([]*result, error) {
	ours, err := startOurs(s)
	if err != nil {
		return nil, err
	}
	defer ours.Kill()
	sides := []*side{ours}
	if err := ours.setup(name, s.turn); err != nil {
		return nil, err
	}
	for _, p := range peers {
		theirs, err := p.start(s)
		if err != nil {
			return nil, err
		}
		defer theirs.Kill()
		err = theirs.setup(name, s.turn)
		if errors.Is(err, errNoJob) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sides = append(sides, theirs)
	}
	for range s.turns {
		for _, d := range sides {
			time.Sleep(s.pause)
			if err := d.turn(); err != nil {
				return nil, err
			}
		}
	}
	for _, d := range sides {
		if err := d.end(); err != nil {
			return nil, err
		}
	}
	if len(sides) == 1 {
		return []*result{summarise(name, s.threads, ours, nil)}, nil
	}
	var all []*result
	for _, theirs := range sides[1:] {
		all = append(all, summarise(name, s.threads, ours, theirs))
	}
	return all, nil
}

// summarise puts our side beside a peer's, nil for none.
func summarise(name string, threads int, ours, theirs *side) *result {
	r := &result{
		Job: name, Threads: threads, Level: ours.version,
		OursMS: median(ours.ms), OursMinMS: slices.Min(ours.ms), Runs: len(ours.ms),
		OursMiB: ours.mib, OursPeakMiB: ours.peak,
	}
	if theirs == nil {
		r.Peer = "none"
		return r
	}
	med, low := median(theirs.ms), slices.Min(theirs.ms)
	ratio, ratioMin := r.OursMS/med, r.OursMinMS/low
	r.PeerMS, r.PeerMinMS, r.Ratio, r.RatioMin = &med, &low, &ratio, &ratioMin
	r.PeerMiB, r.PeerPeakMiB, r.PeerRuns = &theirs.mib, &theirs.peak, len(theirs.ms)
	r.Peer = theirs.version
	return r
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func print(r *result, asJSON, first bool) {
	if asJSON {
		line, _ := json.Marshal(r) // plain numbers and strings: cannot fail
		fmt.Println(string(line))
		return
	}
	if first {
		fmt.Printf("%-28s %10s %10s %7s %10s %10s %7s %9s %9s  %s\n", "job", "ours ms", "peer ms", "ratio", "ours min", "peer min", "ratio", "ours MiB", "peer MiB", "ours, peer")
	}
	fmt.Printf("%-28s %10.3f %10s %7s %10.3f %10s %7s %9.1f %9s  %s, %s\n", r.Job,
		r.OursMS, opt(r.PeerMS, 3), opt(r.Ratio, 2), r.OursMinMS, opt(r.PeerMinMS, 3), opt(r.RatioMin, 2), r.OursMiB, opt(r.PeerMiB, 1), r.Level, r.Peer)
}

func opt(x *float64, digits int) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, *x)
}
