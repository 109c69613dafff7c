// Package remote opens an index on a server by its address, whatever the kind of server: weaviate://HOST:PORT/Class for
// package weaviate, postgres://USER@HOST/DATABASE?table=NAME for package pgvector.
package remote

import (
	"context"

	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/pgvector"
	"github.com/energo-ml/energo/search/index/weaviate"
)

// Index is an index on a server, which can remove it.
type Index interface {
	index.Index
	// Drop removes the index with all its items.
	Drop(ctx context.Context) error
}

// IsAddress tells whether an index is named as one on a server is.
func IsAddress(name string) bool { return weaviate.IsAddress(name) || pgvector.IsAddress(name) }

// Open opens the index at an address. Where there is none, the error is fs.ErrNotExist.
func Open(ctx context.Context, address string) (Index, error) {
	if pgvector.IsAddress(address) {
		return orNone(pgvector.Open(ctx, address))
	}
	return orNone(weaviate.Open(ctx, address))
}

// Create makes a new index at an address where there is none.
func Create(ctx context.Context, address string, o index.Options) (Index, error) {
	if pgvector.IsAddress(address) {
		return orNone(pgvector.Create(ctx, address, o))
	}
	return orNone(weaviate.Create(ctx, address, o))
}

// orNone is nothing at all with an error, not an interface of a nil pointer.
func orNone[X Index](x X, err error) (Index, error) {
	if err != nil {
		return nil, err
	}
	return x, nil
}
