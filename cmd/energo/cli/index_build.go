package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/spelling"
	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// filled is what --json prints of a build or an addition.
type filled struct {
	Index     string        `json:"index"`
	Added     int           `json:"added"`
	Unchanged int           `json:"unchanged"` // there already
	Skipped   []fileError   `json:"skipped"`   // pictures that could not be read
	LeftOut   data.LeftOuts `json:"left_out"`  // all that is not in the index, by suffix and reason; those of Skipped are counted, too
	Seconds   float64       `json:"seconds"`
	Info      index.Info    `json:"info"`
}

// fillFlags are those of build and add.
type fillFlags struct {
	name        string
	strict      bool
	json, quiet bool
}

func (o *fillFlags) add(f *pflag.FlagSet) {
	f.StringVar(&o.name, "name", "", "what the identifiers of the pictures begin with (default the collection's name)")
	f.BoolVar(&o.strict, "strict", false, "stop at a picture that cannot be read, instead of skipping it")
	jsonFlag(f, &o.json)
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
}

const storageUse = "how coordinates are kept: float32; int8, which takes a quarter of the memory; or bits, which needs more of the disk, is searched faster and may miss a few"

// collections says what build and add take.
const collections = `PICTURES is a folder, with or without subfolders; a picture; a CSV file of path,label, with further columns as fields;
a folder of the four IDX files of an MNIST-like set; or the word mnist. The label of a picture is the name of the subfolder that it lies in.
What is not read is counted by suffix and reason: other files, hidden ones, what other programs leave there, links to nothing.`

