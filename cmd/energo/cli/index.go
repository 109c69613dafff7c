package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/weaviate"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newIndex() *cobra.Command {
	cmd := &cobra.Command{
		Use: "index COMMAND", Short: "Make an index of pictures, and search in it",
		Long: `An index holds the vectors that the network of a run of train search or train siamese, or an ONNX model, gives for
pictures, and finds the nearest ones to another picture's. INDEX is a folder, or the address of one on a Weaviate
server, weaviate://HOST:PORT/Class. A folder remembers its run; otherwise name that with --run.`,
	}
	return group(cmd, "there is no command %[1]q of energo index%[2]s", newIndexBuild(), newIndexAdd(), newIndexDelete(), newIndexQuery(), newIndexEval(), newIndexInfo(), newIndexList())
}

// What an index is opened for.
const (
	toRead   = false // by others, too
	toChange = true
)

// openIndex opens an index.
func openIndex(cmd *cobra.Command, name string, change bool) (index.Index, error) {
	if weaviate.IsAddress(name) {
		return weaviate.Open(cmd.Context(), name)
	}
	open := index.OpenReadOnly
	if change {
		open = index.Open
	}
	x, err := open(name)
	switch {
	case errors.Is(err, index.ErrNoIndex):
		return nil, fmt.Errorf("there is no index in %s; energo index build RUN PICTURES makes one", shown(name))
	case errors.Is(err, index.ErrInUse):
		return nil, fmt.Errorf("%w; it can be read meanwhile, and changed when that ends", err)
	case err != nil:
		return nil, err
	}
	if _, err := infoOf(cmd, x, name); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

// infoOf says on stderr what was dropped of an index that was opened, and returns what it is.
func infoOf(cmd *cobra.Command, x index.Index, name string) (index.Info, error) {
	info, err := x.Info(cmd.Context())
	if info.Dropped != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: warning: %s: dropped %s\n", shown(name), info.Dropped)
	}
	return info, err
}

// folderOf is an index whose items can be gone through: one that is a folder.
func folderOf(x index.Index) (*index.Exact, error) {
	folder, ok := x.(*index.Exact)
	if !ok {
		return nil, errors.New("the items of an index on a server cannot be gone through; name an index that is a folder")
	}
	return folder, nil
}

// rememberedRunOf returns the run that an index is of, "" where that is not known.
func rememberedRunOf(name string) (string, error) {
	if weaviate.IsAddress(name) {
		return "", nil
	}
	return collection.Run(name)
}

// errNoRun is for an index whose run nobody knows.
var errNoRun = errors.New("which run's network made the vectors of this index? Name it with --run")

// encoderOf loads the network that an index's vectors are of: that of run, or of the run that the index
// remembers.
func encoderOf(ctx context.Context, x index.Index, name, run string) (encode.Encoder, error) {
	if run == "" {
		var err error
		if run, err = rememberedRunOf(name); err != nil {
			return nil, err
		}
	}
	if run == "" {
		return nil, errNoRun
	}
	encoder, err := encode.OpenAny(run)
	if err != nil {
		return nil, err
	}
	info, err := x.Info(ctx)
	if err != nil {
		return nil, err
	}
	return encoder, sameEncoder(info, encoder, name, run)
}

// sameEncoder refuses an encoder whose vectors do not compare with those of an index.
func sameEncoder(info index.Info, e encode.Encoder, name, run string) error {
	if info.Encoder != "" && info.Encoder != e.Fingerprint() {
		return fmt.Errorf("%s has vectors of the network %s, but that of %s is %s: they do not compare. Name another run with --run, or make the index anew by energo index build --fresh", shown(name), info.Encoder, shown(run), e.Fingerprint())
	}
	if info.Dim != e.Dim() {
		return fmt.Errorf("%s has vectors of %d coordinates, the network of %s gives %d", shown(name), info.Dim, shown(run), e.Dim())
	}
	return nil
}

// madeByFlag gives a command of an index the flag of the run of its network.
func madeByFlag(f *pflag.FlagSet, run *string) {
	f.StringVar(run, "run", "", "`folder` of the run, or ONNX model, that made the index (default the one that the index remembers)")
}

// filterFlags say which items are of interest.
type filterFlags struct {
	labels []string
	fields []string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.labels, "label", nil, "only items with this `label`; may be given again")
	cmd.Flags().StringArrayVar(&f.fields, "field", nil, "only items with this field, as `NAME=VALUE`; may be given again")
}

func (f *filterFlags) filter() (index.Filter, error) {
	var out index.Filter
	if len(f.labels) > 0 {
		out.Label = index.In(f.labels...)
	}
	for _, field := range f.fields {
		name, value, ok := strings.Cut(field, "=")
		if !ok || name == "" {
			return out, usagef("--field is %q; it must be NAME=VALUE", field)
		}
		if out.Fields == nil {
			out.Fields = map[string]index.Condition{}
		}
		if before, twice := out.Fields[name]; twice && before.In[0] != value {
			return out, usagef("--field asks that %s is both %q and %q, which no item is", name, before.In[0], value)
		}
		out.Fields[name] = index.In(value)
	}
	return out, nil
}
