// Package train is the training loop: epochs, evaluation, checkpoints, resuming,
// the divergence guard and the diagnosis of the energy surface. It tells what
// happens through typed events and prints nothing.
package train

import "github.com/energo-ml/energo/ebm/measure"

// Event is something that happened in training: one of the types of this file.
type Event interface{ event() }

// Start opens a run or, with Step > 0, resumes one.
type Start struct {
	Run     string `json:"run"`
	Recipe  string `json:"recipe"`
	Params  int    `json:"params"` // number of trained weights
	Samples int    `json:"samples"`
	Epochs  int    `json:"epochs"`
	Steps   int    `json:"steps"` // of the whole run
	Step    int    `json:"step"`  // done already

	LeftOut      int    `json:"left_out,omitempty"`       // samples that are not used
	LeftOutFirst string `json:"left_out_first,omitempty"` // the first of them, and why
}

// Extended reports that a run that resumes has another number of epochs than before. It follows Start.
type Extended struct {
	EpochsBefore int     `json:"epochs_before"`
	Epochs       int     `json:"epochs"`
	Step         int     `json:"step"`           // done
	LRBefore     float64 `json:"lr_before"`      // step size of the last step; 0: none is done
	LR           float64 `json:"lr"`             // … of the next
	Unbroken     bool    `json:"unbroken"`       // the schedule of Epochs has the step sizes of all steps so far: the run is what an unbroken one is
	Over         string  `json:"over,omitempty"` // the reason, where no step is left
}

// Step reports one optimiser step.
type Step struct {
	Epoch    int     `json:"epoch"` // from 1
	Step     int     `json:"step"`  // from 1, over the whole run
	Loss     float64 `json:"loss"`
	LR       float64 `json:"lr"`
	GradNorm float64 `json:"grad_norm"`
}

// Epoch reports an evaluation at the end of an epoch.
type Epoch struct {
	Epoch   int            `json:"epoch"` // from 1
	Step    int            `json:"step"`
	Loss    measure.Number `json:"loss"`  // mean training loss over the epoch; NaN where no step had anything to average
	Error   measure.Number `json:"error"` // of the samples that are evaluated on; what it is of, Terms.Error says
	LR      float64        `json:"lr"`
	Seconds float64        `json:"seconds"` // training time since the run began, resumed parts summed
	Best    bool           `json:"best"`    // the best epoch so far
	Diagnosis
}

// Diagnosis says what the loss did to the energies of a set of samples. What the numbers are of
// is in its Terms.
type Diagnosis struct {
	Terms     Terms          `json:"terms"`
	Samples   int            `json:"samples"`   // how many were looked at
	Correct   Quantiles      `json:"correct"`   // energies that should be low: of the correct answer
	Offending Quantiles      `json:"offending"` // … that should be higher: of the most offending incorrect answer
	Gap       Quantiles      `json:"gap"`       // offending − correct
	Kept      measure.Number `json:"kept"`      // share of the samples that keep the margin, or have a gap above 0: Terms.Kept says which
	Spread    measure.Number `json:"spread"`    // mean over samples of the standard deviation of E over the answers
	Scale     measure.Number `json:"scale"`     // Spread before training, which it is held against
	Chance    measure.Number `json:"chance"`    // the error of answers that do not look at the input; NaN where there is none
	Collapsed bool           `json:"collapsed"`
	Why       string         `json:"why,omitempty"` // one sentence, where Collapsed
	Verdict   string         `json:"verdict"`       // one sentence: what the numbers say of training
}

// ErrorFigure is Error with what it is of.
func (e *Epoch) ErrorFigure() measure.Figure { return e.Terms.Error.Of(float64(e.Error)) }

// KeptFigure is Kept with what it is of.
func (d *Diagnosis) KeptFigure() measure.Figure { return d.Terms.Kept.Of(float64(d.Kept)) }

// Quantiles of a set of numbers.
type Quantiles struct {
	Mean measure.Number `json:"mean"`
	P05  measure.Number `json:"p05"`
	P25  measure.Number `json:"p25"`
	P50  measure.Number `json:"p50"`
	P75  measure.Number `json:"p75"`
	P95  measure.Number `json:"p95"`
}

// Diverged reports a loss, a gradient or an evaluation that is not finite: the step was rolled back and the rate cut.
type Diverged struct {
	Step   int     `json:"step"`
	Reason string  `json:"reason"`
	LR     float64 `json:"lr"`   // from here on
	Left   int     `json:"left"` // how many more are forgiven
}

// Saved reports a checkpoint that is safely on disk.
type Saved struct {
	Path string `json:"path"`
	Step int    `json:"step"`
}

// Done closes a run.
type Done struct {
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	Reason       string  `json:"reason"`            // "finished", "early_stop", "settled", "interrupted", "diverged"
	Skipped      int     `json:"skipped,omitempty"` // steps whose batch had nothing to average
}

func (Start) event()    {}
func (Extended) event() {}
func (Step) event()     {}
func (Epoch) event()    {}
func (Diverged) event() {}
func (Saved) event()    {}
func (Done) event()     {}
