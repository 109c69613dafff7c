package ngram

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// layout goes through the parts of a binary file.
type layout struct {
	data       []byte
	at         uint64
	counts     []uint64 // of n-grams, by order
	multiplier float32  // buckets of hash tables for each of their elements
	kind       int
}

// take returns the next bytes.
func (l *layout) take(n uint64) ([]byte, error) {
	if n > uint64(len(l.data)) || l.at+n > uint64(len(l.data)) {
		return nil, errCutOff
	}
	part := l.data[l.at : l.at+n]
	l.at += n
	return part, nil
}

// buckets returns how many a hash table has.
func (l *layout) buckets(entries uint64) uint64 {
	return max(entries+1, uint64(l.multiplier*float32(entries)))
}

// vocabulary passes over the table of words' hashes, and returns how many words there are.
func (l *layout) vocabulary() (n int, err error) {
	if !(l.multiplier >= 1 && l.multiplier < 1e6) {
		return 0, fmt.Errorf("the multiplier of hash tables is %v; it must be at least 1", l.multiplier)
	}
	if l.kind <= restProbing {
		table, err := l.take(8 + 12*l.buckets(l.counts[0]))
		if err != nil {
			return 0, err
		}
		n = int(binary.LittleEndian.Uint32(table[4:]))
	} else {
		table, err := l.take(8 + 8*l.counts[0])
		if err != nil {
			return 0, err
		}
		n = int(min(binary.LittleEndian.Uint64(table), math.MaxInt32)) + 1
	}
	if n < 1 || uint64(n) > l.counts[0]+1 {
		return 0, fmt.Errorf("there are %d words and %d 1-grams", n, l.counts[0])
	}
	return n, nil
}

// hashed is the tables of probing files.
type hashed struct {
	size   int // of an element's weights
	single []byte
	double []buckets // of the orders from 2 on
	full   buckets
}

// buckets is a hash table with linear probing. The key 0 stands for an empty bucket.
type buckets struct {
	data []byte
	size uint64 // of an element: a key and weights
	n    uint64
}

func (l *layout) probing() (t *hashed, err error) {
	t = &hashed{size: 8}
	if l.kind == restProbing {
		t.size = 12
	}
	if t.single, err = l.take((l.counts[0] + 1) * uint64(t.size)); err != nil {
		return nil, err
	}
	for _, n := range l.counts[1 : len(l.counts)-1] {
		b, err := l.table(n, 8+uint64(t.size))
		if err != nil {
			return nil, err
		}
		t.double = append(t.double, b)
	}
	t.full, err = l.table(l.counts[len(l.counts)-1], 12)
	return t, err
}

func (l *layout) table(entries, size uint64) (b buckets, err error) {
	b = buckets{size: size, n: l.buckets(entries)}
	b.data, err = l.take(b.n * size)
	return b, err
}

// find returns the weights of a key, or nil.
func (b *buckets) find(key uint64) []byte {
	for i, tried := key%b.n, uint64(0); tried < b.n; tried++ {
		at := b.data[i*b.size : (i+1)*b.size]
		switch binary.LittleEndian.Uint64(at) {
		case key:
			return at[8:]
		case 0:
			return nil
		}
		if i++; i == b.n {
			i = 0
		}
	}
	return nil
}

