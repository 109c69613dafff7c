package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/train"
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
	Seed          uint64
	Run           string // its folder, or ""
	Error         measure.Figure
	CorrectMean   float64 // energies on the test set
	OffendingMean float64
	GapP05        float64
	GapP50        float64
	Kept          measure.Figure // share of the test set that keeps the margin, or has a gap above 0 where there is none
	Collapsed     bool
	Why           string // of a collapse, one sentence
	Failed        string // why there is no result; the numbers are then not looked at
	TrainSeconds  float64
}

// Outcome sums a run up for Compare. It reads the test set's energies, and falls back on
// result.json where they are not in the folder. A run with neither has failed.
func (r *Run) Outcome() Outcome {
	o := Outcome{Run: r.Dir}
	o.Seed, _ = strconv.ParseUint(r.Get("seed"), 10, 64)
	if d := diagnosis(r); d != nil {
		o.Collapsed, o.Why, o.Kept = d.Collapsed, d.Why, d.KeptFigure()
	}
	if res := r.Result; res != nil {
		o.Error, o.TrainSeconds, o.Kept = res.ErrorFigure(), res.TrainSeconds, res.KeptFigure()
		o.CorrectMean, o.OffendingMean = float64(res.Energy.CorrectMean), float64(res.Energy.OffendingMean)
		o.GapP05, o.GapP50 = float64(res.Energy.GapP05), float64(res.Energy.GapP50)
		o.Collapsed = res.Collapsed
		if res.Why != "" {
			o.Why = res.Why
		}
	}
	s, err := r.Surface()
	if err != nil || s.N == 0 {
		switch {
		case r.Broken != nil:
			o.Failed = r.Broken.Error()
		case r.Result == nil:
			o.Failed = "the run has not been evaluated on a test set"
		}
		return o
	}
	gaps := sortedFinite(s.Gap)
	o.Error, o.GapP05, o.GapP50 = train.WrongSamples.Of(s.Error()), quantile(gaps, 0.05), quantile(gaps, 0.5)
	o.CorrectMean, _ = meanSD(s.Correct)
	o.OffendingMean, _ = meanSD(s.Offending)
	o.Collapsed = o.Collapsed || s.isFlat()
	if m, has := r.Margin(); has {
		o.Kept = train.AnswerTerms("samples", m).Kept.Of(s.Kept(m))
	} else {
		o.Kept = train.AnswerTerms("samples", 0).Kept.Of(s.above(0))
	}
	return o
}

// Compare writes the measured Figure 6 into a folder, which it makes: compare.html with the
// table and small charts, compare.csv with a line a run, compare.json with both means and
// runs, and the charts under plots/. Cells come in the order given; those of one model and
// energy are shown together.
//
// Errors: no cells; a cell without outcomes; files that cannot be written.
func Compare(dir string, cells []Cell) error {
	if len(cells) == 0 {
		return fmt.Errorf("report: compare: no cells")
	}
	for i, c := range cells {
		if len(c.Outcomes) == 0 {
			return fmt.Errorf("report: compare: cell %d (%s, %s, %s) has no outcomes", i, c.Functional, c.Model, c.Energy)
		}
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("report: compare: %w", err)
	}
	table, err := csvTable(cells)
	if err != nil {
		return fmt.Errorf("report: compare: %w", err)
	}
	summaries := make([]summary, len(cells))
	for i, c := range cells {
		summaries[i] = summarise(c)
	}
	data, err := json.MarshalIndent(summaries, "", "  ")
	if err != nil {
		return fmt.Errorf("report: compare: %w", err)
	}
	p := comparison(summaries)
	if err := p.save(dir); err != nil {
		return err
	}
	page, err := render("compare.tmpl", p)
	if err != nil {
		return err
	}
	for name, data := range map[string][]byte{"compare.csv": table, "compare.json": append(data, '\n'), "compare.html": page} {
		if err := wholefile.Write(filepath.Join(dir, name), data); err != nil {
			return fmt.Errorf("report: compare: %w", err)
		}
	}
	return nil
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
			for _, v := range []float64{float64(o.Error.Value), o.CorrectMean, o.OffendingMean, o.GapP05, o.GapP50, float64(o.Kept.Value)} {
				row = append(row, exact(v, o.Failed))
			}
			rows = append(rows, append(row, strconv.FormatBool(o.Collapsed), exact(o.TrainSeconds, o.Failed), o.Failed, o.Run))
		}
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}

