package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/spf13/pflag"
)

// decodeFlags say how emissions become text.
type decodeFlags struct {
	beam      int
	threshold float64
	topTokens int
	delay     float64
	lm        []string
	lmWeight  []float64
	unknown   float64
	wordBonus float64
	lexicon   string
	hot       []string
	hotFiles  []string
	hotBoost  float64
	best      int
}

func (d *decodeFlags) add(f *pflag.FlagSet) {
	f.IntVar(&d.beam, "beam", 0, "prefixes kept by the beam search; 0 takes the best class of each frame, unless one of the flags below asks for a search (then 64)")
	f.Float64Var(&d.threshold, "threshold", 0, "drop prefixes whose total is more than this many nats below the best one's; 0 drops none")
	f.IntVar(&d.topTokens, "top-tokens", 0, "number of tokens of a frame, the likeliest, that begin new prefixes; 0 is all")
	f.Float64Var(&d.delay, "delay", 0, "seconds after which the search settles what the best prefix has; 0 is never")
	f.StringArrayVar(&d.lm, "lm", nil, "`file` of a language model of words, ARPA or KenLM's binary (energo lm train makes one); may be given up to four times; with --server, the name of one that it has")
	f.Float64SliceVar(&d.lmWeight, "lm-weight", []float64{0.5}, "weight of the language model: one for all, or one for each with commas between")
	f.Float64Var(&d.unknown, "unk", ctc.DefaultUnknown, "nats for each word that no language model has (natural logarithms, not multiplied with --lm-weight); below 0 such words are rarer")
	f.Float64Var(&d.wordBonus, "word-bonus", 0, "nats for each word")
	f.StringVar(&d.lexicon, "lexicon", "", "`file` of the only words there may be, one a line, or a word and the tokens that spell it")
	f.StringArrayVar(&d.hot, "hot", nil, "`word` or phrase that is likelier here; may be given again, and end in =NATS")
	f.StringArrayVar(&d.hotFiles, "hot-file", nil, "`file` of hot words, a word or phrase a line, perhaps with a tab and its nats; may be given again")
	f.Float64Var(&d.hotBoost, "hot-boost", 3, "nats for a hot word without its own")
	f.IntVar(&d.best, "best", 1, "hypotheses shown")
}

// searches reports whether the best class of each frame is not enough.
func (d *decodeFlags) searches() bool {
	return d.beam > 0 || len(d.lm) > 0 || d.lexicon != "" || len(d.hot) > 0 || len(d.hotFiles) > 0 || d.best > 1
}

// hotRules says whether the boost of hot words counts.
func (d *decodeFlags) hotRules() []rule {
	plain := func(h string) bool { return !strings.Contains(h, "=") }
	return []rule{{"hot-boost", len(d.hotFiles) > 0 || slices.ContainsFunc(d.hot, plain), "no word is hot (--hot) without a boost of its own"}}
}

// decoder makes the search that the flags ask for; times are those of its hypotheses.
func (d *decodeFlags) decoder(e *read.Emitter, times bool) (*ctc.Decoder, error) {
	if !(d.delay >= 0 && d.delay/e.Frame < math.MaxInt32) {
		return nil, usagef("--delay is %v; it must be from 0 on", d.delay)
	}
	b := e.Beam()
	b.Width, b.Threshold, b.TopTokens, b.Best, b.WordBonus = d.beam, d.threshold, d.topTokens, d.best, d.wordBonus
	b.Delay, b.Times = int(math.Ceil(d.delay/e.Frame)), times
	if d.best > 1 {
		b.Best = math.MaxInt32 // of which some have the same words
	}
	if err := d.models(&b); err != nil {
		return nil, err
	}
	if d.lexicon != "" {
		if err := readLexicon(&b, d.lexicon); err != nil {
			return nil, err
		}
		if b.Spellings != nil && e.Tokenize != nil {
			return nil, usagef("--tokenizer spells the words of a lexicon, and %s has spellings of its own; leave one of them out", d.lexicon)
		}
	}
	words, err := d.hotWords()
	if err != nil {
		return nil, err
	}
	for _, w := range words {
		tokens, err := e.Spell(w.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.from, err)
		}
		b.Hot = append(b.Hot, ctc.HotWord{Tokens: tokens, Boost: w.boost})
	}
	if e.Separator != "" && (b.Lexicon != nil || b.Hot != nil) {
		b.Tokenize = e.Tokenize
	}
	dec, err := ctc.NewDecoder(b)
	if err != nil {
		return nil, usageError{err}
	}
	return dec, nil
}
