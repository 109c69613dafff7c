package speech

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/seq/text"
	"github.com/energo-ml/energo/serve/wire"
)

// decoding says how emissions become text.
type decoding struct {
	language   string // OpenAI's: that of hot words
	model      string // of languages
	weight     float64
	hot        []string
	boost      float64
	normaliser string
	beam       int
	delay      float64 // seconds, of streams
}

// The settings without a request's own.
const (
	defaultWeight = 0.5
	defaultBoost  = 3
	defaultBeam   = 64
	maxWeight     = 1000
)

// fields are those of a request.
func (d *decoding) fields() []field {
	d.weight, d.boost = defaultWeight, defaultBoost
	return []field{
		{"language", &d.language},
		{"language_model", &d.model},
		{"lm_weight", &d.weight},
		{"hot_words", &d.hot},
		{"hot_boost", &d.boost},
		{"normaliser", &d.normaliser},
		{"beam", &d.beam},
	}
}

// searches tells whether the best class of each frame is not enough.
func (d *decoding) searches() bool { return d.beam > 0 || d.model != "" || len(d.hot) > 0 }

// check refuses settings that are out of range or have no effect.
func (s *Service) check(d *decoding, f *fields) error {
	_, known := s.o.Languages[d.model]
	switch {
	case d.model != "" && !known:
		return wire.Invalid("language_model", "there is no language model %q; %s", excerpt.Of(d.model), s.languages())
	case f.present["beam"] && (d.beam < 1 || d.beam > s.o.Beam):
		return wire.Invalid("beam", "beam is %d; it must be from 1 to %d, or left out for the best class of each frame", d.beam, s.o.Beam)
	case !(d.weight >= 0 && d.weight <= maxWeight):
		return wire.Invalid("lm_weight", "lm_weight is %v; it must be from 0 to %d", d.weight, maxWeight)
	case !(math.Abs(d.boost) <= maxWeight):
		return wire.Invalid("hot_boost", "hot_boost is %v; it must be from %d to %d", d.boost, -maxWeight, maxWeight)
	case d.language != "" && !slices.Contains(languageLevels(), d.language):
		return wire.Invalid("language", "language is %q; it says how hot_words are spelled, and must be one of %s", excerpt.Of(d.language), strings.Join(languageLevels(), ", "))
	case d.normaliser != "" && !slices.Contains(text.Levels(), d.normaliser):
		return wire.Invalid("normaliser", "normaliser is %q; it must be one of %s", excerpt.Of(d.normaliser), strings.Join(text.Levels(), ", "))
	}
	return f.refuseVoid(
		needed{"lm_weight", d.model != "", "there is no language_model"},
		needed{"hot_boost", slices.ContainsFunc(d.hot, func(h string) bool { return !strings.Contains(h, "=") }), "there is no word in hot_words without a boost of its own"},
		needed{"normaliser", len(d.hot) > 0, "it spells hot_words, of which there are none"},
		needed{"language", len(d.hot) > 0, "a model reads the language that it was trained on; language says how hot_words are spelled, of which there are none"},
		needed{"language", d.normaliser == "", "normaliser says how hot_words are spelled"},
	)
}

// languageLevels are the normalisers that know a language.
func languageLevels() []string {
	return slices.DeleteFunc(text.Levels(), func(l string) bool { return l == text.None || l == text.Basic })
}

// languages says which language models there are.
func (s *Service) languages() string {
	if len(s.o.Languages) == 0 {
		return "the server was started without one"
	}
	return "there are " + strings.Join(slices.Sorted(maps.Keys(s.o.Languages)), ", ")
}

// transcriber is what reads texts by the settings; streamed for a stream.
func (s *Service) transcriber(m *Model, d *decoding, streamed bool) (t read.Transcriber, err error) {
	t.Emitter = m.about
	if !d.searches() {
		return t, nil
	}
	key := fmt.Sprintf("%q %v %q %v %q %q %d %v %v", d.model, d.weight, d.hot, d.boost, d.normaliser, d.language, d.beam, d.delay, streamed)
	t.Search, err = m.decoder(key, func() (b ctc.Beam, err error) {
		b = m.about.Beam()
		if b.Width = d.beam; b.Width == 0 {
			b.Width = defaultBeam
		}
		if d.model != "" {
			b.Model, b.LMWeight = s.o.Languages[d.model], d.weight
		}
		if streamed {
			b.Delay, b.Times = int(math.Ceil(d.delay/m.about.Frame)), true
		}
		b.Hot, err = d.hotWords(m.about)
		return b, err
	})
	return t, err
}

// hotWords spells the hot words. Behind the last = a word may have a boost of its own.
func (d *decoding) hotWords(e *read.Emitter) (all []ctc.HotWord, err error) {
	level := d.normaliser
	if level == "" {
		level = d.language
	}
	var n *text.Normaliser
	if level != "" {
		if n, err = text.New(level, e.Spellable()); err != nil {
			return nil, err
		}
	}
	for i, word := range d.hot {
		place, boost := fmt.Sprintf("hot_words[%d]", i), d.boost
		if at := strings.LastIndex(word, "="); at >= 0 {
			boost, err = strconv.ParseFloat(word[at+1:], 64)
			if err != nil || !(math.Abs(boost) <= maxWeight) {
				return nil, wire.Invalid(place, "%s is %q; behind = there must be its boost, from %d to %d", place, excerpt.Of(word), -maxWeight, maxWeight)
			}
			word = word[:at]
		}
		if n != nil {
			if word, err = n.Plain(word); err != nil {
				return nil, wire.Invalid(place, "%s: %v", place, err)
			}
		}
		tokens, err := e.Spell(word)
		if err != nil {
			return nil, wire.Invalid(place, "%s: %v", place, err)
		}
		if strings.TrimSpace(e.Text(tokens)) == "" {
			return nil, wire.Invalid(place, "%s has no word", place)
		}
		all = append(all, ctc.HotWord{Tokens: tokens, Boost: boost})
	}
	return all, nil
}
