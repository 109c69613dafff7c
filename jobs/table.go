package jobs

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/data/tabular"
	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/train"
)

// tableJob trains energies of the answers in a column of a table.
var tableJob = job.Job{
	Name: "table", Folder: "table-LOSS-MODEL", Short: "Train an energy of the answers in a column of your own CSV file",
	Long: `Trains an energy E(W, y, x) on a CSV file with a header: y is a column of it (--target), x all others but those to
--ignore. Columns of numbers are standardised by the training rows; texts become one feature for each value. Empty cells,
NA, NaN, null and ? are missing values.

--answers says what the target is: a class, several classes in a cell (--separator), a number, or a rank: the rows of
a --group are put in order, the greatest first, and trained by pairs. A rank and each of several classes are answers of
two labels (first or second, there or not), so that every functional trains them; numbers need a --loss, (f(x) − y)² by default.

Rows are drawn for the test (--test-share) unless a second file (--test) or a column with train, validation and test
in its cells (--split-column) says which they are. The weights of the epoch with the least loss on validation rows (--validation, or
the split column) are kept; without such rows, of the one with the least loss and penalty on all training rows. energo predict writes the answers for another file.`,
	Examples: []string{"--data iris.csv --target species", "--data homes.csv --target price --answers number --model mlp", "--data films.csv --target genres --answers classes --separator '|'", "--data hits.csv --target relevance --answers rank --group query"},
	New: func() job.Spec {
		t := job.DefaultTraining()
		t.Validation = 0 // small tables need all their rows
		return &Table{Answers: data.TableClass, Separator: ";", TestShare: 0.2, Model: "linear", Hidden: 128, Functional: "nll", Form: functional.DefaultOptions(), Training: t}
	},
}

// Table is the settings of the job table.
type Table struct {
	Data, Test, SplitColumn string
	Target, Answers         string
	Separator, Group        string
	Ignore                  []string
	TestShare               float64
	Model                   string
	Hidden                  int
	Functional, Loss        string
	Form                    functional.Options
	job.Training
}

func (c *Table) Options() option.List {
	is := func(kind string) option.Rule {
		return option.When(func() bool { return c.Answers == kind }, func() string { return "answers is " + c.Answers })
	}
	// of is a setting of the functional.
	of := func(p *float64, name, help string) option.Option {
		return option.New(p, name, help, option.Below(1e38), option.When(func() bool { return c.takes(name) }, func() string {
			return fmt.Sprintf("%s has no %s", cmp.Or(c.Loss, "the functional "+c.Functional), name)
		}))
	}
	base := c.Training.Options()
	option.Unset("that of a prior: 2 (linear), 5 or 20 (mlp, of numbers) by the number of samples")(base.Find("weight_decay"))
	f := &c.Form
	return append(option.List{
		option.New(&c.Data, "data", "CSV file with a header", option.Arg("file"), option.Path),
		option.New(&c.Test, "test", "CSV file of the test rows", option.Arg("file"), option.Path),
		option.New(&c.SplitColumn, "split_column", "column with train, validation or test in each row", option.Arg("column"), option.When(func() bool { return c.Test == "" }, func() string { return "the test rows are those of --test" })),
		option.New(&c.TestShare, "test_share", "share of the rows for the test, drawn by the seed", option.Share, option.When(func() bool { return c.Test == "" && c.SplitColumn == "" }, func() string { return "the test rows are named otherwise" })),
		option.New(&c.Target, "target", "column of the answers", option.Arg("column")),
		option.New(&c.Answers, "answers", "what the target is", option.OneOf(data.TableClass, data.TableClasses, data.TableNumber, data.TableRank)),
		option.New(&c.Separator, "separator", "text between several classes of a cell", option.Arg("text"), is(data.TableClasses)),
		option.New(&c.Group, "group", "column that says which rows are ordered together; all are where it is left out", option.Arg("column"), is(data.TableRank)),
		option.New(&c.Ignore, "ignore", "columns that are no inputs, separated by commas", option.Arg("columns")),
		option.New(&c.Model, "model", "energy function", option.OneOf(tabular.Networks...)),
		option.New(&c.Hidden, "hidden", "units of each of the two hidden layers of mlp", option.Whole(1, tabular.MostHidden), option.When(func() bool { return c.Model == "mlp" }, func() string { return "the model is linear" })),
		option.New(&c.Functional, "functional", "loss functional; energo functionals lists them", option.OneOf(functional.Names()...), option.When(c.byFunctional, func() string { return "a loss trains: " + cmp.Or(c.Loss, "mse") })),
		option.New(&c.Loss, "loss", "train the scores −E, or the number, with a loss instead of a functional", option.OneOf(append(tabular.Losses(""), "")...)),
		of(&f.Margin, "margin", "margin m of hinge, square_square and the margin costs"),
		of(&f.Beta, "beta", "inverse temperature β of nll and mee"),
		of(&f.Gamma, "gamma", "γ of square_exp"),
		of(&f.Cap, "cap", "cap M of lvq2"),
		of(&f.Delta, "delta", "δ of lvq2's quotient; 0 is the form without"),
	}, base...)
}

