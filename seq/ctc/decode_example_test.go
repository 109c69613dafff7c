package ctc_test

import (
	"fmt"
	"log"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/ngram"
)

// Beam search with a language model: the network alone hears "hat ct", the model knows
// which words there are.
func ExampleBeam() {
	model, err := ngram.Train(strings.NewReader("the cat sat\nthat cat\na hat\nthat hat sat"), ngram.Options{Order: 2, Fallback: ngram.DefaultFallback()})
	if err != nil {
		log.Fatal(err)
	}
	tokens := []string{"_", " ", "a", "c", "h", "t"}
	// Frames of "_", " ", "a", "c", "h", "t".
	probs := []float64{
		.02, .02, .02, .02, .90, .02,
		.02, .02, .90, .02, .02, .02,
		.05, .02, .02, .02, .02, .87,
		.10, .82, .02, .02, .02, .02,
		.10, .02, .02, .70, .14, .02,
		.55, .02, .37, .02, .02, .02,
		.02, .02, .02, .02, .02, .90,
	}
	logProbs := make([]float32, len(probs))
	for i, p := range probs {
		logProbs[i] = float32(math.Log(p))
	}

	for _, weight := range []float64{0, 1} {
		d, err := ctc.NewDecoder(ctc.Beam{
			Tokens: tokens, Blank: 0, Separator: " ", Best: 2,
			Model: model, LMWeight: weight, WordBonus: weight,
		})
		if err != nil {
			log.Fatal(err)
		}
		best, err := d.Decode(logProbs)
		if err != nil {
			log.Fatal(err)
		}
		for _, h := range best {
			fmt.Printf("weight %v: %-9q acoustic %.2f, model %.2f\n", weight, d.Text(h.Tokens), h.Acoustic, h.LM)
		}
	}
	// Output:
	// weight 0: "hat ct"  acoustic -1.53, model -8.23
	// weight 0: "hat cat" acoustic -2.00, model -6.82
	// weight 1: "hat cat" acoustic -2.00, model -6.82
	// weight 1: "hat hat" acoustic -3.61, model -6.82
}

// grammar is a language model of one's own: after each word, any of some may come, one as likely as the other.
// A state is the word before, or behind all words the start.
type grammar struct {
	words []string
	next  [][]int32 // by state
}

func (g grammar) Words() []string { return g.words }
func (g grammar) Start() int32    { return int32(len(g.words)) }
func (g grammar) Bound() float64  { return 0 }

func (g grammar) Score(state, word int32) (logProb float64, next int32) {
	if !slices.Contains(g.next[state], word) {
		return math.Inf(-1), word
	}
	return -math.Log(float64(len(g.next[state]))), word
}

// A language model of one's own: commands of two words. The network alone hears "light heat".
func ExampleLanguageModel() {
	d, err := ctc.NewDecoder(ctc.Beam{
		Tokens: []string{"_", " ", "light", "heat", "on", "off"}, Separator: " ", LMWeight: 1,
		Model: grammar{
			words: []string{"light", "heat", "on", "off", "</s>"},
			next:  [][]int32{{2, 3}, {2, 3}, {4}, {4}, nil, {0, 1}},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	probs := []float64{
		.02, .02, .60, .32, .02, .02,
		.02, .90, .02, .02, .02, .02,
		.02, .02, .02, .50, .04, .40,
	}
	logProbs := make([]float32, len(probs))
	for i, p := range probs {
		logProbs[i] = float32(math.Log(p))
	}
	best, err := d.Decode(logProbs)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: acoustic %.2f, model %.2f\n", d.Text(best[0].Tokens), best[0].Acoustic, best[0].LM)
	// Output: light off: acoustic -1.53, model -1.39
}

// A word error rate, and what the errors are.
func ExampleEdits() {
	ref, hyp := ctc.Words("the cat sat on the mat"), ctc.Words("the cat on the mats")
	edits := ctc.Edits(ref, hyp)
	var count ctc.ErrorCount
	count.Add(edits)
	fmt.Print(ctc.RenderEdits(ref, hyp, edits))
	fmt.Printf("%.0f %% of %d words\n", 100*count.Rate(), count.Length)
	// Output:
	// ref  the cat sat on the mat
	// hyp  the cat *** on the mats
	//              D          S
	// 33 % of 6 words
}
