package cli

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newTrainJob is the command that trains a job, one of all, with or without its flags.
func newTrainJob(all []job.Job, j job.Job, flags bool) *cobra.Command {
	s := j.New()
	run := runFlags{base: cmp.Or(j.Folder, j.Name)}
	cmd := &cobra.Command{
		Use: j.Name, Short: j.Short, Long: j.Long, Example: examples(j), Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := settleJob(cmd, &run, j, s); err != nil {
				return err
			}
			return trainJob(cmd, all, j, s, &run)
		},
	}
	if flags {
		addOptions(cmd, s.Options())
		run.add(cmd.Flags())
	}
	return cmd
}

// trainedBy is the command that trains a job.
func trainedBy(cmd *cobra.Command, j job.Job) string { return cmd.Root().Name() + " train " + j.Name }

func examples(j job.Job) string {
	lines := make([]string, len(j.Examples))
	for i, args := range j.Examples {
		lines[i] = strings.TrimRight("  energo train "+j.Name+" "+args, " ")
	}
	return strings.Join(lines, "\n")
}

// addOptions gives a command the flags of settings, with the completion of their values.
func addOptions(cmd *cobra.Command, list option.List) {
	addFlags(cmd.Flags(), list)
	values := map[string][]string{}
	for i := range list {
		if o := &list[i]; len(o.Choices()) > 0 {
			values[o.Flag()] = o.Choices()
		}
	}
	complete(cmd, values)
}

// addFlags binds settings to flags.
func addFlags(f *pflag.FlagSet, list option.List) {
	for i := range list {
		o := &list[i]
		flag := f.VarPF(o, o.Flag(), "", o.Usage())
		if o.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// settleJob puts the settings of a file, if one is named or the run that is resumed has one, below the flags that were
// given, and checks them all.
func settleJob(cmd *cobra.Command, r *runFlags, j job.Job, s job.Spec) error {
	file, err := r.configFile()
	if err != nil {
		return err
	}
	inFile := map[string]bool{}
	if file != "" {
		text, err := option.ReadFile(file)
		if err != nil {
			return usageError{err}
		}
		named := j.New()
		names, err := job.Read(file, text, j, named)
		if err != nil {
			return usageError{err}
		}
		options, from := s.Options(), named.Options()
		for _, name := range names {
			inFile[name] = true
			if o := options.Find(name); !cmd.Flags().Changed(o.Flag()) {
				o.Assign(from.Find(name))
			}
		}
	}
	err = s.Options().RefuseVoid(func(o *option.Option) (string, bool) {
		if cmd.Flags().Changed(o.Flag()) {
			return fmt.Sprintf("--%s %s", o.Flag(), o), true
		}
		return fmt.Sprintf("%s: %s %s", file, o.Name, o), inFile[o.Name]
	})
	if err == nil {
		err = s.Options().Locate()
	}
	if err == nil {
		err = job.Resolve(j, s)
	}
	if err != nil {
		return usageError{err}
	}
	return nil
}

func trainJob(cmd *cobra.Command, all []job.Job, j job.Job, s job.Spec, run *runFlags) error {
	folder, err := run.claim(s.Folder())
	if err != nil {
		return err
	}
	defer folder.Release()
	stay := func() error { return nil }
	if run.studio {
		var end func() error
		if stay, end, err = studioBeside(cmd, all, run.dir); err != nil {
			return err
		}
		defer end()
	}
	p := newProgress(cmd.ErrOrStderr(), run.quiet)
	r, err := job.Train(cmd.Context(), j, s, job.Options{Dir: run.dir, Folder: folder, Resume: run.resume, Extend: true, Env: p.env(""), Emit: p.emit})
	p.end()
	if err != nil {
		return err
	}
	if r.Reason == "interrupted" {
		return interrupted(cmd, j, run.dir, r.Steps)
	}
	if err := r.Report(trainedBy(cmd, j)); err != nil {
		return fmt.Errorf("the run is done and saved, but its report could not be written (%s --run %s --resume tries again): %w", trainedBy(cmd, j), shellQuote(run.dir), err)
	}
	folder.Release() // the studio shows it as finished
	out := cmd.OutOrStdout()
	summariseJob(out, s.Folder(), r)
	fmt.Fprintf(out, "\nThe run is in %s; look at %s.\n", shown(run.dir), shown(filepath.Join(run.dir, report.PageFile)))
	fmt.Fprintf(out, "Next: %[1]s eval %[2]s, or %[1]s compare %[3]s.\n", cmd.Root().Name(), shellQuote(run.dir), j.Name)
	if err := printJSON(out, r, run.json); err != nil {
		return err
	}
	return stay()
}

// summariseJob says what a run came to.
func summariseJob(out io.Writer, what string, r *job.Result) {
	fmt.Fprintf(out, "%s, seed %v\n", what, r.Settings["seed"])
	summariseMeasured(out, r.Measured)
	for _, f := range r.Figures {
		fmt.Fprintf(out, "  %-12s %s%s\n", lower(f.Name), f.Text(), noted(f))
	}
	for i := range r.Tables {
		summariseTable(out, &r.Tables[i])
	}
}

// summariseTable prints a table of figures.
func summariseTable(out io.Writer, t *measure.Table) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "\n"+strings.ToUpper(t.Name))
	for _, c := range t.Columns {
		fmt.Fprint(w, "\t"+strings.ToUpper(c.Name))
	}
	for _, row := range t.Rows {
		fmt.Fprint(w, "\n"+row.Name)
		for i := range t.Columns {
			fmt.Fprint(w, "\t"+t.Text(row, i))
		}
	}
	fmt.Fprintln(w)
	w.Flush()
}

// evalJob measures a run of one of the jobs.
func evalJob(cmd *cobra.Command, all []job.Job, dir, data string, asJSON bool) error {
	p := newProgress(cmd.ErrOrStderr(), false)
	_, s, err := job.ReadConfig(dir, all)
	if err != nil {
		return err
	}
	r, err := job.Eval(cmd.Context(), dir, all, p.env(data))
	p.end()
	if err != nil {
		return err
	}
	summariseJob(cmd.OutOrStdout(), s.Folder(), r)
	return printJSON(cmd.OutOrStdout(), r, asJSON)
}
