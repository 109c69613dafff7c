package cli

import (
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/search/collection"
	"github.com/spf13/cobra"
)

// duplicated is what --json prints of duplicates.
type duplicated struct {
	Index   string             `json:"index"`
	Within  float64            `json:"within"`
	Items   int                `json:"items"` // that were looked at
	Groups  [][]duplicatedItem `json:"groups"`
	Nearest *float64           `json:"nearest,omitempty"` // the least distance of two items that are not near enough
}

type duplicatedItem struct {
	listedItem
	Distance float64 `json:"distance"` // from the first of the group
}

// equalWithin is the distance of vectors that are equal but for rounding.
const equalWithin = 1e-6

func newIndexDuplicates() *cobra.Command {
	var filters filterFlags
	var within float64
	var asJSON, quiet bool
	cmd := &cobra.Command{
		Use: "duplicates INDEX", Short: "Find items that are nearly the same", Args: exactly("the index"),
		Long: `Finds groups of items whose vectors lie near each other: pictures that are there twice, in another size, or a little
changed. Each item of a group is at most --within from its first one, which is the first in the order of identifiers. The default
takes vectors that are equal but for rounding; the least distance beyond is told. The time grows with the square of the items.

` + filterHelp,
		Example: `  energo index duplicates Pictures.index
  energo index duplicates Pictures.index --within 0.02 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(within >= 0) || math.IsInf(within, 0) {
				return usagef("--within is %g; it must be at least 0 and finite", within)
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
			n, err := x.Count(cmd.Context(), filter)
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), quiet)
			same, err := collection.FindDuplicates(cmd.Context(), x, filter, within, func(done int) { p.count("items", done, n) })
			p.end()
			if err != nil {
				return err
			}
			return printDuplicates(cmd, args[0], within, same, m, asJSON)
		},
	}
	filters.add(cmd)
	cmd.Flags().Float64Var(&within, "within", equalWithin, "greatest `distance` of duplicates")
	jsonFlag(cmd.Flags(), &asJSON)
	cmd.Flags().BoolVar(&quiet, "quiet", false, "no progress")
	return cmd
}

func printDuplicates(cmd *cobra.Command, name string, within float64, d *collection.Duplicates, m collection.Memory, asJSON bool) error {
	out := cmd.OutOrStdout()
	r := duplicated{Index: name, Within: within, Items: d.Items, Groups: [][]duplicatedItem{}}
	more := 0
	for i, group := range d.Groups {
		fmt.Fprintf(out, "group %d\n", i+1)
		var items []duplicatedItem
		for _, near := range group {
			item := duplicatedItem{asListed(near.Item, m), near.Distance}
			items = append(items, item)
			line := fmt.Sprintf("  distance %-8s  label %s  %s  %s", number(near.Distance), shown(orDash(item.Label)), shown(item.ID), shown(item.Path))
			fmt.Fprintln(out, strings.TrimRight(line, " "))
		}
		more += len(group) - 1
		r.Groups = append(r.Groups, items)
	}
	beyond := ""
	if !math.IsInf(d.Nearest, 1) {
		r.Nearest = &d.Nearest
		beyond = fmt.Sprintf("; the least distance beyond is %s", number(d.Nearest))
	}
	fmt.Fprintf(out, "%s of %s, with %s besides the first ones, within %g%s\n", counted(len(d.Groups), "group", "groups"), counted(d.Items, "item", "items"), counted(more, "item", "items"), within, beyond)
	return printJSON(out, r, asJSON)
}
