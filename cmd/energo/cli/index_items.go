package cli

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/spf13/cobra"
)

func newIndexDelete() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "delete INDEX ID...", Short: "Take items out of an index",
		Example: `  energo index delete runs/search-triplet-1/index mnist/train/00012`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("energo index delete: name the index and the identifiers of items")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := index.CheckIDs(args[1:]); err != nil {
				return usageError{err}
			}
			x, err := openIndex(cmd, args[0], toChange)
			if err != nil {
				return err
			}
			n, err := x.Delete(cmd.Context(), args[1:])
			if err = errors.Join(err, x.Close()); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d of %s deleted from %s\n", n, counted(len(args)-1, "item", "items"), shown(args[0]))
			return printJSON(cmd.OutOrStdout(), map[string]int{"deleted": n}, asJSON)
		},
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// indexInfo is what --json prints of an index.
type indexInfo struct {
	index.Info
	Run string `json:"run,omitempty"` // that it remembers
}

func newIndexInfo() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "info INDEX", Short: "Say what an index is", Args: exactly("the index"),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := openIndex(cmd, args[0], toRead)
			if err != nil {
				return err
			}
			defer x.Close() // it was only read
			var r indexInfo
			if r.Info, err = x.Info(cmd.Context()); err != nil {
				return err
			}
			if r.Run, err = rememberedRunOf(args[0]); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s: %s, %s of %s, %s distance, kept as %s\n", shown(args[0]), r.Kind, counted(r.Len, "item", "items"), counted(r.Dim, "coordinate", "coordinates"), r.Metric, r.Storage)
			fmt.Fprintf(out, "network %s of run %s\n", orDash(r.Encoder), shown(orDash(r.Run)))
			if r.Trouble != "" {
				fmt.Fprintf(out, "trouble: %s\n", r.Trouble)
			}
			return printJSON(out, r, asJSON)
		},
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// listedItem is a line of energo index list --json.
type listedItem struct {
	ID     string            `json:"id"`
	Label  string            `json:"label,omitempty"`
	Path   string            `json:"path,omitempty"` // of its picture
	Fields map[string]string `json:"fields,omitempty"`
}

func newIndexList() *cobra.Command {
	var asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use: "list INDEX", Short: "List the items of an index", Args: exactly("the index"),
		Long: `Lists identifiers, labels, and where the pictures were, in the order in which they were added.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := openIndex(cmd, args[0], toRead)
			if err != nil {
				return err
			}
			defer x.Close() // it was only read
			folder, err := folderOf(x)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			n := 0
			for item, err := range folder.Each(cmd.Context()) {
				if err != nil {
					return err
				}
				if limit > 0 && n == limit {
					break
				}
				n++
				if err := listItem(out, item, asJSON); err != nil {
					return err
				}
			}
			return out.Flush()
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "number of items that are listed, the first ones; 0 is all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line for each item")
	return cmd
}

func listItem(out *bufio.Writer, item index.Item, asJSON bool) error {
	if !asJSON {
		line := []string{shown(item.ID), shown(orDash(item.Label)), shown(orDash(item.Fields[index.PathField])), publicFields(item.Fields)}
		_, err := fmt.Fprintln(out, strings.TrimRight(strings.Join(line, "\t"), "\t"))
		return err
	}
	l := listedItem{ID: item.ID, Label: item.Label, Path: item.Fields[index.PathField], Fields: map[string]string{}}
	for name, v := range item.Fields {
		if name != index.PathField && name != collection.StampField {
			l.Fields[name] = v
		}
	}
	return printJSON(out, l, true)
}

// publicFields are those that are not energo's own, as NAME=VALUE.
func publicFields(fields map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != index.PathField && name != collection.StampField {
			all = append(all, shown(name+"="+fields[name]))
		}
	}
	return strings.Join(all, " ")
}
