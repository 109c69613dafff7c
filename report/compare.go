package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/wholefile"
)

// A Cell is one line of the lecture's Figure 6 as measured: what a functional did with a
// model and an energy under one protocol.
type Cell struct {
	Functional string // by its name in the catalogue
	Model      string
	Energy     string
	Theory     string    // what the theory expects; "" takes the catalogue's word
	Outcomes   []Outcome // one a seed
}

// An Outcome is one run of a Cell. Numbers that are not finite are allowed, and told apart.
type Outcome struct {
	Seed          uint64         `json:"seed"`
	Run           string         `json:"run,omitempty"` // its folder, or ""
	Error         measure.Figure `json:"-"`
	CorrectMean   measure.Number `json:"correct_mean"` // energies on the test set
	OffendingMean measure.Number `json:"offending_mean"`
	GapP05        measure.Number `json:"gap_p05"`
	GapP50        measure.Number `json:"gap_p50"`
	Kept          measure.Figure `json:"-"` // share of the test set that keeps the margin, or has a gap above 0 where there is none
	Collapsed     bool           `json:"collapsed"`
	Why           string         `json:"why,omitempty"`    // of a collapse, one sentence
	Failed        string         `json:"failed,omitempty"` // why there is no result; the numbers are then not looked at
	TrainSeconds  measure.Number `json:"train_seconds"`
}

// Outcome sums a run up for Compare by its result. A run without one has failed.
func (r *Run) Outcome() Outcome {
	o := Outcome{Run: r.Dir}
	o.Seed, _ = strconv.ParseUint(r.Get("seed"), 10, 64)
	switch res := r.Result; {
	case res != nil:
		o.Error, o.Kept, o.TrainSeconds = res.ErrorFigure(), res.KeptFigure(), measure.Number(res.TrainSeconds)
		o.CorrectMean, o.OffendingMean, o.GapP05, o.GapP50 = res.Energy.CorrectMean, res.Energy.OffendingMean, res.Energy.GapP05, res.Energy.GapP50
		o.Collapsed, o.Why = res.Collapsed, res.Why
	case r.Broken != nil:
		o.Failed = r.Broken.Error()
	default:
		o.Failed = "the run has not been evaluated on a test set"
	}
	return o
}

// Compare writes the measured Figure 6 into a folder, which it makes: compare.html with the
// table and small charts, compare.csv with a line a run, compare.json with both means and
// runs, and the charts under plots/. Cells come in the order given; those of one model and
// energy are shown together. It returns what compare.json holds.
//
// Errors: no cells; a cell without outcomes; files that cannot be written.
func Compare(dir string, cells []Cell) ([]Summary, error) {
	if len(cells) == 0 {
		return nil, fmt.Errorf("report: compare: no cells")
	}
	for i, c := range cells {
		if len(c.Outcomes) == 0 {
			return nil, fmt.Errorf("report: compare: cell %d (%s, %s, %s) has no outcomes", i, c.Functional, c.Model, c.Energy)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, fmt.Errorf("report: compare: %w", err)
	}
	table, err := csvTable(cells)
	if err != nil {
		return nil, fmt.Errorf("report: compare: %w", err)
	}
	summaries := make([]Summary, len(cells))
	for i, c := range cells {
		summaries[i] = summarise(c)
	}
	data, err := json.MarshalIndent(summaries, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("report: compare: %w", err)
	}
	p := comparison(summaries)
	if err := p.save(dir); err != nil {
		return nil, err
	}
	page, err := render("compare.tmpl", p)
	if err != nil {
		return nil, err
	}
	named := map[string][]byte{"compare.csv": table, "compare.json": append(data, '\n'), "compare.html": page}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		data := named[name]
		if err := wholefile.Write(filepath.Join(dir, name), data); err != nil {
			return nil, fmt.Errorf("report: compare: %w", err)
		}
	}
	return summaries, nil
}

// csvTable has a line for every run.
func csvTable(cells []Cell) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{
		"functional", "model", "energy", "seed", "test_error", "correct_mean", "offending_mean",
		"gap_p05", "gap_p50", "kept", "collapsed", "train_seconds", "failed", "run",
	}}
	for _, c := range cells {
		for _, o := range c.Outcomes {
			row := []string{c.Functional, c.Model, c.Energy, strconv.FormatUint(o.Seed, 10)}
			for _, v := range []measure.Number{o.Error.Value, o.CorrectMean, o.OffendingMean, o.GapP05, o.GapP50, o.Kept.Value} {
				row = append(row, exact(v, o.Failed))
			}
			rows = append(rows, append(row, strconv.FormatBool(o.Collapsed), exact(o.TrainSeconds, o.Failed), o.Failed, o.Run))
		}
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}

