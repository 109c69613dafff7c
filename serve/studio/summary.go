package studio

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/flock"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/train"
)

// summary is what the list says of a run.
type summary struct {
	Name     string                    `json:"name"`
	State    string                    `json:"state"` // one of states
	Why      string                    `json:"why,omitempty"`
	Settings map[string]string         `json:"settings"`
	Figures  map[string]measure.Number `json:"figures"`
	Epoch    int                       `json:"epoch"`
	Epochs   int                       `json:"epochs"`
	Step     int                       `json:"step"`
	Steps    int                       `json:"steps"`
	Seconds  float64                   `json:"seconds"` // of training
	Started  time.Time                 `json:"started,omitzero"`
	Last     time.Time                 `json:"last,omitzero"` // event
	Collapse string                    `json:"collapsed,omitempty"`
	Notes    []string                  `json:"notes"` // what is damaged in its folder
	Note     string                    `json:"note"`  // of people
	Tags     []string                  `json:"tags"`

	quantities map[string]measure.Quantity
}

// The states of a run. One that was killed, or that ended without a result, has crashed; Why says more.
const (
	stateRunning     = "running"
	stateFinished    = "finished"
	stateInterrupted = "interrupted"
	stateCrashed     = "crashed"
)

var states = []any{stateRunning, stateFinished, stateInterrupted, stateCrashed}

// headSize and tailSize are the bytes of a log that a summary reads: its beginning, and its end up to where the last epoch is.
const (
	headSize = 4 << 10
	tailSize = 16 << 10
	tailMost = 512 << 10
)

// summarize reads a run's folder, but of its log only the beginning and the end.
func summarize(dir, name string, held bool) *summary {
	r := &summary{Name: name, Settings: map[string]string{}, Figures: map[string]measure.Number{}, Notes: []string{}, Tags: []string{}, quantities: map[string]measure.Quantity{}}
	if text, err := r.read(dir, report.ConfigFile); err == nil {
		settings, err := report.ParseConfig(text)
		if err != nil {
			r.Notes = append(r.Notes, err.Error())
		}
		for _, one := range settings {
			r.Settings[one.Key] = one.Value
		}
	}
	var end ending
	if err := end.read(filepath.Join(dir, train.LogFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Notes = append(r.Notes, err.Error())
	}
	end.tell(r)
	finished := false
	if text, err := r.read(dir, report.ResultFile); err == nil {
		result, err := report.ParseResult(text)
		if err != nil {
			r.Notes = append(r.Notes, report.ResultFile+" is damaged: "+err.Error())
		} else {
			finished = true
			r.result(result)
		}
	}
	switch {
	case held:
		r.State = stateRunning
	case finished:
		r.State = stateFinished
	case end.done != nil && end.done.Reason == "interrupted":
		r.State = stateInterrupted
	case end.done != nil && end.done.Reason == "diverged":
		r.State, r.Why = stateCrashed, "it diverged"
	case end.done != nil:
		r.State, r.Why = stateCrashed, "it was trained, but not measured"
	default:
		r.State, r.Why = stateCrashed, "it ended without saying so"
	}
	r.annotations(dir)
	return r
}

// read reads a small file of the run; that it is not there is no damage.
func (r *summary) read(dir, name string) ([]byte, error) {
	text, err := readSmall(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Notes = append(r.Notes, err.Error())
	}
	return text, err
}

// result takes the figures of a run that has been measured.
func (r *summary) result(x *report.Result) {
	test := x.ErrorFigure()
	test.Key, test.Name = "test_error", "Test "+lower(test.Name)
	r.put(test)
	for _, f := range x.Figures {
		r.put(f)
	}
	r.Seconds, r.Epoch, r.Step = x.TrainSeconds, x.Epochs, x.Steps
	r.Collapse = ""
	if x.Collapsed {
		r.Collapse = cmp.Or(x.Why, "the energies collapsed")
	}
}

func (r *summary) put(f measure.Figure) {
	r.Figures[f.Key] = f.Value
	r.quantities[f.Key] = f.Quantity
}

// ending is what the beginning and the end of a log say.
type ending struct {
	start *train.Start
	epoch *train.Epoch
	step  *train.Step
	done  *train.Done

	began, last time.Time
}

// read reads the parts of a log.
func (e *ending) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	head := make([]byte, min(headSize, info.Size()))
	if _, err := io.ReadFull(f, head); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return err
	}
	if line, _, whole := bytes.Cut(head, []byte("\n")); whole {
		e.take(line)
		e.began = e.last
	}
	for size := int64(tailSize); ; size *= 4 {
		at := max(0, info.Size()-size)
		tail := make([]byte, info.Size()-at)
		n, err := f.ReadAt(tail, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		tail = tail[:n]
		if at > 0 {
			_, tail, _ = bytes.Cut(tail, []byte("\n")) // it begins within a line
		}
		for line := range bytes.Lines(tail) {
			e.take(line)
		}
		if e.epoch != nil || at == 0 || size >= tailMost {
			return nil
		}
	}
}

