package cli

import (
	"github.com/energo-ml/energo/job"
	"github.com/spf13/cobra"
)

func newTrain(all []job.Job, flags func(job.Job) bool) *cobra.Command {
	return jobGroup(&cobra.Command{Use: "train JOB", Short: "Train a model"}, all, func(j job.Job) *cobra.Command { return newTrainJob(all, j, flags(j)) })
}
