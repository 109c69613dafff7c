package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/energo-ml/energo/index"
	"github.com/energo-ml/energo/index/weaviate"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/serve"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// filled is what --json prints of a build or an addition.
type filled struct {
	Index     string      `json:"index"`
	Added     int         `json:"added"`
	Unchanged int         `json:"unchanged"` // there already
	Skipped   []fileError `json:"skipped"`
	Seconds   float64     `json:"seconds"`
	Info      index.Info  `json:"info"`
}

// fillFlags are those of build and add.
type fillFlags struct {
	name        string
	strict      bool
	json, quiet bool
}

func (o *fillFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.name, "name", "", "what the identifiers of the pictures begin with (default the collection's name)")
	f.BoolVar(&o.strict, "strict", false, "stop at a picture that cannot be read, in the place of skipping it")
	f.BoolVar(&o.json, "json", false, "print the result as one JSON object, the last line of stdout")
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
}

// collections says what build and add take.
const collections = `PICTURES is a folder with a subfolder for each label, a CSV file of path,label, a folder of the four IDX files
of an MNIST-like set, or the word mnist.`

func newIndexBuild() *cobra.Command {
	var o fillFlags
	var name, storage string
	var fresh bool
	cmd := &cobra.Command{
		Use: "build RUN PICTURES", Short: "Make an index of a collection of pictures", Args: exactly("the run's folder", "the pictures"),
		Long: `Encodes pictures with a run's network and puts the vectors in an index, by default index in the run's folder.
` + collections + `

What was added is on disk, batch by batch. If the command is stopped or killed, the same command goes on; pictures
that are there and have not changed since are passed over. Pictures that are gone from the collection stay in
the index; --fresh makes it anew.`,
		Example: `  energo index build runs/search-1 mnist
  energo index build runs/search-1 photos/ --index photos.index --storage int8`,
		RunE: func(cmd *cobra.Command, args []string) error {
			encoder, err := recipe.LoadEncoder(args[0])
			if err != nil {
				return err
			}
			name := cmp.Or(name, filepath.Join(args[0], "index"))
			x, err := buildIndex(cmd.Context(), name, fresh, cmd.Flags().Changed("storage"), index.Options{
				Dim: encoder.Dim(), Metric: index.Metric(encoder.Metric()), Storage: index.Storage(storage), Encoder: encoder.Fingerprint(),
			})
			if err != nil {
				return err
			}
			err = rememberRun(name, args[0])
			if err == nil {
				err = fill(cmd, x, encoder, name, args[1], o)
			}
			return errors.Join(err, x.Close())
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "index", "", "`folder` or address of the index (default index in the run's folder)")
	f.StringVar(&storage, "storage", string(index.Float32), "how coordinates are kept: float32, or int8, which takes a quarter of the memory")
	f.BoolVar(&fresh, "fresh", false, "empty the index first")
	o.add(f)
	return cmd
}

// buildIndex opens an index, or makes it where there is none; fresh makes it anew. wanted tells whether the
// storage must be that of o.
func buildIndex(ctx context.Context, name string, fresh, wanted bool, o index.Options) (index.Index, error) {
	o, err := o.Check()
	if err != nil {
		return nil, usageError{err}
	}
	x, made, err := openOrCreate(ctx, name, o)
	if err != nil || made {
		return x, err
	}
	if fresh {
		if err := removeIndex(ctx, x, name); err != nil {
			return nil, err
		}
		x, _, err = openOrCreate(ctx, name, o)
		return x, err
	}
	info, err := x.Info(ctx)
	if err == nil && info.Encoder != o.Encoder {
		err = fmt.Errorf("%s has vectors of the network %s, this run's is %s: they do not compare; --fresh makes the index anew", shown(name), cmp.Or(info.Encoder, "of another system"), o.Encoder)
	}
	if err == nil && wanted && info.Storage != o.Storage {
		err = fmt.Errorf("%s keeps coordinates as %s; --fresh makes it anew with --storage %s", shown(name), info.Storage, o.Storage)
	}
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

// openOrCreate opens an index, or makes it where there is none.
func openOrCreate(ctx context.Context, name string, o index.Options) (x index.Index, made bool, err error) {
	if weaviate.IsAddress(name) {
		x, err = weaviate.Open(ctx, name)
	} else {
		x, err = index.Open(name)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return x, false, err
	}
	if weaviate.IsAddress(name) {
		x, err = weaviate.Create(ctx, name, o)
	} else {
		x, err = index.Create(name, o)
	}
	return x, true, err
}

// indexFiles are the names of what an index's folder has.
var indexFiles = []string{"index.json", "lock", "*.segment", "*.log", ".*.partial", runMemory}

// removeIndex closes an index and takes it away. A folder that has something else, too, it leaves alone.
func removeIndex(ctx context.Context, x index.Index, name string) error {
	if server, ok := x.(*weaviate.Index); ok {
		return errors.Join(server.Drop(ctx), server.Close())
	}
	if err := x.Close(); err != nil {
		return err
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		ours := func(pattern string) bool { ok, _ := filepath.Match(pattern, e.Name()); return ok }
		if !slices.ContainsFunc(indexFiles, ours) {
			return fmt.Errorf("%s has %s, which is no index's: take it away first", shown(name), shown(e.Name()))
		}
	}
	return os.RemoveAll(name)
}

func newIndexAdd() *cobra.Command {
	var o fillFlags
	var run string
	cmd := &cobra.Command{
		Use: "add INDEX PICTURES", Short: "Add a collection of pictures to an index", Args: exactly("the index", "the pictures"),
		Long: `Encodes pictures with the network that made the index and adds them. ` + collections,
		Example: `  energo index add runs/search-1/index more-photos/
  energo index add runs/search-1/index new.csv --name july`,
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := openIndex(cmd.Context(), args[0], toChange)
			if err != nil {
				return err
			}
			encoder, err := encoderOf(cmd.Context(), x, args[0], run)
			if err == nil {
				err = fill(cmd, x, encoder, args[0], args[1], o)
			}
			return errors.Join(err, x.Close())
		},
	}
	cmd.Flags().StringVar(&run, "run", "", "`folder` of the run whose network made the index (default the one that the index remembers)")
	o.add(cmd.Flags())
	return cmd
}

// fill adds a collection to an index and says what was done.
func fill(cmd *cobra.Command, x index.Index, e recipe.Encoder, name, source string, o fillFlags) error {
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
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: interrupted; %d pictures were added, and the same command goes on\n", f.result.Added)
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
	fillBatch  = 256
	fillPixels = 1 << 27
)

// filling adds entries to an index.
type filling struct {
	x       index.Index
	encoder recipe.Encoder
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
	pixels := 0
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
		n := e.pixels()
		if len(batch) == fillBatch || len(batch) > 0 && pixels+n > fillPixels {
			if err := f.add(ctx, batch); err != nil {
				return err
			}
			batch, pixels = batch[:0], 0
		}
		batch, pixels = append(batch, e), pixels+n
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
	if at := item.Fields[serve.PathField]; at != e.path {
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
	items, pictures, failed := decodeEntries(batch)
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

// decodeEntries reads a batch on all cores, in its order; failed has an error for each entry that is left out.
func decodeEntries(batch []entry) (items []index.Item, pictures []image.Image, failed []error) {
	failed = make([]error, len(batch))
	decoded, made := make([]image.Image, len(batch)), make([]index.Item, len(batch))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(batch)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(batch) {
					return
				}
				made[i], decoded[i], failed[i] = batch[i].item()
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

// item reads the picture and makes the item, which lacks its vector.
func (e *entry) item() (index.Item, image.Image, error) {
	if err := index.CheckIDs([]string{e.id}); err != nil {
		return index.Item{}, nil, fmt.Errorf("%s: %w", shown(e.path), err)
	}
	stamp, err := e.stamp() // before the picture is read: a change meanwhile is found the next time
	if err != nil {
		return index.Item{}, nil, err
	}
	m, err := e.picture()
	return index.Item{ID: e.id, Label: e.label, Fields: map[string]string{serve.PathField: e.path, stampField: stamp}}, m, err
}

// publicFields are those that are not energo's own, as NAME=VALUE.
func publicFields(fields map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != serve.PathField && name != stampField {
			all = append(all, shown(name+"="+fields[name]))
		}
	}
	return strings.Join(all, " ")
}

// count shows how many of all are done.
func (p *progress) count(what string, done, all int) {
	switch {
	case p.quiet:
	case p.terminal:
		if p.bar == nil {
			p.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(30),
				progressbar.OptionShowIts(), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		_ = p.bar.Set(done)
	case time.Since(p.told) > 10*time.Second:
		p.told = time.Now()
		p.say("%d of %d %s", done, all, what)
	}
}
