package cli

import (
	"fmt"
	"path/filepath"

	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

func newReport(all []job.Job) *cobra.Command {
	return &cobra.Command{
		Use: "report RUN", Short: "Draw the page of a run again", Args: exactly("the run's folder"),
		Long: `Draws report.html and the pictures under plots/ from what a run's folder holds. A run that is not
finished gets a page that says so. Where the test set can be read, the page shows its pictures.`,
		Example: "  energo report runs/digits-nll-cnn-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := args[0]
			p := newProgress(cmd.ErrOrStderr(), false)
			run, err := job.Open(cmd.Context(), dir, all, p.env(""))
			p.end()
			if err == nil {
				err = run.Report(trainedBy(cmd, run.Job))
			} else {
				fmt.Fprintf(cmd.ErrOrStderr(), "The page has no pictures of the test set: %v\n", err)
				err = report.Write(dir, nil, "")
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Look at %s.\n", shown(filepath.Join(dir, report.PageFile)))
			return nil
		},
	}
}
