package sweep

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
)

// SummaryFile is the file of a sweep's folder that tells what came of the trials, as a Summary. It is written after each trial.
const SummaryFile = "summary.json"

// States of a trial.
const (
	Waiting    = "waiting"    // not begun
	Unfinished = "unfinished" // begun, and to be continued
	Stopped    = "stopped"    // a round of halving ended without it among the best; it can be resumed as any run
	Finished   = "finished"
	Failed     = "failed"
)

// A Summary is what came of a sweep: its axes and a line for each trial, which is what parallel coordinates need.
type Summary struct {
	Run      string           `json:"run"` // the sweep's folder
	Job      string           `json:"job"`
	Search   string           `json:"search"`
	Seed     uint64           `json:"seed"`
	Error    measure.Quantity `json:"error"` // what the trials are ranked by, the validation error
	Axes     []Axis           `json:"axes"`
	Rounds   []Round          `json:"rounds"`
	Finished int              `json:"finished"`
	Failed   int              `json:"failed"`
	Best     int              `json:"best"`   // a trial's number; 0 before the first has an epoch behind it
	Trials   []Outcome        `json:"trials"` // the best first
}

// An Outcome is what came of a trial so far.
type Outcome struct {
	Trial        int            `json:"trial"`
	Rank         int            `json:"rank"` // from 1; 0 without a validation error
	Run          string         `json:"run"`  // its folder, within the sweep's
	Settings     map[string]any `json:"settings"`
	State        string         `json:"state"`
	Epochs       int            `json:"epochs"`     // done
	Round        int            `json:"round"`      // the last one that it was in, from 1; 0: none yet
	Validation   measure.Number `json:"validation"` // least validation error of an epoch
	TestError    measure.Number `json:"test_error"` // of the weights of that epoch; NaN where the trial is not finished
	GapP50       measure.Number `json:"gap_p50"`    // on the test set, or else on the validation set in the last epoch
	Kept         measure.Number `json:"kept"`       // likewise
	Collapsed    bool           `json:"collapsed"`
	Why          string         `json:"why,omitempty"` // it has collapsed or failed
	TrainSeconds measure.Number `json:"train_seconds"`

	quantity measure.Quantity
}

// outcome looks at the folder of a trial.
func (w *Sweep) outcome(j job.Job, t Trial) Outcome {
	nan := measure.Number(math.NaN())
	o := Outcome{Trial: t.Number, Run: t.Folder, State: Waiting, Settings: map[string]any{}, Validation: nan, TestError: nan, GapP50: nan, Kept: nan}
	if s, _, err := w.Spec(j, t.Values); err == nil {
		options := s.Options()
		for name := range t.Values {
			o.Settings[name] = options.Find(name).Value()
		}
	}
	r, err := report.Open(w.Folder(t))
	if err != nil {
		return o
	}
	o.State = Unfinished
	o.Validation, _ = leastError(r, 0)
	if n := len(r.Epochs); n > 0 {
		e := &r.Epochs[n-1]
		o.Epochs, o.GapP50, o.Kept, o.Collapsed, o.Why = e.Epoch, e.Gap.P50, e.Kept, e.Collapsed, e.Why
		o.TrainSeconds, o.quantity = measure.Number(e.Seconds), e.Terms.Error
	}
	switch {
	case r.Result != nil:
		o.State, o.TestError, o.GapP50, o.Kept = Finished, r.Result.TestError, r.Result.Energy.GapP50, r.Result.Kept
		o.Collapsed, o.Why, o.TrainSeconds = r.Result.Collapsed, r.Result.Why, measure.Number(r.Result.TrainSeconds)
	case diverged(r):
		o.State, o.Why = Failed, "training diverged"
	}
	return o
}

// diverged tells whether a run was given up, so that it need not be tried again.
func diverged(r *report.Run) bool { return r.Done != nil && r.Done.Reason == "diverged" }

