package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/vectors"
	"github.com/spf13/cobra"
)

// exported is what --json prints of an export.
type exported struct {
	Index string   `json:"index"`
	Files []string `json:"files"`
	Items int      `json:"items"`
	Dim   int      `json:"dim"`
}

func newIndexExport() *cobra.Command {
	var filters filterFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use: "export INDEX FILE", Short: "Write the vectors of an index to a file", Args: exactly("the index", "the file"),
		Long: `Writes vectors, identifiers, labels and fields, from which energo index import makes the same items. FILE ends in

` + vectorFormats + `

The field path is where a picture is. Of an index with --storage int8, the vectors are the rounded ones.`,
		Example: `  energo index export Pictures.index pictures.parquet
  energo index export Pictures.index cats.npy --label cat      # and cats.ids.csv`,
		RunE: func(cmd *cobra.Command, args []string) error {
			suffix, err := vectors.Format(args[1])
			if err != nil {
				return usageError{err}
			}
			filter, err := filters.filter()
			if err != nil {
				return err
			}
			x, err := openIndex(cmd, args[0], toRead)
			if err != nil {
				return err
			}
			defer x.Close() // it was only read
			r := exported{Index: args[0], Files: []string{args[1]}}
			if vectors.Array(suffix) {
				r.Files = append(r.Files, vectors.IDFile(args[1]))
			}
			if r.Items, r.Dim, err = export(cmd.Context(), x, args[0], args[1], filter); err != nil {
				return err
			}
			out := messages(cmd, args[1])
			fmt.Fprintf(out, "%d vectors of %d coordinates written to %s", r.Items, r.Dim, shown(args[1]))
			if len(r.Files) > 1 {
				fmt.Fprintf(out, ", what they are to %s", shown(r.Files[1]))
			}
			fmt.Fprintln(out)
			return printJSON(out, r, asJSON)
		},
	}
	filters.add(cmd)
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// export writes the items that pass a filter, in two passes: a file's head says what it holds.
func export(ctx context.Context, x index.Index, name, path string, f index.Filter) (items, dim int, err error) {
	m, err := memoryOf(name)
	if err != nil {
		return 0, 0, err
	}
	info, err := x.Info(ctx)
	if err != nil {
		return 0, 0, err
	}
	o := vectors.Outline{Dim: info.Dim}
	fields := map[string]bool{}
	for item, err := range collection.Items(ctx, x, f) {
		if err != nil {
			return 0, 0, err
		}
		o.Rows++
		for name := range exportedFields(m, item.Fields) {
			fields[name] = true
		}
	}
	o.Fields = slices.Sorted(maps.Keys(fields))
	w, err := vectors.Create(path, o)
	if err != nil {
		return 0, 0, err
	}
	defer w.Abort()
	for item, err := range collection.Items(ctx, x, f) {
		if err != nil {
			return 0, 0, err
		}
		item.Fields = exportedFields(m, item.Fields)
		if err := w.Write(&item); err != nil {
			return 0, 0, err
		}
	}
	return o.Rows, o.Dim, w.Close()
}

// exportedFields are those that mean something outside the index, with the whole path of the picture.
func exportedFields(m collection.Memory, fields map[string]string) map[string]string {
	at := m.Locate(fields)
	out := collection.PublicFields(fields)
	if at != "" {
		if out == nil {
			out = map[string]string{}
		}
		out[index.PathField] = at
	}
	return out
}
