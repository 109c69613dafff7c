package text

import (
	"strings"
	"unicode"
)

// spaceless are the scripts that write words without spaces between.
var spaceless = []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar}

// Spaceless reports whether a character is of a script that writes words without spaces between: Chinese, Japanese, Thai, Lao,
// Khmer and Burmese, with the punctuation of East Asia.
func Spaceless(r rune) bool {
	return unicode.In(r, spaceless...) || 0x3000 < r && r <= 0x303f || 0xff01 <= r && r <= 0xff60 || r == 'ー'
}

// notFirst may not begin a line, beside marks and closing punctuation; notLast may not end one, beside opening punctuation.
const (
	notFirst = "ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ々〻ๆฯะาำๅະາຳໆ"
	notLast  = "เแโใไເແໂໃໄ"
)

// BreaksBetween reports whether a line, or a word to be timed, may end between two characters that no space parts.
//
// Source: [jis4051], its rules of characters that do not begin or end a line; vowels of Thai and Lao stay with their consonants.
func BreaksBetween(a, b rune) bool {
	switch {
	case !Spaceless(a) && !Spaceless(b), unicode.IsSpace(a), unicode.IsSpace(b):
		return false
	case unicode.In(b, unicode.M, unicode.Pe, unicode.Pf, unicode.Po), strings.ContainsRune(notFirst, b):
		return false
	case unicode.In(a, unicode.Ps, unicode.Pi), strings.ContainsRune(notLast, a):
		return false
	}
	return true
}

// Pieces cuts a text that has no spaces where BreaksBetween allows it.
func Pieces(s string) (all []string) {
	last, lo := rune(-1), 0
	for i, r := range s {
		if i > 0 && BreaksBetween(last, r) {
			all, lo = append(all, s[lo:i]), i
		}
		last = r
	}
	return append(all, s[lo:])
}
