package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/job/sweep"
	"github.com/energo-ml/energo/train"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sweeping is what `energo sweep JOB` is asked for.
type sweeping struct {
	job  job.Job
	axes []*axisFlag // of the settings that can have several values, in their order
	base job.Spec    // what the flags of the others are bound to

	plan   sweep.Plan
	file   string // of settings
	dir    string
	resume bool
	json   bool
	quiet  bool

	jobs  int // trainings at a time
	trial int // that this process trains for another, which says how far
	until int
}

// An axisFlag is a setting as a flag: one value, several, or a range. It implements pflag.Value.
type axisFlag struct {
	option *option.Option
	axis   sweep.Axis // where it was set
	text   string
}

func (a *axisFlag) Set(text string) (err error) {
	a.text = text
	a.axis, err = sweep.ParseAxis(a.option, text)
	return err
}
func (a *axisFlag) String() string { return a.text }
func (a *axisFlag) Type() string   { return a.option.Type() + "s" }

func newSweep(all []job.Job, flags func(job.Job) bool) *cobra.Command {
	cmd := &cobra.Command{Use: "sweep JOB", Short: "Train with many settings, by a grid, at random or by successive halving, and rank them"}
	return jobGroup(cmd, all, func(j job.Job) *cobra.Command { return newSweepJob(j, flags(j)) })
}

func newSweepJob(j job.Job, flags bool) *cobra.Command {
	w := sweeping{job: j, base: j.New(), plan: sweep.Plan{Job: j}}
	of := strings.Join(strings.Fields("energo sweep "+j.Name+" "+j.Examples[0]), " ")
	cmd := &cobra.Command{
		Use: j.Name, Short: "Try many settings of " + j.Name + " and rank them",
		Long: `Trains with many settings and ranks them by the validation error. Each setting of the job takes a value, a list of values
(a,b,c) or a range: lin:A..B evenly, log:A..B evenly by the logarithm, int:A..B whole numbers. A value that has a comma
stands in --config, whose settings are fixed.

  --search grid     trains all combinations; --points is how many a range has, its ends included
  --search random   draws --trials combinations
  --search halving  draws --trials combinations, trains them for some epochs each, continues the best 1/--eta of them, and so on.
                    --budget is the epochs of all trials together; every round has the same share of it. A trial that is
                    continued comes to the same weights as one that was not stopped

--seed is of the draws and of each training; of several seeds the first one is of the draws. The same command gives the same
trials and figures. A trial that diverges or collapses is reported, and the sweep continues.

The folder has sweep.json, what is tried; summary.json, what came of it; and a run's folder for each trial, 001, 002 …, for
energo eval, report and export. --jobs trains several trials at a time, each in a process that is given its part of the cores;
trials and figures do not depend on it. Ctrl-C saves; --run FOLDER --resume continues, and trains nothing again that is done.`,
		Example: "  " + of + " --lr log:1e-4..1e-2 --search random --trials 20\n" +
			"  " + of + " --lr log:1e-4..1e-2 --points 3 --seed 1,2,3\n" +
			"  " + of + " --lr log:1e-4..1e-2 --search halving --trials 27 --budget 81",
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return w.run(cmd) },
	}
	if flags {
		w.addFlags(cmd)
	}
	return cmd
}

// addFlags gives the command the job's settings and the sweep's own.
func (w *sweeping) addFlags(cmd *cobra.Command) {
	f, values := cmd.Flags(), map[string][]string{}
	options := w.base.Options()
	for i := range options {
		o := &options[i]
		if o.Many() {
			addFlags(f, options[i:i+1])
			continue
		}
		a := &axisFlag{option: o, text: o.String()}
		w.axes = append(w.axes, a)
		flag := f.VarPF(a, o.Flag(), "", o.Usage())
		if o.ZeroMeans() != "" {
			flag.DefValue = ""
		}
		if o.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
		if len(o.Choices()) > 0 {
			values[o.Flag()] = o.Choices()
		}
	}
	values["search"] = sweep.Searches
	f.StringVar(&w.plan.Search, "search", sweep.Grid, "how trials are taken: grid, random, halving")
	f.IntVar(&w.plan.Trials, "trials", 20, "trials that are drawn; a space with fewer combinations has fewer")
	f.IntVar(&w.plan.Points, "points", 5, "values of each range in a grid")
	f.IntVar(&w.plan.Budget, "budget", 0, "epochs of all trials of halving together")
	f.IntVar(&w.plan.Eta, "eta", 3, "one in this number of trials of halving is continued")
	f.StringVar(&w.file, "config", "", "YAML `file` of fixed settings, such as a run's config.yaml")
	f.StringVar(&w.dir, "run", "", "`folder` of the sweep, new or empty (default runs/sweep-"+w.job.Name+" and a number)")
	f.BoolVar(&w.resume, "resume", false, "continue the sweep in --run")
	f.IntVar(&w.jobs, "jobs", 1, "trials that are trained at a time, each in a process of its own")
	w.addWorkerFlags(f)
	jsonFlag(f, &w.json)
	f.BoolVar(&w.quiet, "quiet", false, "no progress")
	complete(cmd, values)
}

