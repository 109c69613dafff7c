package ctc

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Beam is what a [Decoder] is made of: prefix beam search.
//
// The total of labels y is
//
//	ln P(y | x) + LMWeight · ln P_LM(y) + WordBonus · words(y) + Unknown · unknown words(y) + boosts of hot words in y
//
// and, for each of More, its weight times its ln P_LM(y).
//
// P(y | x) being the sum over all alignments. Frame by frame, the search keeps the Width
// prefixes of the greatest totals, and adds up the alignments of each that lead through
// kept prefixes. With a beam that is wide enough to lose none, it is exact; the result of
// a narrower one may be less than the best, and its P(y | x) is a lower bound.
//
// Words are what stands between separators in the text of the labels, or single tokens where there is no
// separator. A separator may be a token, or stand anywhere in one, as before a piece that begins a word. A word joins
// the models' probabilities and the words' number when it ends; the end of the labels ends the last word, and adds </s>.
//
// A word that a model does not have is its <unk>. In a model without <unk>, or whose <unk> has the probability 0 (for
// which ARPA files write −99 or less), it counts as the model's least likely word does at the start of a
// sentence, so that an unknown word is unlikely, but not impossible.
//
// Before a word ends, the beam charges it what the models give at most to any word that begins so, or what an unknown one
// costs where none does; totals at the end do not have that. It matters where the beam is too narrow to keep all.
//
// Special cases: frames in which all is −Inf, or a lexicon that fits nothing that is kept, leave no
// hypothesis; that is an error, [ErrNoHypothesis].
// Source: [graves2006], [hannun2014]; hot words by [aho1975].
type Beam struct {
	Classes   int      // classes of a frame; 0 means len(Tokens)
	Tokens    []string // text of each class; may be nil where there is neither Model nor Lexicon
	Blank     int      // the class of blanks
	Separator string   // text between words, of a token or within tokens; "" for none: every token is a word

	Width     int     // prefixes kept; 0 means 64
	Threshold float64 // prefixes are dropped whose total is this much under the best one's; 0 means never
	TopTokens int     // how many tokens of a frame, the likeliest, begin new prefixes; 0 means all
	Delay     int     // in frames; prefixes are dropped that differ from the best one in a label that it has had for this long; 0 means never
	Best      int     // most hypotheses returned; 0 means 1
	Times     bool    // hypotheses have Spans, and a stream keeps the frames of labels that are not settled

	Model     LanguageModel   // of words, or of tokens without a separator; nil for none
	LMWeight  float64         // from 0 to 1e6
	More      []WeightedModel // further models, at most 3, that need a Model
	WordBonus float64         // nats for each word, from −1e6 to 1e6
	Unknown   float64         // nats for each word that no model has, from −1e6 to 1e6; 0 means DefaultUnknown where a model has a weight above 0, else nothing; Zero means 0

	Lexicon   []string  // the only words that may be; nil for all. It needs a separator
	Spellings []string  // of each word of Lexicon, what its tokens' texts make up; nil where each is spelled as it is
	Hot       []HotWord // labels that are likelier here than elsewhere

	// Tokenize gives the one spelling by which words of Lexicon, and hot words, are read; it needs a Separator. With nil they are read however tokens spell them.
	Tokenize func(word string) ([]int, error)
}

// DefaultUnknown is [Beam.Unknown]'s default, in nats. A misspelled word is then less likely than one of the model, and a word that is clearly said is still read.
// pyctcdecode's default is −10 to the base 10, which it multiplies with the model's weight: −11.5 nats at a weight of 0.5.
const DefaultUnknown = -10

// Zero is 0 for [Beam.Unknown], whose zero value means a default.
const Zero = math.SmallestNonzeroFloat64

// WeightedModel is one of several language models. A weight multiplies the logarithms of its probabilities.
type WeightedModel struct {
	Model  LanguageModel
	Weight float64 // from 0 to 1e6
}

// ErrNoHypothesis is in errors of emissions that allow no labels at all.
var ErrNoHypothesis = errors.New("no hypothesis")

// Hypothesis is a result. Its totals are natural logarithms. Labels that differ in separators alone, as by
// one at the end, are different hypotheses, if of the same words.
type Hypothesis struct {
	Tokens   []int
	Acoustic float64 // ln P(y | x), as far as the search has seen it
	LM       float64 // ln P_LM(y), unweighted; 0 without a model
	More     float64 // what further models add, weighted
	Words    int     // that are not empty
	Unknown  int     // of the words, those that no model has
	Boost    float64 // of hot words
	Total    float64
	Spans    []Span // with Times, where the Tokens are: the likeliest alignment to the frames, as an Aligner finds it
}

