package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/job/sweep"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
)

// listed is one run as `energo runs` shows it.
type listed struct {
	Run        string          `json:"run"`
	State      string          `json:"state"` // "finished", "unfinished", "diverged" or "damaged"
	Recipe     string          `json:"recipe"`
	Functional string          `json:"functional"`
	Model      string          `json:"model"`
	Energy     string          `json:"energy"`
	Epochs     int             `json:"epochs"`
	TestError  *measure.Number `json:"test_error"`
	Collapsed  bool            `json:"collapsed"`
	Last       string          `json:"last,omitempty"`
	error      measure.Figure  // TestError with what it is of
	Notes      []string        `json:"notes,omitempty"` // what is damaged in its folder
	Sweep      *listedSweep    `json:"sweep,omitempty"` // the folder is of a sweep
}

// listedSweep is a sweep as `energo runs` shows it.
type listedSweep struct {
	Search   string `json:"search"`
	Trials   int    `json:"trials"`
	Finished int    `json:"finished"`
	Failed   int    `json:"failed"`
	Best     string `json:"best,omitempty"` // the folder of its best trial
}

func newRuns() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "runs [FOLDER]", Short: "List the runs in a folder (default runs), or export them", Args: positional(1),
		Long: `Lists the runs and the sweeps in a folder. A sweep's own folder lists its trials.
A folder named export is ./export.`,
		Example: "  energo runs\n  energo runs runs/sweep-parabola-1 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "runs"
			if len(args) == 1 {
				dir = args[0]
			}
			all, locked, err := findRuns(dir)
			if err != nil {
				return err
			}
			for _, err := range locked {
				fmt.Fprintf(cmd.ErrOrStderr(), "passed over: %v\n", err)
			}
			for _, r := range all {
				for _, note := range r.Notes {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", shown(r.Run), note)
				}
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), all, true)
			}
			if len(all) == 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "There are no runs in %s yet; energo train digits makes one.\n", dir)
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RUN\tSTATE\tFUNCTIONAL\tMODEL\tENERGY\tEPOCHS\tTEST\tCOLLAPSED\tLAST EVENT")
			for _, r := range all {
				e, c := "", "no"
				if r.TestError != nil {
					e = lower(r.error.Name) + " " + r.error.Text()
				}
				if r.Collapsed {
					c = "yes"
				}
				functional := shown(r.Functional)
				if s := r.Sweep; s != nil {
					functional = fmt.Sprintf("%s of %s, %s", s.Search, r.Recipe, counted(s.Trials, "trial", "trials"))
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", shown(r.Run), r.State, functional, shown(r.Model), shown(r.Energy), r.Epochs, e, c, r.Last)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON list")
	cmd.AddCommand(newRunsExport())
	return cmd
}

// findRuns opens the run folders in dir; what else lies there is passed over, and
// locked are those that may not be read.
func findRuns(dir string) (all []listed, locked []error, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if dir == "runs" {
			return []listed{}, nil, nil
		}
		return nil, nil, fmt.Errorf("there is no folder %s", dir)
	}
	if err != nil {
		return nil, nil, err
	}
	all = []listed{}
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); sweep.Is(path) {
			all = append(all, sweepOf(path))
			continue
		}
		r, err := report.Open(filepath.Join(dir, e.Name()))
		if errors.Is(err, fs.ErrPermission) {
			locked = append(locked, err)
		}
		if err != nil {
			continue
		}
		l := listed{Run: r.Dir, State: r.State(), Recipe: r.Get("recipe"), Functional: cmp.Or(r.Get("loss"), r.Get("functional")), Model: r.Get("model"), Energy: r.Get("energy"), Epochs: len(r.Epochs)}
		if b := r.Best(); b != nil {
			l.Collapsed = b.Collapsed
		}
		if r.Result != nil {
			l.TestError, l.error, l.Collapsed = &r.Result.TestError, r.Result.ErrorFigure(), r.Result.Collapsed
		}
		l.Notes = r.Notes
		if !r.Last.IsZero() {
			l.Last = r.Last.Local().Format(time.DateTime)
		}
		all = append(all, l)
	}
	return all, locked, nil
}

// sweepOf is a sweep's folder in the list of runs.
func sweepOf(dir string) listed {
	l := listed{Run: dir, State: "damaged"}
	w, err := sweep.Open(dir)
	if err != nil {
		l.Notes = []string{excerpt.Error(err).Error()}
		return l
	}
	l.State, l.Recipe, l.Sweep = "unfinished", w.Job, &listedSweep{Search: w.Search, Trials: len(w.Trials)}
	s, err := sweep.ReadSummary(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.Notes = []string{fmt.Sprintf("%v; energo sweep %s --run %s --resume writes it anew", excerpt.Error(err), w.Job, shellQuote(dir))}
		}
		return l
	}
	if l.Sweep.Finished, l.Sweep.Failed = s.Finished, s.Failed; s.Done() {
		l.State = "finished"
	}
	if s.Best > 0 {
		best := s.Trials[0]
		l.Sweep.Best, l.Epochs, l.Collapsed = filepath.Join(dir, best.Run), best.Epochs, best.Collapsed
		if best.State == sweep.Finished {
			l.TestError, l.error = &best.TestError, s.Error.Of(float64(best.TestError))
		}
	}
	return l
}