// own are the flags that count beside --resume.
var own = []string{"run", "resume", "jobs", "json", "quiet", "help"}

func (w *sweeping) run(cmd *cobra.Command) error {
	switch {
	case w.trial != 0:
		return w.work(cmd)
	case w.resume && w.dir == "":
		return usagef("--resume continues the sweep in a folder; name it with --run")
	case w.jobs < 1 || w.jobs > jobsMost:
		return usagef("--jobs is %d; it must be from 1 to %d", w.jobs, jobsMost)
	}
	if err := w.void(cmd); err != nil {
		return err
	}
	s, release, err := w.open(cmd)
	if err != nil {
		return err
	}
	defer release()
	out := cmd.ErrOrStderr()
	if w.jobs > 1 {
		out = &inTurn{w: out}
	}
	p := newProgress(out, w.quiet)
	sum, err := s.Run(cmd.Context(), w.runner(cmd, p, s))
	p.end()
	if errors.Is(err, sweep.ErrInterrupted) {
		fmt.Fprintf(cmd.ErrOrStderr(), "Stopped; checkpoints are saved. To continue:\n  %s sweep %s --run %s --resume\n", cmd.Root().Name(), w.job.Name, shellQuote(s.Dir()))
		return errInterrupted
	}
	if err != nil {
		return err
	}
	return w.print(cmd, sum)
}

// void refuses flags that have no effect beside others.
func (w *sweeping) void(cmd *cobra.Command) (err error) {
	if w.resume {
		cmd.Flags().Visit(func(f *pflag.Flag) {
			if !slices.Contains(own, f.Name) && err == nil {
				err = usagef("--%s %s has no effect: the sweep that is resumed has its own settings", f.Name, f.Value)
			}
		})
		return err
	}
	drawn, halving := w.plan.Search != sweep.Grid, w.plan.Search == sweep.Halving
	ranges := slices.ContainsFunc(w.axes, func(a *axisFlag) bool { return a.axis.Scale != "" && a.axis.Scale != sweep.List })
	err = refuseVoid(cmd, []rule{
		{"trials", drawn, "a grid trains all combinations (--search)"},
		{"points", !drawn, "it is of a grid (--search)"},
		{"points", ranges, "no setting has a range"},
		{"budget", halving, "it is of --search halving"},
		{"eta", halving, "it is of --search halving"},
		{"epochs", !halving, "the epochs of halving follow from --budget"},
	})
	switch {
	case err != nil:
		return err
	case halving && !cmd.Flags().Changed("budget"):
		return usagef("--search halving needs --budget, the epochs of all trials together")
	case w.plan.Points < 2 || w.plan.Points > sweep.MaxTrials:
		return usagef("--points is %d; it must be from 2 to %d", w.plan.Points, sweep.MaxTrials)
	}
	return nil
}

// open makes a new sweep, or opens the one that is resumed, and locks its folder.
func (w *sweeping) open(cmd *cobra.Command) (*sweep.Sweep, func(), error) {
	if w.resume {
		return w.again()
	}
	if err := w.read(cmd); err != nil {
		return nil, nil, usageError{err}
	}
	s, left, err := sweep.New(w.plan)
	if err != nil {
		return nil, nil, usageError{err}
	}
	if !w.quiet {
		for _, l := range left {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s is left out: %v\n", w.said(l.Values), l.Err)
		}
	}
	run := runFlags{dir: w.dir}
	folder, err := run.claim("sweep-" + w.job.Name)
	if err != nil {
		return nil, nil, err
	}
	if err := s.Write(run.dir); err != nil {
		folder.Release()
		return nil, nil, err
	}
	return s, folder.Release, nil
}

// again opens the sweep that is resumed.
func (w *sweeping) again() (*sweep.Sweep, func(), error) {
	s, err := sweep.Open(w.dir)
	if err != nil {
		return nil, nil, err
	}
	if s.Job != w.job.Name {
		return nil, nil, usagef("--run %s is a sweep of %s", shown(w.dir), s.Job)
	}
	lock, err := flock.Folder(w.dir)
	if err != nil {
		return nil, nil, err
	}
	return s, lock.Release, nil
}

