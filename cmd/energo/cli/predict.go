package cli

import (
	"bytes"
	"fmt"

	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
)

func newPredict(all []job.Job) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "predict RUN FILE", Short: "Answer the rows of a CSV file with a trained model", Args: exactly("the run's folder", "a CSV file"),
		Long: `Writes the rows of a CSV file with the model's answer and the energies of the answers beside them. The file must have
the columns that the model was trained on (energo train table); it need not have the target's. The table of the training is not read.`,
		Example: "  energo predict runs/table-nll-linear-1 new.csv\n  energo predict runs/table-nll-linear-1 new.csv --out answers.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			j, s, err := job.ReadConfig(args[0], all)
			if err != nil {
				return err
			}
			p, ok := s.(job.Predictor)
			if !ok {
				return fmt.Errorf("%s is a run of %s, which does not answer rows of a table; runs of table do", args[0], j.Name)
			}
			var b bytes.Buffer
			if err := p.Predict(args[0], args[1], &b); err != nil {
				return err
			}
			if out == "" {
				_, err := b.WriteTo(cmd.OutOrStdout())
				return err
			}
			return wholefile.Write(out, b.Bytes())
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write to a `file` instead of stdout")
	return cmd
}
