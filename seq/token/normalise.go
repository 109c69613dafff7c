package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/energo-ml/energo/internal/excerpt"
	"golang.org/x/text/unicode/norm"
)

// A change is what a normaliser does with a text.
type change = func(text string) string

// asItIs is the normaliser of files without one.
func asItIs(text string) string { return text }

// normaliser reads one of tokenizer.json. Errors: a kind that is not known, by its name.
func normaliser(text json.RawMessage) (change, error) {
	if isNull(text) {
		return asItIs, nil
	}
	var n struct {
		Type        string            `json:"type"`
		Normalizers []json.RawMessage `json:"normalizers"`
		Left        bool              `json:"strip_left"`
		Right       bool              `json:"strip_right"`
		Prepend     string            `json:"prepend"`
		Pattern     pattern           `json:"pattern"`
		Content     string            `json:"content"`
		Map         string            `json:"precompiled_charsmap"`
		Clean       bool              `json:"clean_text"`
		Chinese     bool              `json:"handle_chinese_chars"`
		Accents     *bool             `json:"strip_accents"`
		Lower       bool              `json:"lowercase"`
	}
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("normalizer: %w", excerpt.Error(err))
	}
	switch n.Type {
	case "Sequence":
		var all []change
		for _, one := range n.Normalizers {
			c, err := normaliser(one)
			if err != nil {
				return nil, err
			}
			all = append(all, c)
		}
		return inTurn(all), nil
	case "NFC":
		return norm.NFC.String, nil
	case "NFD":
		return norm.NFD.String, nil
	case "NFKC":
		return norm.NFKC.String, nil
	case "NFKD":
		return norm.NFKD.String, nil
	case "Lowercase":
		return lower, nil
	case "Strip":
		return func(text string) string {
			if n.Left {
				text = strings.TrimLeftFunc(text, unicode.IsSpace)
			}
			if n.Right {
				text = strings.TrimRightFunc(text, unicode.IsSpace)
			}
			return text
		}, nil
	case "StripAccents":
		return without(unicode.M), nil
	case "Prepend":
		return func(text string) string {
			if text == "" {
				return ""
			}
			return n.Prepend + text
		}, nil
	case "Replace":
		return n.Pattern.replace(n.Content)
	case "Nmt":
		return machineTranslation, nil
	case "ByteLevel":
		return byteName, nil
	case "Precompiled":
		return precompiled(n.Map)
	case "BertNormalizer":
		accents := n.Lower
		if n.Accents != nil {
			accents = *n.Accents
		}
		return bertNormaliser(n.Clean, n.Chinese, accents, n.Lower), nil
	}
	return nil, fmt.Errorf("its normalizer %q is not supported", excerpt.Of(n.Type))
}

func isNull(text json.RawMessage) bool { return len(text) == 0 || string(text) == "null" }

func inTurn(all []change) change {
	return func(text string) string {
		for _, c := range all {
			text = c(text)
		}
		return text
	}
}

// without returns what leaves characters out.
func without(what *unicode.RangeTable) change {
	return func(text string) string {
		return strings.Map(func(r rune) rune {
			if unicode.Is(what, r) {
				return -1
			}
			return r
		}, text)
	}
}

// lower takes letters to small ones, each by itself: İ to i with a dot above.
func lower(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == 'İ' {
			b.WriteString("i̇")
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// A pattern is what a Replace looks for.
type pattern struct {
	String *string
	Regex  *string
}

func (p *pattern) replace(content string) (change, error) {
	switch {
	case p.String != nil:
		return func(text string) string { return strings.ReplaceAll(text, *p.String, content) }, nil
	case p.Regex != nil:
		r, err := regexp.Compile(*p.Regex)
		if err != nil {
			return nil, fmt.Errorf("the regular expression %q of its normalizer Replace is not supported: %w", excerpt.Of(*p.Regex), err)
		}
		return func(text string) string { return r.ReplaceAllLiteralString(text, content) }, nil
	}
	return nil, errors.New("its normalizer Replace has no pattern, String or Regex")
}

// machineTranslation leaves out controls, and has spaces for what is white.
func machineTranslation(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0x01 && r <= 0x08, r == 0x0b, r >= 0x0e && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
			return -1
		case r == '\t', r == '\n', r == 0x0c, r == '\r', r == 0x1680, r >= 0x200b && r <= 0x200f, r == 0x2028, r == 0x2029, r == 0x2581, r == 0xfeff, r == 0xfffd:
			return ' '
		}
		return r
	}, text)
}

// precompiled is SentencePiece's table of characters as Hugging Face applies it: to what is one character for people, where that has less than 6 bytes and is in
// the table, and else to each code point.
func precompiled(encoded string) (change, error) {
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("its normalizer Precompiled: %w", err)
	}
	if len(blob) == 0 {
		return asItIs, nil
	}
	table, err := newCharsMap(blob)
	if err != nil {
		return nil, fmt.Errorf("its normalizer Precompiled: %w", err)
	}
	return func(text string) string {
		var b strings.Builder
		for g := graphemes.FromString(text); g.Next(); {
			c := g.Value()
			if len(c) < 6 {
				if written, n := table.lookup(c, true); n > 0 {
					b.WriteString(written)
					continue
				}
			}
			for _, r := range c {
				written, n := table.lookup(string(r), true)
				if n == 0 {
					written = string(r)
				}
				b.WriteString(written)
			}
		}
		return b.String()
	}, nil
}

// bertNormaliser is that of BERT: clean leaves out controls and has spaces for what is white, chinese puts spaces around ideographs.
func bertNormaliser(clean, chinese, accents, lowercase bool) change {
	var all []change
	if clean {
		all = append(all, func(text string) string {
			return strings.Map(func(r rune) rune {
				switch {
				case r == '\t', r == '\n', r == '\r', unicode.IsSpace(r):
					return ' '
				case r == 0, r == 0xfffd, unicode.Is(unicode.C, r):
					return -1
				}
				return r
			}, text)
		})
	}
	if chinese {
		all = append(all, func(text string) string {
			var b strings.Builder
			for _, r := range text {
				if isIdeograph(r) {
					b.WriteString(" " + string(r) + " ")
				} else {
					b.WriteRune(r)
				}
			}
			return b.String()
		})
	}
	if accents {
		all = append(all, norm.NFD.String, without(unicode.Mn))
	}
	if lowercase {
		all = append(all, lower)
	}
	return inTurn(all)
}

// isIdeograph reports whether BERT takes a character for a Chinese one.
func isIdeograph(r rune) bool {
	for _, of := range [][2]rune{
		{0x4e00, 0x9fff}, {0x3400, 0x4dbf}, {0x20000, 0x2a6df}, {0x2a700, 0x2b73f}, {0x2b740, 0x2b81f}, {0x2b920, 0x2ceaf}, {0xf900, 0xfaff}, {0x2f800, 0x2fa1f},
	} {
		if r >= of[0] && r <= of[1] {
			return true
		}
	}
	return false
}
