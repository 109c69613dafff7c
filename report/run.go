package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/train"
	"go.yaml.in/yaml/v3"
)

// The files of a run folder that this package reads.
const (
	configFile = "config.yaml"
	eventsFile = "events.jsonl"
	resultFile = "result.json"
	testFile   = "test.safetensors"
)

// A Run is a run folder read back, finished or not. What its files do not hold is nil
// or empty; what could not be read is told in Notes.
type Run struct {
	Dir    string
	Name   string    // the last element of the folder's path
	Config []Setting // in the order of config.yaml

	Start    *train.Start // of the first start
	Steps    []train.Step
	Epochs   []train.Epoch
	Diverged []train.Diverged
	Saved    *train.Saved // the last checkpoint
	Done     *train.Done  // nil while the run lasts, or if it was killed

	Began  time.Time // of the first event; zero if there is none
	Last   time.Time // of the last event
	Result *Result
	Broken error    // why result.json, which is there, could not be read; nil if it could
	Notes  []string // what is damaged in the folder, one sentence each
}

// A Setting is one entry of config.yaml. Nested keys are joined by dots.
type Setting struct{ Key, Value string }

// Result is result.json: what a finished run printed as its last line with --json.
type Result struct {
	Run          string         `json:"run"`
	TestError    measure.Number `json:"test_error"` // what the job calls its error: Energy.Terms.Error
	Chance       measure.Number `json:"chance"`     // the error of answers that do not look at the input
	Epochs       int            `json:"epochs"`
	Steps        int            `json:"steps"`
	TrainSeconds float64        `json:"train_seconds"`
	Energy       struct {
		Terms         train.Terms    `json:"terms"`
		CorrectMean   measure.Number `json:"correct_mean"`
		OffendingMean measure.Number `json:"offending_mean"`
		GapP05        measure.Number `json:"gap_p05"`
		GapP50        measure.Number `json:"gap_p50"`
	} `json:"energy"`
	Kept      measure.Number   `json:"kept"`
	Figures   []measure.Figure `json:"figures"` // of the job's own
	Tables    []measure.Table  `json:"tables"`  // of the job's own
	Collapsed bool             `json:"collapsed"`
	Why       string           `json:"why,omitempty"`
	Verdict   string           `json:"verdict"`
}

// ErrorFigure is TestError with what it is of.
func (r *Result) ErrorFigure() measure.Figure {
	return r.Energy.Terms.Error.Of(float64(r.TestError))
}

// KeptFigure is Kept with what it is of.
func (r *Result) KeptFigure() measure.Figure { return r.Energy.Terms.Kept.Of(float64(r.Kept)) }

// Open reads a run folder: config.yaml, events.jsonl and result.json, as far as they
// are there. Runs that are not finished, were killed in the middle of a line or are
// damaged open, too; only a folder with none of the files is refused.
//
// Where a run was resumed from a checkpoint, the events that the checkpoint did not
// know of have happened twice; only the later ones are returned.
func Open(dir string) (*Run, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("report: open run: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("report: open run: %s is a file; a run is a folder", dir)
	}
	r := &Run{Dir: dir, Name: name(dir)}
	present := 0
	for _, part := range []struct {
		file string
		read func([]byte)
	}{
		{configFile, r.readConfig},
		{eventsFile, r.readEvents},
		{resultFile, r.readResult},
	} {
		data, err := os.ReadFile(filepath.Join(dir, part.file))
		switch {
		case err == nil:
			present++
			part.read(data)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("report: open run: %w", err)
		}
	}
	if present == 0 {
		return nil, fmt.Errorf("report: %s is no run folder: it has none of %s, %s and %s", dir, configFile, eventsFile, resultFile)
	}
	return r, nil
}

// name is the folder's own name, also for "." and the like.
func name(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Base(dir)
}

// Get returns the value of the first of the keys that the configuration has, or "".
func (r *Run) Get(keys ...string) string {
	for _, k := range keys {
		for _, s := range r.Config {
			if s.Key == k {
				return s.Value
			}
		}
	}
	return ""
}

// Best returns the epoch with the least validation error, or nil before the first.
func (r *Run) Best() *train.Epoch {
	var best *train.Epoch
	for i := range r.Epochs {
		if e := &r.Epochs[i]; best == nil || e.Error < best.Error || math.IsNaN(float64(best.Error)) && e.Error == e.Error {
			best = e
		}
	}
	return best
}

// Functional returns the catalogue's row of the run's functional, and whether it has one.
func (r *Run) Functional() (functional.Entry, bool) {
	e, err := functional.Lookup(r.Get("functional", "functional.name"))
	return e, err == nil
}

// Margin returns the margin m that the run's functional asks of the gap, and whether
// it asks for one. The functionals whose margin is not a setting ask for a gap above zero.
func (r *Run) Margin() (m float64, ok bool) {
	e, known := r.Functional()
	if !known || !e.Takes("margin") || !e.GoodMargin {
		return 0, false
	}
	m, err := strconv.ParseFloat(r.Get("margin", "functional.margin"), 64)
	if err != nil || !(m >= 0) || !finite(m) {
		return functional.DefaultOptions().Margin, true
	}
	return m, true
}

