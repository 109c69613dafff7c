package collection

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"golang.org/x/sync/semaphore"
)

// Bounds of the pictures that are in memory at once.
const (
	fillBatch  = 256     // fitted to the network's size
	fillMemory = 1 << 30 // bytes of those that are decoded; a larger one is alone
)

// ErrTaken is behind the error about a picture whose identifier an item has that is of another path.
var ErrTaken = errors.New("give this collection another name")

// A Filling adds pictures to an index, batch by batch. What was added is in the index, so that a filling that was stopped continues
// when it is begun again.
type Filling struct {
	Index   index.Index
	Encoder encode.Encoder
	Memory  Memory // of the index
	// Skip is called for a picture that cannot be read, which is left out; nil stops at the first one and returns its error.
	Skip func(p Picture, err error)
	// Progress is called now and then with the number of pictures that are done; nil is never.
	Progress func(done, all int)

	Added     int // pictures that the index did not have, or had as they were before
	Unchanged int // pictures that the index has already
}

// Fill adds the pictures that the index does not have, or that have changed since it has them.
//
// Errors: two pictures of one identifier that differ in path or label; an item of a picture's identifier whose path is another (ErrTaken);
// those of the index, the encoder and ctx. What was added before an error stays, and is counted.
func (f *Filling) Fill(ctx context.Context, pictures []Picture) error {
	if err := unique(pictures); err != nil {
		return err
	}
	var batch []Picture
	for i, p := range pictures {
		if i%fillBatch == 0 {
			f.progress(i, len(pictures))
		}
		there, err := f.there(ctx, &p)
		if err != nil {
			return err
		}
		if there {
			f.Unchanged++
			continue
		}
		if len(batch) == fillBatch {
			if err := f.add(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		batch = append(batch, p)
	}
	if err := f.add(ctx, batch); err != nil {
		return err
	}
	f.progress(len(pictures), len(pictures))
	return nil
}

func (f *Filling) progress(done, all int) {
	if f.Progress != nil {
		f.Progress(done, all)
	}
}

// unique refuses a collection that has an identifier twice, as a CSV file may.
func unique(pictures []Picture) error {
	first := map[string]*Picture{}
	for i := range pictures {
		p := &pictures[i]
		if other, twice := first[p.ID]; twice && (other.Path != p.Path || other.Label != p.Label) {
			return fmt.Errorf("the pictures %s (label %q) and %s (label %q) would both have the identifier %q",
				excerpt.Line(other.Path), other.Label, excerpt.Line(p.Path), p.Label, p.ID)
		}
		first[p.ID] = p
	}
	return nil
}

// there tells whether the index has the picture as it is. One of the same identifier that is somewhere
// else is an error.
func (f *Filling) there(ctx context.Context, p *Picture) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if index.CheckIDs([]string{p.ID}) != nil { // add says so
		return false, nil
	}
	item, ok, err := f.Index.Get(ctx, p.ID)
	if err != nil || !ok {
		return false, err
	}
	if at := f.Memory.Locate(item.Fields); at != p.Path && (item.Fields[RootField] != "" || isThere(at)) {
		return false, fmt.Errorf("the index has an item %q already, which is %s, not %s; %w",
			p.ID, excerpt.Line(cmp.Or(at, "of another system")), excerpt.Line(p.Path), ErrTaken)
	} else if at != p.Path { // an absolute path, from which the pictures have moved
		return false, nil
	}
	stamp, err := p.stamp()
	return err == nil && p.is(&item, stamp), nil // an error comes again when the picture is read
}

// isThere reports whether an item's picture is where its path says, as far as that can be seen; one without a path is of another system.
func isThere(at string) bool {
	if at == "" || IsDigit(at) {
		return true
	}
	_, err := os.Stat(at)
	return !errors.Is(err, fs.ErrNotExist)
}

// is reports whether an item is of the picture as it is now.
func (p *Picture) is(item *index.Item, stamp string) bool {
	if stamp != item.Fields[StampField] || p.Label != item.Label {
		return false
	}
	for name, value := range p.Fields { // others may have been added to the item since
		if has, ok := item.Fields[name]; !ok || has != value {
			return false
		}
	}
	return true
}

// add decodes, encodes and adds a batch.
func (f *Filling) add(ctx context.Context, batch []Picture) error {
	items, pictures, failed := decode(ctx, batch, f.Encoder.Size())
	for i, err := range failed {
		switch {
		case err == nil:
		case f.Skip == nil:
			return err
		default:
			f.Skip(batch[i], err)
		}
	}
	if len(items) == 0 {
		return nil
	}
	dim := f.Encoder.Dim()
	vectors := make([]float32, len(items)*dim)
	if err := f.Encoder.Encode(vectors, pictures); err != nil {
		return err
	}
	for i := range items {
		items[i].Vector = vectors[i*dim:][:dim:dim]
	}
	if err := f.Index.Add(ctx, items); err != nil {
		return err
	}
	f.Added += len(items)
	return nil
}

// decode reads a batch on all cores, fitted to a size, in its order; failed has an error for each picture that is left out.
func decode(ctx context.Context, batch []Picture, size image.Point) (items []index.Item, pictures []image.Image, failed []error) {
	failed = make([]error, len(batch))
	decoded, made := make([]image.Image, len(batch)), make([]index.Item, len(batch))
	room := semaphore.NewWeighted(fillMemory)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(batch); i = int(next.Add(1)) - 1 {
				made[i], decoded[i], failed[i] = batch[i].item(ctx, size, room)
			}
		})
	}
	workers.Wait()
	seen := map[string]bool{} // the same picture twice, as CSV files may have it
	for i, err := range failed {
		if err == nil && !seen[batch[i].ID] {
			seen[batch[i].ID] = true
			items, pictures = append(items, made[i]), append(pictures, decoded[i])
		}
	}
	return items, pictures, failed
}

// item reads the picture and makes the item, whose vector is still to come.
func (p *Picture) item(ctx context.Context, size image.Point, room *semaphore.Weighted) (index.Item, image.Image, error) {
	stamp, err := p.stamp() // before the picture is read: a change meanwhile is found the next time
	if err != nil {
		return index.Item{}, nil, err
	}
	item := index.Item{ID: p.ID, Vector: []float32{1}, Label: p.Label, Fields: p.fields(stamp)}
	if err := (index.Options{Dim: 1}).CheckItems([]index.Item{item}); err != nil { // else the whole batch is refused
		return index.Item{}, nil, fmt.Errorf("%s: %w", excerpt.Line(p.Path), err)
	}
	m, err := p.read(ctx, size, room)
	return item, m, err
}

// fields are those of the picture's item.
func (p *Picture) fields(stamp string) map[string]string {
	all := maps.Clone(p.Fields)
	if all == nil {
		all = map[string]string{}
	}
	all[index.PathField], all[StampField] = p.place, stamp
	if p.root != "" {
		all[RootField] = p.root
	}
	return all
}

// read reads the picture, fitted to a size if it is a file, once there is room for what decoding it takes.
func (p *Picture) read(ctx context.Context, size image.Point, room *semaphore.Weighted) (image.Image, error) {
	if p.grey != nil {
		return p.grey, nil
	}
	encoded, err := data.OpenPicture(p.file, data.MaxPicturePixels)
	if err != nil {
		return nil, err
	}
	bytes := min(encoded.Memory(size.X, size.Y), fillMemory)
	if err := room.Acquire(ctx, bytes); err != nil {
		return nil, err
	}
	defer room.Release(bytes)
	m, err := encoded.Fitted(size.X, size.Y)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", excerpt.Line(p.file), err)
	}
	return m, nil
}
