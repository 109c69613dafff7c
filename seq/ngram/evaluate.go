package ngram

import (
	"io"
	"math"
)

// Evaluation is what a model gives to a text.
type Evaluation struct {
	Sentences int
	Words     int     // without <s> and </s>
	Unknown   int     // of the words, those that the model has not
	LogProb   float64 // natural, of all words and sentence ends
	Known     float64 // LogProb without what unknown words add
}

// Evaluate scores a text, one sentence a line with words separated by spaces or tabs; blank
// lines are skipped.
//
// Errors: <s> or </s> as a word; a line of more than 1 MiB.
func (m *Model) Evaluate(text io.Reader) (Evaluation, error) {
	var e Evaluation
	l, err := newLines(text)
	if err != nil {
		return e, err
	}
	for l.next() {
		s := m.Start()
		for w := range l.words() {
			if err := l.check(w); err != nil {
				return e, err
			}
			_, known := m.ids[string(w)]
			s = m.add(&e, s, m.Word(string(w)), known)
			e.Words++
		}
		m.add(&e, s, m.End(), true)
		e.Sentences++
	}
	if l.err() != nil {
		return e, l.locate(nil)
	}
	return e, nil
}

func (m *Model) add(e *Evaluation, s State, w Word, known bool) State {
	p, next := m.Score(s, w)
	e.LogProb += p
	if known {
		e.Known += p
	} else {
		e.Unknown++
	}
	return next
}

// Perplexity returns exp(−LogProb / n), n being the number of words and sentence ends. It is
// +Inf where a word has probability 0, as unknown words have in a model without <unk>, and
// NaN for an empty text.
func (e Evaluation) Perplexity() float64 {
	return math.Exp(-e.LogProb / float64(e.Words+e.Sentences))
}

// KnownPerplexity leaves unknown words out, of the logarithm and of n. They remain in the
// histories of what follows.
func (e Evaluation) KnownPerplexity() float64 {
	return math.Exp(-e.Known / float64(e.Words-e.Unknown+e.Sentences))
}
