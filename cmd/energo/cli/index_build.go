package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/weaviate"
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
	f.BoolVar(&o.strict, "strict", false, "stop at a picture that cannot be read, instead of skipping it")
	jsonFlag(f, &o.json)
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

RUN may also be an ONNX model from pictures to vectors, NET.onnx, or a folder of Hugging Face; the index of NET.onnx is NET.index by default. What the model does
not say of its pictures, such as the order of channels, mean and deviation, stands in a card beside it, NET.energo.yaml.

What was added is on disk, batch by batch. If the command is stopped or killed, the same command continues; pictures
that the index has and that have not changed since are skipped. Pictures that are gone from the collection stay in
the index; --fresh makes it anew.`,
		Example: `  energo index build runs/search-triplet-1 mnist
  energo index build runs/search-triplet-1 photos/ --index photos.index --storage int8
  energo index build resnet.onnx photos/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			encoder, err := encode.OpenAny(args[0])
			if err != nil {
				return err
			}
			name := cmp.Or(name, defaultIndex(args[0]))
			x, err := buildIndex(cmd, name, fresh, cmd.Flags().Changed("storage"), index.Options{
				Dim: encoder.Dim(), Metric: encoder.Metric(), Storage: index.Storage(storage), Encoder: encoder.Fingerprint(),
			})
			if err != nil {
				return err
			}
			if !weaviate.IsAddress(name) {
				err = collection.Remember(name, args[0])
			}
			if err == nil {
				err = fill(cmd, x, encoder, name, args[1], o)
			}
			return closeAfter(cmd, x, err)
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "index", "", "`folder` or address of the index (default index in the run's folder, or NET.index)")
	f.StringVar(&storage, "storage", string(index.Float32), "how coordinates are kept: float32, or int8, which takes a quarter of the memory")
	f.BoolVar(&fresh, "fresh", false, "empty the index first")
	o.add(f)
	return cmd
}

// defaultIndex is where the index of a run or a model goes.
func defaultIndex(run string) string {
	if net, ok := strings.CutSuffix(run, ".onnx"); ok {
		return net + ".index"
	}
	return filepath.Join(run, "index")
}

// buildIndex opens an index, or makes it where there is none; fresh makes it anew. sameStorage tells whether the
// storage must be that of o.
func buildIndex(cmd *cobra.Command, name string, fresh, sameStorage bool, o index.Options) (index.Index, error) {
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
		err = fmt.Errorf("%s has vectors of the network %s, this run's is %s: they do not compare; --fresh makes the index anew", shown(name), cmp.Or(info.Encoder, "of another system"), o.Encoder)
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
	if weaviate.IsAddress(name) {
		x, err = weaviate.Open(ctx, name)
		if made = errors.Is(err, fs.ErrNotExist); made {
			x, err = weaviate.Create(ctx, name, o)
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
	if !weaviate.IsAddress(name) {
		if err := index.Remove(name, collection.MemoryFile); !errors.Is(err, index.ErrNoIndex) {
			return err
		}
		return nil
	}
	server, err := weaviate.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(server.Drop(ctx), server.Close())
}

// fill adds a collection to an index and says what was done.
func fill(cmd *cobra.Command, x index.Index, e encode.Encoder, name, source string, o fillFlags) error {
	p := newProgress(cmd.ErrOrStderr(), o.quiet)
	start := time.Now()
	pictures, err := collection.List(cmd.Context(), source, o.name, p.download)
	p.end()
	if err != nil {
		return err
	}
	r := filled{Index: name, Skipped: []fileError{}}
	f := collection.Filling{Index: x, Encoder: e, Progress: func(done, all int) { p.count("pictures", done, all) }}
	if !o.strict {
		f.Skip = func(picture collection.Picture, err error) {
			p.say("skipped: %v", err)
			r.Skipped = append(r.Skipped, fileError{picture.Path, err.Error()})
		}
	}
	err = f.Fill(cmd.Context(), pictures)
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
	fmt.Fprintf(out, "%s added to %s, %d unchanged, %d skipped, in %.1f s; it has %s of %s (%s, %s)\n",
		counted(r.Added, "picture", "pictures"), shown(name), r.Unchanged, len(r.Skipped), r.Seconds, counted(r.Info.Len, "item", "items"), counted(r.Info.Dim, "coordinate", "coordinates"), r.Info.Metric, r.Info.Storage)
	return printJSON(out, r, o.json)
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
			x, err := openIndex(cmd, args[0], toChange)
			if err != nil {
				return err
			}
			encoder, err := encoderOf(cmd.Context(), x, args[0], run)
			if err == nil {
				err = fill(cmd, x, encoder, args[0], args[1], o)
			}
			return closeAfter(cmd, x, err)
		},
	}
	madeByFlag(cmd.Flags(), &run)
	o.add(cmd.Flags())
	return cmd
}
