package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/spf13/cobra"
	"golang.org/x/sync/semaphore"
)

// fill adds a collection to an index and says what was done.
func fill(cmd *cobra.Command, x index.Index, e encode.Encoder, name, source string, o fillFlags) error {
	p := newProgress(cmd.ErrOrStderr(), o.quiet)
	start := time.Now()
	entries, err := listCollection(cmd.Context(), source, o.name, p)
	if err != nil {
		return err
	}
	f := filling{x: x, encoder: e, strict: o.strict, p: p, result: filled{Index: name, Skipped: []fileError{}}}
	err = f.all(cmd.Context(), entries)
	p.end()
	if errors.Is(err, context.Canceled) {
		again := "the same command continues"
		if cmd.Flags().Changed("fresh") {
			again = "the same command without --fresh continues"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: interrupted; %d pictures were added, and %s\n", f.result.Added, again)
		return errInterrupted
	}
	if err != nil {
		return err
	}
	r := f.result
	r.Seconds = time.Since(start).Seconds()
	if r.Info, err = x.Info(cmd.Context()); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%d pictures added to %s, %d unchanged, %d skipped, in %.1f s; it has %d items of %d coordinates (%s, %s)\n",
		r.Added, shown(name), r.Unchanged, len(r.Skipped), r.Seconds, r.Info.Len, r.Info.Dim, r.Info.Metric, r.Info.Storage)
	return printJSON(out, r, o.json)
}

// Bounds of the pictures that are in memory at once.
const (
	fillBatch  = 256     // fitted to the network's size
	fillMemory = 1 << 30 // bytes of those that are decoded; a larger one is alone
)

// filling adds entries to an index.
type filling struct {
	x       index.Index
	encoder encode.Encoder
	strict  bool
	p       *progress
	result  filled
}

// all adds what is not there yet, batch by batch.
func (f *filling) all(ctx context.Context, entries []entry) error {
	if err := unique(entries); err != nil {
		return err
	}
	var batch []entry
	for i := range entries {
		e := entries[i]
		if i%fillBatch == 0 {
			f.p.count("pictures", i, len(entries))
		}
		there, err := f.there(ctx, &e)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		if len(batch) == fillBatch {
			if err := f.add(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		batch = append(batch, e)
	}
	if err := f.add(ctx, batch); err != nil {
		return err
	}
	f.p.count("pictures", len(entries), len(entries))
	return nil
}

// unique refuses a collection that has an identifier twice, as a CSV file may.
func unique(entries []entry) error {
	first := map[string]*entry{}
	for i := range entries {
		e := &entries[i]
		if other, twice := first[e.id]; twice && (other.path != e.path || other.label != e.label) {
			return fmt.Errorf("the pictures %s (label %q) and %s (label %q) would both have the identifier %q", shown(other.path), other.label, shown(e.path), e.label, e.id)
		}
		first[e.id] = e
	}
	return nil
}

// there tells whether the index has the entry as it is. One of the same identifier that is somewhere
// else is an error.
func (f *filling) there(ctx context.Context, e *entry) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if index.CheckIDs([]string{e.id}) != nil { // add says so
		return false, nil
	}
	item, ok, err := f.x.Get(ctx, e.id)
	if err != nil || !ok {
		return false, err
	}
	if at := item.Fields[index.PathField]; at != e.path {
		return false, fmt.Errorf("the index has an item %q already, which is %s, not %s; give this collection another name with --name", e.id, shown(cmp.Or(at, "of another system")), shown(e.path))
	}
	stamp, err := e.stamp()
	if err != nil || stamp != item.Fields[stampField] || e.label != item.Label {
		return false, nil // an error comes again when the picture is read
	}
	f.result.Unchanged++
	return true, nil
}

// add decodes, encodes and adds a batch. Pictures that cannot be read are told and skipped.
func (f *filling) add(ctx context.Context, batch []entry) error {
	items, pictures, failed := decodeEntries(ctx, batch, f.encoder.Size())
	for i, err := range failed {
		if err == nil {
			continue
		}
		if f.strict {
			return err
		}
		f.p.say("skipped: %v", err)
		f.result.Skipped = append(f.result.Skipped, fileError{batch[i].path, err.Error()})
	}
	if len(items) == 0 {
		return nil
	}
	dim := f.encoder.Dim()
	vectors := make([]float32, len(items)*dim)
	if err := f.encoder.Encode(vectors, pictures); err != nil {
		return err
	}
	for i := range items {
		items[i].Vector = vectors[i*dim:][:dim:dim]
	}
	if err := f.x.Add(ctx, items); err != nil {
		return err
	}
	f.result.Added += len(items)
	return nil
}

// decodeEntries reads a batch on all cores, fitted to a size, in its order; failed has an error for each entry that is left out.
func decodeEntries(ctx context.Context, batch []entry, size image.Point) (items []index.Item, pictures []image.Image, failed []error) {
	failed = make([]error, len(batch))
	decoded, made := make([]image.Image, len(batch)), make([]index.Item, len(batch))
	room := semaphore.NewWeighted(fillMemory)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(batch) {
					return
				}
				made[i], decoded[i], failed[i] = batch[i].item(ctx, size, room)
			}
		})
	}
	workers.Wait()
	seen := map[string]bool{} // the same picture twice, as CSV files may have it
	for i, err := range failed {
		if err == nil && !seen[batch[i].id] {
			seen[batch[i].id] = true
			items, pictures = append(items, made[i]), append(pictures, decoded[i])
		}
	}
	return items, pictures, failed
}

// item reads the picture and makes the item, whose vector is still to come.
func (e *entry) item(ctx context.Context, size image.Point, room *semaphore.Weighted) (index.Item, image.Image, error) {
	stamp, err := e.stamp() // before the picture is read: a change meanwhile is found the next time
	if err != nil {
		return index.Item{}, nil, err
	}
	item := index.Item{ID: e.id, Vector: []float32{1}, Label: e.label, Fields: map[string]string{index.PathField: e.path, stampField: stamp}}
	if err := (index.Options{Dim: 1}).CheckItems([]index.Item{item}); err != nil { // else the whole batch is refused
		return index.Item{}, nil, fmt.Errorf("%s: %w", shown(e.path), err)
	}
	m, err := e.picture(ctx, size, room)
	return item, m, err
}

// picture reads the picture, fitted to a size if it is a file, once there is room for what decoding it takes.
func (e *entry) picture(ctx context.Context, size image.Point, room *semaphore.Weighted) (image.Image, error) {
	if e.grey != nil {
		return e.grey, nil
	}
	p, err := readPicture(e.file)
	if err != nil {
		return nil, err
	}
	bytes := min(p.Memory()+data.FitMemory(size.X, size.Y), fillMemory)
	if err := room.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	defer room.Release(bytes)
	m, err := p.Fitted(size.X, size.Y)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", shown(e.file), err)
	}
	return m, nil
}

// publicFields are those that are not energo's own, as NAME=VALUE.
func publicFields(fields map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != index.PathField && name != stampField {
			all = append(all, shown(name+"="+fields[name]))
		}
	}
	return strings.Join(all, " ")
}
