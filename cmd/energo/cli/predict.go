package cli

import (
	"bytes"
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
)

func newPredict(all []job.Job) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use: "predict RUN FILE...", Short: "Answer pictures, or the rows of a CSV file, with a trained model", Args: positional(math.MaxInt, "the run's folder", "a file"),
		Long: `Writes CSV: the answers of a trained model to what is in files, with their energies. The data of the training is not read.

A run of pictures answers files of pictures, with a row for each: its path, the class of the least energy, the gap (how much higher the next
energy is), and the energy of each class.

A run of table answers the rows of one CSV file, behind which the answer and the energies are written. The file must have
the columns that the model was trained on; it need not have the target's.`,
		Example: "  energo predict runs/pictures-nll-1 a.jpg b.png\n  energo predict runs/table-nll-linear-1 new.csv --out answers.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			j, s, err := job.ReadConfig(args[0], all)
			if err != nil {
				return err
			}
			p, ok := s.(job.Predictor)
			if !ok {
				return fmt.Errorf("%s is a run of %s, which does not answer files; runs of pictures and table do", args[0], j.Name)
			}
			var b bytes.Buffer
			if err := p.Predict(cmd.Context(), args[0], args[1:], &b); err != nil {
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