// Decoder is a Beam made ready by [NewDecoder]; the zero Decoder must not be used. It does not change, so
// several goroutines may use it, each with a [Stream] of its own.
type Decoder struct {
	beam      Beam
	separator int32 // the class between words, or none
	alphabet  alphabetOf
	ends      []bool  // of each token: a word ends in it, or every token is a word
	most      float64 // that a token can add to the total by the words that it ends
	lexicon   *lexicon
	words     *vocabulary
	ids       []int32 // the vocabulary's number of each token, where every token is a word
	hot       *hotWords
	stray     float64 // what words are charged at once that begin as none of the vocabulary does
}

// NewDecoder checks the options and prepares what they name.
//
// Errors: options out of their ranges, by name, index and value; a word of the lexicon that the tokens
// cannot spell, or that has the separator in it; those of Tokenize, and a text that it changes; a language model of whose words the tokens can spell
// none, or hardly any, but more in letters of the other case, or one word twice; a bound that is NaN or +Inf.
func NewDecoder(b Beam) (*Decoder, error) {
	b.Classes = cmp.Or(b.Classes, len(b.Tokens))
	b.Width = cmp.Or(b.Width, 64)
	b.Best = cmp.Or(b.Best, 1)
	b.Unknown = b.unknown()
	if err := b.check(); err != nil {
		return nil, err
	}
	b.Tokens = slices.Clone(b.Tokens)
	words, err := newVocabulary(&b)
	if err != nil {
		return nil, err
	}
	d := &Decoder{beam: b, words: words, separator: int32(b.separator()), alphabet: b.alphabet(b.Tokenize != nil && b.Lexicon != nil), most: b.most()}
	if b.Separator != "" {
		if d.lexicon, err = newLexicon(&b, words, &d.alphabet); err != nil {
			return nil, err
		}
		d.lookAhead()
	} else if b.Model != nil {
		for _, s := range b.Tokens {
			d.ids = append(d.ids, words.id(s))
		}
	}
	for _, parts := range d.alphabet.words {
		d.ends = append(d.ends, len(parts) > 1 || b.Separator == "")
	}
	if len(b.Hot) > 0 {
		d.hot = newHotWords(&b, b.alphabet(b.Tokenize != nil))
	}
	return d, nil
}

// unknown is what Unknown stands for.
func (b *Beam) unknown() float64 {
	weighted := func(m WeightedModel) bool { return m.Weight > 0 }
	switch {
	case b.Unknown == Zero:
		return 0
	case b.Unknown == 0 && slices.ContainsFunc(b.models(), weighted):
		return DefaultUnknown
	}
	return b.Unknown
}

func (b *Beam) check() error {
	if err := checkClasses(b.Classes, b.Blank); err != nil {
		return err
	}
	if b.Tokens != nil && len(b.Tokens) != b.Classes {
		return fmt.Errorf("ctc: Tokens has %d elements; it must have one for each of the %d classes", len(b.Tokens), b.Classes)
	}
	if b.Tokens == nil && (b.Model != nil || b.Lexicon != nil) {
		return errors.New("ctc: Tokens is nil; a language model or a lexicon needs the tokens' text")
	}
	if b.Separator != "" && !b.separates() {
		return fmt.Errorf("ctc: Separator is %q; it must be in the text of a token that is not the blank, or \"\" for none", b.Separator)
	}
	if b.Lexicon != nil && b.Separator == "" {
		return errors.New("ctc: Lexicon is set without a Separator; it needs one, to tell where words end")
	}
	if b.Spellings != nil && (b.Lexicon == nil || len(b.Spellings) != len(b.Lexicon)) {
		return fmt.Errorf("ctc: Spellings has %d elements; it must have one for each of the %d of Lexicon, or be nil", len(b.Spellings), len(b.Lexicon))
	}
	if err := b.checkTokenize(); err != nil {
		return err
	}
	if err := b.checkModels(); err != nil {
		return err
	}
	for _, o := range []struct {
		name  string
		value int
	}{{"Width", b.Width}, {"TopTokens", b.TopTokens}, {"Delay", b.Delay}, {"Best", b.Best}} {
		if o.value < 0 || o.value > math.MaxInt32 {
			return fmt.Errorf("ctc: %s is %d; it must be from 0 to %d", o.name, o.value, math.MaxInt32)
		}
	}
	for _, o := range []struct {
		name               string
		value, least, most float64
	}{
		{"Threshold", b.Threshold, 0, math.MaxFloat64},
		{"LMWeight", b.LMWeight, 0, maxNats},
		{"WordBonus", b.WordBonus, -maxNats, maxNats},
		{"Unknown", b.Unknown, -maxNats, maxNats},
	} {
		if !(o.value >= o.least && o.value <= o.most) {
			return fmt.Errorf("ctc: %s is %v; it must be from %v to %v", o.name, o.value, o.least, o.most)
		}
	}
	if err := b.checkWords(); err != nil {
		return err
	}
	return b.checkHotWords()
}

