package report

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/train"
)

// EpochsCSV writes the epochs of runs in wide form: a header, and a row for each run and epoch. The columns are run, recipe, state, epoch, step,
// time (UTC, RFC 3339), what the event of an epoch has, test_error and test_collapsed of the run, which its rows repeat, and each setting as
// setting.NAME, empty where a run does not have it. What is not known is empty, what is not finite NaN, +Inf or -Inf.
func EpochsCSV(out io.Writer, runs []*Run) error {
	var keys []string
	for _, r := range runs {
		for _, s := range r.Config {
			if s.Key != "recipe" && s.Key != "format" && !slices.Contains(keys, s.Key) {
				keys = append(keys, s.Key)
			}
		}
	}
	header := []string{"run", "recipe", "state", "epoch", "step", "time", "seconds", "loss", "lr", "best", "error", "error_is"}
	for _, part := range []string{"correct", "offending", "gap"} {
		for _, q := range []string{"mean", "p05", "p25", "p50", "p75", "p95"} {
			header = append(header, part+"_"+q)
		}
	}
	header = append(header, "kept", "kept_is", "spread", "chance", "collapsed", "test_error", "test_collapsed")
	for _, k := range keys {
		header = append(header, "setting."+k)
	}
	w := csv.NewWriter(out)
	_ = w.Write(header) // Flush's error is the first one
	for _, r := range runs {
		for i := range r.Epochs {
			row := epochRow(r, i)
			for _, k := range keys {
				row = append(row, r.Get(k))
			}
			_ = w.Write(row)
		}
	}
	w.Flush()
	return w.Error()
}

// epochRow is a row without the settings.
func epochRow(r *Run, i int) []string {
	e := &r.Epochs[i]
	row := []string{r.Dir, r.Get("recipe"), r.State(), strconv.Itoa(e.Epoch), strconv.Itoa(e.Step), stamp(r.EpochTimes[i])}
	number := func(all ...measure.Number) {
		for _, v := range all {
			row = append(row, exact(v, ""))
		}
	}
	number(measure.Number(e.Seconds), e.Loss, measure.Number(e.LR))
	row = append(row, strconv.FormatBool(e.Best))
	number(e.Error)
	row = append(row, e.Terms.Error.Key)
	for _, q := range []train.Quantiles{e.Correct, e.Offending, e.Gap} {
		number(q.Mean, q.P05, q.P25, q.P50, q.P75, q.P95)
	}
	number(e.Kept)
	row = append(row, e.Terms.Kept.Key)
	number(e.Spread, e.Chance)
	row = append(row, strconv.FormatBool(e.Collapsed))
	if r.Result == nil {
		return append(row, "", "")
	}
	number(r.Result.TestError)
	return append(row, strconv.FormatBool(r.Result.Collapsed))
}

// stamp writes a time; nothing where it is not known.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// State is how a run stands: "finished", "diverged", "damaged" or "unfinished".
func (r *Run) State() string {
	switch {
	case r.Broken != nil:
		return "damaged"
	case r.Result != nil:
		return "finished"
	case r.Done != nil && r.Done.Reason == "diverged":
		return "diverged"
	}
	return "unfinished"
}

// A series is a run as SeriesJSON writes it.
type series struct {
	Run      string               `json:"run"`
	State    string               `json:"state"`
	Settings map[string]string    `json:"settings"` // as config.yaml has them; of a list KEY[0] and so on
	Steps    []timed[train.Step]  `json:"steps"`
	Epochs   []timed[train.Epoch] `json:"epochs"`
	Diverged []train.Diverged     `json:"diverged"`
	Result   *Result              `json:"result"` // null where the run is not finished
}

// timed is an event with its time; "" where it is not known.
type timed[E any] struct {
	Time string `json:"time"`
	Of   E
}

// MarshalJSON puts the time beside the fields of the event.
func (t timed[E]) MarshalJSON() ([]byte, error) {
	of, err := json.Marshal(t.Of)
	if err != nil {
		return nil, err
	}
	at, err := json.Marshal(t.Time)
	return append(append([]byte(`{"time":`), at...), append([]byte{','}, of[1:]...)...), err
}

// SeriesJSON writes runs as one JSON object: {"runs": […]}, each with its state, settings, steps, epochs and result.
func SeriesJSON(out io.Writer, runs []*Run) error {
	all := []series{}
	for _, r := range runs {
		s := series{
			Run: r.Dir, State: r.State(), Settings: map[string]string{}, Steps: []timed[train.Step]{}, Epochs: []timed[train.Epoch]{},
			Diverged: append([]train.Diverged{}, r.Diverged...), Result: r.Result,
		}
		for _, c := range r.Config {
			s.Settings[c.Key] = c.Value
		}
		for i, e := range r.Steps {
			s.Steps = append(s.Steps, timed[train.Step]{stamp(r.StepTimes[i]), e})
		}
		for i, e := range r.Epochs {
			s.Epochs = append(s.Epochs, timed[train.Epoch]{stamp(r.EpochTimes[i]), e})
		}
		all = append(all, s)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	return e.Encode(map[string]any{"runs": all})
}
