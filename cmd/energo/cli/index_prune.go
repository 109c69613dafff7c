package cli

import (
	"fmt"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/spf13/cobra"
)

// pruned is what --json prints of a pruning.
type pruned struct {
	deleted
	Pictures int          `json:"pictures"` // that items have or had
	Items    []listedItem `json:"items"`    // whose pictures are gone
}

func newIndexPrune() *cobra.Command {
	var asJSON, dry, all bool
	cmd := &cobra.Command{
		Use: "prune INDEX", Short: "Take out items whose pictures are gone", Args: exactly("the index"),
		Long: `Takes out the items whose pictures are not where the index says. Items without a picture stay. Nothing is
done where the folder of a collection is not there itself, as on a disk that is not mounted, or where no picture at all is left.`,
		Example: `  energo index prune Pictures.index --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return prune(cmd, args[0], dry, all, asJSON)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "list what would be taken out, and take nothing out")
	cmd.Flags().BoolVar(&all, "all", false, "also where no picture is left")
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

func prune(cmd *cobra.Command, name string, dry, all, asJSON bool) (err error) {
	x, err := openIndex(cmd, name, !dry)
	if err != nil {
		return err
	}
	defer func() { err = closeAfter(cmd, x, err) }()
	m, err := memoryOf(name)
	if err != nil {
		return err
	}
	gone, pictures, err := collection.Gone(cmd.Context(), x, m, index.Filter{})
	if err != nil {
		return fmt.Errorf("%w; energo index move says where the pictures are now", err)
	}
	if pictures > 0 && len(gone) == pictures && !all && !dry {
		return fmt.Errorf("none of the %d pictures is where the index says; energo index move says where they are now, --all takes all of them out", pictures)
	}
	r := pruned{deleted: deleted{Index: name, Deleted: len(gone), DryRun: dry}, Pictures: pictures, Items: []listedItem{}}
	var ids []string
	out := cmd.OutOrStdout()
	for _, item := range gone {
		ids = append(ids, item.ID)
		r.Items = append(r.Items, asListed(item, m))
		fmt.Fprintf(out, "%s\t%s\n", shown(item.ID), shown(m.Locate(item.Fields)))
	}
	what := "are gone; their items would be taken out"
	if !dry {
		what = "were gone; their items are taken out"
		if _, err := x.Delete(cmd.Context(), ids); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%d of %s %s\n", len(gone), counted(pictures, "picture", "pictures"), what)
	return printJSON(out, r, asJSON)
}
