package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/spf13/cobra"
)

// indexInfo is what --json prints of an index.
type indexInfo struct {
	index.Info
	Run       string            `json:"run,omitempty"`   // the encoder that it remembers
	Roots     map[string]string `json:"roots,omitempty"` // the folders of pictures, by collection
	Disk      int64             `json:"disk_bytes,omitempty"`
	Labels    map[string]int    `json:"labels"` // items by label; "" is those without one
	Fields    map[string]int    `json:"fields"` // items by the names of their fields
	Pictures  int               `json:"pictures"`
	unlimited bool              // all labels are listed
}

func newIndexInfo() *cobra.Command {
	var asJSON bool
	var r indexInfo
	cmd := &cobra.Command{
		Use: "info INDEX", Short: "Say what an index is", Args: exactly("the index"),
		Long: `Says how many items of how many coordinates an index has, which labels and fields they have, which encoder made the
vectors, in which folders the pictures are, and what the index takes on disk.`,
		Example: `  energo index info Pictures.index
  energo index info Pictures.index --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := openIndex(cmd, args[0], toRead)
			if err != nil {
				return err
			}
			defer x.Close() // it was only read
			if r.Info, err = x.Info(cmd.Context()); err != nil {
				return err
			}
			m, err := memoryOf(args[0])
			if err != nil {
				return err
			}
			r.Run, r.Roots = cmp.Or(m.Builtin, m.Run), m.Roots
			if err := r.count(cmd, x, args[0]); err != nil {
				return err
			}
			r.print(cmd.OutOrStdout(), args[0])
			return printJSON(cmd.OutOrStdout(), r, asJSON)
		},
	}
	cmd.Flags().BoolVar(&r.unlimited, "all", false, "list all labels and fields, instead of the first 20")
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// count counts what the items have.
func (r *indexInfo) count(cmd *cobra.Command, x index.Index, name string) error {
	r.Labels, r.Fields = map[string]int{}, map[string]int{}
	for item, err := range collection.Items(cmd.Context(), x, index.Filter{}) {
		if err != nil {
			return err
		}
		r.Labels[item.Label]++
		for name := range item.Fields {
			if !slices.Contains(collection.PrivateFields, name) {
				r.Fields[name]++
			}
		}
		if item.Fields[index.PathField] != "" {
			r.Pictures++
		}
	}
	if remote.IsAddress(name) {
		return nil
	}
	var err error
	r.Disk, err = sizeOf(name)
	return err
}

// sizeOf is the bytes of a folder's files.
func sizeOf(dir string) (n int64, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() { // a log may have been replaced meanwhile
			n += info.Size()
		}
	}
	return n, err
}

func (r *indexInfo) print(out io.Writer, name string) {
	fmt.Fprintf(out, "%s: %s, %s of %s, %s distance, kept as %s\n", shown(name), r.Kind, counted(r.Len, "item", "items"), counted(r.Dim, "coordinate", "coordinates"), r.Metric, r.Storage)
	fmt.Fprintf(out, "encoder   %s, fingerprint %s\n", shown(cmp.Or(r.Run, "unknown")), orDash(r.Encoder))
	if !remote.IsAddress(name) {
		fmt.Fprintf(out, "on disk   %s\n", bytesText(r.Disk))
	}
	fmt.Fprintf(out, "pictures  of %s%s\n", counted(r.Pictures, "item", "items"), rootsText(r.Roots))
	r.printCounts(out, "labels", r.Labels)
	r.printCounts(out, "fields", r.Fields)
	if r.Trouble != "" {
		fmt.Fprintf(out, "trouble   %s\n", r.Trouble)
	}
}

// rootsText says in which folders the pictures are.
func rootsText(roots map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(roots)) {
		text := fmt.Sprintf("%s in %s", shown(name), shown(roots[name]))
		if _, err := os.Stat(roots[name]); err != nil {
			text += " (which is not there: energo index move says where it is now)"
		}
		all = append(all, text)
	}
	if all == nil {
		return ""
	}
	return "; collection " + strings.Join(all, ", ")
}

// printCounts lists how many items have what, the most first.
func (r *indexInfo) printCounts(out io.Writer, what string, counts map[string]int) {
	const most = 20
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
	if len(names) == 0 {
		fmt.Fprintf(out, "%-9s none\n", what)
		return
	}
	listed := names
	if !r.unlimited && len(names) > most {
		listed = names[:most]
	}
	var all []string
	for _, name := range listed {
		all = append(all, fmt.Sprintf("%s %d", shown(cmp.Or(name, "(none)")), counts[name]))
	}
	more := ""
	if left := len(names) - len(listed); left > 0 {
		more = fmt.Sprintf(", and %d more (--all)", left)
	}
	fmt.Fprintf(out, "%-9s %s%s\n", what, strings.Join(all, ", "), more)
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
