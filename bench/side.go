package main

import (
	"bufio"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// request and answer are the lines between this command and its two sides.
type request struct {
	Job string `json:"job,omitempty"`
	Run int    `json:"run,omitempty"`
	End bool   `json:"end,omitempty"`
}

type answer struct {
	Version string    `json:"version,omitempty"`
	BLAS    string    `json:"blas,omitempty"`
	Ready   bool      `json:"ready,omitempty"`
	Error   string    `json:"error,omitempty"`
	MS      []float64 `json:"ms,omitempty"`
	MiB     float64   `json:"mib,omitempty"`
	PeakMiB float64   `json:"peak_mib,omitempty"`
}

var errNoJob = errors.New("the side does not have this job")

// side is a process that runs jobs and times them.
type side struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	version string
	blas    string
	runs    int // a turn
	ms      []float64
	mib     float64
	peak    float64
}

func start(cmd *exec.Cmd) (*side, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	d := &side{cmd: cmd, in: in, out: bufio.NewReader(out)}
	hello, err := d.read()
	if err != nil {
		d.kill()
		return nil, err
	}
	d.version, d.blas = hello.Version, hello.BLAS
	return d, nil
}

func startOurs(s settings) (*side, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-worker", "-threads", strconv.Itoa(s.threads), "-level", s.level)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(s.threads))
	return start(cmd)
}

func (d *side) kill() {
	d.in.Close()
	d.cmd.Process.Kill()
	d.cmd.Wait()
}

func (d *side) read() (answer, error) {
	var a answer
	line, err := d.out.ReadBytes('\n')
	if err != nil {
		return a, fmt.Errorf("%s stopped: %w", filepath.Base(d.cmd.Path), err)
	}
	return a, json.Unmarshal(line, &a)
}

func (d *side) ask(r request) (answer, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return answer{}, err
	}
	if _, err := d.in.Write(append(line, '\n')); err != nil {
		return answer{}, err
	}
	return d.read()
}

// setup prepares a job and finds how many runs fill a turn.
func (d *side) setup(name string, turn time.Duration) error {
	a, err := d.ask(request{Job: name})
	if err != nil {
		return err
	}
	if a.Error != "" {
		return fmt.Errorf("%w: %s", errNoJob, a.Error)
	}
	if a.Version != "" {
		d.version = a.Version
	}
	a, err = d.ask(request{Run: 3})
	if err != nil {
		return err
	}
	each := max(median(a.MS), 1e-4)
	d.runs = min(max(int(turn.Seconds()*1e3/each), 2), 20000)
	return nil
}

func (d *side) turn() error {
	a, err := d.ask(request{Run: d.runs})
	d.ms = append(d.ms, a.MS...)
	return err
}

func (d *side) end() error {
	a, err := d.ask(request{End: true})
	d.mib, d.peak = a.MiB, a.PeakMiB
	return err
}

//go:embed peer/*.py
var scripts embed.FS

// peer is a Python that can import torch, and a folder with our scripts.
type peer struct{ python, dir string }

// findPeers finds those of a list with commas.
func findPeers(commands string) (all []*peer, err error) {
	if commands == "none" {
		return nil, nil
	}
	for c := range strings.SplitSeq(commands, ",") {
		p, err := findPeer(c)
		if err != nil {
			removeAll(all)
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func removeAll(peers []*peer) {
	for _, p := range peers {
		p.remove()
	}
}

// findPeer looks for command along PATH and takes the first that imports torch:
// a machine often has several Pythons.
func findPeer(command string) (*peer, error) {
	candidates := []string{command}
	if filepath.Base(command) == command {
		candidates = nil
		for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
			candidates = append(candidates, filepath.Join(dir, command))
		}
	}
	for _, c := range candidates {
		if exec.Command(c, "-c", "import torch").Run() == nil {
			return newPeer(c)
		}
	}
	return nil, fmt.Errorf("no %s can import torch (Debian: apt-get install python3-torch); name another with -peer, or -peer none", command)
}

func newPeer(python string) (*peer, error) {
	dir, err := os.MkdirTemp("", "energo-bench-")
	if err != nil {
		return nil, err
	}
	p := &peer{python: python, dir: dir}
	if err := os.CopyFS(dir, scripts); err != nil {
		p.remove()
		return nil, err
	}
	return p, nil
}

func (p *peer) remove() { os.RemoveAll(p.dir) }

// start refuses a peer whose BLAS is the reference implementation, unless that is asked for: it is some thirty times slower than what a user would install.
func (p *peer) start(s settings) (*side, error) {
	script := filepath.Join(p.dir, "peer", "peer.py")
	d, err := start(exec.Command(p.python, "-B", script, strconv.Itoa(s.threads)))
	if err != nil {
		return nil, err
	}
	if err := fair(d, s.reference); err != nil {
		d.kill()
		return nil, fmt.Errorf("%s: %w", p.python, err)
	}
	return d, nil
}

func fair(d *side, reference bool) error {
	if d.blas == "reference" && !reference {
		return fmt.Errorf("the BLAS of %s is the reference implementation, so ratios would say nothing; install another (Debian: libopenblas0-pthread), or say -reference-blas", d.version)
	}
	return nil
}
