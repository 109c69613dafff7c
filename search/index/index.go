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

// PathField is the field of an item that says where its picture is. Clients of a server cannot set it.
const PathField = "path"

// Query asks for the K nearest items that pass the filter.
type Query struct {
	Vector []float32
	K      int      // the most hits
	Offset int      // hits to leave out before these: hits have one order, so that pages do not overlap while nothing changes
	Within *float64 // only items at most this far; nil is any. With the metric dot, distances are below 0
	Filter Filter
}

// Hit is an item that was found.
type Hit struct {
	ID       string            `json:"id"`
	Distance float64           `json:"distance"`
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
)

// Storages lists all kinds of storage.
var Storages = []Storage{Float32, Int8}
