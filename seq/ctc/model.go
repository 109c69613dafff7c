package ctc

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/excerpt"
)

// LanguageModel is what a [Beam] needs of a language model of words; ngram.Model is one. States stand for
// histories: they are numbers of the model's own choice, which the search keeps and hands back. The same
// arguments must give the same results, whatever was asked before, and decoders in several goroutines may
// share a model.
type LanguageModel interface {
	// Words returns the words that the model knows, each once; a word's number is its place. Three
	// are special, and may be missing: "</s>" is the end of a sentence, without which the end adds
	// nothing; "<unk>" stands for all other words, without which these count as Beam says, and leave the
	// state as it is; "<s>" is never predicted.
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

// noNumber is the number of a word that the vocabulary does not have, or that a model has neither it nor <unk> for.
const noNumber = -1

const (
	startMark   = "<s>"
	endMark     = "</s>"
	unknownWord = "<unk>"
)

// isMark reports whether a word is a mark of a sentence's start or end.
func isMark(word string) bool { return word == startMark || word == endMark }

// maxModels is the most language models that a beam has.
const maxModels = 4

// logZero is the probability 0 as ARPA files write it, −99 to the base 10, and whatever is less.
const logZero = -99 * math.Ln10

// models lists the beam's language models with their weights.
func (b *Beam) models() []WeightedModel {
	if b.Model == nil {
		return nil
	}
	return append([]WeightedModel{{b.Model, b.LMWeight}}, b.More...)
}

// modelName names a model of Beam.models for an error.
func modelName(i int) string {
	if i == 0 {
		return "Model"
	}
	return fmt.Sprintf("More[%d].Model", i-1)
}

// model is a language model as a decoder has it.
type model struct {
	LanguageModel
	weight       float64
	unknown, end int32   // numbers of <unk> and </s>, or noNumber
	least        float64 // score of the least likely word at the start of a sentence
	bound        float64 // that scores are held to
}

// vocabulary numbers the words of all language models and of the lexicon.
type vocabulary struct {
	models []model
	words  []word
	number map[string]int32
}

// word is a word of the vocabulary.
type word struct {
	text  string
	ids   [maxModels]int32 // its number in each model, or that of <unk>, or noNumber
	known bool             // a model has it
}

// newVocabulary returns that of a beam. Errors: a word that a model has twice.
func newVocabulary(b *Beam) (*vocabulary, error) {
	v := &vocabulary{number: map[string]int32{}}
	ids := make([]map[string]int32, 0, maxModels)
	for i, w := range b.models() {
		own := map[string]int32{}
		for id, text := range w.Model.Words() {
			if first, twice := own[text]; twice {
				return nil, fmt.Errorf("ctc: %s.Words()[%d] is %q, and so is Words()[%d]; each word must be there once", modelName(i), id, excerpt.Of(text), first)
			}
			own[text] = int32(id)
		}
		v.models = append(v.models, newModel(w, own))
		ids = append(ids, own)
	}
	add := func(text string) {
		if _, there := v.number[text]; there || isMark(text) {
			return
		}
		w := word{text: text}
		for i := range v.models {
			id, known := ids[i][text]
			if !known {
				id = v.models[i].unknown
			}
			w.ids[i], w.known = id, w.known || known && text != unknownWord
		}
		v.number[text] = int32(len(v.words))
		v.words = append(v.words, w)
	}
	for _, m := range v.models {
		for _, text := range m.Words() {
			add(text)
		}
	}
	for _, text := range b.Lexicon {
		add(text)
	}
	return v, nil
}

func newModel(w WeightedModel, ids map[string]int32) model {
	m := model{w.Model, w.Weight, noNumber, noNumber, 0, w.Model.Bound()}
	if !math.IsInf(m.bound, -1) {
		m.bound += 1e-9 * max(1, math.Abs(m.bound)) // sums of back-off weights are rounded
	}
	if id, ok := ids[endMark]; ok {
		m.end = id
	}
	start := m.Start()
	if id, ok := ids[unknownWord]; ok {
		m.unknown = id
		if p, _ := m.Score(start, id); p > logZero {
			m.least = p // for histories after which it is 0
			return m
		}
	}
	m.least = math.Inf(-1)
	some := false
	for text, id := range ids {
		if p, _ := m.Score(start, id); id != m.unknown && !isMark(text) && p > logZero && (!some || p < m.least) {
			m.least, some = p, true
		}
	}
	return m
}

// id returns the number of a word that is spelled this way, or noNumber.
func (v *vocabulary) id(spelling string) int32 {
	if i, ok := v.number[spelling]; ok {
		return i
	}
	return noNumber
}
