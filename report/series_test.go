package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/train"
)

// seriesRuns are two runs, one finished, with settings that differ.
func seriesRuns() []*Run {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := train.Epoch{Epoch: 1, Step: 50, Loss: 0.25, Error: measure.Number(math.NaN()), LR: 0.01, Best: true}
	e.Gap.P05, e.Terms.Error.Key = -0.5, "squared_error"
	return []*Run{
		{
			Dir: "a,b", Config: []Setting{{"recipe", "parabola"}, {"lr", "0.01"}}, Epochs: []train.Epoch{e, e}, EpochTimes: []time.Time{at, {}},
			Steps: []train.Step{{Epoch: 1, Step: 10, Loss: 2}}, StepTimes: []time.Time{at}, Result: &Result{Measured: train.Measured{TestError: 0.125, Collapsed: true}},
		},
		{Dir: "c", Config: []Setting{{"functional", "hinge"}}, Epochs: []train.Epoch{e}, EpochTimes: []time.Time{at}, Done: &train.Done{Reason: "diverged"}},
		{Dir: "d"},
	}
}

func TestEpochsCSV(t *testing.T) {
	var b bytes.Buffer
	if err := EpochsCSV(&b, seriesRuns()); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatal(rows, err)
	}
	get := func(row int, column string) string {
		for i, name := range rows[0] {
			if name == column {
				return rows[row][i]
			}
		}
		t.Fatalf("there is no column %s", column)
		return ""
	}
	for _, c := range []struct {
		row          int
		column, want string
	}{
		{1, "run", "a,b"},
		{1, "state", "finished"},
		{1, "time", "2026-01-02T03:04:05Z"},
		{2, "time", ""},
		{1, "error", "NaN"},
		{1, "error_is", "squared_error"},
		{1, "gap_p05", "-0.5"},
		{1, "best", "true"},
		{1, "test_error", "0.125"},
		{1, "test_collapsed", "true"},
		{1, "setting.lr", "0.01"},
		{1, "setting.functional", ""},
		{3, "state", "diverged"},
		{3, "test_error", ""},
		{3, "setting.functional", "hinge"},
	} {
		if got := get(c.row, c.column); got != c.want {
			t.Errorf("row %d: %s is %q, want %q", c.row, c.column, got, c.want)
		}
	}
}

func TestSeriesJSON(t *testing.T) {
	var b bytes.Buffer
	if err := SeriesJSON(&b, seriesRuns()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Runs []struct {
			Run, State string
			Settings   map[string]string
			Steps      []map[string]any
			Epochs     []map[string]any
			Diverged   []any
			Result     *Result
		}
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v", b.Bytes(), err)
	}
	a, c := got.Runs[0], got.Runs[1]
	if len(got.Runs) != 3 || a.Run != "a,b" || a.State != "finished" || a.Settings["lr"] != "0.01" || a.Result == nil || a.Result.TestError != 0.125 ||
		c.State != "diverged" || c.Result != nil || a.Steps[0]["loss"] != 2.0 || a.Steps[0]["time"] != "2026-01-02T03:04:05Z" || a.Epochs[0]["error"] != "NaN" || a.Epochs[1]["time"] != "" {
		t.Errorf("%s", b.Bytes())
	}
	if strings.Contains(b.String(), "null,") || got.Runs[2].Steps == nil || got.Runs[2].Diverged == nil {
		t.Errorf("an empty list is null: %s", b.Bytes())
	}
}