func newIndexBuild() *cobra.Command {
	var o fillFlags
	var name, storage string
	var fresh bool
	cmd := &cobra.Command{
		Use: "build ENCODER PICTURES", Short: "Make an index of a collection of pictures", Args: exactly("the encoder", "the pictures"),
		Long: `Turns pictures into vectors with an encoder and puts the vectors in an index.
` + collections + `

ENCODER is one of
  histogram      the colours of a picture: built in, needs no training
  RUN            the folder of a run of energo train search or siamese
  NET.onnx       an ONNX model from pictures to vectors, or a folder of Hugging Face; what the model does not say
                 of its pictures, such as the order of channels, mean and deviation, stands in a card, NET.energo.yaml
By default the index of histogram is NAME.index in the current folder, with the name of the collection; that of a
run is index in the run's folder, and that of NET.onnx is NET.index.

What was added is on disk, batch by batch. If the command is stopped or killed, the same command continues; pictures
that the index has and that have not changed since are skipped. Pictures that are gone from the collection stay in
the index until energo index prune; --fresh makes it anew. The index keeps the paths of pictures relative to the
collection's folder; energo index move says where that is now.`,
		Example: `  energo index build histogram ~/Pictures
  energo index build runs/search-triplet-1 mnist
  energo index build runs/search-triplet-1 photos/ --index photos.index --storage int8
  energo index build resnet.onnx photos/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			encoder, err := openEncoder(args[0])
			if err != nil {
				return err
			}
			c, err := o.list(cmd, args[1])
			if err != nil {
				return err
			}
			name := cmp.Or(name, defaultIndex(args[0], c))
			x, err := buildIndex(cmd, name, args[0], fresh, cmd.Flags().Changed("storage"), index.Options{
				Dim: encoder.Dim(), Metric: encoder.Metric(), Storage: index.Storage(storage), Encoder: encoder.Fingerprint(),
			})
			if err != nil {
				return err
			}
			m, err := memoryOf(name)
			if err == nil {
				m.Run, m.Builtin = args[0], ""
				if args[0] == encode.HistogramName {
					m.Run, m.Builtin = "", args[0]
				}
				err = fill(cmd, x, encoder, name, m, c, o)
			}
			return closeAfter(cmd, x, err)
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "index", "", "`folder` or address of the index (default: see above)")
	f.StringVar(&storage, "storage", string(index.Float32), storageUse)
	f.BoolVar(&fresh, "fresh", false, "empty the index first")
	o.add(f)
	return cmd
}

// openEncoder opens a built-in encoder, a run's or a model.
func openEncoder(name string) (encode.Encoder, error) {
	if name != encode.HistogramName && !exists(name) {
		return nil, fmt.Errorf("there is no run or model %s; the encoder that is built in is called %s%s", shown(name), encode.HistogramName, spelling.DidYouMean(name, []string{encode.HistogramName}))
	}
	return encode.OpenAny(name)
}

// list lists a collection.
func (o *fillFlags) list(cmd *cobra.Command, source string) (*collection.Collection, error) {
	p := newProgress(cmd.ErrOrStderr(), o.quiet)
	defer p.end()
	return collection.List(cmd.Context(), source, o.name, p.download)
}

// defaultIndex is where the index of an encoder goes.
func defaultIndex(encoder string, c *collection.Collection) string {
	if encoder == encode.HistogramName {
		return filepath.Base(filepath.FromSlash(c.Name)) + ".index"
	}
	if net, ok := strings.CutSuffix(encoder, ".onnx"); ok {
		return net + ".index"
	}
	return filepath.Join(encoder, "index")
}

// buildIndex opens an index, or makes it where there is none; fresh makes it anew. sameStorage tells whether the
// storage must be that of o.
func buildIndex(cmd *cobra.Command, name, encoder string, fresh, sameStorage bool, o index.Options) (index.Index, error) {
	ctx := cmd.Context()
	o, err := o.Check()
	if err != nil {
		return nil, usageError{err}
	}
	if fresh {
		if err := removeIndex(ctx, name); err != nil {
			return nil, err
		}
	}
	x, made, err := openOrCreate(ctx, name, o)
	if err != nil || made {
		return x, err
	}
	info, err := infoOf(cmd, x, name)
	if err == nil && info.Encoder != o.Encoder {
		err = fmt.Errorf("%s has vectors of the encoder %s, %s is %s: they do not compare; --fresh makes the index anew, --index makes another", shown(name), cmp.Or(info.Encoder, "of another system"), shown(encoder), o.Encoder)
	}
	if err == nil && sameStorage && info.Storage != o.Storage {
		err = fmt.Errorf("%s keeps coordinates as %s; --fresh makes it anew with --storage %s", shown(name), info.Storage, o.Storage)
	}
	if err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

// openOrCreate opens an index, or makes it where there is none.
func openOrCreate(ctx context.Context, name string, o index.Options) (x index.Index, made bool, err error) {
	if remote.IsAddress(name) {
		x, err = remote.Open(ctx, name)
		if made = errors.Is(err, fs.ErrNotExist); made {
			x, err = remote.Create(ctx, name, o)
		}
		return x, made, err
	}
	x, err = index.Open(name)
	if made = errors.Is(err, index.ErrNoIndex); made {
		x, err = index.Create(name, o)
	}
	return x, made, err
}

// removeIndex takes an index away, if there is one. A folder that has something else, too, it leaves alone.
func removeIndex(ctx context.Context, name string) error {
	if !remote.IsAddress(name) {
		if err := index.Remove(name, collection.MemoryFile); !errors.Is(err, index.ErrNoIndex) {
			return err
		}
		return nil
	}
	server, err := remote.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(server.Drop(ctx), server.Close())
}

// fill adds a collection to an index and says what was done.
func fill(cmd *cobra.Command, x index.Index, e encode.Encoder, name string, m collection.Memory, c *collection.Collection, o fillFlags) error {
	p := newProgress(cmd.ErrOrStderr(), o.quiet)
	start := time.Now()
	if err := keep(p, name, &m, c); err != nil {
		return err
	}
	r := filled{Index: name, Skipped: []fileError{}, LeftOut: append(data.LeftOuts{}, c.Left...)}
	f := collection.Filling{Index: x, Encoder: e, Memory: m, Progress: func(done, all int) { p.count("pictures", done, all) }}
	if !o.strict {
		f.Skip = func(picture collection.Picture, err error) { r.skip(p, c.Root, picture, err) }
	}
	err := f.Fill(cmd.Context(), c.Pictures)
	p.end()
	switch {
	case errors.Is(err, context.Canceled):
		again := "the same command continues"
		if cmd.Flags().Changed("fresh") {
			again = "the same command without --fresh continues"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: interrupted; %s added, and %s\n", counted(f.Added, "picture was", "pictures were"), again)
		return errInterrupted
	case errors.Is(err, collection.ErrTaken):
		return fmt.Errorf("%w with --name", err)
	case err != nil:
		return err
	}
	r.Added, r.Unchanged, r.Seconds = f.Added, f.Unchanged, time.Since(start).Seconds()
	if r.Info, err = x.Info(cmd.Context()); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	r.print(out, len(c.Pictures))
	return printJSON(out, r, o.json)
}

// keep notes in an index's folder of what it is.
func keep(p *progress, name string, m *collection.Memory, c *collection.Collection) error {
	if remote.IsAddress(name) {
		c.Unrooted()
		return nil
	}
	before, err := m.Keep(c)
	if errors.Is(err, collection.ErrTaken) {
		return fmt.Errorf("%w with --name, or say that it has moved, with energo index move", err)
	}
	if err != nil {
		return err
	}
	if before != "" {
		p.say("the pictures of %s were in %s, which is gone; they are in %s now", c.Name, shown(before), shown(c.Root))
	}
	return m.Write(name)
}

// skip counts a picture that could not be read, and says why for the first ones.
func (r *filled) skip(p *progress, root string, picture collection.Picture, err error) {
	p.firstFew(len(r.Skipped), "picture", err)
	r.Skipped = append(r.Skipped, fileError{picture.Path, err.Error()})
	reason := "that cannot be read"
	switch {
	case errors.Is(err, data.ErrPicture):
		reason = "not a valid picture"
	case errors.Is(err, fs.ErrPermission):
		reason = "that may not be read"
	case errors.Is(err, fs.ErrNotExist):
		reason = "not there"
	}
	at := picture.Path
	if below, err := filepath.Rel(root, at); err == nil && filepath.IsLocal(below) {
		at = filepath.ToSlash(below)
	}
	r.LeftOut.Add(at, strings.ToLower(filepath.Ext(picture.Path)), reason)
}

// print says what was done with the pictures of a collection, and what to do next.
func (r *filled) print(out io.Writer, pictures int) {
	fmt.Fprintf(out, "%s added to %s, %d unchanged, %d skipped, in %.1f s; it has %s of %s (%s, %s)\n",
		counted(r.Added, "picture", "pictures"), shown(r.Index), r.Unchanged, len(r.Skipped), r.Seconds, counted(r.Info.Len, "item", "items"), counted(r.Info.Dim, "coordinate", "coordinates"), r.Info.Metric, r.Info.Storage)
	if len(r.LeftOut) > 0 {
		fmt.Fprintln(out, "left out:")
		for _, line := range r.LeftOut.Lines() {
			fmt.Fprintf(out, "  %s\n", line)
		}
	}
	if r.Info.Len > 0 && pictures > 0 {
		fmt.Fprintf(out, "to search:\n  energo serve search %[1]s\n  energo index query %[1]s PICTURE\n", shellQuote(r.Index))
	}
}

// closeAfter closes an index that was changed, with err. One who interrupted that is told what is wrong, too.
func closeAfter(cmd *cobra.Command, x index.Index, err error) error {
	closing := x.Close()
	if closing != nil && errors.Is(err, errInterrupted) {
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: %v\n", closing)
	}
	return errors.Join(err, closing)
}

func newIndexAdd() *cobra.Command {
	var o fillFlags
	var run string
	cmd := &cobra.Command{
		Use: "add INDEX PICTURES", Short: "Add a collection of pictures to an index", Args: exactly("the index", "the pictures"),
		Long: `Encodes pictures with the network that made the index and adds them. ` + collections,
		Example: `  energo index add runs/search-triplet-1/index more-photos/
  energo index add runs/search-triplet-1/index new.csv --name july`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := o.list(cmd, args[1])
			if err != nil {
				return err
			}
			x, err := openIndex(cmd, args[0], toChange)
			if err != nil {
				return err
			}
			encoder, m, err := encoderOf(cmd.Context(), x, args[0], run)
			if err == nil {
				err = fill(cmd, x, encoder, args[0], m, c, o)
			}
			return closeAfter(cmd, x, err)
		},
	}
	madeByFlag(cmd.Flags(), &run)
	o.add(cmd.Flags())
	return cmd
}