// terms say what the run's energies are of, as its events or its result have it.
func (r *Run) terms() train.Terms {
	var t train.Terms
	if d := diagnosis(r); d != nil {
		t = d.Terms
	}
	if t.Energies == "" && r.Result != nil {
		t = r.Result.Energy.Terms
	}
	if t.Energies == "" {
		t = train.AnswerTerms("samples", 0)
		t.AllAnswers = false
	}
	return t
}

func (r *Run) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *Run) readConfig(data []byte) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		r.note("%s is no YAML: %v.", configFile, err)
		return
	}
	r.flatten("", &doc, 0)
}

// flatten appends the scalars under a node. Aliases and what is nested absurdly deep
// are left out: energo writes neither.
func (r *Run) flatten(key string, n *yaml.Node, depth int) {
	if depth > 8 {
		return
	}
	switch n.Kind {
	case yaml.DocumentNode:
		for _, c := range n.Content {
			r.flatten(key, c, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i].Value
			if key != "" {
				k = key + "." + k
			}
			r.flatten(k, n.Content[i+1], depth+1)
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			r.flatten(key+"["+strconv.Itoa(i)+"]", c, depth+1)
		}
	case yaml.ScalarNode:
		r.Config = append(r.Config, Setting{key, n.Value})
	}
}

func (r *Run) readResult(data []byte) {
	res, err := parseResult(data)
	if err != nil {
		r.Broken = fmt.Errorf("%s is damaged: %w", resultFile, err)
		r.note("%v. energo train with --resume measures the run anew.", r.Broken)
		return
	}
	r.Result = res
}

// parseResult reads a result, in which names that every job's has must be.
func parseResult(data []byte) (*Result, error) {
	var has map[string]json.RawMessage
	if err := json.Unmarshal(data, &has); err != nil {
		return nil, err
	}
	for _, name := range []string{"test_error", "epochs", "steps", "train_seconds", "collapsed"} {
		if has[name] == nil {
			return nil, fmt.Errorf("it has no %s", name)
		}
	}
	res := new(Result)
	if err := json.Unmarshal(data, res); err != nil {
		return nil, err
	}
	return res, nil
}

func (r *Run) readEvents(data []byte) {
	bad, line := 0, 0
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		whole := end >= 0
		text := data
		if whole {
			text, data = data[:end], data[end+1:]
		} else {
			data = nil
		}
		line++
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		err := r.readEvent(text)
		if i := bytes.LastIndex(text, []byte(`{"type":`)); err != nil && i > 0 {
			err = r.readEvent(text[i:]) // a resumed run continued the line that a kill had cut off
		}
		switch {
		case err == nil:
		case !whole && endsEarly(err): // what a kill leaves, and no damage
			r.note("%s ends within line %d, which was dropped: the run was stopped while it was written.", eventsFile, line)
		default:
			if bad++; bad == 1 {
				r.note("%s, line %d could not be read: %v.", eventsFile, line, excerpt.Error(err))
			}
		}
	}
	if bad > 1 {
		r.note("%s has %d such lines in all; the others are used.", eventsFile, bad)
	}
}

// endsEarly tells whether an error says that a JSON text is right as far as it goes.
func endsEarly(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input"
}

// readEvent adds the event of one line. Types that it does not know are skipped, so
// that a later energo's runs open.
func (r *Run) readEvent(text []byte) error {
	var head struct {
		Type string    `json:"type"`
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return err
	}
	var err error
	switch head.Type {
	case "start":
		var e train.Start
		if err = json.Unmarshal(text, &e); err == nil {
			r.start(e)
		}
	case "step":
		err = add(&r.Steps, text)
	case "epoch":
		err = add(&r.Epochs, text)
	case "diverged":
		err = add(&r.Diverged, text)
	case "saved":
		e := new(train.Saved)
		if err = json.Unmarshal(text, e); err == nil {
			r.Saved = e
		}
	case "done":
		e := new(train.Done)
		if err = json.Unmarshal(text, e); err == nil {
			r.Done = e
		}
	}
	if err == nil && !head.Time.IsZero() {
		if r.Began.IsZero() {
			r.Began = head.Time
		}
		r.Last = head.Time
	}
	return err
}

// add decodes one event and appends it.
func add[E any](to *[]E, text []byte) error {
	var e E
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	*to = append(*to, e)
	return nil
}

// start opens the run or resumes it: then what came after the checkpoint's step
// is about to happen again.
func (r *Run) start(e train.Start) {
	r.Done = nil
	if r.Start == nil {
		r.Start = &e
	} else {
		r.Start.Epochs, r.Start.Steps = e.Epochs, e.Steps
	}
	r.Steps = before(r.Steps, e.Step, func(s train.Step) int { return s.Step })
	r.Epochs = before(r.Epochs, e.Step, func(s train.Epoch) int { return s.Step })
	r.Diverged = before(r.Diverged, e.Step, func(s train.Diverged) int { return s.Step })
}

// before cuts off the events after a step.
func before[E any](events []E, step int, of func(E) int) []E {
	for i, e := range events {
		if of(e) > step {
			return events[:i]
		}
	}
	return events
}
