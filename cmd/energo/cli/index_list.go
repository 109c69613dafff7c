package cli

import (
	"bufio"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/spf13/cobra"
)

// listedItem is a line of energo index list --json.
type listedItem struct {
	ID     string            `json:"id"`
	Label  string            `json:"label,omitempty"`
	Path   string            `json:"path,omitempty"` // of its picture
	Fields map[string]string `json:"fields,omitempty"`
}

func newIndexList() *cobra.Command {
	var filters filterFlags
	var asJSON bool
	var limit, offset int
	cmd := &cobra.Command{
		Use: "list INDEX", Short: "List the items of an index", Args: exactly("the index"),
		Long: `Lists identifiers, labels, and where the pictures are, in the order of the identifiers; between them is a tab. --limit and
--offset show a page.

` + filterHelp,
		Example: `  energo index list Pictures.index --limit 20 --offset 40
  energo index list Pictures.index --filter 'label = cat and id ^= "Pictures/2020/"' --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 0 || offset < 0 {
				return usagef("--limit is %d and --offset is %d; they must not be below 0", limit, offset)
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
			m, err := memoryOf(args[0])
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			n := 0
			for item, err := range collection.Items(cmd.Context(), x, filter) {
				if err != nil {
					return err
				}
				if limit > 0 && n == offset+limit {
					break
				}
				if n++; n <= offset {
					continue
				}
				if err := listItem(out, item, m, asJSON); err != nil {
					return err
				}
			}
			return out.Flush()
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "number of items that are listed; 0 is all")
	cmd.Flags().IntVar(&offset, "offset", 0, "number of items that are left out before them")
	filters.add(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line for each item")
	return cmd
}

func listItem(out *bufio.Writer, item index.Item, m collection.Memory, asJSON bool) error {
	if !asJSON {
		line := []string{shown(item.ID), shown(orDash(item.Label)), shown(orDash(m.Locate(item.Fields))), publicFields(item.Fields)}
		_, err := fmt.Fprintln(out, strings.TrimRight(strings.Join(line, "\t"), "\t"))
		return err
	}
	return printJSON(out, asListed(item, m), true)
}

// asListed is an item as --json has it.
func asListed(item index.Item, m collection.Memory) listedItem {
	return listedItem{ID: item.ID, Label: item.Label, Path: m.Locate(item.Fields), Fields: collection.PublicFields(item.Fields)}
}

// publicFields are those that are not energo's own, as NAME=VALUE.
func publicFields(fields map[string]string) string {
	var all []string
	public := collection.PublicFields(fields)
	for _, name := range slices.Sorted(maps.Keys(public)) {
		all = append(all, shown(name+"="+public[name]))
	}
	return strings.Join(all, " ")
}
