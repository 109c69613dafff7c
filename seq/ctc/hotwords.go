package ctc

import (
	"fmt"
	"math"
	"slices"
)

// HotWord is a word or phrase that is likelier here than elsewhere: a name, a term. It occurs where
// these tokens do: the same text in other tokens, which the network may prefer, is no hot word.
type HotWord struct {
	Tokens []int   // as labels; [Beam.Spell] gives the fewest for a text
	Boost  float64 // nats, from −1e6 to 1e6, are added to the total for each time it occurs; below 0 it is made rarer
}

// hotWords is the Aho–Corasick automaton of all hot words. A state is the longest end of
// the labels so far that a hot word begins with.
//
// Where the decoder has a separator between words, a hot word counts only as whole words:
// the separator is put before and after it.
//
// While a hot word is being spelled, a share of its boost is lent, and taken back when the
// word is not finished. So prefixes of hot words survive in the beam, and final totals have
// whole boosts alone.
type hotWords struct {
	trie[int32]
	root  []int32   // the state after the empty one, by token
	fail  []int32   // of each state: the longest shorter end that is a state
	lent  []float64 // of each state, ≥ 0
	boost []float64 // of each state: of all hot words that end there
	gain  []float64 // of each state: what it is lent, and boosts
	most  float64   // gain of the states in root
	start int32
	stop  int32 // the token that ends the last word, or −1
}

func checkHotWords(words []HotWord, classes, blank, separator int) error {
	for i, w := range words {
		if !(math.Abs(w.Boost) <= maxNats) {
			return fmt.Errorf("ctc: Hot[%d].Boost is %v; it must be from %v to %v", i, w.Boost, -maxNats, maxNats)
		}
		if len(w.Tokens) == 0 {
			return fmt.Errorf("ctc: Hot[%d].Tokens is empty; it must have a token", i)
		}
		for j, c := range w.Tokens {
			if c < 0 || c >= classes || c == blank {
				return fmt.Errorf("ctc: Hot[%d].Tokens[%d] is %d; it must be from 0 to %d and not the blank %d", i, j, c, classes-1, blank)
			}
			if c == separator && (j == 0 || j == len(w.Tokens)-1) {
				return fmt.Errorf("ctc: Hot[%d].Tokens[%d] is the separator; there it may only be between words", i, j)
			}
		}
	}
	return nil
}

// newHotWords makes the automaton; separator is −1 where there is none.
func newHotWords(words []HotWord, classes, separator int) *hotWords {
	h := &hotWords{stop: int32(separator)}
	patterns := make([]pattern, len(words))
	for i, w := range words {
		patterns[i] = newPattern(w, separator)
	}
	slices.SortFunc(patterns, func(a, b pattern) int { return slices.Compare(a.tokens, b.tokens) })
	sorted := make([][]int32, len(patterns))
	for i, p := range patterns {
		sorted[i] = p.tokens
	}
	var ends []int32
	h.trie, ends = newTrie(sorted)
	states := len(h.first) - 1
	h.boost, h.lent = make([]float64, states), make([]float64, states)
	for i, p := range patterns {
		h.boost[ends[i]] += p.boost
		h.lend(p)
	}
	h.root = make([]int32, classes)
	for c := range h.root {
		h.root[c] = max(h.child(0, int32(c)), 0)
	}
	h.link()
	if separator >= 0 {
		h.start = h.root[separator]
	}
	return h
}

// pattern is a hot word as the automaton has it.
type pattern struct {
	tokens []int32
	around int // 1 if there is a separator at either end
	boost  float64
}

func newPattern(w HotWord, separator int) pattern {
	p := pattern{boost: w.Boost}
	for _, c := range w.Tokens {
		p.tokens = append(p.tokens, int32(c))
	}
	if separator >= 0 {
		p.tokens = slices.Concat([]int32{int32(separator)}, p.tokens, []int32{int32(separator)})
		p.around = 1
	}
	return p
}

// lend gives the states on the way to a pattern their share of its boost, by the part of
// its tokens that are there.
func (h *hotWords) lend(p pattern) {
	letters := len(p.tokens) - 2*p.around
	at := int32(0)
	for i, c := range p.tokens[:len(p.tokens)-1] {
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
				h.fail[c] = h.next(h.fail[n], h.label[k])
			}
			h.boost[c] += h.boost[h.fail[c]]
			h.lent[c] = max(h.lent[c], h.lent[h.fail[c]])
		}
	}
	h.gain, h.most = make([]float64, states), math.Inf(-1)
	for n := range h.gain {
		h.gain[n] = h.lent[n] + h.boost[n]
	}
	for _, n := range h.root {
		h.most = max(h.most, h.gain[n])
	}
}

// next returns the state after a token.
func (h *hotWords) next(s, token int32) int32 {
	for s != 0 {
		if c := h.child(s, token); c >= 0 {
			return c
		}
		s = h.fail[s]
	}
	return h.root[token]
}
