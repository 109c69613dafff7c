package cli

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
	"github.com/spf13/cobra"
)

// comparison is what `energo compare JOB` is asked for.
type comparison struct {
	job   job.Job
	base  job.Spec             // what flags of one value are bound to
	lists map[string]*[]string // values of the settings that have choices, by their names
	allOf string               // the setting of which all values are compared, for none is named; "" for none
	named []named              // settings that the file or flags name, the file's first

	seeds         int
	dir, csv      string
	file          string // of settings
	asJSON, quiet bool
}

// named is a setting with its value, and how it is named.
type named struct {
	*option.Option
	text string
}

func newCompare(all []job.Job, flags func(job.Job) bool) *cobra.Command {
	cmd := &cobra.Command{Use: "compare JOB", Short: "Train with every functional or loss under one protocol"}
	return jobGroup(cmd, all, func(j job.Job) *cobra.Command { return newCompareJob(j, flags(j)) })
}

// compareEpochs is few: a comparison trains many models. A job whose own number does not depend on the model has that one.
const compareEpochs = 3

// epochs is how often a comparison passes over the training set where that is not named.
func (c *comparison) epochs() int { return cmp.Or(c.job.New().Base().Epochs, compareEpochs) }

func newCompareJob(j job.Job, flags bool) *cobra.Command {
	c := comparison{job: j, base: j.New(), lists: map[string]*[]string{}}
	cmd := &cobra.Command{
		Use: j.Name, Short: "Compare models of " + j.Name + ": which learn, which keep a margin, which collapse",
		Long: `Trains with every value of the settings that have a choice and of which several are named, all else
alike, and prints the lecture's table of good and bad losses as measured: test error with its spread over seeds,
gap, margin kept, collapsed or not, beside what the theory says. The folder then holds compare.html, compare.csv,
compare.json and every run. Called again with the same folder, it trains only what is missing.`,
		Example: "  energo compare " + strings.Join(strings.Fields(j.Name+" "+j.Examples[0]), " ") + " --seeds 3",
		Args:    exactly(),
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	if flags {
		c.addFlags(cmd)
	}
	return cmd
}

// addFlags gives the command the job's settings, those with choices as lists, and the comparison's own.
func (c *comparison) addFlags(cmd *cobra.Command) {
	options := c.base.Options()
	primary := primary(options)
	f, values := cmd.Flags(), map[string][]string{}
	for i := range options {
		o := &options[i]
		switch {
		case o.Name == "seed":
		case len(o.Choices()) > 0:
			list := []string{o.String()}
			usage := o.Usage()
			if o.Name == primary {
				list, usage = o.Choices(), strings.SplitN(usage, ":", 2)[0]
			}
			c.lists[o.Name], values[o.Flag()] = &list, o.Choices()
			f.StringSliceVar(&list, o.Flag(), list, usage+"; several are compared")
			if o.Name == primary {
				f.Lookup(o.Flag()).DefValue = "all"
			}
		default:
			addFlags(f, options[i:i+1])
		}
	}
	complete(cmd, values)
	if epochs := f.Lookup("epochs"); epochs != nil {
		epochs.DefValue, epochs.Usage = strconv.Itoa(c.epochs()), "passes over the training set; 0 is each model's own number"
	}
	f.StringVar(&c.file, "config", "", "YAML `file` of settings, such as a run's config.yaml")
	f.IntVar(&c.seeds, "seeds", 1, "runs of each, with seeds from 1")
	f.StringVar(&c.dir, "run", filepath.Join("runs", "compare-"+c.job.Name), "`folder` of the comparison")
	f.StringVar(&c.csv, "csv", "", "write the table to this `file`, too")
	f.BoolVar(&c.asJSON, "json", false, "print the cells as one JSON object, the last line of stdout")
	f.BoolVar(&c.quiet, "quiet", false, "no progress")
}

// primary is the setting of which all values are compared unless some are named: the functional, else the loss, the objective
// or the set; "" for none.
func primary(options option.List) string {
	for _, name := range []string{"functional", "loss", "objective", "set"} {
		if o := options.Find(name); o != nil && len(o.Choices()) > 0 {
			return name
		}
	}
	return ""
}

func (c *comparison) run(cmd *cobra.Command) error {
	switch {
	case c.seeds < 1:
		return usagef("--seeds is %d; it must be at least 1", c.seeds)
	case c.dir == "":
		return usagef("--run is empty; it must name the folder of the comparison")
	}
	cells, err := c.cells(cmd)
	if err != nil {
		return usageError{err}
	}
	if err := checkFile("csv", c.csv); err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return err
	}
	lock, err := flock.Folder(c.dir)
	if err != nil {
		return err
	}
	defer lock.Release()
	p := newProgress(cmd.ErrOrStderr(), c.quiet)
	rows := make([]report.Cell, len(cells))
	for i, values := range cells {
		s, _, err := c.spec(values, 1)
		if err != nil {
			return err
		}
		rows[i] = c.row(s, values)
		for seed := range c.seeds {
			o, err := c.outcome(cmd, p, values, uint64(seed+1))
			if err != nil {
				return err
			}
			rows[i].Outcomes = append(rows[i].Outcomes, o)
		}
	}
	summaries, err := report.Compare(c.dir, rows)
	if err != nil {
		return err
	}
	return c.print(cmd, summaries)
}

