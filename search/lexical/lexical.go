// Package lexical ranks documents by the words that they share with a query: an inverted index in memory, and BM25
// [robertson2009].
package lexical

import (
	"context"
	"iter"
	"math"
	"strings"
)

// Index has, of each word of some documents, which have it and how often. It does not change, and may be read from several goroutines.
type Index struct {
	terms   map[string]uint32
	starts  []uint32 // the documents of word i are docs[starts[i]:starts[i+1]]
	docs    []uint32 // ascending
	counts  []uint8  // at most maxCount
	lengths []uint32
}

// maxCount bounds how often a word counts in a document: BM25 hardly tells more apart.
const maxCount = math.MaxUint8

// stopEvery is after how many documents Build looks whether it is to stop.
const stopEvery = 4096

// Build indexes n documents; words are those of one. Error: that of the context, if it ends before.
func Build(ctx context.Context, n int, words func(doc int) iter.Seq[string]) (*Index, error) {
	x := &Index{terms: map[string]uint32{}, lengths: make([]uint32, n)}
	var terms, docs []uint32 // in the order of the documents
	var counts []uint8
	var last []int // of each word, where it is in terms for the last document that has it
	for doc := range n {
		if doc%stopEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for word := range words(doc) {
			x.lengths[doc]++
			term, known := x.terms[word]
			if !known {
				term = uint32(len(x.terms))
				x.terms[strings.Clone(word)] = term
				last = append(last, 0)
			}
			if i := last[term]; known && docs[i] == uint32(doc) {
				counts[i] = min(counts[i], maxCount-1) + 1
				continue
			}
			last[term] = len(terms)
			terms, docs, counts = append(terms, term), append(docs, uint32(doc)), append(counts, 1)
		}
	}
	x.sort(terms, docs, counts)
	return x, nil
}

// sort groups what was counted by words.
func (x *Index) sort(terms, docs []uint32, counts []uint8) {
	x.starts = make([]uint32, len(x.terms)+1)
	for _, term := range terms {
		x.starts[term+1]++
	}
	for i := range len(x.terms) {
		x.starts[i+1] += x.starts[i]
	}
	next := append([]uint32{}, x.starts...)
	x.docs, x.counts = make([]uint32, len(docs)), make([]uint8, len(docs))
	for i, term := range terms {
		x.docs[next[term]], x.counts[next[term]] = docs[i], counts[i]
		next[term]++
	}
}

// Find returns the documents that have a word, ascending, and how often each has it, at most 255 times.
func (x *Index) Find(word string) (docs []uint32, counts []uint8) {
	term, ok := x.terms[word]
	if !ok {
		return nil, nil
	}
	lo, hi := x.starts[term], x.starts[term+1]
	return x.docs[lo:hi], x.counts[lo:hi]
}

// Len is the number of words of a document, each as often as it is there.
func (x *Index) Len(doc int) int { return int(x.lengths[doc]) }

// BM25 is what the weight of a word depends on beside the document. The weight of a word that n of the documents have, in one of
// length l that has it f times, is
//
//	ln(1 + (Docs − n + ½) / (n + ½)) · f / (f + K1·(1 − B + B·l/Mean))    K1 = 1.2, B = 0.75
//
// as Lucene computes it; it is above 0. A document's score is the sum over the words of the query.
type BM25 struct {
	Docs int     // documents
	Mean float64 // of their lengths
}

// What BM25 is set to.
const (
	K1 = 1.2
	B  = 0.75
)

// Rarity is the factor of a word that n documents have.
func (m BM25) Rarity(n int) float64 {
	return math.Log1p((float64(m.Docs-n) + 0.5) / (float64(n) + 0.5))
}

// Frequency is the factor of a word that a document of a length has count times.
func (m BM25) Frequency(count, length int) float64 {
	f := float64(count)
	return f / (f + K1*(1-B+B*float64(length)/m.Mean))
}
