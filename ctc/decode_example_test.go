package ctc_test

import (
	"fmt"
	"log"
	"math"
	"strings"

	"github.com/energo-ml/energo/ctc"
	"github.com/energo-ml/energo/ngram"
)

// Beam search with a language model: the network alone hears "hat ct", the model knows
// which words there are.
func ExampleBeam() {
	model, err := ngram.Train(strings.NewReader("the cat sat\nthat cat\na hat\nthat hat sat"), 2)
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
	// weight 0: "hat ct"  acoustic -1.53, model -7.76
	// weight 0: "hat cat" acoustic -2.00, model -6.30
	// weight 1: "hat cat" acoustic -2.00, model -6.30
	// weight 1: "hat ct"  acoustic -1.53, model -7.76
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
