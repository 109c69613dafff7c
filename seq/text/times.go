package text

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/seq/ctc"
)

// Times gives words the times of the tokens that spell them: an alignment to their Spelling. A token that spells the end of a word and the beginning of the next is
// parted in proportion to the characters. A word that is not spelled is unsaid, and stands where the word before ends, or at the beginning
// of a line where the next one begins. Wildcards of the alignment that the text has not, as they may stand between sentences, are words of their own.
//
// Errors: tokens that spell something else.
func Times(tokens []ctc.Timed, words []Word) ([]ctc.Timed, error) {
	all := make([]ctc.Timed, 0, len(words))
	rest := tokens
	part := 0 // characters of rest[0] that words have had
	end := 0.0
	for _, w := range words {
		t := ctc.Timed{Start: end, End: end, Unsaid: true}
		if w.Spelled == ctc.WildcardText {
			if rest = spelling(rest); len(rest) == 0 || !rest[0].Wildcard() {
				return nil, differ(w, rest)
			}
			t, rest = rest[0], rest[1:]
		} else if left := unspaced(w.Spelled); left != "" {
			all, rest = wildcards(all, rest, w.Line)
			var err error
			if t, rest, part, err = timed(w, left, rest, part); err != nil {
				return nil, err
			}
		}
		t.Text, t.Joined, t.Line = w.Text, w.Joined, w.Line
		all, end = append(all, t), t.End
	}
	last := 0
	if len(words) > 0 {
		last = words[len(words)-1].Line
	}
	if all, rest = wildcards(all, rest, last); len(rest) > 0 {
		return nil, fmt.Errorf("text: the alignment spells %q behind the text", excerpt.Of(rest[0].Text))
	}
	for lo := 0; lo < len(all); {
		first := lo // of the line that is said
		for first < len(all) && all[first].Unsaid && all[first].Line == all[lo].Line {
			first++
		}
		if first < len(all) && all[first].Line == all[lo].Line {
			for i := lo; i < first; i++ {
				all[i].Start, all[i].End = all[first].Start, all[first].Start
			}
		}
		for line := all[lo].Line; lo < len(all) && all[lo].Line == line; {
			lo++
		}
	}
	return all, nil
}

// spelling is tokens from the first on that spells something.
func spelling(tokens []ctc.Timed) []ctc.Timed {
	for len(tokens) > 0 && unspaced(tokens[0].Text) == "" {
		tokens = tokens[1:]
	}
	return tokens
}

// wildcards takes the wildcards that tokens begin with, which stand between the words of a text, as words of a line.
func wildcards(all, rest []ctc.Timed, line int) (words, left []ctc.Timed) {
	for rest = spelling(rest); len(rest) > 0 && rest[0].Wildcard(); rest = spelling(rest[1:]) {
		star := rest[0]
		star.Line = line
		all = append(all, star)
	}
	return all, rest
}

// unspaced is a spelling without spaces.
func unspaced(s string) string { return strings.ReplaceAll(s, " ", "") }

func differ(w Word, rest []ctc.Timed) error {
	next := "ends"
	if len(rest) > 0 {
		next = fmt.Sprintf("has %q", excerpt.Of(rest[0].Text))
	}
	return fmt.Errorf("text: line %d, word %d, %q: the alignment %s where %q is spelled", w.Line, w.Number, excerpt.Of(w.Text), next, excerpt.Of(w.Spelled))
}

// timed takes the tokens of a word, of whose first some characters are taken.
func timed(w Word, left string, rest []ctc.Timed, part int) (t ctc.Timed, _ []ctc.Timed, _ int, _ error) {
	weight, likelihood := 0.0, 0.0 // the logarithm
	for first := true; left != ""; first = false {
		if rest = spelling(rest); len(rest) == 0 || rest[0].Wildcard() {
			return t, rest, part, differ(w, rest)
		}
		text := []rune(unspaced(rest[0].Text))
		n := min(len(text)-part, utf8.RuneCountInString(left))
		taken := string(text[part : part+n])
		if !strings.HasPrefix(left, taken) {
			return t, rest, part, differ(w, rest)
		}
		share := func(k int) float64 { return float64(k) / float64(len(text)) }
		x, length := rest[0], rest[0].End-rest[0].Start
		start, end := x.Start+length*share(part), x.Start+length*share(part+n)
		if part+n == len(text) {
			end = x.End
		}
		if first {
			t.Start = start
		}
		lasts := max(end-start, 1e-9)
		t.Confidence = (t.Confidence*weight + x.Confidence*lasts) / (weight + lasts)
		likelihood = (likelihood*weight + max(math.Log(x.Likelihood), -1e3)*lasts) / (weight + lasts) // finite for one of 0
		t.End, t.LogProb, weight = end, t.LogProb+x.LogProb*share(n), weight+lasts
		left = left[len(taken):]
		if part += n; part == len(text) {
			rest, part = rest[1:], 0
		}
	}
	t.Likelihood = math.Exp(likelihood)
	return t, rest, part, nil
}
