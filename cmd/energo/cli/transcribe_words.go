package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/internal/plaintext"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/ngram"
)

// models opens the language models of the flags.
func (d *decodeFlags) models(b *ctc.Beam) error {
	if n := len(d.lmWeight); n != 1 && n != len(d.lm) {
		return usagef("--lm-weight has %d weights; it must have one, or one for each of the %d --lm", n, len(d.lm))
	}
	for i, path := range d.lm {
		m, err := ngram.Open(path)
		if err != nil {
			return err
		}
		weight := d.lmWeight[min(i, len(d.lmWeight)-1)]
		if i == 0 {
			b.Model, b.LMWeight, b.Unknown = m, weight, d.unknownWeight()
		} else {
			b.More = append(b.More, ctc.WeightedModel{Model: m, Weight: weight})
		}
	}
	return nil
}

// unknownWeight is --unk as a beam has it. Of the default the beam knows where it counts.
func (d *decodeFlags) unknownWeight() float64 {
	switch d.unknown {
	case 0:
		return ctc.Zero
	case ctc.DefaultUnknown:
		return 0
	}
	return d.unknown
}

// hotWord is a hot word of the flags.
type hotWord struct {
	text  string
	boost float64
	from  string // where it is named
}

// hotWords gathers the hot words of flags and files.
func (d *decodeFlags) hotWords() (words []hotWord, err error) {
	for _, h := range d.hot {
		w := hotWord{h, d.hotBoost, "--hot"}
		if i := strings.LastIndex(h, "="); i >= 0 {
			if w.boost, err = strconv.ParseFloat(h[i+1:], 64); err != nil {
				return nil, usagef("--hot %q: %q is no number", h, h[i+1:])
			}
			w.text = h[:i]
		}
		words = append(words, w)
	}
	for _, path := range d.hotFiles {
		err := eachLine(path, "hot words", func(line string) error {
			text, nats, own := strings.Cut(line, "\t")
			w := hotWord{strings.TrimSpace(text), d.hotBoost, fmt.Sprintf("%s: %q", path, excerpt.Of(text))}
			if nats = strings.TrimSpace(nats); own {
				if w.boost, err = strconv.ParseFloat(nats, 64); err != nil {
					return fmt.Errorf("%q is no number; behind a tab there must be the nats of the hot word", excerpt.Of(nats))
				}
			}
			words = append(words, w)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return words, nil
}

// readLexicon reads a file of words, one a line, each perhaps with the tokens that spell it.
func readLexicon(b *ctc.Beam, path string) error {
	spelled := false
	err := eachLine(path, "words", func(line string) error {
		fields := strings.Fields(line)
		spelling := fields[0]
		if len(fields) > 1 {
			spelled, spelling = true, ""
			for _, name := range fields[1:] {
				text, ok := tokenText(b, name)
				if !ok {
					return fmt.Errorf("%q is no token, by which %q is spelled", excerpt.Of(name), excerpt.Of(fields[0]))
				}
				spelling += text
			}
			spelling = strings.TrimSuffix(strings.TrimPrefix(spelling, b.Separator), b.Separator)
		}
		b.Lexicon, b.Spellings = append(b.Lexicon, fields[0]), append(b.Spellings, spelling)
		return nil
	})
	if !spelled {
		b.Spellings = nil
	}
	return err
}

// tokenText returns the text of a token that a lexicon names.
func tokenText(b *ctc.Beam, name string) (text string, ok bool) {
	const bar, mark = "|", "▁" // for separators, in lists of letters and before pieces
	for _, text := range []string{name, strings.Replace(name, mark, b.Separator, 1)} {
		if i := slices.Index(b.Tokens, text); i >= 0 && i != b.Blank {
			return text, true
		}
	}
	return b.Separator, name == bar && b.Separator != ""
}

// eachLine calls do for each line of a text that is not blank. Errors say the file and the line.
func eachLine(path, of string, do func(line string) error) error {
	text, err := plaintext.Open(path)
	if err != nil {
		return err
	}
	defer text.Close()
	some := false
	r := bufio.NewReader(text)
	for n := 1; ; n++ {
		line, err := r.ReadString('\n')
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s: %w", path, err)
		}
		if strings.TrimSpace(line) != "" {
			some = true
			if err := do(strings.TrimRight(line, "\r\n")); err != nil {
				return fmt.Errorf("%s: line %d: %w", path, n, err)
			}
		}
		if err == io.EOF {
			break
		}
	}
	if !some {
		return fmt.Errorf("%s has no %s; it must have one a line", path, of)
	}
	return nil
}
