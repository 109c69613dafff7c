package jobs

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/train"
)

// table trains energies of the answers in a column of a table.
func table() job.Job {
	return job.Job{
		Name: "table", Folder: "table-LOSS-MODEL", Short: "Train an energy of the answers in a column of your own CSV file",
		Long: `Trains an energy E(W, y, x) on a CSV file with a header: y is a column of it (--target), x all others but those to
--ignore. Columns of numbers are standardised by the training rows; texts become one feature for each value. Empty cells,
NA, NaN, null and ? are missing values.

--answers says what the target is: a class, several classes in a cell (--separator), a number, or a rank: the rows of
a --group are put in order, the greatest first, and trained by pairs. A rank and each of several classes are answers of
two labels (first or second, there or not), so that every functional trains them; numbers need a --loss, (f(x) − y)² by default.

Rows are drawn for the test (--test-share) unless a second file (--test) or a column with train, validation and test
in its cells (--split-column) says which they are. The weights of the epoch with the least loss on validation rows are kept.
energo predict writes the answers for another file.`,
		Examples: []string{"--data iris.csv --target species", "--data homes.csv --target price --answers number --model mlp", "--data films.csv --target genres --answers classes --separator '|'", "--data hits.csv --target relevance --answers rank --group query"},
		New: func() job.Spec {
			t := job.DefaultTraining()
			t.Validation = 0
			return &Table{Answers: data.TableClass, Separator: ";", TestShare: 0.2, Model: "linear", Hidden: 128, Functional: "nll", Form: functional.DefaultOptions(), Training: t}
		},
	}
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

// tableLosses lists the losses of package loss for each kind of answers. Ranks are scores of two labels, the first and the second.
var tableLosses = map[string][]string{
	data.TableClass:   {"cross_entropy", "multi_margin", "bce_logits", "multilabel_soft_margin", "soft_margin", "mse", "l1", "huber"},
	data.TableClasses: {"bce_logits", "multilabel_soft_margin", "soft_margin", "mse", "l1", "huber"},
	data.TableNumber:  {"mse", "l1", "huber", "smooth_l1"},
	data.TableRank:    {"cross_entropy", "multi_margin"},
}

// Options implements job.Spec.
func (c *Table) Options() option.List {
	f := &c.Form
	is := func(kind string) func() bool { return func() bool { return c.Answers == kind } }
	because := func(why string) func() string { return func() string { return why } }
	answers := func() string { return fmt.Sprintf("answers is %s", c.Answers) }
	// of is a setting of the functional.
	of := func(p *float64, name, help string) option.Option {
		counts := func() bool {
			e, err := functional.Lookup(c.Functional)
			return c.Loss == "" && c.Answers != data.TableNumber && err == nil && e.Takes(name)
		}
		return option.New(p, name, help, option.Below(1e38), option.When(counts, func() string {
			return fmt.Sprintf("%s has no %s", cmp.Or(c.Loss, "the functional "+c.Functional), name)
		}))
	}
	var losses []string
	for _, names := range tableLosses {
		losses = append(losses, names...)
	}
	slices.Sort(losses)
	base := c.Training.Options()
	option.Unset("a tenth of the rows that are not for the test")(base.Find("validation"))
	split := func() bool { return c.Test == "" && c.SplitColumn == "" }
	return append(option.List{
		option.New(&c.Data, "data", "CSV file with a header", option.Arg("file"), option.Path),
		option.New(&c.Test, "test", "CSV file of the test rows", option.Arg("file"), option.Path),
		option.New(&c.SplitColumn, "split_column", "column with train, validation or test in each row", option.Arg("column"), option.When(func() bool { return c.Test == "" }, because("the test rows are those of --test"))),
		option.New(&c.TestShare, "test_share", "share of the rows for the test, drawn by the seed", option.Share, option.When(split, because("the test rows are named otherwise"))),
		option.New(&c.Target, "target", "column of the answers", option.Arg("column")),
		option.New(&c.Answers, "answers", "what the target is", option.OneOf(data.TableClass, data.TableClasses, data.TableNumber, data.TableRank)),
		option.New(&c.Separator, "separator", "text between several classes of a cell", option.Arg("text"), option.When(is(data.TableClasses), answers)),
		option.New(&c.Group, "group", "column that says which rows are ordered together; all are where it is left out", option.Arg("column"), option.When(is(data.TableRank), answers)),
		option.New(&c.Ignore, "ignore", "columns that are no inputs, separated by commas", option.Arg("columns")),
		option.New(&c.Model, "model", "energy function", option.OneOf("linear", "mlp")),
		option.New(&c.Hidden, "hidden", "units of each of the two hidden layers of mlp", option.Whole(1, 1<<14), option.When(func() bool { return c.Model == "mlp" }, because("the model is linear"))),
		option.New(&c.Functional, "functional", "loss functional; energo functionals lists them", option.OneOf(functionals()...), option.When(func() bool { return c.Loss == "" && c.Answers != data.TableNumber }, func() string { return "a loss trains: " + cmp.Or(c.Loss, "mse") })),
		option.New(&c.Loss, "loss", "train the scores −E, or the number, with a loss instead of a functional", option.OneOf(append(slices.Compact(losses), "")...)),
		of(&f.Margin, "margin", "margin m of hinge, square_square and the margin costs"),
		of(&f.Beta, "beta", "inverse temperature β of nll and mee"),
		of(&f.Gamma, "gamma", "γ of square_exp"),
		of(&f.Cap, "cap", "cap M of lvq2"),
		of(&f.Delta, "delta", "δ of lvq2's quotient; 0 is the form without"),
	}, base...)
}

func functionals() (names []string) {
	for _, e := range functional.Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

// Resolve implements job.Spec.
func (c *Table) Resolve() error {
	if c.Answers == data.TableNumber {
		c.Loss = cmp.Or(c.Loss, "mse")
	}
	switch allowed := tableLosses[c.Answers]; {
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

// Folder implements job.Spec.
func (c *Table) Folder() string {
	return fmt.Sprintf("table-%s-%s", cmp.Or(c.Loss, c.Functional), c.Model)
}

// Open implements job.Spec.
func (c *Table) Open(_ context.Context, env job.Env) (job.Model, error) {
	whole, err := data.ReadTable(c.Data)
	if err != nil {
		return nil, err
	}
	rest, held, test, err := c.split(whole)
	if err != nil {
		return nil, err
	}
	target := data.TableTarget{Kind: c.Answers, Column: c.Target}
	switch c.Answers {
	case data.TableClasses:
		target.Separator = c.Separator
	case data.TableRank:
		target.Group = c.Group
	}
	ignore := c.Ignore
	if c.SplitColumn != "" {
		ignore = append(slices.Clone(ignore), c.SplitColumn)
	}
	schema, err := whole.Fit(rest, target, ignore)
	if err != nil {
		return nil, err
	}
	m, err := c.model(schema)
	if err != nil {
		return nil, err
	}
	m.data = fmt.Sprintf("%d rows with checksum %08x", whole.Rows(), crc32.ChecksumIEEE(fmt.Append(nil, whole.Columns)))
	other := whole
	if path := cmp.Or(env.Data, c.Test); path != "" {
		if other, err = data.ReadTable(path); err != nil {
			return nil, err
		}
		test = all(other.Rows())
	}
	for _, p := range []struct {
		to   *tablePart
		from *data.Table
		rows []int
		name string
	}{{&m.set, whole, rest, "train on"}, {&m.held, whole, held, "validate on"}, {&m.test, other, test, "test on"}} {
		if *p.to, err = newTablePart(schema, p.from, p.rows); err == nil && p.to.samples() == 0 {
			err = fmt.Errorf("%s: there are no rows to %s, or none that differ in rank", p.from.Path, p.name)
		}
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

// split divides the rows into those that are trained on, those of validation and those of the test.
func (c *Table) split(t *data.Table) (rest, held, test []int, err error) {
	if c.SplitColumn != "" {
		if rest, held, test, err = splitBy(t, c.SplitColumn); err != nil {
			return nil, nil, nil, err
		}
	} else if rest, err = c.shuffled(t); err != nil {
		return nil, nil, nil, err
	} else if c.Test == "" {
		n := len(rest) - max(1, int(c.TestShare*float64(len(rest))+0.5))
		rest, test = rest[:max(n, 0)], rest[max(n, 0):]
	}
	if held != nil {
		return rest, held, test, nil
	}
	base := c.Training
	if base.Validation == 0 {
		base.Validation = max(1, len(rest)/10)
	}
	n, lo, hi, err := base.Held(len(rest))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("%s: %w", t.Path, err)
	}
	return rest[:n], rest[lo:hi], test, nil
}

// shuffled returns all rows in an order drawn by the seed, those of a group together.
func (c *Table) shuffled(t *data.Table) ([]int, error) {
	rows, rng := all(t.Rows()), train.Rand(c.Seed, "split", 0)
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	if c.Answers != data.TableRank || c.Group == "" {
		return rows, nil
	}
	column, err := t.Column(c.Group)
	if err != nil {
		return nil, err
	}
	place := map[string]int{}
	for i, r := range rows {
		if _, ok := place[column.Texts[r]]; !ok {
			place[column.Texts[r]] = i
		}
	}
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(place[column.Texts[a]], place[column.Texts[b]]) })
	return rows, nil
}