// exact writes a number so that it reads back the same, or nothing for a failed run.
func exact(v float64, failed string) string {
	if failed != "" {
		return ""
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// A spread is a figure's mean and standard deviation over seeds.
type spread struct {
	measure.Quantity
	Mean measure.Number `json:"mean"` // NaN where no run has a result
	SD   measure.Number `json:"sd"`   // NaN for a single seed
}

func spreadOf(figures []measure.Figure) spread {
	var s spread
	values := make([]float64, len(figures))
	for i, f := range figures {
		s.Quantity, values[i] = f.Quantity, float64(f.Value)
	}
	mean, sd := meanSD(values)
	s.Mean, s.SD = measure.Number(mean), measure.Number(sd)
	return s
}

// Text writes the mean, with the deviation if there is one.
func (s spread) Text() string { return s.Unit.PlusMinus(float64(s.Mean), float64(s.SD)) }

// A summary is a cell with its means, as compare.json has it.
type summary struct {
	Functional string    `json:"functional"`
	Model      string    `json:"model"`
	Energy     string    `json:"energy"`
	Formula    string    `json:"formula,omitempty"`
	Margin     string    `json:"margin,omitempty"` // as the lecture's table has it
	Theory     string    `json:"theory"`
	Seeds      int       `json:"seeds"`
	Failed     int       `json:"failed"`
	Collapsed  int       `json:"collapsed"`
	Error      spread    `json:"test_error"`
	GapP05     spread    `json:"gap_p05"`
	GapP50     spread    `json:"gap_p50"`
	Kept       spread    `json:"kept"`
	Runs       []runLine `json:"runs"`
}

// A runLine is one run in compare.json.
type runLine struct {
	Seed          uint64         `json:"seed"`
	Run           string         `json:"run,omitempty"`
	Error         measure.Number `json:"test_error"`
	CorrectMean   measure.Number `json:"correct_mean"`
	OffendingMean measure.Number `json:"offending_mean"`
	GapP05        measure.Number `json:"gap_p05"`
	GapP50        measure.Number `json:"gap_p50"`
	Kept          measure.Number `json:"kept"`
	Collapsed     bool           `json:"collapsed"`
	Why           string         `json:"why,omitempty"`
	Failed        string         `json:"failed,omitempty"`
	TrainSeconds  measure.Number `json:"train_seconds"`
}

// summarise works out a cell's means, over the runs that have a result.
func summarise(c Cell) summary {
	s := summary{Functional: c.Functional, Model: c.Model, Energy: c.Energy, Theory: c.Theory, Seeds: len(c.Outcomes)}
	if e, err := functional.Lookup(c.Functional); err == nil {
		s.Formula, s.Margin = e.Formula, e.Margin
		if s.Theory == "" {
			s.Theory = theory(e)
		}
	}
	var errs, p05, p50, kept []measure.Figure
	gap := measure.Quantity{Key: "gap", Name: "Gap"}
	for _, o := range c.Outcomes {
		line := runLine{Seed: o.Seed, Run: o.Run, Collapsed: o.Collapsed, Why: o.Why, Failed: o.Failed}
		if o.Failed != "" {
			s.Failed++
			s.Runs = append(s.Runs, line)
			continue
		}
		if o.Collapsed {
			s.Collapsed++
		}
		line.Error, line.CorrectMean, line.OffendingMean = o.Error.Value, measure.Number(o.CorrectMean), measure.Number(o.OffendingMean)
		line.GapP05, line.GapP50 = measure.Number(o.GapP05), measure.Number(o.GapP50)
		line.Kept, line.TrainSeconds = o.Kept.Value, measure.Number(o.TrainSeconds)
		s.Runs = append(s.Runs, line)
		errs, kept = append(errs, o.Error), append(kept, o.Kept)
		p05, p50 = append(p05, gap.Of(o.GapP05)), append(p50, gap.Of(o.GapP50))
	}
	s.Error, s.GapP05, s.GapP50, s.Kept = spreadOf(errs), spreadOf(p05), spreadOf(p50), spreadOf(kept)
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
