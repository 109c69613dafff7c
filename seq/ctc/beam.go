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
//	ln P(y | x) + LMWeight · ln P_LM(y) + WordBonus · words(y) + boosts of hot words in y
//
// P(y | x) being the sum over all alignments. Frame by frame, the search keeps the Width
// prefixes of the greatest totals, and adds up the alignments of each that lead through
// kept prefixes. With a beam that is wide enough to lose none, it is exact; the result of
// a narrower one may be less than the best, and its P(y | x) is a lower bound.
//
// Words end with the separator, or are single tokens. A word joins the model's probability and
// the words' number when it ends; the end of the labels ends the last word, and adds </s>.
//
// Special cases: frames in which all is −Inf, or a lexicon that fits nothing that is kept, leave no
// hypothesis. A word that the model has not and that has no <unk> in its place has −Inf
// under a weight above 0, and is then no hypothesis.
// Source: [graves2006], [hannun2014]; hot words by [aho1975].
type Beam struct {
	Classes   int      // classes of a frame; 0 means len(Tokens)
	Tokens    []string // text of each class; may be nil where there is neither Model nor Lexicon
	Blank     int      // the class of blanks
	Separator string   // text of the token between words; "" for none: every token is a word

	Width     int     // prefixes kept; 0 means 64
	Threshold float64 // prefixes are dropped whose total is this much under the best one's; 0 means never
	TopTokens int     // how many tokens of a frame, the likeliest, begin new prefixes; 0 means all
	Delay     int     // in frames; prefixes are dropped that differ from the best one in a label that it has had for this long; 0 means never
	Best      int     // most hypotheses returned; 0 means 1

	Model     LanguageModel // of words, or of tokens without a separator; nil for none
	LMWeight  float64       // from 0 to 1e6
	WordBonus float64       // nats for each word, from −1e6 to 1e6

	Lexicon []string  // the only words that may be; nil for all. It needs a separator
	Hot     []HotWord // labels that are likelier here than elsewhere
}

// Hypothesis is a result. Its totals are natural logarithms. Labels that differ in separators alone, as by
// one at the end, are different hypotheses, if of the same words.
type Hypothesis struct {
	Tokens   []int
	Acoustic float64 // ln P(y | x), as far as the search has seen it
	LM       float64 // ln P_LM(y), unweighted; 0 without a model
	Words    int     // that are not empty
	Boost    float64 // of hot words
	Total    float64
}

// Decoder is a Beam made ready by [NewDecoder]; the zero Decoder must not be used. It does not change, so
// several goroutines may use it, each with a [Stream] of its own.
type Decoder struct {
	beam      Beam
	separator int32   // or none
	most      float64 // that a token can add to the total by the words that it ends
	lexicon   *lexicon
	ids       []int32 // the model's numbers of each token, where every token is a word
	unknown   int32   // the model's number of <unk>, and of </s>; or noNumber
	end       int32
	bound     float64 // that the model's scores are held to
	hot       *hotWords
}

// NewDecoder checks the options and prepares what they name.
//
// Errors: options out of their ranges, by name, index and value; a word of the lexicon that the tokens
// cannot spell, or that has the separator in it; a language model with words of which the tokens can spell
// none, or hardly any, but more in letters of the other case, or one word twice; a bound that is NaN or +Inf.
func NewDecoder(b Beam) (*Decoder, error) {
	b.Classes = cmp.Or(b.Classes, len(b.Tokens))
	b.Width = cmp.Or(b.Width, 64)
	b.Best = cmp.Or(b.Best, 1)
	if err := b.check(); err != nil {
		return nil, err
	}
	b.Tokens = slices.Clone(b.Tokens)
	words, err := newVocabulary(b.Model)
	if err != nil {
		return nil, err
	}
	d := &Decoder{beam: b, separator: int32(b.separator()), most: b.most(), unknown: words.unknown, end: words.end}
	if b.Model != nil {
		d.bound = b.Model.Bound()
		if !math.IsInf(d.bound, -1) {
			d.bound += 1e-9 * max(1, math.Abs(d.bound)) // sums of back-off weights are rounded
		}
	}
	if d.separator != none {
		d.lexicon = newLexicon(&b, &words)
	} else if b.Model != nil {
		for _, s := range b.Tokens {
			d.ids = append(d.ids, words.id(s))
		}
	}
	if len(b.Hot) > 0 {
		d.hot = newHotWords(b.Hot, b.Classes, int(d.separator))
	}
	return d, nil
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
	if s := b.separator(); b.Separator != "" && (s == none || s == b.Blank) {
		return fmt.Errorf("ctc: Separator is %q; it must be the text of a token that is not the blank, or \"\" for none", b.Separator)
	}
	if b.Lexicon != nil && b.Separator == "" {
		return errors.New("ctc: Lexicon is set without a Separator; it needs one, to tell where words end")
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
	}{{"Threshold", b.Threshold, 0, math.MaxFloat64}, {"LMWeight", b.LMWeight, 0, maxNats}, {"WordBonus", b.WordBonus, -maxNats, maxNats}} {
		if !(o.value >= o.least && o.value <= o.most) {
			return fmt.Errorf("ctc: %s is %v; it must be from %v to %v", o.name, o.value, o.least, o.most)
		}
	}
	if err := b.checkWords(); err != nil {
		return err
	}
	if b.Model != nil {
		if bound := b.Model.Bound(); math.IsNaN(bound) || math.IsInf(bound, 1) {
			return fmt.Errorf("ctc: Model.Bound() is %v; it must be a number that no score is above, or −Inf", bound)
		}
	}
	return checkHotWords(b.Hot, b.Classes, b.Blank, b.separator())
}

// maxNats bounds what words may add to a total, so that sums keep their digits.
const maxNats = 1e6

// most returns the most that a token can add to the total by the words that it ends.
func (b *Beam) most() float64 {
	most := b.WordBonus
	if b.Model != nil && b.LMWeight > 0 {
		most += max(b.LMWeight*b.Model.Bound(), -maxNats) // of a model that allows nothing, too
	}
	if b.Separator != "" { // most tokens end none
		most = max(most, 0)
	}
	return most
}

// separator returns the class between words, or none.
func (b *Beam) separator() int {
	if b.Separator == "" {
		return none
	}
	return slices.Index(b.Tokens, b.Separator)
}

// Decode returns the best hypotheses for whole emissions, the best first; of equal totals the
// lexicographically first labels. There may be fewer than Best.
//
// Shapes: logProbs is T frames of Classes.
// Errors: NaN and +Inf; a length that is no multiple of Classes; a score of Model that is NaN or above its
// bound.
func (d *Decoder) Decode(logProbs []float32) ([]Hypothesis, error) {
	s := d.Stream()
	if err := s.Push(logProbs); err != nil {
		return nil, err
	}
	return s.Finish()
}

// Text returns the text of labels: that of their tokens, one after the other. Without Tokens it is empty.
func (d *Decoder) Text(tokens []int) string {
	if d.beam.Tokens == nil {
		return ""
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
