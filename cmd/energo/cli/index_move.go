package cli

import (
	"errors"
	"fmt"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/spf13/cobra"
)

// moved is what --json prints of a move.
type moved struct {
	Collection string `json:"collection"`
	Before     string `json:"before"`
	Now        string `json:"now"`
	Pictures   int    `json:"pictures"` // of the collection
	Gone       int    `json:"gone"`     // that are not in the folder
}

func newIndexMove() *cobra.Command {
	var asJSON bool
	var name string
	cmd := &cobra.Command{
		Use: "move INDEX DIR", Short: "Say in which folder an index's pictures are now", Args: exactly("the index", "the folder"),
		Long: `Tells an index that the pictures of a collection lie in another folder now. Nothing is copied: the paths of pictures are
relative to that folder. energo index info shows the collections. The index itself may be moved without a word.`,
		Example: `  mv ~/Pictures /media/disk/Pictures
  energo index move Pictures.index /media/disk/Pictures`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if remote.IsAddress(args[0]) {
				return errors.New("an index on a server remembers no folders: its items have absolute paths")
			}
			x, err := openIndex(cmd, args[0], toChange)
			if err != nil {
				return err
			}
			defer x.Close() // its folder alone is changed, while no one else does that
			m, err := memoryOf(args[0])
			if err != nil {
				return err
			}
			r := moved{}
			if r.Collection, r.Before, err = m.Move(name, args[1]); err != nil {
				return err
			}
			r.Now = m.Roots[r.Collection]
			for item, err := range collection.Items(cmd.Context(), x, index.Filter{}) {
				if err != nil {
					return err
				}
				if item.Fields[collection.RootField] == r.Collection {
					r.Pictures++
					if at := m.Locate(item.Fields); !exists(at) && !collection.IsDigit(at) {
						r.Gone++
					}
				}
			}
			if r.Pictures > 0 && r.Gone == r.Pictures {
				return fmt.Errorf("none of the %d pictures of %s is in %s; nothing was changed", r.Pictures, shown(r.Collection), shown(r.Now))
			}
			if err := m.Write(args[0]); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "the pictures of %s were in %s and are in %s now; %d of %d are there\n", shown(r.Collection), shown(r.Before), shown(r.Now), r.Pictures-r.Gone, r.Pictures)
			return printJSON(out, r, asJSON)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`collection` whose pictures have moved, where the index has several")
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}
