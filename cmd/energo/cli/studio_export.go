package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/serve/studio"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// studioExport is what `energo studio --export` is asked for.
type studioExport struct {
	dir  string
	runs []string
}

func (e *studioExport) add(f *pflag.FlagSet) {
	f.StringVar(&e.dir, "export", "", "write the studio as a site of files into this `folder`, which is not there yet or is empty, and serve nothing")
	f.StringSliceVar(&e.runs, "runs", nil, "the `runs` of the site, with commas; a run of a sweep is SWEEP/RUN (default all of the folder)")
}

// check refuses flags that have no effect, as those of a server beside --export.
func (e *studioExport) check(cmd *cobra.Command) error {
	if !cmd.Flags().Changed("export") {
		return refuseVoid(cmd, []rule{{"runs", false, "it chooses the runs of --export"}})
	}
	if e.dir == "" {
		return usagef("--export is empty; it must name the folder of the site")
	}
	if cmd.Flags().Changed("runs") && len(e.runs) == 0 {
		return usagef("--runs is empty; it must name runs")
	}
	var rules []rule
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "export" && f.Name != "runs" {
			rules = append(rules, rule{f.Name, false, "--export serves nothing"})
		}
	})
	return refuseVoid(cmd, rules)
}

// run writes the site.
func (e *studioExport) run(cmd *cobra.Command, folder string) error {
	site := studio.Site{Folder: folder, Runs: e.runs}
	if r, err := report.Open(folder); err == nil { // one run
		if len(e.runs) > 0 {
			return usagef("--runs %s has no effect: %s is one run", e.runs[0], shown(folder))
		}
		site = studio.Site{Folder: filepath.Dir(absolute(folder)), Runs: []string{r.Name}}
	}
	made, err := studio.Export(e.dir, site)
	if errors.Is(err, fs.ErrNotExist) && !exists(folder) {
		return usagef("there is no folder %s", shown(folder))
	}
	if err != nil {
		return fmt.Errorf("--export: %w", err)
	}
	for _, note := range made.Notes {
		fmt.Fprintf(cmd.ErrOrStderr(), "energo: %s\n", note)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, %d of them with surfaces; %s, %s. Any server of files shows it; docs/studio.md says how to publish it\n",
		shown(e.dir), counted(made.Runs, "run", "runs"), made.Films, counted(made.Files, "file", "files"), bytesText(made.Bytes))
	return nil
}
