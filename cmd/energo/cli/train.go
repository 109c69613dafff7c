package cli

import (
	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
)

func newTrain(all []job.Job, flags func(job.Job) bool) *cobra.Command {
	cmd := &cobra.Command{
		SuggestionsMinimumDistance: 2,

		Use: "train JOB", Short: "Train a model",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no job %q%s (%s --help lists them)", args[0], didYouMean(cmd.SuggestionsFor(args[0])), cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, j := range all {
		cmd.AddCommand(newTrainJob(j, flags(j)))
	}
	return cmd
}
