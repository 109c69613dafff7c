package cli

import (
	"errors"
	"fmt"

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
