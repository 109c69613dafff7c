package cli

import (
	"fmt"
	"io"

	"github.com/energo-ml/energo/search/collection"
	"github.com/spf13/cobra"
)

// evaluated is what --json prints of an evaluation.
type evaluated struct {
	Index string `json:"index"`
	collection.Evaluation
}

func newIndexEval() *cobra.Command {
	var asJSON bool
	var o collection.EvaluateOptions
	cmd := &cobra.Command{
		Use: "eval INDEX", Short: "Measure how well an index finds items of the same label", Args: exactly("the index"),
		Long: `Searches for each item among all others and looks whether what is found has its label: precision@1, recall@k,
R-precision, MAP@R, and NMI, the agreement of labels with clusters. Items that are alone with their label, or have none, are left
out. The time grows with the square of the items; --limit takes some of them alone, among which finding is
easier than among all. --int8 also measures which share of the ten nearest an index with --storage int8 would find.`,
		Example: `  energo index eval runs/search-triplet-1/index --json`,
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
			r := evaluated{Index: args[0]}
			if r.Evaluation, err = collection.Evaluate(cmd.Context(), folder, o); err != nil {
				return fmt.Errorf("%s: %w", shown(args[0]), err)
			}
			r.print(cmd.OutOrStdout())
			return printJSON(cmd.OutOrStdout(), r, asJSON)
		},
	}
	cmd.Flags().BoolVar(&o.Int8, "int8", false, "compare with storage as int8")
	cmd.Flags().IntVar(&o.Limit, "limit", 0, "number of items that are measured, spread over the index; 0 is all")
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "seed of the clusters")
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

func (r *evaluated) print(out io.Writer) {
	rep := r.Report
	fmt.Fprintf(out, "%s: %s among %s of %s (%d left out)\n", shown(r.Index), counted(rep.Queries, "query", "queries"), counted(rep.Gallery, "item", "items"), counted(len(r.Labels), "label", "labels"), rep.LeftOut)
	fmt.Fprintf(out, "precision@1  %s\n", share(rep.Precision1))
	for _, k := range rep.Recall {
		fmt.Fprintf(out, "recall@%-5d %s\n", k.K, share(k.Share))
	}
	fmt.Fprintf(out, "R-precision  %s\nMAP@R        %s\nMAP          %s\n", share(rep.RPrecision), share(rep.MAPAtR), share(rep.MAP))
	if rep.NMI != nil {
		fmt.Fprintf(out, "NMI          %.3f\n", *rep.NMI)
	}
	for _, c := range rep.Classes {
		fmt.Fprintf(out, "  label %s: %s of %d\n", shown(r.Labels[c.Label]), share(c.Precision1), c.Queries)
	}
	if r.Int8 != nil {
		fmt.Fprintf(out, "int8 finds %s of the %d nearest (%s)\n", share(r.Int8.Recall), r.Int8.K, counted(r.Int8.Queries, "query", "queries"))
	}
}
