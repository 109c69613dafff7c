package ngram

import (
	"io"
	"math"
)

// Scorer is a language model: a [Model] or a [Binary].
type Scorer interface {
	Order() int
	Words() []string
	Word(s string) Word
	Start() State
	End() Word
	Bound() float64
	Score(s State, w Word) (logProb float64, next State)
	Match(s State, w Word) (logProb float64, next State, order int)
}

// Open opens the model at path: a binary file of KenLM's ([OpenBinary]), or an ARPA file ([Load]).
func Open(path string) (Scorer, error) {
	yes, err := isBinary(path)
	switch {
	case err != nil:
		return nil, err
	case yes:
		return OpenBinary(path)
	}
	return Load(path)
}

// Evaluation is what a model gives to a text.
type Evaluation struct {
	Sentences int
	Words     int     // without <s> and </s>
	Unknown   int     // of the words, those that the model does not have
	LogProb   float64 // natural, of all words and sentence ends
	Known     float64 // LogProb without what unknown words add
}

// Scored is a word of a text, or the end of a sentence, as a model scores it.
type Scored struct {
	Text    string
	Word    Word
	Order   int     // words of the n-gram that counts
	LogProb float64 // natural
	Known   bool
}

// Evaluate scores a text, one sentence a line with words separated by spaces or tabs; blank
// lines are skipped. each, which may be nil, gets the words of each sentence and its end; they are good until it returns.
//
// Errors: <s> or </s> as a word; a line of more than 1 MiB; what is no text; those of each.
func Evaluate(m Scorer, text io.Reader, each func(sentence []Scored) error) (e Evaluation, err error) {
	l, err := newLines(text)
	if err != nil {
		return e, err
	}
	unk := m.Word(unknown)
	var sentence []Scored
	for l.next() {
		sentence = sentence[:0]
		s := m.Start()
		add := func(text string, w Word) {
			one := Scored{Text: text, Word: w, Known: w != unk}
			one.LogProb, s, one.Order = m.Match(s, w)
			sentence = append(sentence, one)
		}
		for w := range l.words() {
			if err := l.check(w); err != nil {
				return e, err
			}
			add(string(w), m.Word(string(w)))
		}
		add(end, m.End())
		e.add(sentence)
		if each != nil {
			if err := each(sentence); err != nil {
				return e, err
			}
		}
	}
	if l.err() != nil {
		return e, l.locate(nil)
	}
	return e, nil
}

// add counts a sentence.
func (e *Evaluation) add(sentence []Scored) {
	e.Sentences++
	e.Words += len(sentence) - 1
	for _, w := range sentence {
		e.LogProb += w.LogProb
		if w.Known {
			e.Known += w.LogProb
		} else {
			e.Unknown++
		}
	}
}

// Perplexity returns exp(−LogProb / n), n being the number of words and sentence ends. It is
// +Inf where a word has probability 0, and NaN for an empty text.
func (e Evaluation) Perplexity() float64 {
	return math.Exp(-e.LogProb / float64(e.Words+e.Sentences))
}

// KnownPerplexity leaves unknown words out, of the logarithm and of n. They remain in the
// histories of what follows.
func (e Evaluation) KnownPerplexity() float64 {
	return math.Exp(-e.Known / float64(e.Words-e.Unknown+e.Sentences))
}
