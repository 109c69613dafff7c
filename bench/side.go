package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/internal/peer"
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
	*peer.Process
	version string
	blas    string
	runs    int // a turn
	ms      []float64
	mib     float64
	peak    float64
}

func start(cmd *exec.Cmd) (*side, error) {
	p, err := peer.Start(cmd)
	if err != nil {
		return nil, err
	}
	var hello answer
	if err := p.Answer(&hello); err != nil {
		p.Kill()
		return nil, err
	}
	return &side{Process: p, version: hello.Version, blas: hello.BLAS}, nil
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

func (d *side) ask(r request) (a answer, err error) {
	err = d.Ask(r, &a)
	return a, err
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

// other is a Python that can import torch, and a folder with our scripts.
type other struct{ python, dir string }

// findPeers finds those of a list with commas.
func findPeers(commands string) (all []*other, err error) {
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

func removeAll(peers []*other) {
	for _, p := range peers {
		p.remove()
	}
}

func findPeer(command string) (*other, error) {
	python, err := peer.Python(command, "torch")
	if err != nil {
		return nil, fmt.Errorf("%w (Debian: apt-get install python3-torch); name another with -peer, or -peer none", err)
	}
	dir, err := peer.Scripts(scripts)
	if err != nil {
		return nil, err
	}
	return &other{python, dir}, nil
}

func (p *other) remove() { os.RemoveAll(p.dir) }

// start refuses a peer whose BLAS is the reference implementation, unless that is asked for: it is some thirty times slower than what a user would install.
func (p *other) start(s settings) (*side, error) {
	script := filepath.Join(p.dir, "peer", "peer.py")
	d, err := start(exec.Command(p.python, "-B", script, strconv.Itoa(s.threads)))
	if err != nil {
		return nil, err
	}
	if err := fair(d, s.reference); err != nil {
		d.Kill()
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
