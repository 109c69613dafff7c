package ctc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/excerpt"
)

// Spell returns the fewest tokens whose texts make up a text, of equally few those whose
// first is the longest, and so on. It is how [HotWord] gets its tokens.
//
// Errors: a text that no tokens but the blank make up.
func (b *Beam) Spell(text string) ([]int, error) {
	fewest := make([]int, len(text)+1) // tokens from a place on
	first := make([]int, len(text))
	for at := len(text) - 1; at >= 0; at-- {
		fewest[at], first[at] = len(text)+1, none
		for c, s := range b.Tokens {
			if s == "" || c == b.Blank || !strings.HasPrefix(text[at:], s) {
				continue
			}
			n := 1 + fewest[at+len(s)]
			if n < fewest[at] || n == fewest[at] && n <= len(text) && len(s) > len(b.Tokens[first[at]]) {
				fewest[at], first[at] = n, c
			}
		}
	}
	var tokens []int
	if fewest[0] > len(text) {
		return nil, fmt.Errorf("ctc: %q cannot be spelled with the tokens", excerpt.Of(text))
	}
	for at := 0; at < len(text); at += len(b.Tokens[first[at]]) {
		tokens = append(tokens, first[at])
	}
	return tokens, nil
}

// speller tells which words tokens can spell.
type speller struct {
	trie[byte]
	token   []bool // of each node: it is a whole token
	reached []bool // of each place in a word: tokens lead there
	whole   bool   // words are single tokens
	before  string // the separator, where tokens begin with it, or ""
}

func newSpeller(b *Beam) *speller {
	var texts [][]byte
	for c, s := range b.Tokens {
		if c != b.Blank && s != "" {
			texts = append(texts, []byte(s))
		}
	}
	slices.SortFunc(texts, slices.Compare)
	s := &speller{whole: b.Separator == ""}
	if slices.ContainsFunc(texts, func(text []byte) bool {
		return len(text) > len(b.Separator) && strings.HasPrefix(string(text), b.Separator)
	}) {
		s.before = b.Separator
	}
	var ends []int32
	s.trie, ends = newTrie(texts)
	s.token = make([]bool, len(s.first)-1)
	for _, n := range ends {
		s.token[n] = true
	}
	return s
}

// spell reports whether tokens make up a word, at a text's start or after a separator.
func (s *speller) spell(word string) bool {
	return s.makeUp(word) || s.before != "" && s.makeUp(s.before+word)
}

// makeUp reports whether tokens make up a text.
func (s *speller) makeUp(word string) bool {
	s.reached = append(s.reached[:0], make([]bool, len(word)+1)...)
	s.reached[0] = true
	for from := range len(word) {
		if !s.reached[from] || s.whole && from > 0 {
			continue
		}
		for n, to := int32(0), from; to < len(word); to++ {
			if n = s.child(n, word[to]); n < 0 {
				break
			}
			s.reached[to+1] = s.reached[to+1] || s.token[n]
		}
	}
	return s.reached[len(word)]
}

// otherCase returns a word in small or capital letters if tokens make that up.
func (s *speller) otherCase(word string) (other string, ok bool) {
	for _, other := range []string{strings.ToLower(word), strings.ToUpper(word)} {
		if s.spell(other) {
			return other, true
		}
	}
	return "", false
}
