package cli

import (
	"errors"
	"fmt"

	"github.com/energo-ml/energo/search/index"
	"github.com/spf13/cobra"
)

// deleted is what --json prints of a deletion or a pruning.
type deleted struct {
	Index   string `json:"index"`
	Deleted int    `json:"deleted"` // with dry_run, how many would be
	DryRun  bool   `json:"dry_run,omitempty"`
}

func newIndexDelete() *cobra.Command {
	var filters filterFlags
	var asJSON, dry bool
	cmd := &cobra.Command{
		Use: "delete INDEX [ID...]", Short: "Take items out of an index",
		Long: `Takes items out: those of the identifiers, or all that the flags choose. --dry-run says how many that are. The files of
pictures are left as they are.

` + filterHelp,
		Example: `  energo index delete Pictures.index Pictures/beach.jpg
  energo index delete Pictures.index --prefix Pictures/2019/ --dry-run
  energo index delete Pictures.index --filter 'label in (draft, test) or not camera exists'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 {
				return usagef("%s: the index is missing", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids := args[1:]
			filter, err := filters.filter()
			if err != nil {
				return err
			}
			switch {
			case len(ids) == 0 && filter.IsZero():
				return usagef("energo index delete: name the identifiers of items, or choose them with --label, --field, --prefix or --filter")
			case len(ids) > 0 && !filter.IsZero():
				return usagef("energo index delete: name the identifiers of items or choose them by flags, not both")
			}
			if err := index.CheckIDs(ids); err != nil {
				return usageError{err}
			}
			return deleteItems(cmd, args[0], ids, filter, dry, asJSON)
		},
	}
	filters.add(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say how many items would be deleted, and delete none")
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// deleteItems takes out the items of identifiers, or those that pass a filter.
func deleteItems(cmd *cobra.Command, name string, ids []string, f index.Filter, dry, asJSON bool) error {
	x, err := openIndex(cmd, name, !dry)
	if err != nil {
		return err
	}
	ctx, r := cmd.Context(), deleted{Index: name, DryRun: dry}
	if len(ids) > 0 && dry {
		f = index.Filter{ID: index.In(ids...)}
	}
	switch {
	case dry:
		r.Deleted, err = x.Count(ctx, f)
	case len(ids) > 0:
		r.Deleted, err = x.Delete(ctx, ids)
	default:
		r.Deleted, err = x.DeleteWhere(ctx, f)
	}
	info, infoErr := x.Info(ctx)
	if err = errors.Join(err, infoErr, x.Close()); err != nil {
		return err
	}
	of := info.Len
	if len(ids) > 0 {
		of = len(ids)
	} else if !dry {
		of += r.Deleted
	}
	what := "deleted from"
	if dry {
		what = "would be deleted from"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d of %s %s %s\n", r.Deleted, counted(of, "item", "items"), what, shown(name))
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
