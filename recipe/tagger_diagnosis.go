package recipe

import (
	"context"
	"math"
	"slices"

	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/lattice"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/train"
)

// diagnosed is how many sentences the energies are diagnosed on: the most offending tags are the
// second best path, which takes longer to find than the best.
const diagnosed = 300

// evaluateTagger measures a tagger on sentences that are not trained on.
func evaluateTagger(ctx context.Context, m *tag.Model, set []tag.Sentence, s train.Subject) (tag.Accuracy, train.Evaluation, error) {
	a, err := m.Measure(ctx, set)
	if err != nil {
		return a, train.Evaluation{}, err
	}
	e, err := diagnoseTagger(ctx, m, set, s, a)
	return a, e, err
}

// diagnoseTagger says what training did to the energies; a is the accuracy on the same sentences.
func diagnoseTagger(ctx context.Context, m *tag.Model, set []tag.Sentence, s train.Subject, a tag.Accuracy) (train.Evaluation, error) {
	var solver lattice.Solver[float32]
	var stats []functional.LabelStats
	for i := range set {
		if err := ctx.Err(); err != nil {
			return train.Evaluation{}, err
		}
		one := set[i : i+1]
		if len(stats) == diagnosed {
			break
		}
		if len(one[0].Words) == 0 {
			continue
		}
		c := m.Chains(one)
		gold, ok := tag.States(nil, m, one)
		if !ok {
			continue
		}
		stat, err := offendingTags(&solver, c, gold)
		if err != nil {
			return train.Evaluation{}, err
		}
		stats = append(stats, stat)
	}
	return train.Diagnose(stats, s, wrongTags.Of(float64(1-a.All)), guessedTags(m.Lexicon(), set)), nil
}

// wrongTags is the error of tagging.
var wrongTags = measure.Quantity{Key: "error_rate", Name: "Error rate", Unit: measure.Share, Note: "of the words tagged wrong"}

// guessedTags is the error of giving every word the most frequent tag; NaN of no words.
func guessedTags(words *tag.Lexicon, set []tag.Sentence) float64 {
	counts := make([]int, len(words.Tags()))
	places, most := 0, 0
	for _, s := range set {
		for _, y := range s.Tags {
			places++
			if y >= 0 { // the others are tags that training did not have
				counts[y]++
				most = max(most, counts[y])
			}
		}
	}
	return 1 - measure.Ratio(float64(most), float64(places))
}

// offendingTags looks at one chain: its right path, the best of the others, and the spread of
// the words' energies over their tags.
func offendingTags(solver *lattice.Solver[float32], c *lattice.Chains[float32], gold []int) (functional.LabelStats, error) {
	stat := functional.LabelStats{Offending: math.Inf(1), Answer: -1}
	e := make([]float64, 1)
	if err := solver.Energies(e, gold, c); err != nil {
		return stat, err
	}
	stat.Correct = e[0]
	best, err := solver.KBest(2, c)
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
func (c *Tagger) subject() train.Subject {
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
