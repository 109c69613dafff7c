// Command decode runs energo's decoder, pyctcdecode and flashlight-text in turn on the same emissions, and prints frames a
// second of a core, their ratios, and word error rates.
//
//	go run ./bench/decode -peer python3
//
// The emissions are drawn: words of a vocabulary of 5,000, letter by letter, with blanks, and one frame of four in doubt. All use the
// same beam and threshold, and the same 3-gram model and lexicon where there is one. Times are those of a process's cores, so that what else runs counts for little;
// the least of all turns counts. A side that takes longer than half a minute has one turn. flashlight has no hot words.
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

	"github.com/energo-ml/energo/internal/peer"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/ngram"
)

//go:embed peer.py
var peerScript []byte

// about is what both sides are told of the emissions and the search.
type about struct {
	Tokens    []string `json:"tokens"`
	Blank     int      `json:"blank"`
	Files     int      `json:"files"`
	Beam      int      `json:"beam"`
	Threshold float64  `json:"threshold"`
	Weight    float64  `json:"weight"`
	Bonus     float64  `json:"bonus"`
	Unknown   float64  `json:"-"` // pyctcdecode's own, in nats
	Boost     float64  `json:"boost"`
}

// task is one thing to decode by.
type task struct {
	Side string `json:"side,omitempty"`
	Hot  int    `json:"hot"`
	LM   bool   `json:"lm"`
	// Closed allows the words of the lexicon alone, as flashlight does with a model.
	Closed bool `json:"-"`
}

// answer is what a side says.
type answer struct {
	Seconds float64  `json:"seconds"`
	Texts   []string `json:"texts"`
	Error   string   `json:"error"`
}

type trial struct {
	about
	dir       string
	emissions [][]float32
	frames    int
	texts     []string
	words     []string
	hot       []string
	model     *ngram.Model
}

func main() {
	command := flag.String("peer", "python3", "Python `command` that can import pyctcdecode, kenlm and flashlight, or none")
	beam := flag.Int("beam", 100, "width of the beam")
	files := flag.Int("files", 20, "number of emissions, of 400 frames")
	turns := flag.Int("turns", 3, "turns of each side")
	numbers := flag.String("hot", "0,100,10000", "numbers of hot words that are compared, with commas between")
	flag.Parse()
	var hot []int
	for s := range strings.SplitSeq(*numbers, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || !slices.ContainsFunc(tasks, func(t task) bool { return t.Hot == n }) {
			fmt.Fprintf(os.Stderr, "decode: -hot has %q; it must be of 0, 100 and 10000\n", s)
			os.Exit(2)
		}
		hot = append(hot, n)
	}
	if err := run(*command, hot, *beam, *files, *turns); err != nil {
		fmt.Fprintln(os.Stderr, "decode:", err)
		os.Exit(1)
	}
}

// tasks are what is compared.
var tasks = []task{
	{},
	{LM: true},
	{LM: true, Closed: true},
	{Hot: 100},
	{Hot: 100, LM: true},
	{Hot: 10000},
	{Hot: 10000, LM: true},
}

func run(command string, hot []int, beam, files, turns int) error {
	dir, err := os.MkdirTemp("", "decode")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	t, err := newTrial(dir, beam, files)
	if err != nil {
		return err
	}
	var p *peer.Process
	if command != "none" {
		python, err := peer.Python(command, "pyctcdecode, kenlm, flashlight.lib.text.decoder")
		if err != nil {
			return err
		}
		if p, err = peer.Start(exec.Command(python, filepath.Join(dir, "peer.py"), dir)); err != nil {
			return err
		}
		defer p.Kill()
	}
	fmt.Printf("%d frames of %d classes, beam %d, threshold %g\n", t.frames, len(t.Tokens), t.Beam, t.Threshold)
	fmt.Println("model  hot words   side          frames/s   energo's  word errors")
	for _, c := range tasks {
		if !slices.Contains(hot, c.Hot) {
			continue
		}
		if err := t.compare(c, p, turns); err != nil {
			return err
		}
	}
	return nil
}

// long is how many seconds of a turn are enough.
const long = 30

// compare decodes by a task on all sides that can.
func (t *trial) compare(c task, p *peer.Process, turns int) error {
	sides := []string{"energo"}
	if p != nil && !c.Closed {
		sides = append(sides, "pyctcdecode")
	}
	if p != nil && c.Hot == 0 && c.Closed == c.LM {
		sides = append(sides, "flashlight")
	}
	best := make([]answer, len(sides))
	for turn := range turns {
		for i, side := range sides {
			if turn > 0 && best[i].Seconds > long {
				continue
			}
			c.Side = side
			a, err := t.decode(c, p)
			if err != nil {
				return fmt.Errorf("%s: %w", side, err)
			}
			if turn == 0 || a.Seconds < best[i].Seconds {
				best[i] = a
			}
		}
	}
	model := "none"
	if c.LM {
		model = "3-gram"
	}
	if c.Closed {
		model = "closed"
	}
	ours := float64(t.frames) / best[0].Seconds
	for i, side := range sides {
		speed := float64(t.frames) / best[i].Seconds
		fmt.Printf("%-6s %9d   %-11s %10.0f   %7.1f×   %9.2f %%\n", model, c.Hot, side, speed, ours/speed, 100*t.errors(best[i].Texts))
	}
	return nil
}

