package weaviate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// After a class was made its copies are looked for in this many steps, with this pause.
const (
	lookSteps = 50
	lookPause = 200 * time.Millisecond
)

// allThere asks whether a node answers for each copy of each shard, where writes wait for
// all: a write that waits for one that is away ends after minutes, and in nobody knows what.
func (x *Index) allThere(ctx context.Context) error {
	if x.copies == 1 || x.writes != "ALL" {
		return nil
	}
	if err := x.present(ctx); err != nil {
		return fmt.Errorf("a write waits for every copy: %w", err)
	}
	return nil
}

// present asks the nodes for all shards. Who may not ask finds out what is missing by writing.
func (x *Index) present(ctx context.Context) error {
	body, err := x.client.do(ctx, http.MethodGet, "/v1/nodes/"+x.class+"?output=verbose", nil, nil)
	if isStatus(err, http.StatusForbidden) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("not all nodes answer: %w", err)
	}
	var out struct {
		Nodes []struct {
			Shards []struct{}
		}
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return fmt.Errorf("weaviate: the server's answer about its nodes: %w", err)
	}
	n := 0
	for _, node := range out.Nodes {
		n += len(node.Shards)
	}
	if n < x.shards*x.copies {
		return fmt.Errorf("weaviate: only %d of %d shards (%d in %d copies) are there", n, x.shards*x.copies, x.shards, x.copies)
	}
	return nil
}

// awaitNodes waits until all nodes know a class that was made; they learn of it one by one.
func (x *Index) awaitNodes(ctx context.Context) error {
	for i := 0; ; i++ {
		err := x.present(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if i == lookSteps {
			return fmt.Errorf("class %s was made, but its nodes do not all know it: %w", x.class, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookPause):
		}
	}
}
