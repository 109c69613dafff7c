package read

import (
	"slices"

	"github.com/energo-ml/energo/seq/ctc"
)

// What the first paths are made by.
const (
	timesLate  = 0.12 // seconds that the recogniser is late at the beginning of words, about
	timesQuiet = 0.3  // of the way from a recording's 5th percentile of loudness to its 95th
)

// begin gives a recording its first path, and returns how many frames of speech that has.
func (t *timesTraining) begin(r *timesRecording) (speech int) {
	frames := len(r.x) / timesDims
	r.places, r.path = t.model.places(r.tokens, frames), make([]int32, 0, frames)
	tokens := t.model.mended(r.tokens, r.x)
	for i, p := range r.places {
		if i == 0 {
			continue
		}
		until := frames
		switch k := p.token; {
		case k != silence:
			part := float64(p.row%timesStates+1) / timesStates
			until = t.model.frame(tokens[k].Start+part*(tokens[k].End-tokens[k].Start), frames)
			speech += max(0, until-len(r.path))
		case i+1 < len(r.places):
			until = t.model.frame(tokens[r.places[i+1].token].Start, frames)
		}
		for len(r.path) < until {
			r.path = append(r.path, int32(i))
		}
	}
	return speech
}

// mended returns tokens whose times are the recogniser's with likelier ones. What is loud in the gap before a word,
// up to the word, is the word's, and what is loud behind the word before is that one's; where all of the
// gap is loud, the word begins timesLate earlier. The characters of a word meet where the recogniser has blanks
// between.
func (m *Times) mended(tokens []ctc.Timed, x []float32) []ctc.Timed {
	tokens = slices.Clone(tokens)
	quiet, hop := quietFrames(x), m.features.hop()
	reach := int(timesReach / hop)
	gap := 0 // where it begins
	var before *ctc.Timed
	for _, word := range timedWords(tokens) {
		next := m.frame(word[0].Start, len(quiet))
		start := next
		for start > max(gap, next-reach) && !quiet[start-1] {
			start--
		}
		end := gap
		for before != nil && end < min(next, gap+reach) && !quiet[end] {
			end++
		}
		if end > start {
			start = max(gap, next-int(timesLate/hop))
			end = start
		}
		word[0].Start = float64(start) * hop
		if before != nil {
			before.End = float64(end) * hop
		}
		for k := range word[1:] {
			middle := (word[k].End + word[k+1].Start) / 2
			word[k].End, word[k+1].Start = middle, middle
		}
		before = &word[len(word)-1]
		gap = m.frame(before.End, len(quiet))
	}
	return tokens
}

// quietFrames tells which frames of a recording are not loud.
func quietFrames(x []float32) []bool {
	quiet := make([]bool, len(x)/timesDims)
	loud := make([]float32, len(quiet))
	for t := range loud {
		loud[t] = x[t*timesDims]
	}
	slices.Sort(loud)
	last := len(loud) - 1
	low, high := loud[5*last/100], loud[95*last/100]
	for t := range quiet {
		quiet[t] = x[t*timesDims] < low+timesQuiet*(high-low)
	}
	return quiet
}