// byFunctional tells whether a functional trains.
func (c *Table) byFunctional() bool { return c.Loss == "" && c.Answers != data.TableNumber }

// takes tells whether a setting of functionals counts.
func (c *Table) takes(setting string) bool {
	e, err := functional.Lookup(c.Functional)
	return c.byFunctional() && err == nil && e.Takes(setting)
}

func (c *Table) Resolve() error {
	if c.Answers == data.TableNumber {
		c.Loss = cmp.Or(c.Loss, "mse")
	}
	switch allowed := tabular.Losses(c.Answers); {
	case c.Data == "":
		return fmt.Errorf("data is not set; it must be a CSV file")
	case c.Target == "":
		return fmt.Errorf("target is not set; it must be a column of %s", c.Data)
	case c.Answers == data.TableClasses && strings.TrimSpace(c.Separator) == "":
		return fmt.Errorf("separator is %q; it must be a text that is not blank", c.Separator)
	case c.Loss != "" && !slices.Contains(allowed, c.Loss):
		return fmt.Errorf("loss is %s; where answers is %s, it must be one of %s", c.Loss, c.Answers, strings.Join(allowed, ", "))
	}
	if c.LR == 0 && c.Model == "linear" {
		c.LR = 10 * job.RateDefaults[c.Optimizer] // a convex problem takes longer steps
	}
	c.Settle(300, 32)
	_, err := functional.New(c.Functional, c.Form)
	return err
}

func (c *Table) Folder() string {
	return fmt.Sprintf("table-%s-%s", cmp.Or(c.Loss, c.Functional), c.Model)
}

func (c *Table) Open(_ context.Context, env job.Env) (job.Model, error) {
	whole, split, err := c.read()
	if err != nil {
		return nil, err
	}
	target := data.TableTarget{Kind: c.Answers, Column: c.Target, Separator: c.Separator, Group: c.Group}
	spec := tabular.Spec{Network: c.Model, Hidden: c.Hidden}
	if spec.Schema, err = whole.Fit(split.Train, target, append(slices.Clone(c.Ignore), c.SplitColumn)); err != nil {
		return nil, err
	}
	m := &tabled{trainedOn: trainedOn{tableSum(whole)}}
	if m.Model, err = tabular.New(spec, train.Rand(c.Seed, "weights", 0)); err != nil {
		return nil, err
	}
	if m.trainer, err = tabular.NewTrainer(m.Model, c.Functional, c.Form, c.Loss); err != nil {
		return nil, err
	}
	m.subject = c.subject(m.trainer.Functional)
	m.subject.Terms.AllAnswers = spec.Schema.Target.Kind == data.TableClass
	if m.set, m.held, m.test, err = split.Rows(spec.Schema, whole, cmp.Or(env.Data, c.Test)); err != nil {
		return nil, err
	}
	c.WeightDecay = cmp.Or(c.WeightDecay, spec.Decay(m.Samples()))
	if split.Validation == nil {
		m.decay = c.WeightDecay
	}
	return m, nil
}

// read reads the table, and divides its rows.
func (c *Table) read() (*data.Table, tabular.Split, error) {
	whole, err := data.ReadTable(c.Data)
	if err != nil {
		return nil, tabular.Split{}, err
	}
	split, err := c.split(whole)
	return whole, split, err
}

// tableSum stands for a table in a checkpoint's settings.
func tableSum(t *data.Table) string {
	return fmt.Sprintf("%d rows with checksum %08x", t.Rows(), crc32.ChecksumIEEE(fmt.Append(nil, t.Columns)))
}

// Show implements job.Shower.
func (c *Table) Show(_ context.Context, _ job.Env) (*job.Shown, error) {
	whole, split, err := c.read()
	if err != nil {
		return nil, err
	}
	test, tested := whole, split.Test
	if c.Test != "" {
		if test, err = data.ReadTable(c.Test); err != nil {
			return nil, err
		}
		tested = test.All()
	}
	s := &job.Shown{Data: tableSum(whole), HeldText: rowTexts(whole, split.Held()), TestText: rowTexts(test, tested)}
	for _, t := range []*data.Table{whole, test} {
		for _, column := range t.Columns {
			for _, cell := range column.Texts {
				s.Bytes += len(cell) + cellBytes
			}
		}
	}
	return s, nil
}

