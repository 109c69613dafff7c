package cli

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/job/sweep"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/report/tensorboard"
	"github.com/spf13/cobra"
)

// runsExport is what `energo runs export` is asked for.
type runsExport struct{ tensorboard, csv, json string }

func newRunsExport() *cobra.Command {
	var e runsExport
	cmd := &cobra.Command{
		Use: "export RUN...", Short: "Write runs for TensorBoard, as CSV or as JSON",
		Long: `Writes runs, finished or not, for other programs. A RUN is a run's folder, or a sweep's, which stands for its trials.

  --tensorboard  an event file for each run in a subfolder: losses, step sizes and gradients by step; validation error, energies and gaps
                 of each epoch; test figures; histograms of the test set's energies and of the weights; the pictures of the page,
                 where energo report drew them; and the settings for the hparams view. Written again, it replaces its own files
  --csv          a header, and a row for each run and epoch (wide form), with the settings as columns setting.NAME
  --json         one object: {"runs": [{"run", "state", "settings", "steps", "epochs", "diverged", "result"}, …]}`,
		Example: `  energo runs export runs/sweep-parabola-1 --tensorboard board
  energo runs export runs/parabola-codes-nll-1 runs/parabola-codes-energy-1 --csv epochs.csv --json runs.json`,
		RunE: func(cmd *cobra.Command, args []string) error { return e.run(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&e.tensorboard, "tensorboard", "", "write event files into this `folder`")
	f.StringVar(&e.csv, "csv", "", "write the epochs to this `file`")
	f.StringVar(&e.json, "json", "", "write steps, epochs and results to this `file`")
	return cmd
}

func (e *runsExport) run(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usagef("%s: RUN is missing", cmd.CommandPath())
	case e.tensorboard == "" && e.csv == "" && e.json == "":
		return usagef("nothing is to be written: name --tensorboard, --csv or --json")
	case e.csv != "" && absolute(e.csv) == absolute(e.json):
		return usagef("--csv and --json would both write %s", shown(e.csv))
	}
	for _, file := range []struct{ flag, path string }{{"csv", e.csv}, {"json", e.json}} {
		if err := checkFile(file.flag, file.path); err != nil {
			return err
		}
	}
	runs, err := openRuns(args)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if wholefile.Straight(e.csv) || wholefile.Straight(e.json) {
		out = cmd.ErrOrStderr()
	}
	for _, r := range runs {
		for _, note := range r.Notes {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", shown(r.Dir), note)
		}
	}
	return e.write(out, runs)
}

// write writes what is asked for, and says so.
func (e *runsExport) write(out io.Writer, runs []*report.Run) error {
	for _, form := range []struct {
		path  string
		write func(io.Writer, []*report.Run) error
	}{{e.csv, report.EpochsCSV}, {e.json, report.SeriesJSON}} {
		if form.path == "" {
			continue
		}
		var b bytes.Buffer
		if err := form.write(&b, runs); err != nil {
			return err
		}
		if err := wholefile.Write(form.path, b.Bytes()); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s\n", shown(form.path), counted(len(runs), "run", "runs"))
	}
	if e.tensorboard == "" {
		return nil
	}
	n, err := tensorboard.Write(e.tensorboard, namedRuns(runs))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %s, %s; look at them with tensorboard --logdir %s\n", shown(e.tensorboard), counted(len(runs), "run", "runs"), counted(n, "value", "values"), shellQuote(e.tensorboard))
	return nil
}

// openRuns opens runs, and the trials of sweeps that have begun.
func openRuns(args []string) (all []*report.Run, err error) {
	seen := map[string]bool{}
	for _, arg := range args {
		dirs := []string{arg}
		if sweep.Is(arg) {
			w, err := sweep.Open(arg)
			if err != nil {
				return nil, err
			}
			dirs = nil
			for _, t := range w.Trials {
				if dir := w.Folder(t); exists(filepath.Join(dir, report.ConfigFile)) {
					dirs = append(dirs, dir)
				}
			}
			if len(dirs) == 0 {
				return nil, fmt.Errorf("%s is a sweep of which no trial has begun", shown(arg))
			}
		}
		for _, dir := range dirs {
			r, err := report.Open(dir)
			if err != nil {
				return nil, err
			}
			if seen[absolute(dir)] {
				return nil, usagef("%s is named twice", shown(dir))
			}
			seen[absolute(dir)] = true
			all = append(all, r)
		}
	}
	return all, nil
}

// namedRuns names runs by their paths below the folder that all have in common.
func namedRuns(runs []*report.Run) []tensorboard.Named {
	paths := make([][]string, len(runs))
	for i, r := range runs {
		paths[i] = strings.Split(filepath.ToSlash(absolute(r.Dir)), "/")
	}
	common := paths[0][:len(paths[0])-1]
	for _, p := range paths {
		n := 0
		for n < min(len(common), len(p)-1) && common[n] == p[n] {
			n++
		}
		common = common[:n]
	}
	named := make([]tensorboard.Named, len(runs))
	for i, r := range runs {
		named[i] = tensorboard.Named{Run: r, Name: strings.Join(slices.Clone(paths[i][len(common):]), "/")}
	}
	return named
}
