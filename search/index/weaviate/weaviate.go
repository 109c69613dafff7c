// Package weaviate is an index on a Weaviate server or a cluster of them: more vectors than
// a machine holds, and copies that outlive one.
//
// An index is a class of the server's schema that [Create] makes; the class's description
// says what the vectors are. Each item is an object whose UUID follows from its identifier.
//
// What differs from an index on this machine:
//   - Neighbours are found by a graph (HNSW) and now and then one is missed, unless the class was
//     created with index=flat, which compares with all.
//   - Hits at one distance come in the order in which they were added by the clocks of
//     those who added them; which of them are among the K is the server's choice.
//   - Writes wait for every copy unless the address says otherwise, so that a search, which asks one copy,
//     sees them. With a node away, what it has a copy of can be searched but not changed: Add and Delete
//     look first and refuse.
//   - Filters are of =, in, and, or, and identifiers to leave out of a search; others are refused. A List takes no filter. Update
//     and DeleteWhere are several requests.
//   - K, Offset and the excluded identifiers of a query together are at most the server's QUERY_MAXIMUM_RESULTS (10,000).
package weaviate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/energo-ml/energo/search/index"
)

// kind is Info.Kind of these indexes.
const kind = "weaviate"

// Index is a class on a server. Its methods may be called from several goroutines at once.
type Index struct {
	class  string
	about  about
	client *client
	shards int    // parts that the objects are divided into
	copies int    // of each
	writes string // consistency level of writes
}

var _ index.Index = (*Index)(nil)

// Open opens the index at an address: weaviate://HOST:PORT/Class, or weaviates:// for a server behind
// TLS. Several hosts, with commas between, are nodes of one cluster: where one does not answer,
// the next is asked. Parameters behind a question mark:
//
//	tls=true          the same as weaviates://
//	writes=all        how many copies a write waits for: all, quorum or one
//	replicas=N        for Create: copies of each item
//	shards=N          for Create: parts that the items are divided into
//	index=hnsw|flat   for Create: find by a graph, or compare with all
//
// Where there is no such class, the error is fs.ErrNotExist.
//
// If the environment variable WEAVIATE_API_KEY is set, its value is sent as the key. It appears in no message.
func Open(ctx context.Context, address string) (*Index, error) {
	at, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	x := at.index()
	body, err := x.readClass(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.learn(body); err != nil {
		return nil, err
	}
	return x, nil
}

// Create makes a new index at an address as Open takes it. A class of that name must not be there.
func Create(ctx context.Context, address string, o index.Options) (*Index, error) {
	at, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	c, err := at.newClass(o)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("weaviate: %w", err)
	}
	x := at.index()
	// Once, for a second try could not tell a class of ours from another's.
	made, err := x.client.once(ctx, http.MethodPost, "/v1/schema", nil, body)
	if err != nil {
		return nil, fmt.Errorf("create class %s: %w", at.class, err)
	}
	if err := x.learn(made); err != nil {
		return nil, err
	}
	if err := x.awaitNodes(ctx); err != nil {
		return nil, err
	}
	return x, nil
}

// index is an index at the address, as yet without what the class says.
func (a *location) index() *Index {
	return &Index{class: a.class, client: newClient(a), writes: a.writes}
}

// Info says what the index is; its length is that of this moment.
func (x *Index) Info(ctx context.Context) (index.Info, error) {
	n, err := x.count(ctx)
	if err != nil {
		return index.Info{}, err
	}
	return index.Info{
		Kind: kind, Dim: x.about.Dim, Len: n, Metric: x.about.Metric,
		Storage: x.about.Storage, Encoder: x.about.Encoder,
	}, nil
}

// count asks how many objects the class has.
func (x *Index) count(ctx context.Context) (int, error) { return x.countWhere(ctx, nil) }

// countWhere asks how many pass a filter; nil lets all pass.
func (x *Index) countWhere(ctx context.Context, w *where) (int, error) {
	arguments := ""
	if w != nil {
		arguments = "(where:" + w.graphQL() + ")"
	}
	var out struct {
		Aggregate map[string][]struct {
			Meta struct{ Count *int }
		}
	}
	if err := x.client.graphQL(ctx, fmt.Sprintf("{Aggregate{%s%s{meta{count}}}}", x.class, arguments), &out); err != nil {
		return 0, fmt.Errorf("count class %s: %w", x.class, err)
	}
	rows := out.Aggregate[x.class]
	if len(rows) != 1 || rows[0].Meta.Count == nil {
		return 0, fmt.Errorf("weaviate: count class %s: the server's answer has no count", x.class)
	}
	return *rows[0].Meta.Count, nil
}

// Drop removes the index with all its items from the server.
func (x *Index) Drop(ctx context.Context) error {
	if _, err := x.client.do(ctx, http.MethodDelete, "/v1/schema/"+x.class, nil, nil); err != nil {
		return fmt.Errorf("drop class %s: %w", x.class, err)
	}
	return nil
}

// Close gives back the connections.
func (x *Index) Close() error {
	x.client.http.CloseIdleConnections()
	return nil
}
