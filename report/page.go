package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/train"
)

//go:embed templates
var templates embed.FS

// A page is what report.tmpl shows.
type page struct {
	Title    string
	Subtitle string
	Formula  string // of the functional
	Status   string // why the run is not finished, or nothing
	Notes    []string
	Tiles    []tile
	Tables   []measure.Table

	Plane      view
	Histograms []view
	Samples    []view
	Confusion  view
	Worst      *groups
	Training   []view
	Tested     bool // there are energies over all answers
	Missing    bool // there should be such energies, or there is no result yet

	Vectors *vectorsView // of test pictures
	Search  *searchView  // among them
	Verify  *verifyView  // of pairs of them

	Films    []view // the first and the last frame of each
	Sheets   []sheetView
	Pictured bool

	Config  []Setting
	Command string
	Plots   bool // there are files under plots/

	pictures
}

// A tile is a headline figure.
type tile struct {
	Label, Value, Note string
	Alarm              bool
}

// newPage works out the words and the headline figures.
func newPage(r *Run, s *Surface) *page {
	p := &page{Title: r.Name, Config: r.Config, Tested: s != nil}
	p.Missing = !p.Tested && (r.Result == nil || r.terms().AllAnswers)
	p.Subtitle = subtitle(r)
	if e, ok := r.Functional(); ok {
		p.Formula = e.Formula
	}
	p.Status = status(r)
	p.Tiles = append(p.Tiles, errorTile(r, s), collapseTile(r, s))
	p.Tiles = append(p.Tiles, gapTiles(r)...)
	if r.Result != nil {
		p.Tables = r.Result.Tables
		for _, f := range r.Result.Figures {
			p.Tiles = append(p.Tiles, tile{Label: f.Name, Value: f.Text(), Note: f.Note})
		}
	}
	if t, ok := timeTile(r); ok {
		p.Tiles = append(p.Tiles, t)
	}
	return p
}

// notes says what the reader should know before believing the pictures.
func (p *page) notes(r *Run, s *Surface) {
	p.Notes = r.Notes
	say := func(format string, args ...any) { p.Notes = append(p.Notes, fmt.Sprintf(format, args...)) }
	if s := r.Start; s != nil && s.LeftOut > 0 {
		say("%s not used. The first: %s.", plural(s.LeftOut, "sample of the data is", "samples of the data are"), s.LeftOutFirst)
	}
	if n := len(r.Diverged); n > 0 {
		last := r.Diverged[n-1]
		say("Training diverged %s; each time the step was rolled back and the learning rate cut. The last time was step %s (%s).",
			plural(n, "time", "times"), count(last.Step), last.Reason)
	}
	if s == nil {
		return
	}
	if s.Broken > 0 {
		say("%s of %s with an energy that is infinite or not a number: a sample without a least energy counts as wrong, and what is not finite is left out of the pictures.",
			plural(s.Broken, "test sample", "test samples"), count(s.N))
	}
	if ties := s.ties(); ties > 0 {
		say("In %s the correct and the most offending answer have the same energy: such a tie goes to the label that comes first.",
			plural(ties, "test sample", "test samples"))
	}
	if missing := missingLabels(s); len(missing) > 0 {
		say("The test set has no sample of label %s.", strings.Join(missing, ", "))
	}
	if r.Result != nil && math.Abs(float64(r.Result.TestError)-s.Error()) > 0.5/float64(s.N) {
		say("%s gives a test error of %s, but the energies in %s give %s: the two are not of one evaluation.",
			ResultFile, r.Result.ErrorFigure().Text(), TestFile, percent(s.Error()))
	}
}

func missingLabels(s *Surface) []string {
	seen := make([]bool, s.K)
	for _, y := range s.Labels {
		seen[y] = true
	}
	var missing []string
	for y, ok := range seen {
		if !ok {
			missing = append(missing, s.Names[y])
		}
	}
	if len(missing) > 8 {
		missing = append(missing[:8], fmt.Sprintf("and %d others", len(missing)-8))
	}
	return missing
}

// subtitle names what was trained.
func subtitle(r *Run) string {
	recipe := r.Get("recipe")
	if r.Start != nil && r.Start.Recipe != "" {
		recipe = r.Start.Recipe
	}
	var parts []string
	for _, s := range []struct{ word, value string }{
		{"", recipe},
		{"functional ", r.Get("functional")},
		{"loss ", r.Get("loss")},
		{"model ", r.Get("model")},
		{"energy ", energyName(r)},
		{"seed ", r.Get("seed")},
	} {
		if s.value != "" {
			parts = append(parts, s.word+s.value)
		}
	}
	return strings.Join(parts, " · ")
}

// energyName names the energy function, with the kind of its class codes if it has any.
func energyName(r *Run) string {
	energy := r.Get("energy")
	if codes := r.Get("codes"); energy == "code" && codes != "" {
		return codes + " code"
	}
	return energy
}

// status says where a run stands that did not simply finish.
func status(r *Run) string {
	of := ""
	if r.Start != nil && r.Start.Epochs > 0 {
		of = fmt.Sprintf(" of %d", r.Start.Epochs)
	}
	done := fmt.Sprintf("%d%s epochs are done", len(r.Epochs), of)
	if len(r.Epochs) == 1 && of == "" {
		done = "1 epoch is done"
	}
	switch {
	case r.Done == nil && r.Start == nil && r.Result == nil:
		return "The folder holds no events of a training run."
	case r.Done == nil && r.Start != nil:
		return "The run has not finished (it is still running, or was killed): " + done + "."
	case r.Done == nil || r.Done.Reason == "finished" || r.Done.Reason == "":
		return ""
	case r.Done.Reason == "early_stop":
		return fmt.Sprintf("The run stopped early, since the validation error no longer fell: %s.", done)
	case r.Done.Reason == "settled":
		return fmt.Sprintf("The run ended where further steps would change nothing: %s.", done)
	case r.Done.Reason == "interrupted":
		return fmt.Sprintf("The run was interrupted: %s. It can be resumed.", done)
	case r.Done.Reason == "diverged":
		return fmt.Sprintf("The run diverged and was given up: %s.", done)
	}
	return fmt.Sprintf("The run ended (%s): %s.", r.Done.Reason, done)
}

