package timedtext

import (
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/displaywidth"
	"github.com/energo-ml/energo/seq/ctc"
	"github.com/energo-ml/energo/seq/text"
)

// An atom is what no line breaks within: words that are joined, or a few characters of a script without spaces.
type atom struct {
	words      []ctc.Timed
	start, end float64
	width      int  // as terminals show it, East Asian characters twice as wide as others
	joined     bool // to the atom before
	line       int
}

// atomsOf cuts a timeline's words into atoms that are no wider than a line, where they can be cut at all. Wildcards are left
// out, and what is unsaid stays with what is said before it.
func atomsOf(words []ctc.Timed, most int) (all []atom) {
	for _, w := range words {
		if w.Wildcard() && w.Text == ctc.WildcardText {
			continue
		}
		w.Text = strings.Join(strings.Fields(w.Text), " ")
		if w.Text == "" {
			continue
		}
		for _, p := range pieces(w) {
			width := displaywidth.String(p.Text)
			if n := len(all); n > 0 && !mayBreak(all[n-1], p) && all[n-1].width+width < most {
				a := &all[n-1]
				a.words, a.end, a.width = append(a.words, p), max(a.end, p.End), a.width+width
				if !p.Joined {
					a.width++
				}
				continue
			}
			all = append(all, atom{[]ctc.Timed{p}, p.Start, p.End, width, p.Joined && len(all) > 0, p.Line})
		}
	}
	return all
}

// pieces cuts a word where its script has no spaces, its time in proportion to the characters.
func pieces(w ctc.Timed) (all []ctc.Timed) {
	n, lo := float64(utf8.RuneCountInString(w.Text)), 0
	at := func(i int) float64 { return w.Start + (w.End-w.Start)*float64(i)/n }
	for _, s := range text.Pieces(w.Text) {
		hi := lo + utf8.RuneCountInString(s)
		p := w
		p.Text, p.Start, p.End = s, at(lo), at(hi)
		p.Joined = w.Joined || lo > 0
		all, lo = append(all, p), hi
	}
	return all
}

// mayBreak reports whether a line may end between an atom and the piece behind it.
func mayBreak(a atom, p ctc.Timed) bool {
	if p.Line != a.line {
		return true
	}
	if p.Unsaid {
		return false
	}
	if !p.Joined {
		return true
	}
	before, after := []rune(a.words[len(a.words)-1].Text), []rune(p.Text)
	return text.BreaksBetween(before[len(before)-1], after[0])
}