// leastError is the least validation error of the first epochs, and the number of the last of these; 0 epochs are all.
func leastError(r *report.Run, epochs int) (least measure.Number, last int) {
	least = measure.Number(math.NaN())
	for i := range r.Epochs {
		e := &r.Epochs[i]
		if epochs > 0 && e.Epoch > epochs {
			break
		}
		if math.IsNaN(float64(least)) || e.Error < least {
			least = e.Error
		}
		last = e.Epoch
	}
	return least, last
}

// better orders by a validation error, what has none last, and trials of one error by their numbers.
func better(a, b Outcome) int {
	aNone, bNone := math.IsNaN(float64(a.Validation)), math.IsNaN(float64(b.Validation))
	switch {
	case aNone && !bNone:
		return 1
	case bNone && !aNone:
		return -1
	case !aNone && a.Validation != b.Validation:
		return cmp.Compare(a.Validation, b.Validation)
	}
	return cmp.Compare(a.Trial, b.Trial)
}

// rank orders trials for the table: those that were in later rounds first, failed ones last.
func rank(a, b Outcome) int {
	if aFailed, bFailed := a.State == Failed, b.State == Failed; aFailed != bFailed {
		if aFailed {
			return 1
		}
		return -1
	}
	return cmp.Or(cmp.Compare(b.Round, a.Round), better(a, b))
}

// Summarise looks at the folders of all trials.
func (w *Sweep) Summarise(j job.Job) (*Summary, error) { return w.summarise(j, progressOf{}) }

// progressOf is what a search knows of its trials besides what is in their folders.
type progressOf struct {
	failed map[int]string  // trials that failed, and why
	rounds map[int]int     // the last round that each trial was in
	out    map[int]bool    // trials that are not continued
	seen   map[int]Outcome // of folders that nothing has changed since; nil: all are looked at
}

func (w *Sweep) summarise(j job.Job, p progressOf) (*Summary, error) {
	rounds, err := w.Rounds()
	if err != nil {
		return nil, err
	}
	s := &Summary{Run: w.dir, Job: w.Job, Search: w.Search, Seed: w.Seed, Axes: w.Axes, Rounds: rounds, Trials: []Outcome{}}
	for _, t := range w.Trials {
		o, seen := p.seen[t.Number]
		if !seen {
			o = w.outcome(j, t)
		}
		if p.seen != nil {
			p.seen[t.Number] = o
		}
		if why := p.failed[t.Number]; why != "" && o.State != Finished {
			o.State, o.Why = Failed, why
		}
		if o.Round = p.rounds[t.Number]; p.out[t.Number] && o.State == Unfinished {
			o.State = Stopped
		}
		switch o.State {
		case Finished:
			s.Finished++
		case Failed:
			s.Failed++
		}
		if s.Error.Key == "" {
			s.Error = o.quantity
		}
		s.Trials = append(s.Trials, o)
	}
	slices.SortFunc(s.Trials, rank)
	for i := range s.Trials {
		if o := &s.Trials[i]; o.State != Failed && !math.IsNaN(float64(o.Validation)) {
			o.Rank = i + 1
		}
	}
	if len(s.Trials) > 0 && s.Trials[0].Rank == 1 {
		s.Best = s.Trials[0].Trial
	}
	return s, nil
}

// Done tells whether nothing is left to train.
func (s *Summary) Done() bool {
	return !slices.ContainsFunc(s.Trials, func(o Outcome) bool { return o.State == Waiting || o.State == Unfinished })
}

// Mixed tells whether trials are ranked by errors that are not of the same kind, such as losses in different units.
func (s *Summary) Mixed() bool {
	return slices.ContainsFunc(s.Trials, func(o Outcome) bool { return o.quantity.Key != "" && o.quantity != s.Error })
}

// write writes the summary into the sweep's folder.
func (s *Summary) write() error { return card.Write(filepath.Join(s.Run, SummaryFile), s) }

// ReadSummary reads the summary of a sweep's folder.
//
// Errors: there is none; it is damaged.
func ReadSummary(dir string) (*Summary, error) {
	path := filepath.Join(dir, SummaryFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := new(Summary)
	if err := card.Decode(text, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.Run = dir
	return s, nil
}
