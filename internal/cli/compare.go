package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/recipe"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
	"github.com/spf13/cobra"
)

// comparison is what `energo compare digits` is asked for.
type comparison struct {
	settings
	functionals, models []string
	seeds               int
	dir                 string
	csv                 string
	asJSON, quiet       bool
}

func newCompare() *cobra.Command {
	cmd := &cobra.Command{
		SuggestionsMinimumDistance: 2,

		Use: "compare RECIPE", Short: "Train with every functional under one protocol",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no recipe %q%s (energo compare --help lists them)", args[0], didYouMean(cmd.SuggestionsFor(args[0])))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCompareDigits())
	return cmd
}

// compareEpochs is few: a comparison trains many models.
const compareEpochs = 3

func newCompareDigits() *cobra.Command {
	var c comparison
	cmd := &cobra.Command{
		Use: "digits", Short: "Compare functionals on the digits: which keep a margin, which collapse",
		Long: `Trains every functional (or those named) with each model and seed, all else alike, and prints
the lecture's table of good and bad losses as measured: test error with its spread over seeds,
gap, margin kept, collapsed or not, beside what the theory says. Its folder then holds
compare.html, compare.csv, compare.json and every run. Called again with the same folder it
trains only what is missing.`,
		Example: `  energo compare digits --epochs 2
  energo compare digits --functionals nll,hinge,energy --models mlp,cnn --seeds 5
  energo compare digits --energy code --codes learned --limit 10000 --epochs 3 --json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return c.run(cmd) },
	}
	c.add(cmd)
	c.config.Epochs, c.defaults.Epochs = compareEpochs, compareEpochs
	epochs := cmd.Flags().Lookup("epochs")
	epochs.DefValue, epochs.Usage = strconv.Itoa(compareEpochs), "passes over the training set; 0 is each model's own number"
	for _, hidden := range []string{"functional", "model", "seed"} {
		cmd.Flags().Lookup(hidden).Hidden = true
	}
	f := cmd.Flags()
	f.StringSliceVar(&c.functionals, "functionals", nil, "functionals to compare (default all)")
	f.StringSliceVar(&c.models, "models", []string{"cnn"}, "models to compare them on")
	f.IntVar(&c.seeds, "seeds", 1, "runs of each, with seeds from 1")
	f.StringVar(&c.dir, "run", filepath.Join("runs", "compare-digits"), "`folder` of the comparison")
	f.StringVar(&c.csv, "csv", "", "write the table to this `file`, too")
	f.BoolVar(&c.asJSON, "json", false, "print the cells as one JSON object, the last line of stdout")
	f.BoolVar(&c.quiet, "quiet", false, "no progress")
	return cmd
}

func (c *comparison) run(cmd *cobra.Command) error {
	for _, name := range []string{"functional", "model", "seed"} {
		if cmd.Flags().Changed(name) {
			return usagef("energo compare takes --%ss, not --%s", name, name)
		}
	}
	switch {
	case c.seeds < 1:
		return usagef("--seeds is %d; at least 1 is wanted", c.seeds)
	case len(c.models) == 0:
		return usagef("--models names no model")
	case c.dir == "":
		return usagef("--run is empty; a folder for the comparison is wanted")
	}
	if err := c.resolveAll(cmd); err != nil {
		return err
	}
	if err := checkFile("csv", c.csv); err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return err
	}
	lock, err := job.LockFolder(c.dir)
	if err != nil {
		return err
	}
	defer lock.Release()
	p := newProgress(cmd.ErrOrStderr(), c.quiet)
	trainSet, testSet, err := p.load(cmd.Context(), c.config.Data)
	if err != nil {
		return err
	}
	var cells []report.Cell
	for _, model := range c.models {
		for _, name := range c.functionals {
			cell := report.Cell{Functional: name, Model: model, Energy: c.form()}
			for seed := range c.seeds {
				o, err := c.outcome(cmd, p, trainSet, testSet, name, model, uint64(seed+1))
				if err != nil {
					return err
				}
				cell.Outcomes = append(cell.Outcomes, o)
			}
			cells = append(cells, cell)
		}
	}
	if err := report.Compare(c.dir, cells); err != nil {
		return err
	}
	return c.print(cmd)
}

// resolveAll checks the settings of every cell before the first is trained.
func (c *comparison) resolveAll(cmd *cobra.Command) error {
	if err := c.read(cmd); err != nil {
		return err
	}
	if c.config.Loss != "" {
		return usagef("the loss %s trains instead of a functional, so there are no functionals to compare; energo train digits --loss %[1]s trains with it", c.config.Loss)
	}
	if len(c.functionals) == 0 {
		c.functionals = functionalNames()
	}
	c.functionals, c.models = distinct(c.functionals), distinct(c.models)
	if err := refuseVoid(cmd, c.file, c.rules()); err != nil {
		return err
	}
	for _, model := range c.models {
		for _, name := range c.functionals {
			config, err := c.cell(name, model, 1)
			if err == nil {
				_, err = config.Resolve()
			}
			if err != nil {
				return usageError{err}
			}
		}
	}
	return nil
}

// rules are those of all functionals together: a setting counts if it does with one of them. Here epochs count if they are 0, too.
func (c *comparison) rules() (rules []recipe.Rule) {
	for _, name := range c.functionals {
		config := c.config
		config.Functional = name
		for i, r := range config.Rules() {
			if i == len(rules) {
				rules = append(rules, r)
			}
			rules[i].Counts = rules[i].Counts || r.Counts || r.Setting == "epochs"
		}
	}
	return rules
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

// cell returns the settings of one training.
func (c *comparison) cell(name, model string, seed uint64) (recipe.DigitsConfig, error) {
	config := c.config
	config.Functional, config.Model, config.Seed = name, model, seed
	return recipe.Counting(config, recipe.DefaultDigits())
}

// form names the energy function; which codes it has decides what collapses.
func (c *comparison) form() string {
	if c.config.Energy == "code" {
		return c.config.Codes + " code"
	}
	return c.config.Energy
}

// outcome trains one cell with one seed, goes on with it where it was stopped, or
// takes it as it is where it is done with the same settings.
func (c *comparison) outcome(cmd *cobra.Command, p *progress, trainSet, testSet *data.Images, name, model string, seed uint64) (report.Outcome, error) {
	dir := filepath.Join(c.dir, fmt.Sprintf("%s-%s-%s-%d", name, model, strings.ReplaceAll(c.form(), " ", "-"), seed))
	config, err := c.cell(name, model, seed)
	if err != nil {
		return report.Outcome{}, err
	}
	resume := exists(filepath.Join(dir, train.CheckpointFile))
	p.say("%s, %s, %s energy, seed %d", name, model, c.form(), seed)
	r, err := recipe.Digits(cmd.Context(), config, recipe.Options{Dir: dir, Resume: resume, Train: trainSet, Test: testSet, Emit: p.emit})
	p.end()
	switch {
	case r != nil && r.Reason == "interrupted":
		fmt.Fprintln(cmd.ErrOrStderr(), "Stopped; the same command goes on from here.")
		return report.Outcome{}, errInterrupted
	case errors.Is(err, train.ErrDiverged):
		return report.Outcome{Seed: seed, Run: dir, Failed: err.Error()}, nil
	case err != nil:
		return report.Outcome{}, err
	}
	return report.Outcome{
		Seed: seed, Run: dir, Error: r.ErrorFigure(), CorrectMean: float64(r.Energy.CorrectMean), OffendingMean: float64(r.Energy.OffendingMean),
		GapP05: float64(r.Energy.GapP05), GapP50: float64(r.Energy.GapP50), Kept: r.KeptFigure(),
		Collapsed: r.Collapsed, Why: r.Why, TrainSeconds: r.TrainSeconds,
	}, nil
}
