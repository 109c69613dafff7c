package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/energo-ml/energo/search/vectors"
	"github.com/spf13/cobra"
)

// imported is what --json prints of an import.
type imported struct {
	Index    string     `json:"index"`
	File     string     `json:"file"`
	IDs      string     `json:"ids,omitempty"` // the file of identifiers
	Rows     int        `json:"rows"`
	Added    int        `json:"added"`
	Replaced int        `json:"replaced"`
	Skipped  []string   `json:"skipped"`          // what is wrong with each row that was left out
	LeftOut  []string   `json:"columns_left_out"` // of Parquet: lists and groups
	Seconds  float64    `json:"seconds"`
	Info     index.Info `json:"info"`
}

// importFlags are those of import.
type importFlags struct {
	vectors.Options
	name, root  string
	strict      bool
	json, quiet bool
}

const vectorFormats = `  .npy, .safetensors    an array, vectors × coordinates; identifiers stand in FILE.ids.csv, or in the file that --ids names:
                        an identifier a line, or a .csv or .jsonl file with a row for each vector
  .jsonl, .ndjson       an object a line: {"id": "a", "vector": [0.1, 0.2], "label": "cat", "fields": {"year": "2020"}}
  .csv                  with a header; a vector is one column, "[0.1, 0.2]", or columns such as v0, v1, v2
  .parquet              a vector is a list of floats`

func newIndexImport() *cobra.Command {
	var o importFlags
	cmd := &cobra.Command{
		Use: "import INDEX FILE", Short: "Add the vectors of a file to an index", Args: exactly("the index", "the file"),
		Long: `Adds vectors that another program made, such as those of CLIP or MiniLM, with what is known of them. FILE is one of

` + vectorFormats + `

Columns and keys besides id, label and vector are fields, by which searches are filtered. A field path says where an item's picture
is, relative to --root. Rows without an identifier are called NAME/0, NAME/1 …. A row whose identifier the index has replaces that item. A row that
the index does not take is left out and named with its place, unless --strict.`,
		Example: `  energo index create texts.index --dim 384 --metric cosine
  energo index import texts.index minilm.parquet --vector embedding
  energo index import photos.index clip.npy --ids names.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			suffix, err := vectors.Format(args[1])
			if err != nil {
				return usageError{err}
			}
			array := vectors.Array(suffix)
			if err := refuseVoid(cmd, []rule{
				{"ids", array, "it is for .npy and .safetensors files; others have identifiers themselves"},
				{"vector", suffix != ".npy", "a .npy file is one array"},
			}); err != nil {
				return err
			}
			return importFile(cmd, args[0], args[1], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.IDs, "ids", "", "`file` that says what the rows of an array are (default FILE.ids.csv, where it is there)")
	f.StringVar(&o.ID, "id", "", "`column` of identifiers (default id)")
	f.StringVar(&o.Vector, "vector", "", "`column` of vectors (default vector); of a .safetensors file the tensor, where several have two dimensions")
	f.StringVar(&o.Label, "label", "", "`column` of labels (default label)")
	f.StringVar(&o.name, "name", "", "what the identifiers of rows without one begin with (default the file's name)")
	f.StringVar(&o.root, "root", "", "`folder` that relative paths of pictures are in (default the file's)")
	f.BoolVar(&o.strict, "strict", false, "stop at a row that cannot be taken, instead of leaving it out")
	jsonFlag(f, &o.json)
	f.BoolVar(&o.quiet, "quiet", false, "no progress")
	return cmd
}

// importFile adds the rows of a file to an index and says what was done.
func importFile(cmd *cobra.Command, name, path string, o importFlags) error {
	r, err := vectors.Open(path, o.Options)
	if err != nil {
		return err
	}
	defer r.Close() // it was only read
	x, err := openIndex(cmd, name, toChange)
	if errors.Is(err, index.ErrNoIndex) {
		return fmt.Errorf("there is no index in %s; energo index create %s --dim N makes one", shown(name), shellQuote(name))
	}
	if err != nil {
		return err
	}
	return closeAfter(cmd, x, importRows(cmd, x, r, name, path, o))
}

func importRows(cmd *cobra.Command, x index.Index, r *vectors.Reader, name, path string, o importFlags) error {
	p := newProgress(cmd.ErrOrStderr(), o.quiet)
	if r.IDs != "" && o.IDs == "" {
		p.say("identifiers are those of %s", shown(r.IDs))
	}
	done := imported{Index: name, File: path, IDs: r.IDs, Skipped: []string{}, LeftOut: append([]string{}, r.LeftOut...)}
	root, err := filepath.Abs(cmp.Or(o.root, filepath.Dir(path)))
	if err != nil {
		return err
	}
	stem, _, _ := strings.Cut(filepath.Base(path), ".")
	called := cmp.Or(o.name, stem)
	memory, before, noRoot := rootOf(name, called, root)
	m := vectors.Importing{Index: x, Name: called, NoRoot: noRoot, Progress: func(rows int) { p.count("rows", rows, -1) }}
	if !o.strict {
		m.Skip = func(err error) {
			p.firstFew(len(done.Skipped), "row", err)
			done.Skipped = append(done.Skipped, err.Error())
		}
	}
	start := time.Now()
	err = m.Add(cmd.Context(), r)
	p.end()
	if m.Rooted > 0 {
		if before != "" {
			p.say("the pictures of %s were in %s, which is gone; they are in %s now", called, shown(before), shown(root))
		}
		err = errors.Join(err, memory.Write(name))
	}
	if errors.Is(err, context.Canceled) {
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: interrupted; %d items were added or replaced, and the same command begins again\n", m.Added+m.Replaced)
		return errInterrupted
	}
	if err != nil {
		return err
	}
	done.Rows, done.Added, done.Replaced, done.Seconds = m.Rows, m.Added, m.Replaced, time.Since(start).Seconds()
	if done.Info, err = x.Info(cmd.Context()); err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%d items added to %s, %d replaced, %d of %d rows left out, in %.1f s; it has %d items\n",
		done.Added, shown(name), done.Replaced, len(done.Skipped), done.Rows, done.Seconds, done.Info.Len)
	if len(done.LeftOut) > 0 {
		fmt.Fprintf(out, "columns that are lists or groups were left out: %s\n", shown(strings.Join(done.LeftOut, ", ")))
	}
	return printJSON(out, done, o.json)
}

// rootOf is the memory of an index with the folder of the pictures of what is imported; before is the folder that they were in.
func rootOf(name, called, root string) (m collection.Memory, before string, err error) {
	if remote.IsAddress(name) {
		return m, "", errors.New("an index on a server remembers no folders")
	}
	if m, err = memoryOf(name); err == nil {
		before, err = m.Keep(&collection.Collection{Name: called, Root: root})
	}
	if errors.Is(err, collection.ErrTaken) {
		err = fmt.Errorf("%w with --name", err)
	}
	return m, before, err
}
