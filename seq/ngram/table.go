package ngram

// table is a hash table from a node and a word to a node, with open addressing.
type table struct {
	slots []slot // a power of two of them, at most half of them taken
	taken int
	shift uint
}

type slot struct {
	node  int32
	word  Word
	child int32 // 0: the slot is free
}

// at returns the slot that has the key, or the free one where it belongs.
func (t *table) at(n int32, w Word) *slot {
	key := uint64(uint32(n))<<32 | uint64(uint32(w))
	i := int(key * 0x9E3779B97F4A7C15 >> t.shift) // Fibonacci hashing
	for {
		s := &t.slots[i]
		if s.child == 0 || s.node == n && s.word == w {
			return s
		}
		i = (i + 1) & (len(t.slots) - 1)
	}
}

// find returns 0 where the key is not in the table.
func (t *table) find(n int32, w Word) int32 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.at(n, w).child
}

// insert adds a key that is not in the table.
func (t *table) insert(n int32, w Word, child int32) {
	if 2*t.taken >= len(t.slots) {
		t.grow()
	}
	*t.at(n, w) = slot{n, w, child}
	t.taken++
}

func (t *table) grow() {
	old := t.slots
	if len(old) == 0 {
		t.slots, t.shift = make([]slot, 16), 64-4
		return
	}
	t.slots, t.shift = make([]slot, 2*len(old)), t.shift-1
	for _, s := range old {
		if s.child != 0 {
			*t.at(s.node, s.word) = s
		}
	}
}