// A choice is one value for each setting that is compared.
type choice map[string]string

// cells returns what is to be trained, each model once. A setting that is named must count in one of them.
func (c *comparison) cells(cmd *cobra.Command) (all []choice, err error) {
	if err := c.read(cmd); err != nil {
		return nil, err
	}
	counts, why, seen := map[string]bool{}, map[string]string{}, map[string]bool{}
	var refused error // the first of those that are not named, and may be left out
	var left []string
	for _, values := range c.product() {
		s, void, err := c.spec(values, 1)
		if err != nil && c.allOf == "" {
			return nil, err
		}
		if err != nil {
			refused = cmp.Or(refused, err)
			left = append(left, fmt.Sprintf("%s %s is left out: %v", c.allOf, values[c.allOf], err))
			continue
		}
		for _, n := range c.named {
			counts[n.Name] = counts[n.Name] || void[n.Name] == ""
			why[n.Name] = void[n.Name]
		}
		text, err := s.Options().Write()
		if err != nil {
			return nil, err
		}
		if !seen[string(text)] {
			all = append(all, values)
		}
		seen[string(text)] = true
	}
	if len(all) == 0 {
		return nil, refused
	}
	for _, n := range c.named {
		switch {
		case !counts[n.Name] && refused != nil:
			return nil, fmt.Errorf("%s counts in no model that can be trained: %w", n.text, refused)
		case !counts[n.Name]:
			return nil, fmt.Errorf("%s has no effect: %s", n.text, why[n.Name])
		}
	}
	if !c.quiet {
		for _, line := range left {
			fmt.Fprintln(cmd.ErrOrStderr(), line)
		}
	}
	return all, nil
}

// read notes which settings the file and flags name. Of a setting in both, the flag's value counts.
func (c *comparison) read(cmd *cobra.Command) error {
	if c.file != "" {
		text, err := option.ReadFile(c.file)
		if err != nil {
			return err
		}
		s := c.job.New()
		names, err := job.Read(c.file, text, c.job, s)
		if err != nil {
			return err
		}
		for _, name := range names {
			o := s.Options().Find(name)
			if cmd.Flags().Changed(o.Flag()) || name == "seed" {
				continue
			}
			c.named = append(c.named, named{o, fmt.Sprintf("%s: %s %s", c.file, name, o)})
			if list := c.lists[name]; list != nil {
				*list = []string{o.String()}
			}
		}
	}
	options := c.base.Options()
	if err := options.Locate(); err != nil {
		return err
	}
	for i := range options {
		o := &options[i]
		if f := cmd.Flags().Lookup(o.Flag()); f != nil && f.Changed {
			text := o.String()
			if list := c.lists[o.Name]; list != nil {
				if text = strings.Join(*list, ","); text == "" {
					return fmt.Errorf("--%s names nothing to compare", o.Flag())
				}
			}
			c.named = append(c.named, named{o, fmt.Sprintf("--%s %s", o.Flag(), text)})
		}
	}
	return nil
}

// isNamed tells whether the file or a flag names a setting.
func (c *comparison) isNamed(name string) bool {
	return slices.ContainsFunc(c.named, func(n named) bool { return n.Name == name })
}

