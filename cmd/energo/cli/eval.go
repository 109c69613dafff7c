package cli

import (
	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
)

func newEval(all []job.Job) *cobra.Command {
	var dataDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "eval RUN", Short: "Measure a trained model on a test set", Args: exactly("the run's folder"),
		Long: `Measures the model of a run's folder on the test set that the run was trained for, or on that of
another MNIST-like folder, whose training set is not looked at (of pictures: on those of another folder or list, with the same classes; of a tagger: of all tagged text in another folder; of a recogniser of speech: of another
manifest). It changes nothing in the run's folder.`,
		Example: `  energo eval runs/digits-nll-cnn-1
  energo eval runs/digits-nll-cnn-1 --data fashion --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return evalJob(cmd, all, args[0], dataDir, asJSON)
		},
	}
	cmd.Flags().StringVar(&dataDir, "data", "", "`folder` of an MNIST-like set or of tagged text, a manifest of speech, pictures or pairs (default the run's own)")
	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}