// take takes an event. Lines that are damaged are passed over: the report of a run tells of them.
func (e *ending) take(line []byte) {
	var head struct {
		Type string
		Time time.Time
	}
	if json.Unmarshal(line, &head) != nil {
		return
	}
	e.last = head.Time
	switch head.Type {
	case "start":
		e.done = nil
		take(line, &e.start)
	case "epoch":
		take(line, &e.epoch)
	case "step":
		take(line, &e.step)
	case "done":
		take(line, &e.done)
	}
}

func take[E any](line []byte, to **E) {
	if e := new(E); json.Unmarshal(line, e) == nil {
		*to = e
	}
}

// tell puts into a summary what the log says.
func (e *ending) tell(r *summary) {
	r.Started, r.Last = e.began, e.last
	if e.start != nil {
		r.Epochs, r.Steps = e.start.Epochs, e.start.Steps
	}
	if e.step != nil {
		r.Step, r.Epoch = e.step.Step, e.step.Epoch
		r.put(trainingLoss.Of(e.step.Loss))
	}
	if x := e.epoch; x != nil {
		r.Step, r.Epoch, r.Seconds = max(r.Step, x.Step), max(r.Epoch, x.Epoch), x.Seconds
		for _, f := range epochFigures(x) {
			r.put(f)
		}
		if x.Collapsed {
			r.Collapse = cmp.Or(x.Why, "the energies collapsed")
		}
	}
	if e.done != nil {
		r.Seconds = e.done.TrainSeconds
	}
}

// trainingLoss is the quantity of a training loss.
var trainingLoss = measure.Quantity{Key: "loss", Name: "Loss"}

// epochFigures are the numbers of an epoch that are listed and drawn.
func epochFigures(x *train.Epoch) []measure.Figure {
	plain := func(key, name string, v measure.Number) measure.Figure {
		return measure.Quantity{Key: key, Name: name}.Of(float64(v))
	}
	wrong, kept := x.ErrorFigure(), x.KeptFigure()
	wrong.Key, wrong.Name, kept.Key = "error", "Validation "+lower(cmp.Or(wrong.Name, "error")), "kept"
	kept.Name = cmp.Or(kept.Name, "Kept")
	return []measure.Figure{
		trainingLoss.Of(float64(x.Loss)), wrong, kept,
		plain("gap_p05", "Gap, 5th percentile", x.Gap.P05), plain("gap_p50", "Gap, median", x.Gap.P50),
		plain("correct", "Energy of the correct", x.Correct.Mean), plain("offending", "Energy of the offending", x.Offending.Mean), plain("spread", "Spread", x.Spread),
	}
}

// stamp tells whether something in a run's folder has changed: the sizes and times of its files.
type stamp struct {
	files [5]fileStamp
	held  bool
}

type fileStamp struct {
	size int64
	time time.Time
}

// stampOf looks at a run's folder. free is the time of a lock file that nobody held when it was last looked at.
func stampOf(dir string, free time.Time) (s stamp, lock time.Time) {
	for i, name := range []string{report.ConfigFile, train.LogFile, report.ResultFile, notesFile, flock.File} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
			s.files[i] = fileStamp{info.Size(), info.ModTime()}
		}
	}
	lock = s.files[4].time
	s.held = !lock.IsZero() && !lock.Equal(free) && flock.Held(dir)
	return s, lock
}
