// Package index holds vectors and finds the nearest ones to a query.
//
// [Index] is one interface over stores of several kinds: [Open] gives a folder on this
// machine that is scanned exactly; other stores live on servers. Whatever the kind, an Add
// or a Delete that returned without an error is there after a crash.
package index

import (
	"context"

	"github.com/energo-ml/energo/loss/distance"
)

// Index is a set of vectors, each under an identifier, that can be searched by nearness.
// Its methods may be called from several goroutines at once.
type Index interface {
	// Info says what the index is.
	Info(ctx context.Context) (Info, error)
	// Add adds items; one with the identifier of a stored item replaces it. It is all or
	// nothing: with an error, none of them is there.
	Add(ctx context.Context, items []Item) error
	// Delete takes items out and returns how many there were; identifiers that are not
	// there count for nothing.
	Delete(ctx context.Context, ids []string) (int, error)
	// Get returns the item of an identifier; ok is false where there is none.
	Get(ctx context.Context, id string) (item Item, ok bool, err error)
	// Update changes labels and fields, leaves vectors as they are, and returns how many items there were; identifiers that
	// are not there count for nothing. It is all or nothing. The items are last in the order then, as if they were added again.
	Update(ctx context.Context, patches []Patch) (int, error)
	// Count returns how many items pass a filter.
	Count(ctx context.Context, f Filter) (int, error)
	// DeleteWhere takes out all items that pass a filter, and returns how many there were. A filter
	// that lets all pass is an ErrArgument.
	DeleteWhere(ctx context.Context, f Filter) (int, error)
	// List returns up to n of the items that pass a filter, in an order of identifiers that is the index's own, from behind the
	// identifier after on; "" is the beginning. Fewer than n are the last ones. Pages that follow each other have every
	// item once that is there all the time, whatever changes meanwhile.
	List(ctx context.Context, f Filter, after string, n int) ([]Item, error)
	// Search returns the hits of each query, the nearest first; equals in the order in which
	// they were added.
	Search(ctx context.Context, queries []Query) ([][]Hit, error)
	// Close gives back what the index holds.
	Close() error
}

// Info describes an index.
type Info struct {
	Kind        string        `json:"kind"`                   // "exact", "weaviate"
	Dim         int           `json:"dim"`                    // coordinates of a vector
	Len         int           `json:"len"`                    // items
	Metric      distance.Kind `json:"metric"`                 // what Hit.Distance is
	Storage     Storage       `json:"storage,omitempty"`      // how coordinates are kept
	Encoder     string        `json:"encoder,omitempty"`      // fingerprint of the model whose vectors these are; "" is unknown
	Free        *int64        `json:"free,omitempty"`         // bytes that may still be written where it is; nil is not known
	Trouble     string        `json:"trouble,omitempty"`      // what keeps changes from being stored as they should be; "" is nothing
	FilterBytes int           `json:"filter_bytes,omitempty"` // memory that is kept so that filters need not read every item's fields
	Dropped     string        `json:"dropped,omitempty"`      // what was dropped when the index was opened: a change that a crash cut off; "" is nothing
}

// Item is a vector and what is known of it.
type Item struct {
	ID     string            `json:"id"`
	Vector []float32         `json:"vector,omitempty"`
	Label  string            `json:"label,omitempty"` // its class, if it has one
	Fields map[string]string `json:"fields,omitempty"`
}

// Patch is what is to change of an item.
type Patch struct {
	ID     string            `json:"id"`
	Label  *string           `json:"label,omitempty"`  // nil: as it is
	Fields map[string]string `json:"fields,omitempty"` // fields to set; others stay
	Remove []string          `json:"remove,omitempty"` // names of fields to take away
}

// ThumbField is the field of an item that has its picture made small, as JPEG in base64. Clients of a server cannot set it.
const ThumbField = "thumb"

// PathField is the field of an item that says where its picture is. Clients of a server cannot set it.
const PathField = "path"

// Query asks for the K nearest items that pass the filter, or for those that have the words of a text, or for what is best by both.
//
// Words are ranked by BM25 (package lexical) over identifiers, labels and fields but [Wordless]. With Vector and Text, an item's score is
// the sum of 1/(60 + rank) over the two rankings [cormack2009], of which the first 1000 count; ranks begin at 1.
type Query struct {
	Vector []float32
	Text   string   // words that are looked for, one of them at least; only an index that is a folder takes it
	K      int      // the most hits
	Offset int      // hits to leave out before these: hits have one order, so that pages do not overlap while nothing changes
	Within *float64 // only items at most this far; nil is any. With the metric dot, distances are below 0
	Filter Filter
}

// Hit is an item that was found.
type Hit struct {
	ID       string            `json:"id"`
	Distance float64           `json:"distance"`        // 0 where the query has no vector
	Score    float64           `json:"score,omitempty"` // of a query with a text; more is better
	Label    string            `json:"label,omitempty"`
	Fields   map[string]string `json:"fields,omitempty"`
}

// Metrics lists the distances by which an index can search. Segments keep the place of theirs in this list.
//
// The cosine distance is of vectors that are not all 0: an index refuses those.
var Metrics = []distance.Kind{distance.Euclidean, distance.Cosine, distance.Dot}

// Storage is how coordinates are kept.
type Storage string

// The kinds of storage.
const (
	Float32 Storage = "float32" // as they are
	Int8    Storage = "int8"    // a byte each, rounded: a quarter of the memory, distances are those of the rounded vectors
	// As they are, and a bit each beside. A search looks at the bits first, which is faster and needs a fifth of the memory, and
	// compares vectors where they say that it may pay. Distances are exact; now and then one of the nearest is missed.
	Bits Storage = "bits"
)

// Storages lists all kinds of storage.
var Storages = []Storage{Float32, Int8, Bits}