// product returns all combinations of the values of the settings that are named and have choices, and of the primary one.
// Losses that are named stand instead of functionals.
func (c *comparison) product() []choice {
	options := c.base.Options()
	primary := primary(options)
	if c.isNamed("loss") && !c.isNamed(primary) {
		primary = "loss"
	}
	if !c.isNamed(primary) {
		c.allOf = primary
	}
	all := []choice{{}}
	for _, o := range options {
		list := c.lists[o.Name]
		if list == nil || !c.isNamed(o.Name) && o.Name != primary {
			continue
		}
		var more []choice
		for _, values := range all {
			for _, value := range distinct(*list) {
				next := maps.Clone(values)
				next[o.Name] = value
				more = append(more, next)
			}
		}
		all = more
	}
	return all
}

// spec returns the resolved settings of one training. Those that are named and have no effect in it are at their defaults;
// void has the reasons.
func (c *comparison) spec(values choice, seed uint64) (s job.Spec, void map[string]string, err error) {
	s = c.job.New()
	options, defaults := s.Options(), c.job.New().Options()
	if s.Base().Epochs = c.epochs(); c.isNamed("epochs") {
		s.Base().Epochs = 0
	}
	for _, n := range c.named {
		if c.lists[n.Name] == nil {
			options.Find(n.Name).Assign(n.Option)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		if err := options.Find(name).Set(value); err != nil {
			return nil, nil, err
		}
	}
	s.Base().Seed = seed
	void = map[string]string{}
	for _, n := range c.named {
		o := options.Find(n.Name)
		if reason := o.Void(); reason != "" && n.Name != "epochs" {
			void[n.Name] = reason
			o.Assign(defaults.Find(n.Name))
		}
	}
	return s, void, job.Resolve(c.job, s)
}

// checkFile refuses a file to write that could not be written hours later, or that is
// a device, which a file must not replace.
func checkFile(flag, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usagef("--%s is %s, which is a folder", flag, path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return usagef("--%s is %s, but there is no folder %s", flag, path, filepath.Dir(path))
	}
	return nil
}

// distinct returns the names without repetitions, in their order.
func distinct(names []string) (once []string) {
	for _, n := range names {
		if !slices.Contains(once, n) {
			once = append(once, n)
		}
	}
	return once
}

// row names a cell in the table: what trains, the network, the energy, and what else is compared beside the network.
func (c *comparison) row(s job.Spec, values choice) report.Cell {
	options := s.Options()
	value := func(name string) string {
		if o := options.Find(name); o != nil && o.Void() == "" {
			return o.String()
		}
		return ""
	}
	row := report.Cell{Functional: cmp.Or(value("loss"), value("functional")), Model: value("model"), Energy: value("energy")}
	if codes := value("codes"); codes != "" {
		row.Energy = codes + " " + row.Energy
	}
	for _, o := range options {
		if v, ok := values[o.Name]; ok && o.Void() == "" && !slices.Contains([]string{"functional", "loss", "model", "energy", "codes"}, o.Name) {
			row.Model = strings.TrimPrefix(row.Model+", "+v, ", ")
		}
	}
	return row
}

// outcome trains one cell with one seed, resumes it where it was stopped, or takes it as it is where it is done with the
// same settings.
func (c *comparison) outcome(cmd *cobra.Command, p *progress, values choice, seed uint64) (report.Outcome, error) {
	s, _, err := c.spec(values, seed)
	if err != nil {
		return report.Outcome{}, err
	}
	row := c.row(s, values)
	name := strings.Join(slices.DeleteFunc([]string{row.Functional, row.Model, row.Energy}, func(s string) bool { return s == "" }), "-")
	dir := filepath.Join(c.dir, strings.NewReplacer(", ", "-", " ", "-").Replace(fmt.Sprintf("%s-%d", cmp.Or(name, c.job.Name), seed)))
	resume := exists(filepath.Join(dir, train.CheckpointFile))
	p.say("%s, seed %d", cmp.Or(name, c.job.Name), seed)
	r, err := job.Train(cmd.Context(), c.job, s, job.Options{Dir: dir, Resume: resume, Env: p.env(""), Emit: p.emit})
	p.end()
	switch {
	case r != nil && r.Reason == "interrupted":
		fmt.Fprintln(cmd.ErrOrStderr(), "Stopped; the same command continues from here.")
		return report.Outcome{}, errInterrupted
	case errors.Is(err, train.ErrDiverged):
		return report.Outcome{Seed: seed, Run: dir, Failed: err.Error()}, nil
	case err != nil:
		return report.Outcome{}, err
	}
	run, err := report.Open(dir)
	if err != nil {
		return report.Outcome{}, err
	}
	return run.Outcome(), nil
}
