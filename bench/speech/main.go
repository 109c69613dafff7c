// Command speech measures speech over HTTP: streams in real time, from a word's last sample to the message that has it settled; and transcriptions of
// files.
//
//	go run ./bench/speech                          # 1 and 200 streams, and transcriptions of 10 seconds, by the network of train speech's size
//	go run ./bench/speech -streams 50 -beam 8
//	go run ./bench/speech -url http://HOST:PORT    # a server that runs, whose only model hears readtest's tones
//
// The server is a process of its own on this machine, so that its memory and processor time are known; the clients share its cores. The network is not
// trained, and hears two tones; what it computes is what a trained one of its size does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/internal/peer"
	"github.com/energo-ml/energo/seq/read/readtest"
	"github.com/energo-ml/energo/serve"
	"github.com/energo-ml/energo/serve/speech"
)

type settings struct {
	streams, clients   []int
	seconds            float64 // of sound
	chunk              time.Duration
	file               float64 // seconds
	channels, mels     int
	beam               int
	url                string
	json, server       bool
	streamsOf, filesOf string
}

// result is a line.
type result struct {
	Of      string  `json:"of"`
	At      int     `json:"at_once"`
	Count   int     `json:"count"` // of words, or files
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	P999    float64 `json:"p99.9_ms"`
	Max     float64 `json:"max_ms"`
	Sound   float64 `json:"sound_per_second"` // seconds of sound that were read in one
	Failed  int     `json:"failed"`
	CPU     float64 `json:"server_cores"` // processor time of the server, over the time
	Peak    float64 `json:"server_mib"`   // the most memory that it has had since it began
	Missing int     `json:"missing"`      // of words that were said and not told
}

func main() {
	var s settings
	flag.StringVar(&s.streamsOf, "streams", "1,200", "`numbers` of streams at once")
	flag.StringVar(&s.filesOf, "clients", "1,2,16", "`numbers` of clients that have files read at once")
	flag.Float64Var(&s.seconds, "seconds", 30, "`seconds` of sound of each stream, and of each measurement of files")
	flag.DurationVar(&s.chunk, "chunk", 100*time.Millisecond, "sound of a message")
	flag.Float64Var(&s.file, "file", 10, "`seconds` of a file")
	flag.IntVar(&s.channels, "channels", 128, "channels of the network")
	flag.IntVar(&s.mels, "mels", 40, "mel filters of the network")
	flag.IntVar(&s.beam, "beam", 0, "prefixes of a beam search; 0 takes the best class of each frame")
	flag.StringVar(&s.url, "url", "", "address of a server to measure instead of our own")
	flag.BoolVar(&s.json, "json", false, "print one JSON line a measurement")
	flag.BoolVar(&s.server, "server", false, "be the server, until the input ends")
	flag.Parse()
	if err := run(&s); err != nil {
		fmt.Fprintln(os.Stderr, "bench/speech:", err)
		os.Exit(1)
	}
}

func run(s *settings) (err error) {
	if s.server {
		return beServer(s)
	}
	if !(s.seconds > 0 && s.file > 0 && s.chunk > 0) {
		return errors.New("-seconds, -file and -chunk must be above 0")
	}
	if s.streams, err = numbers("streams", s.streamsOf); err != nil {
		return err
	}
	if s.clients, err = numbers("clients", s.filesOf); err != nil {
		return err
	}
	at := &process{url: s.url}
	if s.url == "" {
		if at, err = start(s); err != nil {
			return err
		}
	}
	return errors.Join(measureAll(s, at), at.stop())
}

// numbers reads numbers with commas between; "" has no numbers.
func numbers(flag, text string) (all []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("-%s is %q; it must be numbers above 0 with commas between", flag, text)
		}
		all = append(all, n)
	}
	return all, nil
}

func measureAll(s *settings, at *process) error {
	print := func(r result) error {
		if s.json {
			return json.NewEncoder(os.Stdout).Encode(r)
		}
		fmt.Printf("%-8s %4d at once  p50 %7.1f ms  p99 %7.1f ms  p99.9 %7.1f ms  max %7.1f ms  %7.1f s of sound a second  %5d counted, %d failed, %d missing  server %.2f cores, %.0f MiB\n",
			r.Of, r.At, r.P50, r.P99, r.P999, r.Max, r.Sound, r.Count, r.Failed, r.Missing, r.CPU, r.Peak)
		return nil
	}
	for _, n := range s.streams {
		r, err := at.measured(func() (result, error) { return streams(s, at.url, n) })
		if err := errors.Join(err, print(r)); err != nil {
			return err
		}
	}
	for _, n := range s.clients {
		r, err := at.measured(func() (result, error) { return files(s, at.url, n) })
		if err := errors.Join(err, print(r)); err != nil {
			return err
		}
	}
	return nil
}

// spread is the distribution of times in a result.
func (r *result) spread(times []time.Duration) {
	r.Count = len(times)
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	at := func(q float64) float64 {
		return float64(times[min(int(q*float64(len(times))), len(times)-1)].Microseconds()) / 1e3
	}
	r.P50, r.P99, r.P999, r.Max = at(0.5), at(0.99), at(0.999), at(1)
}

// process is the server.
type process struct {
	url string
	cmd *exec.Cmd // nil for one that runs already
	end func() error
}

// start starts this program as the server.
func start(s *settings) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-server", "-channels", strconv.Itoa(s.channels), "-mels", strconv.Itoa(s.mels))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(errors.New("the server does not start"), in.Close(), cmd.Wait())
	}
	return &process{url: strings.TrimSpace(line), cmd: cmd, end: in.Close}, nil
}

func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	return errors.Join(p.end(), p.cmd.Wait())
}

// measured measures what the server takes meanwhile.
func (p *process) measured(do func() (result, error)) (result, error) {
	cpu, begin := p.cpu(), time.Now()
	r, err := do()
	if p.cmd != nil {
		r.CPU = (p.cpu() - cpu).Seconds() / time.Since(begin).Seconds()
		r.Peak = peer.Peak(p.cmd.Process.Pid)
	}
	return r, err
}

// cpu is the processor time of the server, where the system tells it.
func (p *process) cpu() time.Duration {
	if p.cmd == nil {
		return 0
	}
	return peer.Spent(p.cmd.Process.Pid)
}

// beServer serves until the input ends.
func beServer(s *settings) error {
	dir, err := os.MkdirTemp("", "energo-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := readtest.Save(dir, s.mels, s.channels, 1, 2, 4, 8); err != nil {
		return err
	}
	m, err := speech.Open(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := serve.New(ctx, serve.Options{Limits: serve.Limits{Streams: 4096, Requests: 1024}})
	if err != nil {
		return err
	}
	service, err := speech.Mount(server, speech.Options{})
	if err != nil {
		return err
	}
	m.Places = 1024
	wait, err := service.Put("tones", m)
	if err == nil {
		err = wait()
	}
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		cancel()
	}()
	return server.Serve(ctx, l)
}
