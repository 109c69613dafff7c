package ctc

import (
	"fmt"
	"strings"
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
		return nil, fmt.Errorf("ctc: %q cannot be spelled with the tokens", text)
	}
	for at := 0; at < len(text); at += len(b.Tokens[first[at]]) {
		tokens = append(tokens, first[at])
	}
	return tokens, nil
}
