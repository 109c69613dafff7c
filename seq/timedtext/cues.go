package timedtext

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/energo-ml/energo/seq/ctc"
)

// A Cue is what a subtitle shows at once.
type Cue struct {
	Start, End float64
	Lines      [][]ctc.Timed // the words of each line
}

// Text returns the lines' text.
func (c Cue) Text() string {
	var lines []string
	for _, l := range c.Lines {
		lines = append(lines, ctc.JoinWords(l))
	}
	return strings.Join(lines, "\n")
}

// Cues cuts the words of a timeline in seconds into cues: those of the least cost. A cut costs least at the end of a sentence, less at other
// punctuation, and less at a pause than within speech; what costs, too, is each cue, one that is seen too short for its
// characters, and a sentence that begins in a cue and does not end there. A pause of Rules.Pause always ends a cue. A cue is seen from its first word on, and longer than its words last
// where MinSeconds and MaxRate ask for it and the next cue, or the end, leaves time.
//
// Special cases: a word that is wider than a line stands on a line alone; one that is longer than MaxSeconds is a cue alone.
// Errors: rules out of their ranges.
// Source: [knuth1981], its breaking of paragraphs into lines, applied to cues.
func Cues(t *ctc.Timeline, r Rules) ([]Cue, error) {
	r, err := r.filled()
	if err != nil {
		return nil, err
	}
	c := cutter{Rules: r, atoms: atomsOf(t.Words, r.MaxChars), end: endOf(t), scratch: make([][2]int, 0, r.MaxLines+1)}
	return c.cues(), nil
}

type cutter struct {
	Rules
	atoms []atom
	end   float64 // of the timeline

	scratch [][2]int // lines
}

// cues cuts all atoms.
func (c *cutter) cues() (all []Cue) {
	n := len(c.atoms)
	cost, from := make([]float64, n+1), make([]int, n+1)
	for hi := 1; hi <= n; hi++ {
		cost[hi] = math.Inf(1)
		for lo := hi - 1; lo >= 0 && (lo == hi-1 || c.fits(lo, hi)); lo-- {
			if v := cost[lo] + c.cost(lo, hi); v < cost[hi] {
				cost[hi], from[hi] = v, lo
			}
		}
	}
	for hi := n; hi > 0; hi = from[hi] {
		lo := from[hi]
		cue := Cue{Start: c.atoms[lo].start, End: c.seenUntil(lo, hi)}
		for _, l := range c.lines(lo, hi) {
			var words []ctc.Timed
			for _, a := range c.atoms[l[0]:l[1]] {
				words = append(words, a.words...)
			}
			cue.Lines = append(cue.Lines, words)
		}
		all = append(all, cue)
	}
	slices.Reverse(all)
	return all
}

// fits reports whether atoms may be one cue. Where those from lo on do not, no more before them do.
func (c *cutter) fits(lo, hi int) bool {
	first, second := &c.atoms[lo], &c.atoms[lo+1]
	if c.KeepLines && first.line != second.line || second.start-first.end >= c.Pause {
		return false
	}
	return c.atoms[hi-1].end-first.start <= c.MaxSeconds && len(c.wrap(c.scratch[:0], lo, hi, c.MaxChars)) <= c.MaxLines
}

// width is how wide atoms are on one line.
func (c *cutter) width(lo, hi int) int {
	width := 0
	for i := lo; i < hi; i++ {
		width += c.atoms[i].width
		if i > lo && !c.atoms[i].joined {
			width++
		}
	}
	return width
}

// What a cut costs.
const (
	cueCost      = 1.0
	cutCost      = 2.0 // within speech
	clauseShare  = 0.4 // of it, after a comma and the like
	pauseShare   = 0.7 // of it, less at a pause that all but ends a cue
	joinedShare  = 1.3 // of it, between characters
	shortCost    = 3.0 // a cue that is seen no time at all
	sentenceCost = 0.5 // a sentence that begins within a cue
)

// cost is what a cue costs, with the cut behind it.
func (c *cutter) cost(lo, hi int) float64 {
	cost := cueCost
	if hi < len(c.atoms) {
		cost += cutCost * c.rough(hi-1)
	}
	needed := c.needed(lo, hi)
	if seen := c.free(hi) - c.atoms[lo].start; seen < needed {
		cost += shortCost * (1 - max(seen, 0)/needed)
	}
	if hi == len(c.atoms) || c.rough(hi-1) > 0 {
		for i := lo; i < hi-1; i++ {
			if endsSentence(&c.atoms[i]) {
				cost += sentenceCost
				break
			}
		}
	}
	return cost
}

