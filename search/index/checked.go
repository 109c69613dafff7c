package index

import "sync/atomic"

// checkedRows has a bit for the place of each vector of a segment, set once the vector had its checksum. A segment's file never
// changes, so that a checksum is computed when a vector is first read after the segment was opened, and not again: it takes
// longer than the vector's distance. A damaged vector is not marked, and is an error whenever it is read. What happens to
// a vector on the disk or in memory after it was checked is found when the segment is opened the next time.
//
// Several goroutines read and set bits; two that check one vector at a time find the same.
type checkedRows []atomic.Uint64

func newCheckedRows(n int) checkedRows { return make(checkedRows, (n+63)/64) }

func (c checkedRows) has(at int) bool { return c[at/64].Load()>>(at%64)&1 == 1 }
func (c checkedRows) set(at int)      { c[at/64].Or(1 << (at % 64)) }
