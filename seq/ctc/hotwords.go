package ctc

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// HotWord is a word or phrase that is likelier here than elsewhere: a name, a term.
//
// Where a beam has a separator, it occurs wherever whole words are its text (separators at its ends count for nothing), whatever tokens spell them; with [Beam.Tokenize], where they
// are spelled by these tokens. Without a separator it occurs where these tokens do.
type HotWord struct {
	Tokens []int   // as labels; [Beam.Spell] gives the fewest for a text
	Boost  float64 // nats, from −1e6 to 1e6, are added to the total for each time it occurs; below 0 it is made rarer
}

// hotWords is the Aho–Corasick automaton of all hot words, over symbols. A state is the longest end of
// the labels so far that a hot word begins with.
//
// Where there is a separator between words, a hot word counts only as whole words:
// the separator is put before and after it.
//
// While a hot word is being spelled, a share of its boost is lent, and taken back when the
// word is not finished. So prefixes of hot words survive in the beam, and final totals have
// whole boosts alone.
type hotWords struct {
	trie[int32]
	symbols   [][]int32 // of each token: what the automaton reads of it, one at least
	beginning [][]int32 // of each symbol: the tokens that begin with it, without the blank
	between   int32     // the symbol between words, or none
	root      []int32   // the state after the empty one, by symbol
	fail      []int32   // of each state: the longest shorter end that is a state
	lent      []float64 // of each state, ≥ 0
	boost     []float64 // of each state: of all hot words that end there
	alone     []float64 // of each token: what it gains from the empty state on
	most      float64   // of alone
	bestBoost float64   // of all states, ≥ 0
	bestLent  float64
	start     int32
}

func (b *Beam) checkHotWords() error {
	for i, w := range b.Hot {
		if !(math.Abs(w.Boost) <= maxNats) {
			return fmt.Errorf("ctc: Hot[%d].Boost is %v; it must be from %v to %v", i, w.Boost, -maxNats, maxNats)
		}
		said := false
		for j, c := range w.Tokens {
			if c < 0 || c >= b.Classes || c == b.Blank {
				return fmt.Errorf("ctc: Hot[%d].Tokens[%d] is %d; it must be from 0 to %d and not the blank %d", i, j, c, b.Classes-1, b.Blank)
			}
			if b.Separator != "" && b.Tokens[c] == "" {
				return fmt.Errorf("ctc: Hot[%d].Tokens[%d] is %d, which has no text; it must be a token of the text", i, j, c)
			}
			said = said || b.Separator == "" || strings.ReplaceAll(b.Tokens[c], b.Separator, "") != ""
		}
		if !said {
			return fmt.Errorf("ctc: Hot[%d].Tokens is %v; it must have a token other than separators", i, w.Tokens)
		}
	}
	return nil
}

// newHotWords makes the automaton.
func newHotWords(b *Beam, a alphabetOf) *hotWords {
	h := &hotWords{symbols: a.flat(), between: a.between}
	patterns := make([]pattern, len(b.Hot))
	for i, w := range b.Hot {
		patterns[i] = h.pattern(w)
	}
	slices.SortFunc(patterns, func(a, b pattern) int { return slices.Compare(a.symbols, b.symbols) })
	sorted := make([][]int32, len(patterns))
	for i, p := range patterns {
		sorted[i] = p.symbols
	}
	var ends []int32
	h.trie, ends = newTrie(sorted)
	states := len(h.first) - 1
	h.boost, h.lent = make([]float64, states), make([]float64, states)
	for i, p := range patterns {
		h.boost[ends[i]] += p.boost
		h.lend(p)
	}
	h.root = make([]int32, a.symbols)
	for c := range h.root {
		h.root[c] = max(h.child(0, int32(c)), 0)
	}
	h.link()
	h.beginning = make([][]int32, a.symbols)
	for t, symbols := range h.symbols {
		if t != b.Blank {
			h.beginning[symbols[0]] = append(h.beginning[symbols[0]], int32(t))
		}
	}
	h.gains(b.Blank)
	if h.between != none {
		h.start = h.root[h.between]
	}
	return h
}

// pattern is a hot word as the automaton has it.
type pattern struct {
	symbols []int32
	around  int // 1 if there is a separator at either end
	boost   float64
}

func (h *hotWords) pattern(w HotWord) pattern {
	p := pattern{boost: w.Boost}
	if h.between != none {
		p.symbols, p.around = append(p.symbols, h.between), 1
	}
	for _, c := range w.Tokens {
		for _, s := range h.symbols[c] {
			if s != h.between || p.symbols[len(p.symbols)-1] != s {
				p.symbols = append(p.symbols, s)
			}
		}
	}
	if h.between != none && p.symbols[len(p.symbols)-1] != h.between {
		p.symbols = append(p.symbols, h.between)
	}
	return p
}

// lend gives the states on the way to a pattern their share of its boost, by the part of
// its symbols that are there.
func (h *hotWords) lend(p pattern) {
	letters := len(p.symbols) - 2*p.around
	at := int32(0)
	for i, c := range p.symbols[:len(p.symbols)-1] {
		at = h.child(at, c)
		share := p.boost * float64(i+1-p.around) / float64(letters)
		h.lent[at] = max(h.lent[at], share)
	}
}

// link works out what is known of a state through the shorter ends.
func (h *hotWords) link() {
	states := len(h.lent)
	h.fail = make([]int32, states)
	for n := range int32(states) {
		for k := h.first[n]; k < h.first[n+1]; k++ {
			c := k + 1
			if n > 0 {
				h.fail[c] = h.step(h.fail[n], h.label[k])
			}
			h.boost[c] += h.boost[h.fail[c]]
			h.lent[c] = max(h.lent[c], h.lent[h.fail[c]])
		}
	}
}

// gains works out what tokens can gain.
func (h *hotWords) gains(blank int) {
	h.bestBoost, h.bestLent = max(slices.Max(h.boost), 0), slices.Max(h.lent)
	h.alone, h.most = make([]float64, len(h.symbols)), math.Inf(-1)
	for t := range h.symbols {
		if h.alone[t] = h.gain(0, int32(t)); t != blank {
			h.most = max(h.most, h.alone[t])
		}
	}
}

// bound is what a token gains at most whose first symbol leads to a state.
func (h *hotWords) bound(state, token int32) float64 {
	more := len(h.symbols[token]) - 1
	if more == 0 {
		return h.boost[state] + h.lent[state]
	}
	return h.boost[state] + float64(more)*h.bestBoost + h.bestLent
}

// gain is what a token gains after a state.
func (h *hotWords) gain(state, token int32) float64 {
	n, boost := h.next(state, token)
	return boost + h.lent[n]
}

// next returns the state after a token, and the boosts of the hot words that end in it.
func (h *hotWords) next(s, token int32) (state int32, boost float64) {
	for _, symbol := range h.symbols[token] {
		s = h.step(s, symbol)
		boost += h.boost[s]
	}
	return s, boost
}

// step returns the state after a symbol.
func (h *hotWords) step(s, symbol int32) int32 {
	for s != 0 {
		if c := h.child(s, symbol); c >= 0 {
			return c
		}
		s = h.fail[s]
	}
	return h.root[symbol]
}