// again is what makes the run again, from its folder; "" where that is not known.
func again(command string, settings []Setting) string {
	if len(settings) == 0 || command == "" {
		return ""
	}
	return command + " --config config.yaml --run ../again"
}

func errorTile(r *Run, s *Surface) tile {
	t := tile{Label: "Test error", Value: "–", Note: "not evaluated on a test set yet"}
	switch b := r.Best(); {
	case s != nil:
		ci := wilson(s.Wrong, s.N)
		t.Value = percent(s.Error())
		t.Note = fmt.Sprintf("%s of %s wrong; 95 %% interval %s to %s", count(s.Wrong), count(s.N), percent(ci.lo), percent(ci.hi))
	case r.Result != nil:
		f := r.Result.ErrorFigure()
		t.Label, t.Value, t.Note = prefixed("Test", f.Quantity), f.Text(), f.Note
		if r.terms().AllAnswers {
			t.Note += "; the energies are not in the folder"
		}
		if c := float64(r.Result.Chance); finite(c) && c > 0 {
			t.Note += "; without a look at the input " + f.Unit.Text(c)
		}
	case r.Broken != nil:
		t.Note = r.Broken.Error()
	case b != nil:
		f := b.ErrorFigure()
		t.Label, t.Value = prefixed("Validation", f.Quantity), f.Text()
		t.Note = fmt.Sprintf("best so far, after epoch %d; not evaluated on a test set yet", b.Epoch)
	case len(r.Epochs) > 0:
		t.Note = "no epoch so far is better than the weights before training; not evaluated on a test set yet"
	}
	return t
}

// diagnosis is the last epoch's, or nil.
func diagnosis(r *Run) *train.Diagnosis {
	if len(r.Epochs) == 0 {
		return nil
	}
	return &r.Epochs[len(r.Epochs)-1].Diagnosis
}

// collapseTile says whether the surface collapsed, and what the numbers say of training: those of the test set
// where there are some, else of the last epoch.
func collapseTile(r *Run, s *Surface) tile {
	collapsed, note, known := false, "", false
	if d := diagnosis(r); d != nil {
		collapsed, note, known = d.Collapsed, d.Verdict, true
	}
	if r.Result != nil {
		collapsed, known = r.Result.Collapsed, true
		switch {
		case collapsed && r.Result.Why != "":
			note = r.Result.Why
		case r.Result.Verdict != "":
			note = r.Result.Verdict
		}
	}
	if s != nil && s.isFlat() {
		collapsed, known = true, true
		note = "All energies of the test set are the same number: the model says nothing about the answer."
	}
	t := tile{Label: "Collapsed", Alarm: collapsed}
	switch {
	case !known:
		t.Value, t.Note = "–", "not known before the first epoch"
	case collapsed:
		t.Value, t.Note = "Yes", note
	default:
		t.Value, t.Note = "No", note
	}
	return t
}

// gapTiles say how far apart the energies are: what the result says, or the last epoch.
func gapTiles(r *Run) []tile {
	w := r.terms()
	t := tile{Label: "Median gap", Value: "–", Note: fmt.Sprintf("%s of %s less those of %s", w.Energies, w.Offending, w.Correct)}
	var p50, p05 measure.Number
	var kept measure.Figure
	switch d := diagnosis(r); {
	case r.Result != nil && r.Result.Energy.Terms.Energies != "":
		p50, p05, kept = r.Result.Energy.GapP50, r.Result.Energy.GapP05, r.Result.KeptFigure()
	case d != nil:
		p50, p05, kept = d.Gap.P50, d.Gap.P05, d.KeptFigure()
		t.Note += ", on the validation set"
	default:
		return []tile{t}
	}
	t.Value = w.Unit.Text(float64(p50))
	t.Note += fmt.Sprintf("; for 5 %% of the %s below %s", w.Samples, w.Unit.Text(float64(p05)))
	if kept.Name == "" {
		return []tile{t}
	}
	return []tile{t, {Label: kept.Name, Value: kept.Text(), Note: kept.Note}}
}

func timeTile(r *Run) (tile, bool) {
	seconds, epochs, steps := 0.0, len(r.Epochs), 0
	switch {
	case r.Done != nil:
		seconds, epochs, steps = r.Done.TrainSeconds, r.Done.Epochs, r.Done.Steps
	case r.Result != nil:
		seconds, epochs, steps = r.Result.TrainSeconds, r.Result.Epochs, r.Result.Steps
	case len(r.Epochs) > 0:
		last := r.Epochs[len(r.Epochs)-1]
		seconds, steps = last.Seconds, last.Step
	}
	if !(seconds > 0) || seconds > 1e9 {
		return tile{}, false
	}
	t := tile{Label: "Training time", Value: duration(seconds), Note: plural(epochs, "epoch", "epochs")}
	if steps > 0 {
		t.Note += ", " + plural(steps, "step", "steps")
	}
	if r.Start != nil && r.Start.Params > 0 {
		t.Note += ", " + plural(r.Start.Params, "weight", "weights")
	}
	return t, true
}

// duration writes seconds as a reader says them.
func duration(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	d = d.Round(time.Minute)
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// render fills a template.
func render(name string, data any) ([]byte, error) {
	t, err := template.New(name).ParseFS(templates, "templates/*")
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return b.Bytes(), nil
}