// errors is the word error rate.
func (t *trial) errors(texts []string) float64 {
	var n ctc.ErrorCount
	for i, text := range texts {
		n.Add(ctc.Edits(ctc.Words(t.texts[i]), ctc.Words(text)))
	}
	return n.Rate()
}

func (t *trial) decode(c task, p *peer.Process) (a answer, err error) {
	if c.Side != "energo" {
		if err = p.Ask(c, &a); err == nil && a.Error != "" {
			err = errors.New(a.Error)
		}
		return a, err
	}
	b := ctc.Beam{Tokens: t.Tokens, Blank: t.Blank, Separator: " ", Width: t.Beam, Threshold: t.Threshold}
	if c.LM {
		b.Model, b.LMWeight, b.WordBonus, b.Unknown = t.model, t.Weight, t.Bonus, t.Unknown
	}
	if c.Closed {
		b.Lexicon = t.words
	}
	for _, w := range t.hot[:c.Hot] {
		tokens, err := b.Spell(w)
		if err != nil {
			return a, err
		}
		b.Hot = append(b.Hot, ctc.HotWord{Tokens: tokens, Boost: t.Boost})
	}
	d, err := ctc.NewDecoder(b)
	if err != nil {
		return a, err
	}
	begin := spent()
	for _, x := range t.emissions {
		h, err := d.Decode(x)
		if err != nil {
			return a, err
		}
		a.Texts = append(a.Texts, strings.TrimSpace(d.Text(h[0].Tokens)))
	}
	a.Seconds = spent() - begin
	return a, nil
}

// newTrial draws everything, and writes it for the other side.
func newTrial(dir string, beam, files int) (*trial, error) {
	rng := rand.New(rand.NewPCG(18, 5))
	t := &trial{dir: dir, about: about{Blank: 0, Files: files, Beam: beam, Threshold: 10, Weight: 0.5, Bonus: 1.5, Unknown: -10 * 0.5 * math.Ln10, Boost: 2}}
	t.Tokens = []string{"_", " "}
	for c := 'a'; c <= 'z'; c++ {
		t.Tokens = append(t.Tokens, string(c))
	}
	t.words, t.hot = draw(rng, 5000), draw(rng, 10000)
	copy(t.hot, t.words[4900:]) // some are said
	sentence := func(n int) string {
		last, words := 0, make([]string, n)
		for i := range words {
			last = (31*last + int(math.Exp(8.5*rng.Float64()))) % len(t.words)
			words[i] = t.words[last]
		}
		return strings.Join(words, " ")
	}
	var corpus strings.Builder
	for range 20000 {
		corpus.WriteString(sentence(4+rng.IntN(10)) + "\n")
	}
	corpus.WriteString(strings.Join(t.words, "\n") + "\n") // each is in the model
	var err error
	if t.model, err = ngram.Train(strings.NewReader(corpus.String()), ngram.Options{Order: 3, Fallback: ngram.DefaultFallback()}); err != nil {
		return nil, err
	}
	for i := range files {
		t.texts = append(t.texts, sentence(18))
		x := t.say(rng, t.texts[i])
		t.emissions = append(t.emissions, x)
		t.frames += len(x) / len(t.Tokens)
		var raw []byte
		for _, v := range x {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.f32", i)), raw, 0o666); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(t.about)
	return t, errors.Join(err,
		os.WriteFile(filepath.Join(dir, "about.json"), text, 0o666),
		os.WriteFile(filepath.Join(dir, "peer.py"), peerScript, 0o666),
		os.WriteFile(filepath.Join(dir, "hot.txt"), []byte(strings.Join(t.hot, "\n")), 0o666),
		os.WriteFile(filepath.Join(dir, "words.txt"), []byte(strings.Join(t.words, "\n")), 0o666),
		t.model.Save(filepath.Join(dir, "lm.arpa")))
}

// draw draws different words.
func draw(rng *rand.Rand, n int) (words []string) {
	seen := map[string]bool{}
	for len(words) < n {
		w := ""
		for range 2 + rng.IntN(7) {
			w += string("etaoinshrdlucmfwypvbgkqjxz"[min(25, int(rng.ExpFloat64()*6))])
		}
		if !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return words
}

// say emits what a network would of a text: each letter for a frame or two, blanks between, and one frame of four in doubt.
func (t *trial) say(rng *rand.Rand, text string) (x []float32) {
	frame := func(class int) {
		row, sum := make([]float64, len(t.Tokens)), 0.0
		sure := 7.0
		if rng.IntN(4) == 0 {
			sure = 3
		}
		for c := range row {
			row[c] = 1.2 * rng.NormFloat64()
			if c == class {
				row[c] += sure
			}
			sum += math.Exp(row[c])
		}
		for _, v := range row {
			x = append(x, float32(v-math.Log(sum)))
		}
	}
	last := ""
	for _, letter := range strings.Split(text, "") {
		class := 1
		if letter != " " {
			class = int(letter[0]-'a') + 2
		}
		for range rng.IntN(3) {
			frame(t.Blank)
		}
		if letter == last {
			frame(t.Blank)
		}
		for range 1 + rng.IntN(2) {
			frame(class)
		}
		last = letter
	}
	return x
}
