package lexical

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Words are the words of a text in order: of each word by the Unicode standard's boundaries [uax29], the runs of letters, marks and
// digits, in normal form C with case folded. So red_bus.jpg has the words red, bus and jpg.
func Words(text string) iter.Seq[string] {
	if isASCII(text) { // no boundary lies within a run of its letters and digits
		return strings.FieldsFuncSeq(strings.ToLower(text), between)
	}
	return segmented(norm.NFC.String(cases.Fold().String(norm.NFC.String(text))))
}

// segmented are the words of a text that is folded.
func segmented(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for segments := words.FromString(text); segments.Next(); {
			for word := range strings.FieldsFuncSeq(segments.Value(), between) {
				if !yield(word) {
					return
				}
			}
		}
	}
}

// between tells whether a character is in no word.
func between(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
