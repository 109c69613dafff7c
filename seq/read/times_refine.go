package read

import (
	"iter"
	"math"
	"slices"

	"github.com/energo-ml/energo/seq/ctc"
)

// refine returns tokens, whose times are the recogniser's, with those of the likeliest path through features
// x of a recording that lasts that many seconds. Separators have what lies between words. Without a word, or
// where no path goes through the frames, the times stay.
func (m *Times) refine(x []float32, tokens []ctc.Timed, length float64) []ctc.Timed {
	places := m.places(tokens, len(x)/timesDims)
	path := m.path(x, places)
	if path == nil {
		return tokens
	}
	out := slices.Clone(tokens)
	before := silence
	for t, p := range path {
		k := places[p].token
		if k != before && k != silence {
			out[k].Start = m.boundary(t, length)
		}
		if k != before && before != silence {
			out[before].End = m.boundary(t, length)
		}
		before = k
	}
	if before != silence {
		out[before].End = length
	}
	fillSeparators(out, length)
	return out
}

// boundary is when frame t takes over from the one before, in seconds.
func (m *Times) boundary(t int, length float64) float64 {
	return min(max(0, math.Round((float64(t)-0.5)*m.features.hop()*1e6)/1e6), length)
}

// fillSeparators gives separators the time from the word before to the word behind; the first of several
// has it all.
func fillSeparators(tokens []ctc.Timed, length float64) {
	end := length
	for i := len(tokens) - 1; i >= 0; i-- {
		if !isSeparator(tokens[i]) {
			end = tokens[i].Start
			continue
		}
		tokens[i].End = end
	}
	at := 0.0
	for i := range tokens {
		if isSeparator(tokens[i]) {
			tokens[i].Start = at
		}
		at = tokens[i].End
	}
}

// timedWords goes through the words among tokens: runs of characters, and wildcards one by one, each
// with the place of its first token.
func timedWords(tokens []ctc.Timed) iter.Seq2[int, []ctc.Timed] {
	return func(yield func(int, []ctc.Timed) bool) {
		for i := 0; i < len(tokens); {
			if isSeparator(tokens[i]) {
				i++
				continue
			}
			n := 1
			for inWord(tokens[i]) && i+n < len(tokens) && inWord(tokens[i+n]) {
				n++
			}
			if !yield(i, tokens[i:i+n]) {
				return
			}
			i += n
		}
	}
}

func inWord(t ctc.Timed) bool { return !t.Wildcard() && t.Text != " " }

func isSeparator(t ctc.Timed) bool { return t.Text == " " && !t.Wildcard() }
