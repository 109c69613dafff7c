package ctc

import (
	"cmp"
	"slices"
)

// trie is the tree of the prefixes of some sequences. Node 0 is the empty one; nodes are
// numbered breadth first, so that edge k leads to node k + 1.
type trie[S cmp.Ordered] struct {
	first []int32 // of each node, and the end: its first edge
	label []S     // of each edge, those of a node in ascending order
}

// newTrie makes the tree of sorted sequences and returns each one's node.
func newTrie[S cmp.Ordered](sorted [][]S) (t trie[S], ends []int32) {
	type span struct{ lo, hi, depth int } // the sequences that begin with a node's
	ends = make([]int32, len(sorted))
	queue := []span{{0, len(sorted), 0}}
	for n := 0; n < len(queue); n++ {
		s := queue[n]
		t.first = append(t.first, int32(len(t.label)))
		for s.lo < s.hi && len(sorted[s.lo]) == s.depth {
			ends[s.lo] = int32(n)
			s.lo++
		}
		for s.lo < s.hi {
			symbol, next := sorted[s.lo][s.depth], s.lo+1
			for next < s.hi && sorted[next][s.depth] == symbol {
				next++
			}
			t.label = append(t.label, symbol)
			queue = append(queue, span{s.lo, next, s.depth + 1})
			s.lo = next
		}
	}
	t.first = append(t.first, int32(len(t.label)))
	return t, ends
}

// child returns the node after n by a symbol, or −1.
func (t *trie[S]) child(n int32, symbol S) int32 {
	lo, hi := t.first[n], t.first[n+1]
	if i, ok := slices.BinarySearch(t.label[lo:hi], symbol); ok {
		return lo + int32(i) + 1
	}
	return -1
}
