package token

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
)

// A part is a piece of a text that a model sees by itself.
type part struct {
	text  string
	first bool // it is at the text's beginning
}

// A cut parts parts.
type cut = func(p part) []part

// preTokeniser reads one of tokenizer.json. Errors: a kind that is not known, by its name.
func preTokeniser(text json.RawMessage) (cut, error) {
	if isNull(text) {
		return func(p part) []part { return []part{p} }, nil
	}
	var n struct {
		Type          string            `json:"type"`
		PreTokenizers []json.RawMessage `json:"pretokenizers"`
		Replacement   string            `json:"replacement"`
		Scheme        string            `json:"prepend_scheme"`
		PrefixSpace   *bool             `json:"add_prefix_space"`
		Split         *bool             `json:"split"`
		UseRegex      *bool             `json:"use_regex"`
		Individual    bool              `json:"individual_digits"`
		Behavior      string            `json:"behavior"`
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", excerpt.Error(err))
	}
	byDefault := func(b *bool) bool { return b == nil || *b }
	switch n.Type {
	case "Sequence":
		var all []cut
		for _, one := range n.PreTokenizers {
			c, err := preTokeniser(one)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		return cutInTurn(all), nil
	case "Metaspace":
		if n.Scheme == "" && !byDefault(n.PrefixSpace) {
			n.Scheme = "never"
		}
		if utf8.RuneCountInString(n.Replacement) != 1 {
			return nil, fmt.Errorf("the replacement of its pre_tokenizer Metaspace is %q; it must be one character", excerpt.Of(n.Replacement))
		}
		return metaspace(n.Replacement, n.Scheme, byDefault(n.Split)), nil
	case "ByteLevel":
		return byteLevel(byDefault(n.PrefixSpace), byDefault(n.UseRegex)), nil
	case "Whitespace":
		return whole(func(text string) []string { return wordsAndOthers.FindAllString(text, -1) }), nil
	case "WhitespaceSplit":
		return whole(strings.Fields), nil
	case "BertPreTokenizer":
		return cutInTurn([]cut{whole(strings.Fields), whole(isolate(isBERTPunctuation, false))}), nil
	case "Punctuation":
		if n.Behavior != "" && n.Behavior != "Isolated" {
			return nil, fmt.Errorf("the behaviour %q of its pre_tokenizer Punctuation is not supported; Isolated is", excerpt.Of(n.Behavior))
		}
		return whole(isolate(isBERTPunctuation, false)), nil
	case "Digits":
		return whole(isolate(unicode.IsNumber, !n.Individual)), nil
	}
	return nil, fmt.Errorf("its pre_tokenizer %q is not supported", excerpt.Of(n.Type))
}

func cutInTurn(all []cut) cut {
	return func(p part) []part {
		parts := []part{p}
		for _, c := range all {
			var next []part
			for _, p := range parts {
				next = append(next, c(p)...)
			}
			parts = next
		}
		return parts
	}
}

// whole makes a cut of what parts a text, in order.
func whole(parts func(text string) []string) cut {
	return func(p part) (all []part) {
		for i, text := range parts(p.text) {
			all = append(all, part{text, p.first && i == 0 && strings.HasPrefix(p.text, text)})
		}
		return all
	}
}

// wordsAndOthers are letters and digits, or neither.
var wordsAndOthers = func() *regexp.Regexp {
	const word = `\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200c}\x{200d}Ⓐ-ⓩ🄰-🅉🅐-🅩🅰-🆉`
	return regexp.MustCompile(`[` + word + `]+|[^` + word + white + `]+`)
}()

// white is Unicode's white space.
const white = `\t-\r \x{85}\p{Z}`

// isBERTPunctuation is what BERT takes for punctuation: Unicode's, and all of ASCII's signs.
func isBERTPunctuation(r rune) bool {
	return unicode.IsPunct(r) || r < unicode.MaxASCII && r > ' ' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// isolate parts a text into characters that are, and what is between them. Together, those that follow one another are one part.
func isolate(is func(r rune) bool, together bool) func(text string) []string {
	return func(text string) (all []string) {
		before := false
		for at := 0; at < len(text); {
			r, size := utf8.DecodeRuneInString(text[at:])
			now := is(r)
			if at == 0 || now != before || now && !together {
				all = append(all, "")
			}
			all[len(all)-1] += text[at : at+size]
			at, before = at+size, now
		}
		return all
	}
}

// metaspace has a mark for spaces, and one before the text. Words begin with marks.
func metaspace(mark, scheme string, split bool) cut {
	return func(p part) []part {
		text := strings.ReplaceAll(p.text, " ", mark)
		if (scheme == "" || scheme == "always" || scheme == "first" && p.first) && !strings.HasPrefix(text, mark) {
			text = mark + text
		}
		if !split {
			return []part{{text, p.first}}
		}
		var all []part
		for lo := 0; lo < len(text); {
			hi := len(text)
			if i := strings.Index(text[lo+1:], mark); i >= 0 {
				hi = lo + 1 + i
			}
			all = append(all, part{text[lo:hi], p.first && lo == 0})
			lo = hi
		}
		return all
	}
}

// byteWords are the words of GPT-2's tokenizer, but for what it says of white space before other characters.
//
// Source: [radford2019].
var byteWords = regexp.MustCompile(`^(?:'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^` + white + `\p{L}\p{N}]+|[` + white + `]+)`)

// byteLevel writes each byte as a character.
func byteLevel(prefix, split bool) cut {
	return func(p part) []part {
		text := p.text
		if prefix && !strings.HasPrefix(text, " ") {
			text = " " + text
		}
		if !split {
			return []part{{byteName(text), p.first}}
		}
		var all []part
		for lo := 0; lo < len(text); {
			n := len(byteWords.FindString(text[lo:]))
			if w := text[lo : lo+n]; lo+n < len(text) && strings.TrimSpace(w) == "" && utf8.RuneCountInString(w) > 1 {
				_, last := utf8.DecodeLastRuneInString(w) // it goes to what follows
				n -= last
			}
			all = append(all, part{byteName(text[lo : lo+n]), p.first && lo == 0})
			lo += n
		}
		return all
	}
}