// checkModels checks the language models, which are several, and their weights.
func (b *Beam) checkModels() error {
	if b.Model == nil && len(b.More) > 0 {
		return errors.New("ctc: More is set without a Model; the first model is Model")
	}
	if b.Model == nil && b.Unknown != 0 {
		return errors.New("ctc: Unknown is set without a Model; without one no word is unknown")
	}
	if len(b.More) >= maxModels {
		return fmt.Errorf("ctc: More has %d models; it must have at most %d", len(b.More), maxModels-1)
	}
	for i, m := range b.More {
		if m.Model == nil {
			return fmt.Errorf("ctc: More[%d].Model is nil; it must be a model", i)
		}
		if !(m.Weight >= 0 && m.Weight <= maxNats) {
			return fmt.Errorf("ctc: More[%d].Weight is %v; it must be from 0 to %v", i, m.Weight, float64(maxNats))
		}
	}
	for i, m := range b.models() {
		if bound := m.Model.Bound(); math.IsNaN(bound) || math.IsInf(bound, 1) {
			return fmt.Errorf("ctc: %s.Bound() is %v; it must be a number that no score is above, or −Inf", modelName(i), bound)
		}
	}
	return nil
}

// maxNats bounds what words may add to a total, so that sums keep their digits.
const maxNats = 1e6

// most returns the most that a token can add to the total by the words that it ends.
func (b *Beam) most() float64 {
	most := b.WordBonus
	if b.Model != nil {
		most += max(b.Unknown, 0)
	}
	for _, m := range b.models() {
		if m.Weight > 0 {
			most += max(m.Weight*m.Model.Bound(), -maxNats) // of a model that allows nothing, too
		}
	}
	if b.Separator == "" {
		return most
	}
	ends := 0
	for c, s := range b.Tokens {
		if c != b.Blank {
			ends = max(ends, strings.Count(s, b.Separator))
		}
	}
	return float64(ends) * max(most, 0) // most tokens end none
}

// separates reports whether the separator is in any token.
func (b *Beam) separates() bool {
	for c, s := range b.Tokens {
		if c != b.Blank && strings.Contains(s, b.Separator) {
			return true
		}
	}
	return false
}

// separator returns the class between words, or none.
func (b *Beam) separator() int {
	if b.Separator == "" {
		return none
	}
	for c, s := range b.Tokens {
		if c != b.Blank && s == b.Separator {
			return c
		}
	}
	return none
}

// Decode returns the best hypotheses for whole emissions, the best first; of equal totals the
// lexicographically first labels. There may be fewer than Best.
//
// Shapes: logProbs is T frames of Classes.
// Errors: NaN and +Inf; a length that is no multiple of Classes; a score of Model that is NaN or above its
// bound; emissions that allow no labels, [ErrNoHypothesis], with the reason.
func (d *Decoder) Decode(logProbs []float32) ([]Hypothesis, error) {
	s := d.Stream()
	times := s.times
	s.times = nil // whole emissions are aligned at once
	if err := s.Push(logProbs); err != nil {
		return nil, err
	}
	best, err := s.Finish()
	if err != nil || times == nil {
		return best, err
	}
	times.kept = logProbs
	return best, times.fill(best)
}

// Text returns the text of labels: that of their tokens, one after the other, or, where words have Spellings, the
// words that these mean, with separators between. Without Tokens it is empty.
func (d *Decoder) Text(tokens []int) string {
	if d.beam.Tokens == nil {
		return ""
	}
	if d.beam.Spellings != nil {
		return strings.Join(d.meant(tokens), d.beam.Separator)
	}
	var text strings.Builder
	for _, c := range tokens {
		text.WriteString(d.beam.Tokens[c])
	}
	return text.String()
}

// Beam returns the options, those that were 0 as they are meant. The caller must not change what its
// slices hold.
func (d *Decoder) Beam() Beam { return d.beam }