// rough says how much a cut after an atom tears apart, from 0 to 1, and more where no space is.
func (c *cutter) rough(i int) float64 {
	a, b := &c.atoms[i], &c.atoms[i+1]
	pause := b.start - a.end
	switch {
	case endsSentence(a), c.KeepLines && a.line != b.line, pause >= c.Pause:
		return 0
	case endsClause(a):
		return clauseShare * (1 - pauseShare*max(pause, 0)/c.Pause)
	}
	most := 1.0
	if b.joined {
		most = joinedShare
	}
	return most - pauseShare*max(pause, 0)/c.Pause
}

// needed is how long a cue should be seen.
func (c *cutter) needed(lo, hi int) float64 {
	return min(c.MaxSeconds, max(c.MinSeconds, float64(c.width(lo, hi))/c.MaxRate))
}

// free is until when a cue that ends before atom hi may be seen.
func (c *cutter) free(hi int) float64 {
	if hi < len(c.atoms) {
		return c.atoms[hi].start - c.Gap
	}
	return c.end
}

// seenUntil is until when a cue is seen.
func (c *cutter) seenUntil(lo, hi int) float64 {
	start, end := c.atoms[lo].start, c.atoms[hi-1].end
	for _, a := range c.atoms[lo:hi] {
		end = max(end, a.end)
	}
	end = max(end, min(start+c.needed(lo, hi), c.free(hi)))
	if hi < len(c.atoms) {
		end = min(end, c.atoms[hi].start) // words of some systems overlap
	}
	return max(end, start+0.001) // readers refuse a cue that lasts no time
}

// wrap breaks atoms into the fewest lines of a width, appended to lines: each is its first atom and the one behind its last.
func (c *cutter) wrap(lines [][2]int, lo, hi, most int) [][2]int {
	from, width := lo, c.atoms[lo].width
	for i := lo + 1; i < hi; i++ {
		a := &c.atoms[i]
		step := a.width
		if !a.joined {
			step++
		}
		if width += step; width > most {
			lines = append(lines, [2]int{from, i})
			from, width = i, a.width
		}
	}
	return append(lines, [2]int{from, hi})
}

// lines breaks the atoms of a cue into the fewest lines, of which the widest is as narrow as can be; two, rather after
// punctuation.
func (c *cutter) lines(lo, hi int) [][2]int {
	lines := c.wrap(nil, lo, hi, c.MaxChars)
	if len(lines) == 2 {
		return c.inTwo(lo, hi)
	}
	for most := c.MaxChars - 1; len(lines) > 1 && most > 0; most-- {
		narrower := c.wrap(nil, lo, hi, most)
		if len(narrower) > len(lines) {
			break
		}
		lines = narrower
	}
	return lines
}

// inTwo breaks a cue of two lines where they are about as wide as each other, rather after punctuation.
func (c *cutter) inTwo(lo, hi int) [][2]int {
	best, cut := math.Inf(1), lo+1
	for i := lo + 1; i < hi; i++ {
		above, below := c.width(lo, i), c.width(i, hi)
		cost := math.Abs(float64(above - below))
		cost += 1000 * float64(max(0, above-c.MaxChars)+max(0, below-c.MaxChars))
		cost += (c.rough(i-1) - 1) * float64(c.MaxChars) / 3
		if cost < best {
			best, cut = cost, i
		}
	}
	return [][2]int{{lo, cut}, {cut, hi}}
}

// lastMark is the last character of an atom, but for closing quotes and brackets.
func lastMark(a *atom) rune {
	text := strings.TrimRight(a.words[len(a.words)-1].Text, `"'”’»)]}」』）`)
	r, _ := utf8.DecodeLastRuneInString(text)
	return r
}

func endsSentence(a *atom) bool { return strings.ContainsRune(".?!…。？！｡।", lastMark(a)) }

func endsClause(a *atom) bool { return strings.ContainsRune(",;:，；：、—–", lastMark(a)) }
