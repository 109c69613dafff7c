package token

import (
	"container/heap"
	"strings"
	"unicode/utf8"
)

// bpe is a model of pairs that are merged, the best one first, of equal ones the first in the text.
//
// Source: [sennrich2016].
type bpe struct {
	has      func(name string) bool
	merge    func(left, right string) (merged string, rank float64, ok bool) // a lesser rank is better
	prefix   string                                                          // of all characters but a word's first
	suffix   string                                                          // of a word's last
	whole    bool                                                            // a word that is a piece is spelled by it
	frozen   []string                                                        // texts that are pieces of their own and merge with nothing; the longest first
	fallback bool
}

// A symbol is a part of a text as merging has it.
type symbol struct {
	name           string
	frozen         bool
	previous, next int // −1 at the ends; of one that was merged into another, next is merged
}

const merged = -2

// A pair is two neighbours that can be merged.
type pair struct {
	rank        float64
	left, right int
	name        string // of both together
	is          [2]string
}

type pairs []pair

func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	return p[i].rank < p[j].rank || p[i].rank == p[j].rank && p[i].left < p[j].left
}
func (p pairs) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *pairs) Push(x any)   { *p = append(*p, x.(pair)) }
func (p *pairs) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

func (b *bpe) pieces(text string) ([]string, error) {
	if b.whole && b.has(text) {
		return []string{text}, nil
	}
	all := b.symbols(text)
	var queue pairs
	try := func(left, right int) {
		if left < 0 || right < 0 || all[left].frozen || all[right].frozen {
			return
		}
		l, r := all[left].name, all[right].name
		if name, rank, ok := b.merge(l, r); ok {
			heap.Push(&queue, pair{rank, left, right, name, [2]string{l, r}})
		}
	}
	for i := range all {
		try(i, all[i].next)
	}
	for len(queue) > 0 {
		p := heap.Pop(&queue).(pair)
		l, r := &all[p.left], &all[p.right]
		if l.next != p.right || r.next == merged || l.name != p.is[0] || r.name != p.is[1] {
			continue // one of them has been merged since
		}
		l.name, l.next = p.name, r.next
		if r.next >= 0 {
			all[r.next].previous = p.left
		}
		r.next = merged
		try(l.previous, p.left)
		try(p.left, l.next)
	}
	var names []string
	for i := 0; i >= 0 && i < len(all); i = all[i].next {
		s := &all[i]
		if b.has(s.name) {
			names = append(names, s.name)
			continue
		}
		bytes, ok := bytePieces(s.name, b.has)
		if !b.fallback || !ok {
			return nil, unspelled(s.name)
		}
		names = append(names, bytes...)
	}
	return names, nil
}

// symbols are the characters of a text, each with what is around it, and its frozen parts.
func (b *bpe) symbols(text string) (all []symbol) {
	add := func(name string, frozen bool) {
		all = append(all, symbol{name, frozen, len(all) - 1, len(all) + 1})
	}
	for at := 0; at < len(text); {
		if whole := frozenAt(b.frozen, text[at:]); whole != "" {
			add(whole, true)
			at += len(whole)
			continue
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		name := text[at : at+size]
		if at > 0 {
			name = b.prefix + name
		}
		if at += size; at == len(text) {
			name += b.suffix
		}
		add(name, false)
	}
	if len(all) > 0 {
		all[len(all)-1].next = -1
	}
	return all
}

// frozenAt is the first of some texts that another begins with, or "".
func frozenAt(frozen []string, text string) string {
	for _, f := range frozen {
		if strings.HasPrefix(text, f) {
			return f
		}
	}
	return ""
}
