package cli

import (
	"fmt"

	"github.com/energo-ml/energo/search/collection"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/spf13/cobra"
)

func newIndexSnapshot() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "snapshot INDEX DIR", Short: "Copy an index as it is now, while it is in use", Args: exactly("the index", "the folder of the copy"),
		Long: `Copies an index to a new folder: all that was acknowledged is in the copy, also while another process serves or changes the
index. Files that never change are linked where the file system can, so that a copy takes little space.`,
		Example: `  energo index snapshot Pictures.index backup/Pictures-july.index`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if remote.IsAddress(args[0]) {
				return usagef("%s is on a server, which makes copies itself; name an index that is a folder", args[0])
			}
			x, err := openIndex(cmd, args[0], toRead) // says where there is none
			if err != nil {
				return err
			}
			if err := x.Close(); err != nil {
				return err
			}
			m, err := memoryOf(args[0])
			if err != nil {
				return err
			}
			if err := index.Snapshot(cmd.Context(), args[0], args[1], collection.MemoryFile); err != nil {
				return err
			}
			if err := m.Write(args[1]); err != nil { // whose relative paths are of another folder
				return err
			}
			copied, err := openIndex(cmd, args[1], toRead)
			if err != nil {
				return err
			}
			info, err := copied.Info(cmd.Context())
			if err = closeAfter(cmd, copied, err); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has %s, as %s had\n", shown(args[1]), counted(info.Len, "item", "items"), shown(args[0]))
			return printJSON(cmd.OutOrStdout(), info, asJSON)
		},
	}
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}
