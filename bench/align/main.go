// Command align runs energo's aligner, torchaudio's forced_align and ctc-segmentation in turn on the same emissions, and prints
// their times, memory and errors.
//
//	go run ./bench/align -peer python3
//
// The emissions are drawn: 20 ms a frame, a token for two frames and blanks for one to three behind it, and beside some blanks another class that is as likely. Each alignment is a process of its own, so that
// its peak of memory is its own; what the process had before is given, too: Python's modules and the emissions. Times are those of a process's cores and of the clock, the least of all turns.
package main

import (
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/energo-ml/energo/seq/ctc"
)

//go:embed peer.py
var peerScript []byte

const classes = 32

// about is what is aligned.
type about struct {
	Classes int   `json:"classes"`
	Tokens  []int `json:"tokens"`
	Starts  []int `json:"starts"` // frames at which the tokens were put
}

// answer is what a side says.
type answer struct {
	Wall    float64 `json:"wall"`    // seconds of the clock
	Seconds float64 `json:"seconds"` // of cores
	Before  float64 `json:"before"`  // MiB that the process had at most before
	Peak    float64 `json:"peak"`    // MiB that it had at most in the end
	Starts  []int   `json:"starts"`  // of tokens
}

func main() {
	peer := flag.String("peer", "python3", "Python `command` that can import torchaudio and ctc_segmentation, or none")
	minutes := flag.String("minutes", "1,10,60", "lengths, with `commas` between")
	turns := flag.Int("turns", 3, "turns of each side")
	most := flag.Float64("torchaudio", 10, "most `minutes` that torchaudio aligns, whose memory grows with frames times tokens")
	worker := flag.String("worker", "", "align what is in a `folder`, and say how")
	flag.Parse()
	err := error(nil)
	if *worker != "" {
		err = work(*worker)
	} else {
		err = compare(*peer, *minutes, *turns, *most)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "align:", err)
		os.Exit(1)
	}
}

// compare aligns each length by each side.
func compare(peer, minutes string, turns int, most float64) error {
	dir, err := os.MkdirTemp("", "align")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "peer.py"), peerScript, 0o666); err != nil {
		return err
	}
	fmt.Println("minutes   frames   tokens   side               clock s   cores s   peak MiB   before   within 2 frames")
	for field := range strings.SplitSeq(minutes, ",") {
		length, err := strconv.ParseFloat(field, 64)
		if err != nil || !(length > 0 && length <= 600) {
			return fmt.Errorf("-minutes has %q; it must be above 0, and at most 600", field)
		}
		frames := int(length * 3000)
		a, err := draw(dir, frames)
		if err != nil {
			return err
		}
		sides := []string{"energo"}
		if peer != "none" {
			if length <= most {
				sides = append(sides, "torchaudio")
			}
			sides = append(sides, "ctc-segmentation")
		}
		best := make([]answer, len(sides))
		for turn := range turns {
			for i, side := range sides {
				one, err := align(dir, peer, side)
				if err != nil {
					return fmt.Errorf("%s: %w", side, err)
				}
				if turn == 0 {
					best[i] = one
				}
				best[i].Wall, best[i].Seconds, best[i].Peak = min(best[i].Wall, one.Wall), min(best[i].Seconds, one.Seconds), max(best[i].Peak, one.Peak)
			}
		}
		for i, b := range best {
			fmt.Printf("%7g %8d %8d   %-16s %9.2f %9.2f %10.0f %8.0f %14.2f %%\n", length, frames, len(a.Tokens), sides[i], b.Wall, b.Seconds, b.Peak, b.Before, 100*near(a.Starts, b.Starts))
		}
	}
	return nil
}

// draw draws emissions, and writes them.
func draw(dir string, frames int) (a about, err error) {
	rng := rand.New(rand.NewPCG(18, 7))
	x := make([]float32, frames*classes)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	a.Classes = classes
	likely := func(t, class int) { x[t*classes+class] += 8 }
	for t := 0; t < frames; {
		step := 3 + rng.IntN(3)
		if t+step > frames || t == 0 { // silence at both ends
			for range min(step, frames-t) {
				likely(t, 0)
				t++
			}
			continue
		}
		k := 2 + rng.IntN(classes-2)
		if n := len(a.Tokens); n > 0 && a.Tokens[n-1] == k { // ctc-segmentation cannot tell where the second of two begins
			continue
		}
		a.Tokens, a.Starts = append(a.Tokens, k), append(a.Starts, t)
		likely(t, k)
		likely(t+1, k)
		for i := 2; i < step; i++ {
			likely(t+i, 0)
		}
		if rng.IntN(10) == 0 {
			likely(t+2, 1)
		}
		t += step
	}
	raw := make([]byte, 0, 4*len(x))
	for row := range slices.Chunk(x, classes) {
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(float64(v))
		}
		for _, v := range row {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v-float32(math.Log(sum))))
		}
	}
	text, err := json.Marshal(a)
	return a, errors.Join(err, os.WriteFile(filepath.Join(dir, "about.json"), text, 0o666), os.WriteFile(filepath.Join(dir, "x.f32"), raw, 0o666))
}

// align starts a process that aligns.
func align(dir, peer, side string) (a answer, err error) {
	cmd := exec.Command(peer, filepath.Join(dir, "peer.py"), side, dir)
	if side == "energo" {
		self, err := os.Executable()
		if err != nil {
			return a, err
		}
		cmd = exec.Command(self, "-worker", dir)
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(out, &a)
}

// work is our side.
func work(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "about.json"))
	if err != nil {
		return err
	}
	var a about
	if err := json.Unmarshal(text, &a); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "x.f32"))
	if err != nil {
		return err
	}
	x := make([]float32, len(raw)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	spent, before := usage()
	begin := time.Now()
	var aligner ctc.Aligner
	path, err := aligner.Align(x, a.Classes, a.Tokens)
	if err != nil {
		return err
	}
	out := answer{Wall: time.Since(begin).Seconds(), Before: before}
	out.Seconds, out.Peak = usage()
	out.Seconds -= spent
	for _, s := range path.Spans {
		out.Starts = append(out.Starts, s.Start)
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// near is the share of tokens that begin within two frames of where they were put.
func near(want, got []int) float64 {
	n := 0
	for i := range min(len(want), len(got)) {
		if d := want[i] - got[i]; -2 <= d && d <= 2 {
			n++
		}
	}
	return float64(n) / float64(len(want))
}
