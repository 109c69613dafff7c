package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/loss/distance"
	"github.com/energo-ml/energo/search/index"
	"github.com/energo-ml/energo/search/index/remote"
	"github.com/spf13/cobra"
)

func newIndexCreate() *cobra.Command {
	var o index.Options
	var metric, storage string
	var asJSON bool
	var metrics []string
	for _, m := range index.Metrics {
		metrics = append(metrics, string(m))
	}
	cmd := &cobra.Command{
		Use: "create INDEX", Short: "Make an empty index, for vectors from elsewhere", Args: exactly("the index"),
		Long: `Makes an index without items, for vectors that energo index import reads from files, or that programs add over HTTP or
in Go. energo index build makes one of pictures by itself.`,
		Example: `  energo index create texts.index --dim 384 --metric cosine
  energo index import texts.index minilm.parquet`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("dim") {
				return usagef("energo index create: --dim is missing, the coordinates of a vector")
			}
			o.Metric, o.Storage = distance.Kind(metric), index.Storage(storage)
			if !slices.Contains(index.Metrics, o.Metric) {
				return usagef("--metric is %q; it must be %s", metric, strings.Join(metrics, ", "))
			}
			if o.Dim < 1 || o.Dim > index.MaxDim {
				return usagef("--dim is %d; it must be 1 to %d", o.Dim, index.MaxDim)
			}
			checked, err := o.Check()
			if err != nil {
				return usageError{err}
			}
			var x index.Index
			if remote.IsAddress(args[0]) {
				x, err = remote.Create(cmd.Context(), args[0], checked)
			} else {
				x, err = index.Create(args[0], checked)
			}
			if err != nil {
				return err
			}
			info, err := x.Info(cmd.Context())
			if err := closeAfter(cmd, x, err); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s is empty: vectors of %d coordinates, %s distance, kept as %s\nto fill it:\n  energo index import %s FILE\n", shown(args[0]), info.Dim, info.Metric, info.Storage, shellQuote(args[0]))
			return printJSON(out, info, asJSON)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.Dim, "dim", 0, "coordinates of a vector")
	f.StringVar(&metric, "metric", string(distance.Cosine), "distance: "+strings.Join(metrics, ", "))
	f.StringVar(&storage, "storage", string(index.Float32), storageUse)
	jsonFlag(f, &asJSON)
	return cmd
}
