package train

import "github.com/energo-ml/energo/ebm/measure"

// Measured is what the results of all jobs say of what was measured in the end.
type Measured struct {
	TestError measure.Number `json:"test_error"` // what the job calls its error, on the test set: Energy.Terms.Error
	Chance    measure.Number `json:"chance"`     // the error of answers that do not look at the input; NaN where there is none
	Energy    EnergyResult   `json:"energy"`
	Kept      measure.Number `json:"kept"` // share that keeps the loss's margin, or whose gap is above 0: Energy.Terms.Kept
	Collapsed bool           `json:"collapsed"`
	Why       string         `json:"why,omitempty"`       // one sentence, where Collapsed
	Untrained bool           `json:"untrained,omitempty"` // the weights are those before training: no epoch had a lower error
	Verdict   string         `json:"verdict"`             // one sentence: what the numbers say of training
}

// ErrorFigure is TestError with what it is of.
func (m *Measured) ErrorFigure() measure.Figure {
	return m.Energy.Terms.Error.Of(float64(m.TestError))
}

// KeptFigure is Kept with what it is of.
func (m *Measured) KeptFigure() measure.Figure { return m.Energy.Terms.Kept.Of(float64(m.Kept)) }

// EnergyResult says where energies lie. Its terms say what they are of.
type EnergyResult struct {
	Terms         Terms          `json:"terms"`
	CorrectMean   measure.Number `json:"correct_mean"`
	OffendingMean measure.Number `json:"offending_mean"`
	GapP05        measure.Number `json:"gap_p05"`
	GapP50        measure.Number `json:"gap_p50"`
	Spread        measure.Number `json:"spread"`        // standard deviation over the answers, on average
	SpreadBefore  measure.Number `json:"spread_before"` // … before training
}

// Ended is what training says before anything is measured.
func Ended(out *Outcome) Measured {
	return Measured{Collapsed: out.Why != "", Why: out.Why, Verdict: out.Why, Untrained: out.Untrained}
}

// Take fills in a measurement. A collapse that training ended in stays reported where the best epoch's weights, which are measured,
// are from before it; the verdict says so.
func (m *Measured) Take(e Evaluation) {
	d := e.Diagnosis
	m.TestError, m.Chance, m.Kept, m.Verdict = e.Error.Value, d.Chance, d.Kept, d.Verdict
	m.Energy = EnergyResult{d.Terms, d.Correct.Mean, d.Offending.Mean, d.Gap.P05, d.Gap.P50, d.Spread, d.Scale}
	switch {
	case d.Collapsed:
		m.Collapsed, m.Why = true, d.Why
	case m.Collapsed && !m.Untrained:
		m.Verdict = m.Why + " The weights that are measured are those of the best epoch, before that. " + d.Verdict
	case m.Collapsed:
		m.Verdict = m.Why + " " + untrained + d.Verdict
	case m.Untrained:
		m.Verdict = untrained + d.Verdict
	}
}

// untrained says which weights are measured.
const untrained = "No epoch had a lower validation error than the start, so the weights that are measured are those before training. "

// Guessed is the error of giving the most frequent of the counted labels always; NaN of none.
func Guessed(counts []int) float64 {
	most, all := 0, 0
	for _, n := range counts {
		most, all = max(most, n), all+n
	}
	return measure.Ratio(float64(all-most), float64(all))
}
