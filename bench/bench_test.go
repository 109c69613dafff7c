package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryJobHasItsPeer holds the two lists of jobs together.
func TestEveryJobHasItsPeer(t *testing.T) {
	theirs := map[string]bool{}
	for _, path := range []string{"peer/jobs.py", "peer/losses.py", "peer/densities.py", "peer/sequences.py", "peer/indexes.py", "peer/pairs.py"} {
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^    "([^"]+)":`).FindAllSubmatch(script, -1) {
			theirs[string(m[1])] = true
		}
	}
	for _, j := range jobs() {
		if !theirs[j.name] {
			t.Errorf("job %s has no peer under peer", j.name)
		}
		delete(theirs, j.name)
	}
	for name := range theirs {
		t.Errorf("the peer has %s, which is no job of ours", name)
	}
}

// TestServe talks to our side as the command does: a job is set up, run and measured.
func TestServe(t *testing.T) {
	requests, in := io.Pipe()
	out, answers := io.Pipe()
	failed := make(chan error, 1)
	go func() { failed <- serve(0, requests, answers) }()
	lines := bufio.NewScanner(out)
	read := func() (a answer) {
		t.Helper()
		if !lines.Scan() {
			t.Fatal("no answer")
		}
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	ask := func(line string) answer {
		t.Helper()
		if _, err := io.WriteString(in, line+"\n"); err != nil {
			t.Fatal(err)
		}
		return read()
	}
	if hello := read(); hello.Version == "" {
		t.Error("the first line does not say which kernels run")
	}
	if a := ask(`{"job":"no such"}`); a.Error == "" {
		t.Error("an unknown job is not refused")
	}
	for _, j := range jobs() {
		if strings.Contains(j.name, "/1e6x") {
			continue // the same as those of 1e5 vectors, and a minute to set up
		}
		if a := ask(`{"job":"` + j.name + `"}`); !a.Ready {
			t.Errorf("%s: %+v", j.name, a)
		}
		a := ask(`{"run":1}`)
		if len(a.MS) != 1 || a.MS[0] <= 0 {
			t.Errorf("%s: times %v", j.name, a.MS)
		}
	}
	if a := ask(`{"end":true}`); a.PeakMiB < 0 {
		t.Errorf("memory %v", a)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

// TestReferenceBLAS: a peer that computes with the reference BLAS is refused, unless that is asked for.
func TestReferenceBLAS(t *testing.T) {
	slow, fast := &side{version: "torch 1.13", blas: "reference"}, &side{version: "torch 2.15", blas: "mkl"}
	if err := fair(slow, false); err == nil || !strings.Contains(err.Error(), "-reference-blas") {
		t.Errorf("the reference BLAS gives error %v", err)
	}
	if err := errors.Join(fair(slow, true), fair(fast, false)); err != nil {
		t.Error(err)
	}
}

// TestPeers: a list of peers names each, and one that is not there.
func TestPeers(t *testing.T) {
	if all, err := findPeers("none"); len(all) > 0 || err != nil {
		t.Errorf("none: %d peers, %v", len(all), err)
	}
	if _, err := findPeers("./nowhere"); err == nil || !strings.Contains(err.Error(), "no ./nowhere can import torch") {
		t.Errorf("a peer that is not there gives error %v", err)
	}
}

// TestSummary: there is a line for each peer.
func TestSummary(t *testing.T) {
	ours := &side{version: "avx2", ms: []float64{2, 4, 6}}
	if r := summarise("job", 2, ours, nil); r.Peer != "none" || r.Ratio != nil || r.OursMS != 4 {
		t.Errorf("without a peer: %+v", r)
	}
	if r := summarise("job", 2, ours, &side{version: "torch", ms: []float64{1, 8, 9}}); r.Peer != "torch" || *r.Ratio != 0.5 || *r.RatioMin != 2 {
		t.Errorf("beside a peer: %+v", r)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.x); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.x, got, c.want)
		}
	}
}

// TestModel runs a small model of the tests, and says what is wrong with another shape or file.
func TestModel(t *testing.T) {
	const affine = modelPrefix + "../engine/onnx/testdata/affine.onnx"
	run, err := find(affine + "@2x3")
	if err != nil {
		t.Fatal(err)
	}
	run()
	for name, text := range map[string]string{
		affine + "@2y3":              `the shape is "2y3", must be like 1x3x224x224`,
		affine + "@2x4":              "must be x float[batch,3]",
		modelPrefix + "nowhere.onnx": "nowhere.onnx",
		"nothing":                    `no job "nothing"`,
	} {
		if _, err := find(name); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v, must say %q", name, err, text)
		}
	}
}
