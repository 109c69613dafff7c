package weaviate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/energo-ml/energo/search/index"
)

// Bounds of a batch.
const (
	batchItems = 1000
	batchBytes = 8 << 20 // of JSON, unless one item has more
	undoTime   = time.Minute
)

// Add adds items; one with the identifier of a stored item replaces it. They are sent in batches of up to 8 MiB.
//
// Weaviate has no transactions. So Add first asks for what it will replace, and after an error takes
// out what it had put in and puts back what was there before. If that fails too, which the error then
// says, some of the items may be there; and who searches meanwhile may see some of them. Two Adds
// of one identifier at the same time are for the server to order.
func (x *Index) Add(ctx context.Context, items []index.Item) error {
	if err := x.about.options().CheckItems(items); err != nil {
		return err
	}
	if err := x.allThere(ctx); err != nil {
		return err
	}
	now := time.Now().UnixNano()
	var done undo
	for lo := 0; lo < len(items); {
		b, err := x.batch(items[lo:], now, lo)
		if err == nil {
			err = x.replace(ctx, b, &done)
		}
		if err != nil {
			return x.takeBack(ctx, &done, err)
		}
		lo += len(b.ids)
	}
	if err := x.settle(ctx, items, now); err != nil {
		return x.takeBack(ctx, &done, err)
	}
	return nil
}

// settleItems is how many items a shard, in the mean, are sent again: that one has none of them
// happens once in e³² times.
const settleItems = 32

// settle makes the server put on disk what it has answered for. Weaviate (1.35) writes a batch's part of
// the graph to a buffer after it has emptied that buffer for the batch, so that a server that is killed
// loses it, and its copies never notice. The next batch for the same shard empties it. So some of
// the items, too many to miss a shard, are sent again as they are, which changes nothing else.
func (x *Index) settle(ctx context.Context, items []index.Item, time int64) error {
	n := min(len(items), settleItems*x.shards)
	for k := 0; k < n; {
		b := &batch{}
		for size := 0; k < n && len(b.ids) < batchItems && size < batchBytes; k++ {
			i := k * len(items) / n
			o, err := x.object(&items[i], time, i)
			if err == nil {
				err = b.append(&o)
			}
			if err != nil {
				return err
			}
			size += len(b.objects[len(b.objects)-1])
		}
		if err := x.put(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// batch is some objects on their way.
type batch struct {
	ids     []string // of the items, in order
	uuids   []string
	objects []json.RawMessage
}

func (b *batch) append(o *object) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("weaviate: item %q: %w", o.Properties.Key, err)
	}
	b.ids = append(b.ids, o.Properties.Key)
	b.uuids = append(b.uuids, o.UUID)
	b.objects = append(b.objects, data)
	return nil
}

// batch encodes the first of some items, as many as go into a batch and at least one.
func (x *Index) batch(items []index.Item, time int64, place int) (*batch, error) {
	b := &batch{}
	for i, size := 0, 0; i < len(items) && i < batchItems && size < batchBytes; i++ {
		o, err := x.object(&items[i], time, place+i)
		if err == nil {
			err = b.append(&o)
		}
		if err != nil {
			return nil, err
		}
		size += len(b.objects[i])
	}
	return b, nil
}

// undo is what it takes to take an Add back.
type undo struct {
	added []string // UUIDs that were put in, or may have been
	old   []object // that were replaced
}

// replace puts a batch in and notes how to take it back.
func (x *Index) replace(ctx context.Context, b *batch, done *undo) error {
	old, err := x.objects(ctx, b.uuids)
	if err != nil {
		return err
	}
	done.added = append(done.added, b.uuids...)
	done.old = append(done.old, old...)
	return x.put(ctx, b)
}

// put sends a batch.
func (x *Index) put(ctx context.Context, b *batch) error {
	body, err := json.Marshal(struct {
		Objects []json.RawMessage `json:"objects"`
	}{b.objects})
	if err != nil {
		return fmt.Errorf("weaviate: %w", err)
	}
	answer, err := x.client.do(ctx, http.MethodPost, "/v1/batch/objects?"+x.level(), nil, body)
	if err != nil {
		return err
	}
	return b.check(answer, x.client.hide)
}

// level is the parameter of writes' consistency.
func (x *Index) level() string { return url.Values{"consistency_level": {x.writes}}.Encode() }

// check reads what became of each object.
func (b *batch) check(answer []byte, hide func(string) string) error {
	var results []struct {
		Result struct {
			Status string
			Errors *serverErrors
		}
	}
	if err := json.Unmarshal(answer, &results); err != nil {
		return fmt.Errorf("weaviate: the server's answer to a batch: %w", err)
	}
	if len(results) != len(b.ids) {
		return fmt.Errorf("weaviate: the server answers for %d of %d items", len(results), len(b.ids))
	}
	const shown = 3
	var failed []string
	for i, r := range results {
		if r.Result.Errors == nil && r.Result.Status != "FAILED" {
			continue
		}
		why := "no reason given"
		if r.Result.Errors != nil {
			why = hide(joined(r.Result.Errors.Error))
		}
		failed = append(failed, fmt.Sprintf("item %q: %s", b.ids[i], why))
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("weaviate: the server refuses %d of %d items: %s", len(failed), len(b.ids), strings.Join(failed[:min(shown, len(failed))], "; "))
}

// takeBack undoes an Add that failed for a reason, also when its context is over.
func (x *Index) takeBack(ctx context.Context, done *undo, reason error) error {
	if len(done.added) == 0 {
		return reason
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	was := make(map[string]bool, len(done.old))
	for i := range done.old {
		was[done.old[i].UUID] = true
	}
	var fresh []string
	for _, u := range done.added {
		if !was[u] {
			fresh = append(fresh, u)
		}
	}
	_, err := x.deleteAll(ctx, fresh)
	if err = errors.Join(err, x.putBack(ctx, done.old)); err != nil {
		return fmt.Errorf("%w; and it could not be undone, so that some of the items may be there: %w", reason, err)
	}
	return reason
}

// putBack puts objects in as they were.
func (x *Index) putBack(ctx context.Context, old []object) error {
	for len(old) > 0 {
		b := &batch{}
		for size := 0; len(b.ids) < len(old) && len(b.ids) < batchItems && size < batchBytes; {
			if err := b.append(&old[len(b.ids)]); err != nil {
				return err
			}
			size += len(b.objects[len(b.objects)-1])
		}
		if err := x.put(ctx, b); err != nil {
			return err
		}
		old = old[len(b.ids):]
	}
	return nil
}