// exact writes a number so that it reads back the same, or nothing for a failed run.
func exact(v measure.Number, failed string) string {
	if failed != "" {
		return ""
	}
	return strconv.FormatFloat(float64(v), 'g', -1, 64)
}

// A Spread is a figure's mean and standard deviation over seeds.
type Spread struct {
	measure.Quantity
	Mean measure.Number `json:"mean"` // NaN where no run has a result
	SD   measure.Number `json:"sd"`   // NaN for a single seed
}

func spreadOf(q measure.Quantity, values []measure.Number) Spread {
	floats := make([]float64, len(values))
	for i, v := range values {
		floats[i] = float64(v)
	}
	mean, sd := meanSD(floats)
	return Spread{q, measure.Number(mean), measure.Number(sd)}
}

// Text writes the mean, with the deviation if there is one; "–" without a mean.
func (s Spread) Text() string {
	if !measure.Finite(float64(s.Mean)) {
		return "–"
	}
	return s.Unit.PlusMinus(float64(s.Mean), float64(s.SD))
}

// MeanText is Text without the deviation.
func (s Spread) MeanText() string {
	s.SD = measure.Number(math.NaN())
	return s.Text()
}

// A Summary is a cell with its means, as compare.json has it.
type Summary struct {
	Functional string    `json:"functional"`
	Model      string    `json:"model"`
	Energy     string    `json:"energy"`
	Formula    string    `json:"formula,omitempty"`
	Margin     string    `json:"margin,omitempty"` // as the lecture's table has it
	Theory     string    `json:"theory"`
	Seeds      int       `json:"seeds"`
	Failed     int       `json:"failed"`
	Collapsed  int       `json:"collapsed"`
	Error      Spread    `json:"test_error"`
	GapP05     Spread    `json:"gap_p05"`
	GapP50     Spread    `json:"gap_p50"`
	Kept       Spread    `json:"kept"`
	Runs       []RunLine `json:"runs"`
}

// A RunLine is one run in compare.json: an Outcome, its figures without what they are of.
type RunLine struct {
	Outcome
	Error measure.Number `json:"test_error"`
	Kept  measure.Number `json:"kept"`
}

// summarise works out a cell's means, over the runs that have a result.
func summarise(c Cell) Summary {
	s := Summary{Functional: c.Functional, Model: c.Model, Energy: c.Energy, Theory: c.Theory, Seeds: len(c.Outcomes)}
	if e, err := functional.Lookup(c.Functional); err == nil {
		s.Formula, s.Margin = e.Formula, e.Margin
		if s.Theory == "" {
			s.Theory = theory(e)
		}
	}
	var errs, p05, p50, kept []measure.Number
	for _, o := range c.Outcomes {
		if o.Failed != "" {
			s.Failed++
			s.Runs = append(s.Runs, RunLine{Outcome: Outcome{Seed: o.Seed, Run: o.Run, Collapsed: o.Collapsed, Why: o.Why, Failed: o.Failed}})
			continue
		}
		if o.Collapsed {
			s.Collapsed++
		}
		s.Runs = append(s.Runs, RunLine{o, o.Error.Value, o.Kept.Value})
		errs, kept, p05, p50 = append(errs, o.Error.Value), append(kept, o.Kept.Value), append(p05, o.GapP05), append(p50, o.GapP50)
		s.Error.Quantity, s.Kept.Quantity = o.Error.Quantity, o.Kept.Quantity
	}
	gap := measure.Quantity{Key: "gap", Name: "Gap"}
	s.Error, s.Kept = spreadOf(s.Error.Quantity, errs), spreadOf(s.Kept.Quantity, kept)
	s.GapP05, s.GapP50 = spreadOf(gap, p05), spreadOf(gap, p50)
	return s
}

// theory is the lecture's word on a functional.
func theory(e functional.Entry) string {
	switch {
	case e.Demonstration:
		return "a misprint: fails"
	case e.GoodMargin:
		return "good"
	}
	return "may collapse"
}
