package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/train"
	"go.yaml.in/yaml/v3"
)

// Files of a run's folder besides those of package train.
const (
	ConfigFile = "config.yaml"
	ResultFile = "result.json"
	TestFile   = "test.safetensors" // energies [N, K] and labels [N] of the test set
	PageFile   = "report.html"
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
	Done     *train.Done // nil while the run lasts, or if it was killed
	Last     time.Time   // of the last event; zero if there is none

	Began                 time.Time   // the time of Start
	StepTimes, EpochTimes []time.Time // … of Steps and Epochs

	Result *Result
	Broken error    // why result.json, which is there, could not be read; nil if it could
	Notes  []string // what is damaged in the folder, one sentence each
}

// A Setting is one entry of config.yaml; of a list there is one for each element, KEY[0] and so on.
type Setting struct{ Key, Value string }

// Result is what every job's result.json and last line with --json have.
type Result struct {
	Run          string  `json:"run"`
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	train.Measured
	Figures []measure.Figure `json:"figures"` // besides the error
	Tables  []measure.Table  `json:"tables,omitempty"`
}

// Open reads a run folder: config.yaml, events.jsonl and result.json, as far as they
// are there. Runs that are not finished, were killed in the middle of a line or are
// damaged open, too; only a folder with none of the files is refused.
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
		{ConfigFile, r.readConfig},
		{train.LogFile, r.readEvents},
		{ResultFile, r.readResult},
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
		return nil, fmt.Errorf("report: %s is no run folder: it has none of %s, %s and %s", dir, ConfigFile, train.LogFile, ResultFile)
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

// Get returns the value of a setting; "" where the configuration does not have it.
func (r *Run) Get(key string) string {
	if i := slices.IndexFunc(r.Config, func(s Setting) bool { return s.Key == key }); i >= 0 {
		return r.Config[i].Value
	}
	return ""
}

// Best returns the epoch whose weights the run keeps: the last one that was the best so far, as its event says. It is nil before the first epoch, and as long as none is
// better than the weights that the run began with, where those count.
func (r *Run) Best() *train.Epoch {
	for i := len(r.Epochs) - 1; i >= 0; i-- {
		if r.Epochs[i].Best {
			return &r.Epochs[i]
		}
	}
	return nil
}

// Functional returns the catalogue's row of the run's functional, and whether it has one.
func (r *Run) Functional() (functional.Entry, bool) {
	e, err := functional.Lookup(r.Get("functional"))
	return e, err == nil
}

// Margin returns the margin m that the run's functional asks of the gap, and whether
// it asks for one. The functionals whose margin is not a setting ask for a gap above zero.
func (r *Run) Margin() (m float64, ok bool) {
	e, known := r.Functional()
	if !known || !e.Takes("margin") || !e.GoodMargin {
		return 0, false
	}
	m, err := strconv.ParseFloat(r.Get("margin"), 64)
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
	var err error
	if r.Config, err = ParseConfig(data); err != nil {
		r.note("%v.", err)
	}
}

// ParseConfig reads the text of a config.yaml. Errors: what is no YAML.
func ParseConfig(data []byte) (settings []Setting, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s is no YAML: %w", ConfigFile, err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil
	}
	for entries := doc.Content[0].Content; len(entries) > 1; entries = entries[2:] {
		key, value := entries[0].Value, entries[1]
		switch value.Kind {
		case yaml.ScalarNode:
			settings = append(settings, Setting{key, value.Value})
		case yaml.SequenceNode:
			for i, v := range value.Content {
				settings = append(settings, Setting{fmt.Sprintf("%s[%d]", key, i), v.Value})
			}
		}
	}
	return settings, nil
}

func (r *Run) readResult(data []byte) {
	res, err := ParseResult(data)
	if err != nil {
		r.Broken = fmt.Errorf("%s is damaged: %w", ResultFile, err)
		r.note("%v. energo train with --resume measures the run anew.", r.Broken)
		return
	}
	r.Result = res
}

// ParseResult reads the text of a result.json. Errors: what is no JSON, or lacks a name that every job's has.
func ParseResult(data []byte) (*Result, error) {
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
	bad, n := 0, 0
	for line := range bytes.Lines(data) {
		n++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		err := r.readEvent(line)
		switch {
		case err == nil:
		case !bytes.HasSuffix(line, []byte("\n")) && endsEarly(err): // what a kill leaves, and no damage
			r.note("%s ends within line %d, which was dropped: the run was stopped while it was written.", train.LogFile, n)
		default:
			if bad++; bad == 1 {
				r.note("%s, line %d could not be read: %v.", train.LogFile, n, excerpt.Error(err))
			}
		}
	}
	if bad > 1 {
		r.note("%s has %d such lines in all; the others are used.", train.LogFile, bad)
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
	if !head.Time.IsZero() {
		r.Last = head.Time
	}
	switch head.Type {
	case "start":
		return one(text, func(e train.Start) { r.start(e, head.Time) })
	case "step":
		return one(text, func(e train.Step) { r.Steps, r.StepTimes = append(r.Steps, e), append(r.StepTimes, head.Time) })
	case "epoch":
		return one(text, func(e train.Epoch) { r.Epochs, r.EpochTimes = append(r.Epochs, e), append(r.EpochTimes, head.Time) })
	case "diverged":
		return one(text, func(e train.Diverged) { r.Diverged = append(r.Diverged, e) })
	case "done":
		return one(text, func(e train.Done) { r.Done = &e })
	}
	return nil
}

// one decodes an event and hands it on.
func one[E any](text []byte, take func(E)) error {
	var e E
	err := json.Unmarshal(text, &e)
	if err == nil {
		take(e)
	}
	return err
}

// start begins the run or resumes it, maybe with another number of epochs. Its log has dropped what came after the checkpoint.
func (r *Run) start(e train.Start, at time.Time) {
	r.Done = nil
	if r.Start == nil {
		r.Start, r.Began = &e, at
	}
	r.Start.Epochs, r.Start.Steps = e.Epochs, e.Steps
}
