package index

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
	"unsafe"
)

// postings are what a filter looks up of a slab's label, identifiers or one field: the different texts, sorted, and which
// rows have each. They are made when a filter first asks, and kept as long as there is memory for them: see postingsCache.
type postings struct {
	size   int              // number of texts
	text   func(int) string // text i, without a copy
	starts []uint32         // text i is that of rows[starts[i]:starts[i+1]]; nil: of rows[i] alone
	rows   []uint32         // sorted among those of one text
	bytes  int              // of memory, beside the slab's
}

// rowsOf returns the rows of the texts from lo to hi.
func (c *postings) rowsOf(lo, hi int) []uint32 {
	if c.starts != nil {
		lo, hi = int(c.starts[lo]), int(c.starts[hi])
	}
	return c.rows[lo:hi]
}

// from returns the number of the first text that is at least s, or above it.
func (c *postings) from(s string, above bool) int {
	return sort.Search(c.size, func(i int) bool {
		order := strings.Compare(c.text(i), s)
		return order > 0 || order == 0 && !above
	})
}

// idPostings are those of the identifiers; the slab has all of it.
func (s *slab) idPostings() *postings {
	return &postings{size: s.rows, text: func(i int) string { return s.ids.view(int(s.byID[i])) }, rows: s.byID}
}

// labelPostings are those of the labels.
func (s *slab) labelPostings() *postings {
	c := &postings{size: s.labels.len(), text: s.labels.view}
	c.group(s.labelOf, nil)
	return c
}

// group sorts rows by the numbers of their texts; row is each number's row, nil if they are all rows in order.
func (c *postings) group(numbers, row []uint32) {
	c.starts, c.rows = make([]uint32, c.size+1), make([]uint32, len(numbers))
	for _, n := range numbers {
		c.starts[n+1]++
	}
	for i := range c.size {
		c.starts[i+1] += c.starts[i]
	}
	next := slices.Clone(c.starts)
	for i, n := range numbers {
		r := uint32(i)
		if row != nil {
			r = row[i]
		}
		c.rows[next[n]] = r
		next[n]++
	}
	c.bytes = 4 * (len(c.starts) + len(c.rows))
}

// fieldPostings are those of a field.
func (s *slab) fieldPostings(key string) *postings {
	var numbers, rows []uint32 // of the texts in the order of their first rows
	var places []uint64        // where in the slab's fields each text is
	of := map[string]uint32{}
	for row := range s.rows {
		place, ok := s.findField(row, key)
		if !ok {
			continue
		}
		text := s.fieldText(place)
		number, known := of[text]
		if !known {
			number = uint32(len(places))
			of[text] = number
			places = append(places, place)
		}
		numbers, rows = append(numbers, number), append(rows, uint32(row))
	}
	order := make([]uint32, len(places)) // of each sorted text, its number
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return strings.Compare(s.fieldText(places[a]), s.fieldText(places[b])) })
	sorted, rank := make([]uint64, len(order)), make([]uint32, len(order))
	for i, number := range order {
		sorted[i], rank[number] = places[number], uint32(i)
	}
	for i, number := range numbers {
		numbers[i] = rank[number]
	}
	c := &postings{size: len(sorted), text: func(i int) string { return s.fieldText(sorted[i]) }}
	c.group(numbers, rows)
	c.bytes += 8 * len(sorted)
	return c
}

// findField returns where in the slab's fields a row's value of a key is.
func (s *slab) findField(row int, key string) (place uint64, ok bool) {
	end := s.fields.offsets[row+1]
	for b := s.fields.at(row); len(b) > 0; {
		name, rest, err := cutText(b)
		if err != nil {
			return 0, false
		}
		place := end - uint64(len(rest))
		if _, b, err = cutText(rest); err != nil {
			return 0, false
		}
		if string(name) == key {
			return place, true
		}
	}
	return 0, false
}

// fieldText is the value at a place that findField returned.
func (s *slab) fieldText(place uint64) string {
	b := s.fields.bytes[place:]
	n, size := binary.Uvarint(b)
	b = b[size:][:n]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// numbersOf returns each text as a number, NaN where it is not a number.
func (c *postings) numbersOf() []float64 {
	out := make([]float64, c.size)
	for i := range out {
		x, ok := Decimal(c.text(i))
		if !ok {
			x = math.NaN()
		}
		out[i] = x
	}
	return out
}

// postingsBytes is how much memory an index keeps for postings. Larger ones are made for each search.
const postingsBytes = 256 << 20

// postingsCache has those that an index keeps: the ones that were used last.
type postingsCache struct {
	mu    sync.Mutex
	kept  map[postingsKey]*postingsEntry
	bytes int
	clock uint64
	limit int // 0: postingsBytes
}

// postingsKey says of what postings are.
type postingsKey struct {
	slab    *slab
	of      byte // 'l': label, 'i': identifier, 'f': field
	field   string
	numbers bool // of the texts as numbers
}

type postingsEntry struct {
	made     sync.Once
	postings *postings
	numbers  []float64
	bytes    int // 0 before it is made
	used     uint64
}

// label and field return a slab's postings.
func (x *postingsCache) label(s *slab) *postings {
	return x.get(postingsKey{slab: s, of: 'l'}, func(e *postingsEntry) { e.postings = s.labelPostings() }).postings
}

func (x *postingsCache) field(s *slab, name string) *postings {
	return x.get(postingsKey{slab: s, of: 'f', field: name}, func(e *postingsEntry) { e.postings = s.fieldPostings(name) }).postings
}

// numbers returns the texts of postings as numbers.
func (x *postingsCache) numbers(key postingsKey, c *postings) []float64 {
	key.numbers = true
	return x.get(key, func(e *postingsEntry) { e.numbers = c.numbersOf() }).numbers
}

// get returns what was made for a key, or makes it. Whoever asks meanwhile waits.
func (x *postingsCache) get(key postingsKey, make func(*postingsEntry)) *postingsEntry {
	x.mu.Lock()
	e := x.kept[key]
	if e == nil {
		if x.kept == nil {
			x.kept = map[postingsKey]*postingsEntry{}
		}
		e = &postingsEntry{}
		x.kept[key] = e
	}
	x.clock++
	e.used = x.clock
	x.mu.Unlock()
	e.made.Do(func() {
		make(e)
		x.count(key, e)
	})
	return e
}

// count adds an entry's memory, and drops what was used longest ago while there is too much.
func (x *postingsCache) count(key postingsKey, e *postingsEntry) {
	const perEntry = 200 // of the entry itself, about
	bytes := perEntry + len(key.field) + 8*len(e.numbers)
	if e.postings != nil {
		bytes += e.postings.bytes
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.kept[key] != e { // its slab is gone
		return
	}
	e.bytes = bytes
	x.bytes += bytes
	limit := x.limit
	if limit == 0 {
		limit = postingsBytes
	}
	for x.bytes > limit {
		x.dropOldest()
	}
}

func (x *postingsCache) dropOldest() {
	var oldest postingsKey
	used := uint64(math.MaxUint64)
	for key, e := range x.kept {
		if e.bytes > 0 && e.used < used {
			oldest, used = key, e.used
		}
	}
	x.drop(oldest)
}

func (x *postingsCache) drop(key postingsKey) {
	x.bytes -= x.kept[key].bytes
	delete(x.kept, key)
}

// forget drops the postings of a slab that is no longer used.
func (x *postingsCache) forget(s *slab) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key := range x.kept {
		if key.slab == s {
			x.drop(key)
		}
	}
}

// size is how many bytes of memory they have.
func (x *postingsCache) size() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.bytes
}
