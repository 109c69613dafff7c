package ctc

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/energo-ml/energo/seq/ngram"
)

// peers is what oracle/decoders.py has written: the searches of others, which lose nothing.
type peers struct {
	ARPA        string
	Pyctcdecode struct {
		Tokens []string
		Blank  int
		Cases  []struct {
			LM                   bool
			Alpha, Beta, Unknown float64
			Hot                  []string
			Emissions            [][]float32
			Best                 []struct {
				Text            string
				Acoustic, Total float64
			}
		}
	}
	Flashlight struct {
		Tokens  []string
		Blank   int
		Lexicon []string
		Cases   []struct {
			Weight, Bonus float64
			Emissions     [][]float32
			Best          []struct {
				Words               []string
				Frames              []int
				Acoustic, LM, Total float64
			}
		}
	}
}

func readPeers(t *testing.T) (p peers, model *ngram.Model) {
	t.Helper()
	f, err := os.Open("testdata/decoders.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(&p)
	}
	if err == nil {
		model, err = ngram.Read(strings.NewReader(p.ARPA))
	}
	if err != nil {
		t.Fatal(err)
	}
	return p, model
}

// alike holds numbers of peers, which are of single precision, against ours.
func alike(a, b float64) bool { return math.Abs(a-b) <= 1e-4 }

// pyctcdecode's texts of pieces have our totals, with unknown words and hot words: its acoustics are those of all spellings of a text.
func TestPyctcdecode(t *testing.T) {
	all, model := readPeers(t)
	p := all.Pyctcdecode
	tokens := make([]string, len(p.Tokens))
	for i, s := range p.Tokens {
		tokens[i] = strings.ReplaceAll(s, "▁", " ")
	}
	tokens[0] = "" // <unk>
	unknown, boosted := 0, 0
	for i, c := range p.Cases {
		const wide = 1 << 18
		b := Beam{Tokens: tokens, Blank: p.Blank, Separator: " ", Width: wide, Best: wide}
		if c.LM {
			b.Model, b.LMWeight, b.WordBonus, b.Unknown = model, c.Alpha, c.Beta, c.Alpha*c.Unknown*math.Ln10
			if c.Unknown == 0 {
				b.Unknown = Zero
			}
		}
		for _, w := range c.Hot {
			labels, err := b.Spell(" " + w)
			if err != nil {
				t.Fatal(err)
			}
			b.Hot = append(b.Hot, HotWord{labels, 2.5})
		}
		x := slices.Concat(c.Emissions...)
		for f := range c.Emissions {
			x[f*len(tokens)] = float32(math.Inf(-1))
		}
		acoustic, prior := map[string]float64{}, map[string]float64{}
		for _, h := range decode(t, b, x) {
			text := strings.Join(strings.Fields(b.text(h.Tokens)), " ")
			if sum, ok := acoustic[text]; ok {
				acoustic[text] = logAdd(sum, h.Acoustic)
			} else {
				acoustic[text] = h.Acoustic
			}
			if own := h.Total - h.Acoustic; prior[text] != 0 && !close64(prior[text], own) {
				t.Errorf("case %d: %q adds %v, and %v in another spelling", i, text, prior[text], own)
			}
			prior[text] = h.Total - h.Acoustic
			unknown += h.Unknown
		}
		compared := 0
		for _, want := range c.Best {
			if strings.Contains(want.Text, "⁇") {
				continue
			}
			compared++
			if got := acoustic[want.Text]; !alike(got, want.Acoustic) || !alike(got+prior[want.Text], want.Total) {
				t.Errorf("case %d: %q has %v and %v in all; want %v and %v", i, want.Text, got, got+prior[want.Text], want.Acoustic, want.Total)
			}
			if c.Hot != nil && want.Total > want.Acoustic {
				boosted++
			}
		}
		if compared < 3 {
			t.Errorf("case %d compares %d texts", i, compared)
		}
	}
	if unknown == 0 || boosted == 0 {
		t.Errorf("%d unknown words and %d boosted texts are no trial", unknown, boosted)
	}
}

// flashlight's lexicon decoder finds our best words. Its score is of the likeliest alignment alone, and its model's logarithms are to the base 10; so taken, totals are alike.
func TestFlashlight(t *testing.T) {
	all, model := readPeers(t)
	p := all.Flashlight
	tokens := slices.Clone(p.Tokens)
	tokens[1] = " "
	for i, c := range p.Cases {
		b := Beam{
			Tokens: tokens, Blank: p.Blank, Separator: " ", Lexicon: p.Lexicon, Width: 20000,
			Model: model, LMWeight: c.Weight / math.Ln10, WordBonus: c.Bonus, Unknown: Zero,
		}
		x := slices.Concat(c.Emissions...)
		best := decode(t, b, x)[0]
		if got, want := strings.Fields(b.text(best.Tokens)), c.Best[0].Words; !slices.Equal(got, want) {
			t.Errorf("case %d: %q; flashlight has %q", i, got, want)
		}
		for _, h := range c.Best {
			labels := collapsed(h.Frames, p.Blank)
			if got := strings.Fields(b.text(labels)); !slices.Equal(got, h.Words) {
				t.Fatalf("case %d: %v are the words %q; want %q", i, h.Frames, got, h.Words)
			}
			a := Aligner{Blank: p.Blank}
			path, err := a.AlignSpellings(x, len(tokens), OneSpelling(labels))
			if err != nil {
				t.Fatal(err)
			}
			lm := model.Sentence(h.Words...) / math.Ln10
			total := path.LogProb + c.Weight*lm + c.Bonus*float64(len(h.Words))
			if !alike(path.LogProb, h.Acoustic) || !alike(lm, h.LM) || !alike(total, h.Total) {
				t.Errorf("case %d: %q has %v, %v and %v in all; flashlight %v, %v and %v", i, h.Words, path.LogProb, lm, total, h.Acoustic, h.LM, h.Total)
			}
		}
	}
}

// collapsed are the labels of an alignment.
func collapsed(frames []int, blank int) (labels []int) {
	last := blank
	for _, c := range frames {
		if c != last && c != blank {
			labels = append(labels, c)
		}
		last = c
	}
	return labels
}