// read notes which settings the flags and the file name. Of a setting in both, the flag's counts.
func (w *sweeping) read(cmd *cobra.Command) error {
	if w.file != "" {
		text, err := option.ReadFile(w.file)
		if err != nil {
			return err
		}
		s := w.job.New()
		names, err := job.Read(w.file, text, w.job, s)
		if err == nil {
			err = s.Options().Locate()
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			o := s.Options().Find(name)
			if f := cmd.Flags().Lookup(o.Flag()); f.Changed || name == "epochs" && w.plan.Search == sweep.Halving {
				continue
			}
			w.plan.Fixed = append(w.plan.Fixed, sweep.Setting{Option: o, Named: fmt.Sprintf("%s: %s %s", w.file, name, o)})
		}
	}
	for _, a := range w.axes {
		switch values := a.axis.Values; {
		case a.axis.Scale == "": // it is not named
		case len(values) == 1:
			if err := a.option.Set(values[0]); err != nil {
				return err
			}
			w.plan.Fixed = append(w.plan.Fixed, sweep.Setting{Option: a.option, Named: "--" + a.option.Flag() + " " + values[0]})
		default:
			w.plan.Axes = append(w.plan.Axes, a.axis)
		}
	}
	options := w.base.Options()
	for i := range options {
		o := &options[i]
		if o.Many() && cmd.Flags().Changed(o.Flag()) {
			w.plan.Fixed = append(w.plan.Fixed, sweep.Setting{Option: o, Named: fmt.Sprintf("--%s %s", o.Flag(), o)})
		}
	}
	return options.Locate()
}

// said names the values of a trial in the order of the settings.
func (w *sweeping) said(values map[string]string) string {
	var all []string
	for _, o := range w.base.Options() {
		if v, ok := values[o.Name]; ok {
			all = append(all, o.Name+" "+shown(v))
		}
	}
	if len(all) == 0 {
		return "the settings at their defaults"
	}
	return strings.Join(all, ", ")
}

// runner trains and shows how it comes along.
func (w *sweeping) runner(cmd *cobra.Command, p *progress, s *sweep.Sweep) sweep.Runner {
	r := sweep.Runner{
		Job: w.job, Env: p.env(""), Jobs: w.jobs,
		Round: func(r sweep.Round, number, of int) {
			p.say("round %d of %d: %s, up to %s each", number, of, counted(r.Trials, "trial", "trials"), counted(r.Epochs, "epoch", "epochs"))
		},
		Begin: func(t sweep.Trial, place, of int) {
			p.say("trial %d, %d of %d: %s", t.Number, place+1, of, w.said(t.Values))
		},
		Emit: func(e train.Event) {
			if d, ok := e.(train.Done); ok && d.Reason == "interrupted" && cmd.Context().Err() == nil { // the round is over
				p.end()
				return
			}
			p.emit(e)
		},
		Fail: func(t sweep.Trial, why error) {
			p.end()
			fmt.Fprintf(p.out, "trial %d failed: %v (%s)\n", t.Number, why, shown(s.Folder(t)))
		},
	}
	if w.jobs > 1 {
		r.Elsewhere = w.elsewhere(p, s)
	}
	return r
}

// print shows the table of the trials, and says what the best one is.
func (w *sweeping) print(cmd *cobra.Command, s *sweep.Summary) error {
	out := cmd.OutOrStdout()
	if err := printSweep(out, s); err != nil {
		return err
	}
	if s.Best == 0 {
		return errors.Join(printJSON(out, s, w.json), fmt.Errorf("all %s failed", counted(len(s.Trials), "trial", "trials")))
	}
	if s.Mixed() {
		fmt.Fprintln(out, "\nThe trials have errors of different kinds, so their order says little.")
	}
	best := filepath.Join(s.Run, s.Trials[0].Run)
	fmt.Fprintf(out, "\nThe best by %s on validation samples is trial %d. The sweep is in %s.\n", lower(s.Error.Name), s.Best, shown(s.Run))
	fmt.Fprintf(out, "Next: %[1]s report %[2]s, or %[1]s train %[3]s --config %[4]s.\n", cmd.Root().Name(), shellQuote(best), w.job.Name, shellQuote(filepath.Join(best, job.ConfigFile)))
	return printJSON(out, s, w.json)
}
