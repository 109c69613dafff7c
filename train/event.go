// Package train is the training loop: epochs, evaluation, checkpoints, resuming,
// the divergence guard and the diagnosis of the energy surface. It tells what
// happens through typed events and prints nothing.
package train

// Event is something that happened in training: one of the types of this file.
type Event interface{ event() }

// Start opens a run or, with Step > 0, goes on with one.
type Start struct {
	Run     string `json:"run"`
	Recipe  string `json:"recipe"`
	Params  int    `json:"params"` // number of trained weights
	Samples int    `json:"samples"`
	Epochs  int    `json:"epochs"`
	Steps   int    `json:"steps"` // of the whole run
	Step    int    `json:"step"`  // done already
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
	Epoch   int     `json:"epoch"` // from 1
	Step    int     `json:"step"`
	Loss    float64 `json:"loss"`  // mean training loss over the epoch
	Error   float64 `json:"error"` // fraction wrong on the validation set
	LR      float64 `json:"lr"`
	Seconds float64 `json:"seconds"` // training time since the run began, resumed parts summed
	Best    bool    `json:"best"`    // the best epoch so far
	Diagnosis
}

// Diagnosis says what the loss did to the energies of a set of samples.
type Diagnosis struct {
	Correct    Quantiles `json:"correct"`     // energy of the correct answer
	Offending  Quantiles `json:"offending"`   // energy of the most offending incorrect answer
	Gap        Quantiles `json:"gap"`         // offending − correct
	MarginKept float64   `json:"margin_kept"` // fraction of samples whose gap is above 0 and at least the margin, where that is a setting
	Spread     float64   `json:"spread"`      // mean over samples of the standard deviation of E over the answers
	Scale      float64   `json:"scale"`       // Spread before training, which it is held against
	Collapsed  bool      `json:"collapsed"`
	Why        string    `json:"why,omitempty"` // one sentence, where Collapsed
}

// Quantiles of a set of numbers.
type Quantiles struct {
	Mean float64 `json:"mean"`
	P05  float64 `json:"p05"`
	P25  float64 `json:"p25"`
	P50  float64 `json:"p50"`
	P75  float64 `json:"p75"`
	P95  float64 `json:"p95"`
}

// Diverged reports a non-finite loss or gradient: the step was rolled back and the rate cut.
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
	Reason       string  `json:"reason"`            // "finished", "early_stop", "interrupted", "diverged"
	Skipped      int     `json:"skipped,omitempty"` // steps whose batch had nothing to average
}

func (Start) event()    {}
func (Step) event()     {}
func (Epoch) event()    {}
func (Diverged) event() {}
func (Saved) event()    {}
func (Done) event()     {}