func float(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// negative is a probability whose sign says something else.
func negative(bits uint32) float32 { return math.Float32frombits(bits | 1<<31) }

func (t *hashed) weights(b []byte) weights {
	p := binary.LittleEndian.Uint32(b)
	return weights{negative(p), float(b[4:]), p>>31 != 0}
}

func (t *hashed) one(w Word) (weights, place) {
	return t.weights(t.single[int(w)*t.size:]), place{lo: uint64(w)}
}

// longer is the hash of an n-gram with one more word before it.
func longer(at place, before Word) uint64 {
	return at.lo*8978948897894561157 ^ (1+uint64(before))*17894857484156487943
}

func (t *hashed) middle(order int, before Word, at *place) (w weights, ok bool) {
	at.lo = longer(*at, before)
	b := t.double[order-2].find(at.lo)
	if b == nil {
		return w, false
	}
	return t.weights(b), true
}

func (t *hashed) longest(before Word, at place) (prob float32, ok bool) {
	b := t.full.find(longer(at, before))
	if b == nil {
		return 0, false
	}
	return negative(binary.LittleEndian.Uint32(b)), true
}

func (t *hashed) mostBackoff() (sum float32) {
	var most float32
	for i := 0; i < len(t.single); i += t.size {
		most = max(most, float(t.single[i+4:]))
	}
	sum = most
	for _, b := range t.double {
		most = 0
		for i := uint64(0); i < b.n; i++ {
			if at := b.data[i*b.size:]; binary.LittleEndian.Uint64(at) != 0 {
				most = max(most, float(at[12:]))
			}
		}
		sum += most
	}
	return sum
}

// packed is the tables of a trie, in which an n-gram's longer ones follow each other in the next table, in the order of
// the words before it.
type packed struct {
	single []byte // weights, and where the 2-grams begin
	words  int
	double []level // of the orders from 2 on
	full   level
}

// level is a table of elements that are bits in a row: a word, weights, and where the longer n-grams begin.
type level struct {
	data                 []byte
	n                    uint64
	word, weights, total uint // bits
	first                uint // bits of where longer n-grams begin, those below highs'
	highs                []byte
	next                 uint64  // elements of the next table
	probs, backoffs      *center // nil where weights are not quantised
}

// center is the table of quantised weights.
type center struct {
	data []byte
	bits uint
}

func (c *center) of(i uint64) float32 { return float(c.data[4*i:]) }

func (l *layout) trie(words int) (*packed, error) {
	order := len(l.counts)
	var quant []*center
	if l.kind == quantTrie || l.kind == bothTrie {
		var err error
		if quant, err = l.quantisation(order); err != nil {
			return nil, err
		}
	}
	t := &packed{words: words}
	var err error
	if t.single, err = l.take((l.counts[0] + 2) * 16); err != nil {
		return nil, err
	}
	chopped := uint(0)
	if compressed := l.kind == arrayTrie || l.kind == bothTrie; compressed && order > 2 {
		if l.at+2 > uint64(len(l.data)) {
			return nil, errCutOff
		}
		if v := l.data[l.at]; v != 0 {
			return nil, fmt.Errorf("pointers are compressed in version %d; it must be 0", v)
		}
		chopped = uint(l.data[l.at+1])
	}
	for i := 1; i < order; i++ {
		v := level{n: l.counts[i], word: uint(bits.Len64(l.counts[0])), weights: 63}
		if i == order-1 {
			v.weights = 31
		}
		if quant != nil {
			v.probs, v.weights = quant[2*i-2], quant[2*i-2].bits
			if i < order-1 {
				v.backoffs = quant[2*i-1]
				v.weights += v.backoffs.bits
			}
		}
		if i < order-1 {
			v.next, v.first = l.counts[i+1], uint(bits.Len64(l.counts[i+1]))
			if l.kind == arrayTrie || l.kind == bothTrie {
				if err := l.compressed(&v, chopped); err != nil {
					return nil, err
				}
			}
		}
		v.total = v.word + v.weights + v.first
		if v.data, err = l.take(((1+v.n)*uint64(v.total)+7)/8 + 8); err != nil {
			return nil, err
		}
		if i < order-1 {
			t.double = append(t.double, v)
		} else {
			t.full = v
		}
	}
	return t, nil
}

// quantisation returns the tables of quantised weights: of each order, probabilities and back-off weights.
func (l *layout) quantisation(order int) (all []*center, err error) {
	head, err := l.take(8)
	if err != nil {
		return nil, err
	}
	if head[0] != 2 {
		return nil, fmt.Errorf("weights are quantised in version %d; it must be 2", head[0])
	}
	for i := 1; i < order; i++ {
		for k, bits := range head[1:3] {
			if i == order-1 && k == 1 {
				break
			}
			if bits < 1 || bits > 25 {
				return nil, fmt.Errorf("weights are quantised to %d bits; there must be from 1 to 25", bits)
			}
			c := &center{bits: uint(bits)}
			if c.data, err = l.take(4 << bits); err != nil {
				return nil, err
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// compressed finds the table of the high bits of pointers.
func (l *layout) compressed(v *level, most uint) error {
	required := v.first
	chop, least := uint(0), int64(math.MaxInt64)
	for c := uint(0); c <= min(required, most); c++ { // as the builder weighs bits saved against the table's
		if change := int64(v.next>>(required-c))*64 - int64(v.n+1)*int64(c); change < least {
			chop, least = c, change
		}
	}
	count := v.next>>(required-chop) + 1
	part, err := l.take(8*(1+count) + 7)
	if err != nil {
		return err
	}
	skip := -(l.at - uint64(len(part))) & 7 // to a multiple of 8
	v.highs = part[skip+8:][:8*count]
	v.first = required - chop
	return nil
}

// bits reads a number that begins at a bit. It has at most 57 bits.
func (v *level) bits(at uint64, n uint) uint64 {
	return binary.LittleEndian.Uint64(v.data[at>>3:]) >> (at & 7) & (1<<n - 1)
}

// find returns the place of a word in a range, or false.
func (v *level) find(w Word, r place) (i uint64, ok bool) {
	if r.lo > r.hi || r.hi > v.n { // a damaged file
		return 0, false
	}
	for r.lo < r.hi {
		mid := (r.lo + r.hi) / 2
		switch at := v.bits(mid*uint64(v.total), v.word); {
		case at == uint64(w):
			return mid, true
		case at < uint64(w):
			r.lo = mid + 1
		default:
			r.hi = mid
		}
	}
	return 0, false
}

// pointer returns where the longer n-grams of an element begin.
func (v *level) pointer(i uint64) uint64 {
	low := v.bits(i*uint64(v.total)+uint64(v.word+v.weights), v.first)
	if v.highs == nil {
		return low
	}
	high := sort.Search(len(v.highs)/8, func(k int) bool { return binary.LittleEndian.Uint64(v.highs[8*k:]) > i }) - 1
	return uint64(max(high, 0))<<v.first | low
}

func (v *level) prob(i uint64) float32 {
	at := i*uint64(v.total) + uint64(v.word)
	if v.probs == nil {
		return negative(uint32(v.bits(at, 31)))
	}
	if v.backoffs != nil {
		at += uint64(v.backoffs.bits)
	}
	return v.probs.of(v.bits(at, v.probs.bits))
}

func (v *level) backoff(i uint64) float32 {
	at := i*uint64(v.total) + uint64(v.word)
	if v.backoffs == nil {
		return math.Float32frombits(uint32(v.bits(at+31, 32)))
	}
	return v.backoffs.of(v.bits(at, v.backoffs.bits))
}

func (t *packed) one(w Word) (weights, place) {
	b := t.single[16*int(w):]
	at := place{binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[24:])}
	return weights{float(b), float(b[4:]), at.lo == at.hi}, at
}

func (t *packed) middle(order int, before Word, at *place) (w weights, ok bool) {
	v := &t.double[order-2]
	i, ok := v.find(before, *at)
	if !ok {
		return w, false
	}
	*at = place{v.pointer(i), v.pointer(i + 1)}
	return weights{v.prob(i), v.backoff(i), at.lo == at.hi}, true
}

func (t *packed) longest(before Word, at place) (prob float32, ok bool) {
	i, ok := t.full.find(before, at)
	if !ok {
		return 0, false
	}
	return t.full.prob(i), true
}

func (t *packed) mostBackoff() (sum float32) {
	var most float32
	for i := range t.words {
		most = max(most, float(t.single[16*i+4:]))
	}
	sum = most
	for k := range t.double {
		v := &t.double[k]
		most = 0
		if v.backoffs != nil {
			for i := range uint64(1) << v.backoffs.bits {
				most = max(most, v.backoffs.of(i))
			}
		} else {
			for i := range v.n {
				most = max(most, v.backoff(i))
			}
		}
		sum += most
	}
	return sum
}
