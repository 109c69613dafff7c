package jobs

import (
	"context"
	"fmt"
	"math"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/scratch"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/lattice"
	"github.com/energo-ml/energo/seq/tag"
	"github.com/energo-ml/energo/train"
)

// diagnosed is how many sentences the energies are diagnosed on.
const diagnosed = 300

// evaluate measures the tagger on sentences that are not trained on.
func (t *taggerModel) evaluate(ctx context.Context, set []tag.Sentence) (tag.Accuracy, train.Evaluation, error) {
	a, err := t.model.Measure(ctx, set)
	if err != nil {
		return a, train.Evaluation{}, err
	}
	stats, err := t.stats(ctx, set)
	if err != nil {
		return a, train.Evaluation{}, err
	}
	return a, train.Diagnose(stats, t.subject, wrongTags.Of(float64(1-a.All)), guessedTags(t.model.Lexicon(), set)), nil
}

// stats looks at the energies of the first sentences of a set whose right tags can be.
func (t *taggerModel) stats(ctx context.Context, set []tag.Sentence) (stats []functional.LabelStats, err error) {
	for i := 0; i < len(set) && len(stats) < diagnosed; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		one := set[i : i+1]
		c := t.model.Chains(one)
		gold, ok := tag.States(nil, t.model, one)
		if !ok || len(gold) == 0 {
			continue
		}
		s, err := t.loss.stats(c, gold)
		if err != nil {
			return nil, err
		}
		stats = append(stats, s)
	}
	return stats, nil
}

// stats looks at one chain: its right path, the best of the others, the spread of its places' energies over their states,
// and the loss.
func (l *chainLoss) stats(c *lattice.Chains[float32], gold []int) (functional.LabelStats, error) {
	s := functional.LabelStats{Answer: -1, Places: len(gold)}
	var correct, other [1]float64
	eval := func(a *answers.Chains[float32], s functional.Statistic) error {
		l.unary, l.pair = scratch.Sized(l.unary, len(c.Unary)), scratch.Sized(l.pair, len(c.Pair))
		if err := a.Set(c, gold, l.unary, l.pair); err != nil {
			return err
		}
		return a.Eval(s, correct[:], other[:])
	}
	if err := eval(&l.answers, l.f.Statistic()); err != nil {
		return s, err
	}
	loss, down, up := l.f.Eval(correct[0], other[0])
	s.Loss, s.Push = loss, max(math.Abs(down), math.Abs(up))
	if err := eval(&l.raw, functional.Statistic{Kind: functional.Offending}); err != nil {
		return s, err
	}
	s.Correct, s.Offending = correct[0], other[0]
	at := 0
	for v := range gold {
		k := c.States[min(v, len(c.States)-1)]
		s.Spread += deviation(c.Unary[at:at+k]) / float64(len(gold))
		at += k
	}
	return s, nil
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

// subject says what a tagger's training by f is diagnosed as. A margin is kept by sentences without a loss: that of
// margin_cost_max is for each wrong tag, and with PerWord margins are by words.
func (c *Tagger) subject(f functional.Functional) train.Subject {
	s := train.Subject{Functional: f, Architecture: "a chain over " + c.Model, Terms: train.AnswerTerms("sentences", 0)}
	s.Terms.AllAnswers = false // there are too many
	s.Terms.Correct, s.Terms.Offending = "the right tags", "the most offending others"
	s.Terms.Kept = train.ToldApart("of the sentences have the right tags below all others")
	if c.takes("margin", "") && c.Margin > 0 {
		s.Margin = c.Margin
	}
	if s.Margin > 0 && (c.Functional == "hinge" || c.Functional == "margin_cost_max") {
		s.Terms.Kept = train.MarginKept(fmt.Sprintf("of the sentences keep the margin %v: their loss is 0", c.Margin))
		s.Keeps = func(x functional.LabelStats) bool { return x.Loss == 0 && x.Gap() > 0 }
	}
	return s
}
