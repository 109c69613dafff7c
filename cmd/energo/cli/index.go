package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/encode"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newIndex() *cobra.Command {
	cmd := &cobra.Command{
		Use: "index COMMAND", Short: "Make an index of pictures, and search in it",
		Long: `An index holds vectors: those that an encoder gives for pictures, or any others. It finds the nearest ones to a picture's,
or to another item's. INDEX is a folder, or the address of one on a server: weaviate://HOST:PORT/Class on Weaviate, or
postgres://USER@HOST/DATABASE?table=NAME on PostgreSQL with pgvector, whose password is in PGPASSWORD or a file named
by PGPASSFILE, and which takes &index=hnsw when the index is made. A folder remembers its encoder; otherwise name that
with --run.`,
		Example: `  energo index build histogram ~/Pictures        # the first search needs no training
  energo serve search Pictures.index
  energo index query Pictures.index beach.jpg`,
	}
	return group(cmd, "there is no command %[1]q of energo index%[2]s", newIndexBuild(), newIndexAdd(), newIndexQuery(), newIndexInfo(), newIndexList(), newIndexDelete(), newIndexPrune(), newIndexDuplicates(), newIndexMove(), newIndexSnapshot(), newIndexCreate(), newIndexImport(), newIndexExport(), newIndexEval())
}

// What an index is opened for.
const (
	toRead   = false // by others, too
	toChange = true
)

// openIndex opens an index.
func openIndex(cmd *cobra.Command, name string, change bool) (index.Index, error) {
	if remote.IsAddress(name) {
		return remote.Open(cmd.Context(), name)
	}
	open := index.OpenReadOnly
	if change {
		open = index.Open
	}
	x, err := open(name)
	switch {
	case errors.Is(err, index.ErrNoIndex):
		return nil, noIndex{fmt.Sprintf("there is no index in %s; energo index build ENCODER PICTURES makes one, energo index create an empty one", shown(name))}
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

// noIndex is index.ErrNoIndex in the words of the command.
type noIndex struct{ text string }

func (e noIndex) Error() string { return e.text }
func (noIndex) Unwrap() error   { return index.ErrNoIndex }

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

// memoryOf returns what an index remembers of its vectors and pictures; one on a server remembers nothing.
func memoryOf(name string) (collection.Memory, error) {
	if remote.IsAddress(name) {
		return collection.Memory{}, nil
	}
	return collection.ReadMemory(name)
}

// errNoRun is for an index whose encoder nobody knows.
var errNoRun = errors.New("which encoder made the vectors of this index? Name it with --run")

// encoderOf opens the encoder that an index's vectors are of: that of run, or the one that the index remembers.
func encoderOf(ctx context.Context, x index.Index, name, run string) (encode.Encoder, collection.Memory, error) {
	m, err := memoryOf(name)
	if err != nil {
		return nil, m, err
	}
	if run = cmp.Or(run, m.Builtin, m.Run); run == "" {
		return nil, m, errNoRun
	}
	encoder, err := openEncoder(run)
	if err != nil {
		return nil, m, err
	}
	info, err := x.Info(ctx)
	if err != nil {
		return nil, m, err
	}
	return encoder, m, sameEncoder(info, encoder, name, run)
}

// sameEncoder refuses an encoder whose vectors do not compare with those of an index.
func sameEncoder(info index.Info, e encode.Encoder, name, run string) error {
	if info.Encoder != "" && info.Encoder != e.Fingerprint() {
		return fmt.Errorf("%s has vectors of the encoder %s, but %s is %s: they do not compare. Name another one with --run, or make the index anew by energo index build --fresh", shown(name), info.Encoder, shown(run), e.Fingerprint())
	}
	if info.Dim != e.Dim() {
		return fmt.Errorf("%s has vectors of %d coordinates, the encoder %s gives %d", shown(name), info.Dim, shown(run), e.Dim())
	}
	return nil
}

// madeByFlag gives a command of an index the flag of the run of its network.
func madeByFlag(f *pflag.FlagSet, run *string) {
	f.StringVar(run, "run", "", "`encoder` that made the index: a run's folder, an ONNX model or histogram (default the one that the index remembers)")
}

// filterFlags say which items are of interest.
type filterFlags struct {
	labels []string
	fields []string
	prefix string
	text   string
}

func (f *filterFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.labels, "label", nil, "only items with this `label`; may be given again")
	cmd.Flags().StringArrayVar(&f.fields, "field", nil, "only items with this field, as `NAME=VALUE`; may be given again")
	cmd.Flags().StringVar(&f.prefix, "prefix", "", "only items whose identifiers begin with this `text`")
	cmd.Flags().StringVar(&f.text, "filter", "", "only items that this `condition` is true of, such as 'label in (cat, dog) and not year < 2019'")
}

// filterHelp says what a condition may be.
const filterHelp = `--filter takes conditions of label, id and the names of fields, joined by and, or, not and parentheses:
  label = cat            is this text; != is not
  label in (cat, dog)    is one of these; not in: is not
  id ^= "photos/2020/"   begins with this
  year >= 2019           a number or a text, also <, <= and >
  note exists            the item has the field`

// filter is what all flags ask for together.
func (f *filterFlags) filter() (index.Filter, error) {
	var out index.Filter
	if len(f.labels) > 0 {
		out.Label = index.In(f.labels...)
	}
	out.ID.Prefix = f.prefix
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
	more, err := index.ParseFilter(f.text)
	switch {
	case err != nil:
		return out, usagef("--%s", strings.TrimPrefix(err.Error(), "index: "))
	case more.IsZero():
		return out, nil
	case out.IsZero():
		return more, nil
	}
	return index.Filter{And: []index.Filter{out, more}}, nil
}
