package text

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// An alphabet is the characters that tokens spell.
type alphabet struct {
	runes        map[rune]bool // nil: all
	spaced       bool          // words are apart
	lower, upper bool          // it has letters of that case
}

// mark matches tokens that are no text, as <pad>, </s> and [UNK].
var mark = regexp.MustCompile(`^(<[^<>]+>|\[[^\[\]]+\])$`)

func newAlphabet(tokens []string) alphabet {
	if tokens == nil {
		return alphabet{spaced: true, lower: true}
	}
	a := alphabet{runes: map[rune]bool{}}
	for _, t := range tokens {
		if mark.MatchString(t) {
			continue
		}
		for _, r := range t {
			a.runes[r] = true
			a.spaced = a.spaced || r == ' '
			a.lower = a.lower || unicode.IsLower(r)
			a.upper = a.upper || unicode.IsUpper(r)
		}
	}
	return a
}

// has reports whether the tokens have all characters of a text.
func (a *alphabet) has(s string) bool {
	return a.runes == nil || !strings.ContainsFunc(s, func(r rune) bool { return !a.runes[r] })
}

// cased brings a text to the case of the tokens, where they have one alone.
func (a *alphabet) cased(s string) string {
	switch {
	case a.lower && !a.upper:
		return strings.ToLower(s)
	case a.upper && !a.lower:
		return strings.ToUpper(s)
	}
	return s
}

// exact returns a character as the tokens have it: composed, or decomposed.
func (a *alphabet) exact(c string) (string, bool) {
	for _, form := range []norm.Form{norm.NFC, norm.NFD} {
		if s := form.String(c); a.has(s) {
			return s, true
		}
	}
	return "", false
}

// alike are characters that are written for others.
var alike = strings.NewReplacer("’", "'", "‘", "'", "ʼ", "'", "′", "'", "`", "'", "´", "'", "＇", "'", "“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`,
	"‐", "-", "‑", "-", "‒", "-", "–", "-", "—", "-", "−", "-", "…", "...", "\u00ad", "")

// letters are those without a decomposition, and what is written for them where there are no such tokens.
var letters = map[string]string{
	"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i", "ħ": "h", "Ħ": "H",
}

// folded returns a character as the tokens can spell it: in letters of the other case, by one that is written for it, or
// without its accents. Punctuation that the tokens do not have is nothing, or a space where it joins words.
func (a *alphabet) folded(c string) (string, bool) {
	if s, ok := a.exact(a.cased(c)); ok {
		return s, true
	}
	plain := alike.Replace(norm.NFKC.String(c))
	bare := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(plain))
	if other, ok := letters[bare]; ok {
		bare = other
	}
	for _, s := range []string{plain, bare} {
		for _, cased := range []string{a.cased(s), strings.ToLower(s), strings.ToUpper(s)} {
			if s, ok := a.exact(cased); ok {
				return s, true
			}
		}
	}
	first := []rune(c)[0]
	switch {
	case unicode.In(first, unicode.Pd, unicode.Pc) || first == '/':
		return " ", true
	case unicode.In(first, unicode.P, unicode.Cf, unicode.Cc, unicode.Sk):
		return "", true
	}
	return "", false
}

// compared is a character of a text that is compared with another: a letter or a digit, in small letters.
func compared(c string) string {
	plain := alike.Replace(strings.ToLower(norm.NFKC.String(c)))
	first := []rune(c)[0]
	switch {
	case plain == "'":
		return plain
	case unicode.In(first, unicode.Pd, unicode.Pc) || first == '/' || plain == "-":
		return " "
	case unicode.In(first, unicode.P, unicode.Cf, unicode.Cc, unicode.Sk):
		return ""
	}
	return plain
}