// cellBytes is what a cell takes besides its text: the text's header, and a number.
const cellBytes = 24

// rowTexts writes rows of a table as NAME: CELL, a line a column.
func rowTexts(t *data.Table, rows []int) func(i int) string {
	return func(i int) string {
		if i < 0 || i >= len(rows) {
			return ""
		}
		var text strings.Builder
		for _, column := range t.Columns {
			fmt.Fprintf(&text, "%s: %s\n", column.Name, column.Texts[rows[i]])
		}
		return text.String()
	}
}

// split divides the rows into those that are trained on, those of validation and those of the test.
func (c *Table) split(t *data.Table) (tabular.Split, error) {
	s, err := tabular.Divide(t, c.SplitColumn, c.Group, c.TestShare, train.Rand(c.Seed, "split", 0))
	if c.Test != "" { // all rows of this table are for training and validation
		s.Train, s.Test = append(s.Train, s.Test...), nil
	}
	if err != nil || s.Validation != nil {
		return s, err
	}
	n, lo, hi, err := c.Held(len(s.Train))
	if err != nil {
		return s, fmt.Errorf("%s: %w", t.Path, err)
	}
	if c.Validation > 0 {
		s.Validation = s.Train[lo:hi]
	}
	s.Train = s.Train[:n]
	return s, nil
}

// subject says what is diagnosed.
func (c *Table) subject(f functional.Functional) train.Subject {
	s := train.Subject{Loss: c.Loss, Functional: f, Architecture: "an energy of the answers in a table (" + c.Model + ")"}
	if c.takes("margin") {
		s.Margin = c.Form.Margin
	}
	s.Terms = train.AnswerTerms(cmp.Or(map[string]string{data.TableClasses: "classes of rows", data.TableRank: "pairs"}[c.Answers], "rows"), s.Margin)
	s.Terms.AllAnswers = false // but of one class, which the data says
	if c.Answers == data.TableNumber {
		s.Terms.Correct, s.Terms.Offending = "f(x)", "the mean of the training rows"
		s.Terms.Kept = train.ToldApart("of the rows have f(x) nearer to y than the mean of the training rows")
	}
	return s
}

// Predict implements job.Predictor.
//
// Errors: more than one file.
func (c *Table) Predict(_ context.Context, dir string, paths []string, out io.Writer) error {
	if len(paths) != 1 {
		return fmt.Errorf("there are %d files; a run of table answers the rows of one CSV file", len(paths))
	}
	return tabular.Predict(dir, paths[0], out)
}

// tabled is a job.Model.
type tabled struct {
	*tabular.Model
	trainer         *tabular.Trainer
	set, held, test *tabular.Rows
	trainedOn
	diagnosed
	decay float64 // where no rows are held out
}

func (m *tabled) Samples() int { return m.set.Samples() }

func (m *tabled) Loss(tape *autodiff.Tape, b train.Batch) (*autodiff.Var, error) {
	return m.trainer.Loss(tape, m.set, b.Samples, b.Rand)
}

// Evaluate implements train.Task: the error is the mean loss on validation rows, or what is minimised: that on training rows and R(W).
func (m *tabled) Evaluate(ctx context.Context) (train.Evaluation, error) {
	s, err := m.trainer.Measure(ctx, m.held)
	if err != nil {
		return train.Evaluation{}, err
	}
	q := measure.Quantity{Key: "loss", Name: "Loss", Note: "on validation rows; without such rows on training rows, with R(W)"}
	e := train.Diagnose(s.Stats, m.subject, q.Of(s.Loss+optim.L2(m.Params(), m.decay)), math.NaN())
	if classes := m.Schema.Target.Classes; s.Energies != nil {
		first := numbers(0, min(len(s.Right), scaleSample))
		e.Watched = watched(s.Energies, s.Right, first, first, len(classes), classes)
	}
	return e, nil
}

func (m *tabled) Measure(ctx context.Context) (*job.Measures, error) {
	s, err := m.trainer.Measure(ctx, m.test)
	if err != nil {
		return nil, err
	}
	e := train.Diagnose(s.Stats, m.subject, s.Error, s.Chance)
	out := &job.Measures{Evaluation: e, Figures: append(s.Figures, measure.Quantity{Key: "test_loss", Name: "Test loss", Note: "mean over the test rows"}.Of(s.Loss))}
	if classes := m.Schema.Target.Classes; s.Energies != nil {
		own := measurement{Energies: rowsOf(s.Energies, len(classes)), target: s.Right}
		out.Write = func(_ context.Context, dir string) error { return own.write(dir, classes) }
	}
	return out, nil
}
