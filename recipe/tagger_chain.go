package recipe

import (
	"context"
	"math"
	"slices"

	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/lattice"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// chainModel gives the energies of sentences' tags.
type chainModel interface {
	// chainsOf returns the chains of sentences, a variable a word, under the weights to
	// tag with. The model keeps their memory.
	chainsOf(sentences []sample) *lattice.Chains[float32]
	// candidates returns the tags that a word of these chains may have, one a state,
	// ascending; nil for all.
	candidates(word int) []int32
	// weights returns what is kept of the model.
	weights() []tensor.Named
}

// tagger finds the tags of least energy.
type tagger struct {
	chainModel
	words  *lexicon
	solver lattice.Solver[float32]
	free   []float64
}

// tag appends each sentence's best tags to dst, one sentence after another.
func (t *tagger) tag(dst []int, sentences []sample) ([]int, error) {
	c := t.chainsOf(sentences)
	first, words := len(dst), 0
	for _, n := range c.Lengths {
		words += n
	}
	dst = slices.Grow(dst, words)[:first+words]
	t.free = scratch.Sized(t.free, len(sentences))
	if err := t.solver.Minima(t.free, dst[first:], nil, c); err != nil {
		return nil, err
	}
	for i := range words {
		if among := t.candidates(i); among != nil {
			dst[first+i] = int(among[dst[first+i]])
		}
	}
	return dst, nil
}

// goldStates appends the states of the right tags of a model's chains to dst; false where a
// word cannot have its own.
func goldStates(dst []int, m chainModel, sentences []sample) ([]int, bool) {
	word := 0
	for _, s := range sentences {
		for _, tag := range s.tags {
			at := int(tag)
			if among := m.candidates(word); among != nil {
				at = slices.Index(among, tag)
			}
			if at < 0 {
				return dst, false
			}
			dst = append(dst, at)
			word++
		}
	}
	return dst, true
}

// diagnosed is how many sentences the energies are diagnosed on: the most offending tags are the
// second best path, which takes longer to find than the best.
const diagnosed = 300

// diagnose says what training did to the energies; a is the accuracy on the same sentences.
func (t *tagger) diagnose(ctx context.Context, set []sample, s train.Subject, a TagAccuracy) (train.Evaluation, error) {
	var stats []functional.LabelStats
	for i := range set {
		if err := ctx.Err(); err != nil {
			return train.Evaluation{}, err
		}
		one := set[i : i+1]
		if len(stats) == diagnosed {
			break
		}
		if len(one[0].words) == 0 {
			continue
		}
		c := t.chainsOf(one)
		gold, ok := goldStates(nil, t, one)
		if !ok {
			continue
		}
		stat, err := t.offending(c, gold)
		if err != nil {
			return train.Evaluation{}, err
		}
		stats = append(stats, stat)
	}
	return train.Diagnose(stats, s, wrongTags.Of(float64(1-a.All)), t.guessed(set)), nil
}

// wrongTags is the error of tagging.
var wrongTags = measure.Quantity{Key: "error_rate", Name: "Error rate", Unit: measure.Share, Note: "of the words tagged wrong"}

// guessed is the error of giving every word the most frequent tag; NaN of no words.
func (t *tagger) guessed(set []sample) float64 {
	counts := make([]int, len(t.words.tags))
	words, most := 0, 0
	for _, s := range set {
		for _, y := range s.tags {
			words++
			if y >= 0 { // the others are tags that training did not have
				counts[y]++
				most = max(most, counts[y])
			}
		}
	}
	return 1 - measure.Ratio(float64(most), float64(words))
}

// offending looks at one chain: its right path, the best of the others, and the spread of
// the words' energies over their tags.
func (t *tagger) offending(c *lattice.Chains[float32], gold []int) (functional.LabelStats, error) {
	stat := functional.LabelStats{Offending: math.Inf(1), Answer: -1}
	e := make([]float64, 1)
	if err := t.solver.Energies(e, gold, c); err != nil {
		return stat, err
	}
	stat.Correct = e[0]
	best, err := t.solver.KBest(2, c)
	if err != nil {
		return stat, err
	}
	for _, p := range best[0] {
		if !slices.Equal(p.Steps, gold) {
			stat.Offending = p.Energy
			break
		}
	}
	at := 0
	for v := range gold {
		k := c.States[min(v, len(c.States)-1)]
		stat.Spread += deviation(c.Unary[at:at+k]) / float64(len(gold))
		at += k
	}
	return stat, nil
}

func deviation(x []float32) float64 {
	var mean, square float64
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		square += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	return math.Sqrt(square)
}

// subject says what a tagger's training is diagnosed as.
func (c TaggerConfig) subject() train.Subject {
	s := train.Subject{Architecture: "a chain over " + c.Model}
	switch c.Loss {
	case "nll":
		s.Functional = functional.NLL{Beta: 1}
	case "hinge":
		s.Functional, s.Margin = functional.Hinge{Margin: c.Margin}, c.Margin
	default:
		s.Functional = functional.Perceptron{}
	}
	s.Terms = train.AnswerTerms("sentences", s.Margin)
	s.Terms.AllAnswers = false // there are too many
	s.Terms.Correct, s.Terms.Offending = "the right tags", "the most offending others"
	if s.Margin == 0 {
		s.Terms.Kept = train.ToldApart("of the sentences have the right tags below all others")
	}
	return s
}
