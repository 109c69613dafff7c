package index

import "math/bits"

// pageRows is how many rows a page of a deadSet has.
const pageRows = 4096

// A deadSet is which rows of a slab are no longer there. It does not change: with makes
// another, which shares the pages that are the same.
type deadSet struct {
	pages []*[pageRows / 64]uint64 // nil: none of the page; pages at the end may be missing
	count int
}

func (d *deadSet) has(row int) bool {
	page := row / pageRows
	if page >= len(d.pages) || d.pages[page] == nil {
		return false
	}
	return d.pages[page][row%pageRows/64]>>(row%64)&1 == 1
}

// with returns d and these rows.
func (d *deadSet) with(rows []int) *deadSet {
	next := &deadSet{pages: append([]*[pageRows / 64]uint64(nil), d.pages...), count: d.count}
	ours := map[int]bool{} // pages that were copied
	for _, row := range rows {
		page := row / pageRows
		for len(next.pages) <= page {
			next.pages = append(next.pages, nil)
		}
		if !ours[page] {
			ours[page] = true
			words := [pageRows / 64]uint64{}
			if old := next.pages[page]; old != nil {
				words = *old
			}
			next.pages[page] = &words
		}
		if !next.has(row) {
			next.pages[page][row%pageRows/64] |= 1 << (row % 64)
			next.count++
		}
	}
	return next
}

// marshal returns the set as bits, rows that are not dead left off at the end.
func (d *deadSet) marshal() []byte {
	var out []byte
	for i, page := range d.pages {
		if page == nil {
			continue
		}
		for len(out) < i*pageRows/8 {
			out = append(out, 0)
		}
		out = append(out, bytesOf(page[:])...)
	}
	return out
}

// parseDead reads what marshal wrote; ok is false if that cannot be of a slab of that many rows.
func parseDead(b []byte, rows int) (d *deadSet, ok bool) {
	var dead []int
	for i, byte := range b {
		for ; byte != 0; byte &= byte - 1 {
			dead = append(dead, 8*i+bits.TrailingZeros8(byte))
		}
	}
	if len(dead) > 0 && dead[len(dead)-1] >= rows {
		return nil, false
	}
	return (&deadSet{}).with(dead), true
}
