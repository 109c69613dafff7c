package ctc

import (
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
)

// LanguageModel is what a [Beam] needs of a language model of words; ngram.Model is one. States stand for
// histories: they are numbers of the model's own choice, which the search keeps and hands back. The same
// arguments must give the same results, whatever was asked before, and decoders in several goroutines may
// share a model.
type LanguageModel interface {
	// Words returns the words that the model knows, each once; a word's number is its place. Three
	// are special, and may be missing: "</s>" is the end of a sentence, without which the end adds
	// nothing; "<unk>" stands for all other words, without which these have probability 0; "<s>"
	// is never predicted.
	Words() []string
	// Start returns the state at the start of a sentence.
	Start() (state int32)
	// Score returns the natural logarithm of the probability of a word after a state, and the state
	// after the word. −Inf is a probability of 0.
	Score(state, word int32) (logProb float64, next int32)
	// Bound returns a number that no result of Score is above. 0 is one for all probabilities; a
	// lesser one makes the search faster.
	Bound() float64
}

// noNumber is the number of a word that the model has not, nor <unk> in its place.
const noNumber = -1

const (
	startMark   = "<s>"
	endMark     = "</s>"
	unknownWord = "<unk>"
)

// isMark reports whether a word is a mark of a sentence's start or end.
func isMark(word string) bool { return word == startMark || word == endMark }

// vocabulary numbers the words of a language model.
type vocabulary struct {
	ids          map[string]int32
	unknown, end int32 // or noNumber
}

// newVocabulary returns that of a model, which may be nil. Errors: a word that is there twice.
func newVocabulary(m LanguageModel) (v vocabulary, err error) {
	v.unknown, v.end = noNumber, noNumber
	if m == nil {
		return v, nil
	}
	words := m.Words()
	v.ids = make(map[string]int32, len(words))
	for i, w := range words {
		if first, twice := v.ids[w]; twice {
			return v, fmt.Errorf("ctc: Model.Words()[%d] is %q, and so is Words()[%d]; each word must be there once", i, excerpt.Of(w), first)
		}
		v.ids[w] = int32(i)
	}
	if i, ok := v.ids[unknownWord]; ok {
		v.unknown = i
	}
	if i, ok := v.ids[endMark]; ok {
		v.end = i
	}
	return v, nil
}

// id returns the number of a word that is spelled this way.
func (v *vocabulary) id(spelling string) int32 {
	if i, ok := v.ids[spelling]; ok && !isMark(spelling) {
		return i
	}
	return v.unknown
}
