package read

import (
	"math"

	"github.com/energo-ml/energo/seq/ctc"
)

// A timesPlace is a state that a path through a recording may be in, from frame lo to hi−1.
type timesPlace struct {
	row    int // of the model's Gaussians, or anything
	token  int // whose it is, or silence
	skip   int // how many places before this one, those of a silence, the path may leave out
	lo, hi int
}

const (
	anything = -1 // in place of a row: a wildcard's
	silence  = -1 // in place of a token
)

// timesReach is how far, in seconds, tokens are looked for from where the recogniser has them, which is late by up
// to two tenths of a second. A path's time and memory are proportional to it.
const timesReach = 0.25

// places lays out the states of tokens, whose times are the recogniser's: those of each character, and silence, which
// may be left out, between words and at both ends. A character may only be where the recogniser has it or its
// neighbours in the word, give or take timesReach, so that a frame has few places however long the text is. No place
// begins, or ends, before the one before it does. Place 0 is where paths are before the first frame. Without
// a word there are no places.
func (m *Times) places(tokens []ctc.Timed, frames int) []timesPlace {
	all := []timesPlace{{}}
	for i, word := range timedWords(tokens) {
		all = append(all, timesPlace{row: m.first[silenceUnit], token: silence})
		for k := range word {
			p := timesPlace{token: i + k}
			p.lo = m.frame(word[max(k-1, 0)].Start-timesReach, frames)
			p.hi = m.frame(word[min(k+1, len(word)-1)].End+timesReach, frames)
			if k == 0 {
				p.skip = 1
			}
			all = m.addStates(all, p, word, k)
		}
	}
	if len(all) == 1 {
		return nil
	}
	all = append(all, timesPlace{row: m.first[silenceUnit], token: silence})
	boundSilences(all, frames)
	return all
}

// frame is that at a time, from 0 to frames.
func (m *Times) frame(seconds float64, frames int) int {
	return int(min(max(0, math.Round(seconds/m.features.hop())), float64(frames)))
}

// addStates adds the states of character k of a word, or of a wildcard, the first of them being p.
func (m *Times) addStates(all []timesPlace, p timesPlace, word []ctc.Timed, k int) []timesPlace {
	if word[k].Wildcard() {
		p.row = anything
		return append(all, p)
	}
	first := m.rowOf(unitNames(word, k))
	for s := range timesStates {
		p.row = first + s
		all = append(all, p)
		p.skip = 0
	}
	return all
}

// boundSilences lets silences begin where the place before does, and end where the place behind does.
func boundSilences(places []timesPlace, frames int) {
	for i := 1; i < len(places); i++ {
		if places[i].token != silence {
			continue
		}
		places[i].lo, places[i].hi = places[i-1].lo, frames
		if i+1 < len(places) {
			places[i].hi = places[i+1].hi
		}
	}
}
