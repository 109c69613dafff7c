package report

import (
	"errors"
)

// Cell is one line of the measured Figure 6: a functional on a model.
type Cell struct {
	Functional string    `json:"functional"`
	Model      string    `json:"model"`
	Energy     string    `json:"energy"`
	Formula    string    `json:"formula,omitempty"` // the per-sample loss, as text
	Margin     string    `json:"margin"`            // what the theory says: "none", "0", "> 0", "m"
	Good       bool      `json:"good"`              // the theory says that it makes no collapsed surface with this energy
	Outcomes   []Outcome `json:"outcomes"`          // one a seed
}

// Outcome is one run of a Cell.
type Outcome struct {
	Seed         uint64  `json:"seed"`
	Run          string  `json:"run,omitempty"` // its folder
	Error        float64 `json:"test_error"`    // fraction
	CorrectMean  float64 `json:"correct_mean"`
	OffendMean   float64 `json:"offending_mean"`
	GapP05       float64 `json:"gap_p05"`
	GapP50       float64 `json:"gap_p50"`
	MarginKept   float64 `json:"margin_kept"` // fraction with a gap of at least the margin
	Collapsed    bool    `json:"collapsed"`
	Why          string  `json:"why,omitempty"`
	Failed       string  `json:"failed,omitempty"` // why there is no result
	TrainSeconds float64 `json:"train_seconds"`
}

// Compare writes compare.html, compare.csv, compare.json and plots/ into dir.
func Compare(dir string, cells []Cell) error { return errors.ErrUnsupported }
