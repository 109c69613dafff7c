package train

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"time"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/ebm/watch"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/engine/tensor"
)

// Task is what a recipe has trained: a model, a loss over its samples, and a way to
// see what the loss did.
type Task interface {
	// Params returns what is trained, frozen parameters included, in a fixed order.
	Params() []*autodiff.Param
	// Samples returns the number of training samples.
	Samples() int
	// Loss records the mean loss of a batch on the tape. What it draws at random comes
	// from the batch's stream. It must not keep the batch.
	Loss(tape *autodiff.Tape, b Batch) (*autodiff.Var, error)
	// Evaluate measures the model as it is on samples that are not trained on. It returns
	// the context's error soon after that has ended, and then leaves the task as it was.
	Evaluate(ctx context.Context) (Evaluation, error)
}

// Stateful is a Task that keeps more than its parameters from step to step, such as the
// chains of a replay buffer. Checkpoints hold it. A divergence does not bring it back: it
// stays as the bad step left it.
type Stateful interface {
	Task
	// State returns the tensors themselves, always the same names and shapes in the same
	// order; a run that resumes writes into them.
	State() []tensor.Named
}

// Stepper is a Task with weights besides its parameters that it steps itself, such as a table of which a batch touches
// a few rows. Clip, L1, EMA and the optimiser are of parameters alone, and a divergence brings back no other weights: a step
// that would not be finite is only left out.
type Stepper interface {
	Task
	// Weights returns the number of these weights.
	Weights() int
	// Step steps the weights along the gradient of the last Loss by the step size lr. The loop calls it
	// where it steps the parameters.
	Step(lr float64) error
}

// Settler is a Task that knows when further steps would change nothing: training then ends after the epoch.
type Settler interface {
	Task
	Settled() bool
}

// Orderer is a Task that says itself in which order an epoch goes through its samples, such
// as one whose loss compares the samples of a batch with one another. Other tasks' samples are shuffled.
type Orderer interface {
	Task
	// Order fills order, which has Samples elements, with indices of samples: every run of
	// batch of them is a step's, the last may be shorter. A sample may come more than once or not
	// at all. What it draws at random comes from rng, the epoch's own stream; it must depend on
	// nothing else that changes, so that a run that resumes finds the order again.
	Order(order []int, batch int, rng *rand.Rand) error
}

// Batch is one step's samples, or a part of them, by index, and the step's own stream
// of random numbers.
type Batch struct {
	Samples []int
	Rand    *rand.Rand
}

// Evaluation is what Task.Evaluate measured.
type Evaluation struct {
	Error     measure.Figure // fraction wrong, or what the recipe calls its error: lower is better, NaN worst
	Diagnosis Diagnosis
	Watched   *watch.Look // of samples that are always the same, which a run keeps for each epoch; nil for none
}

// Config is how to train.
type Config struct {
	Recipe string // for the events
	// LeftOut and LeftOutFirst are for the event Start: samples that are not used, and what is said of the first ones.
	LeftOut      int
	LeftOutFirst string
	Run          string // folder of the run, which must exist; "": nothing is written, and nothing can be resumed
	// Fingerprint is further settings that shape the weights, as one string a name. A
	// run resumes only where these and the numbers below are what they were, but for Epochs if Extend is set.
	Fingerprint map[string]string

	Epochs     int
	Batch      int // samples a step; an epoch's last step takes what is left
	Accumulate int // parts that a batch is computed in, one after another, to save memory; 0 means 1
	Seed       uint64
	Optimizer  optim.Optimizer
	LR         float64
	Schedule   optim.Schedule // nil means constant
	Clip       float64        // bound of the gradient's norm; 0 means none
	L1         float64        // weight of Σ|w| in R(W)
	EMA        float64        // decay of the averaged weights that are evaluated and kept; 0 means none
	Patience   int            // epochs without a better error before stopping early; 0 means never
	Forgive    int            // how many divergences are rolled back before giving up
	// Before is the evaluation's error before training, where the weights that the run begins with count as an epoch 0, which is the best one
	// unless a later error is below it; nil: the best is one of the epochs. A run that resumes has it in its checkpoint.
	Before *measure.Number
	// Watched is the evaluation's before training, which a run keeps as that of an epoch 0; nil for none.
	Watched *watch.Look

	CheckpointEvery time.Duration // besides the start and the end of each epoch; 0 means never
	Resume          bool
	Extend          bool // let a run resume with another number of epochs; the event Extended says what that does
}

// Outcome says how training ended. The model's parameters then hold the best weights
// on the evaluation's error or, interrupted, those of the checkpoint.
type Outcome struct {
	Done
	Best      int            // epoch of the weights; 0 where they are those before training, or none is evaluated
	BestError measure.Number // the evaluation's error there
	Untrained bool           // the weights are those before training: with Config.Before, no epoch was better
	Why       string         // what the last evaluation said of a collapse, or ""
}

// ErrNothing is what a Task's Loss returns for a batch in which nothing is left to
// average: all targets ignored, no pair found. Its mean would be NaN; the step is counted and skipped.
var ErrNothing = errors.New("nothing in the batch is left to average")

// ErrDiverged is behind the error of a run that went non-finite too often.
var ErrDiverged = errors.New("training diverges")

// check refuses what a task cannot be trained with.
func (c *Config) check(t Task) error {
	samples := t.Samples()
	_, steps := t.(Stepper)
	switch {
	case steps && c.Accumulate > 1:
		return fmt.Errorf("accumulate is %d; it must be 0 or 1 for a task that steps weights itself, along the gradient of one Loss", c.Accumulate)
	case c.Epochs < 1:
		return fmt.Errorf("epochs is %d; it must be at least 1", c.Epochs)
	case c.Batch < 1:
		return fmt.Errorf("batch is %d; it must be at least 1", c.Batch)
	case c.Accumulate < 0:
		return fmt.Errorf("accumulate is %d; it must not be negative", c.Accumulate)
	case samples < 1:
		return errors.New("there are no training samples")
	case c.Optimizer == nil:
		return errors.New("no optimizer is given")
	case !(c.LR > 0) || math.IsInf(c.LR, 1):
		return fmt.Errorf("lr is %v; it must be a positive number", c.LR)
	case c.Resume && c.Run == "":
		return errors.New("resume without run; the folder of the run that resumes must be named")
	case !(c.EMA >= 0 && c.EMA < 1):
		return fmt.Errorf("ema is %v; it must be at least 0 and below 1", c.EMA)
	}
	return nil
}

// settings is everything that a run must not change when it resumes, and its epochs.
func (c *Config) settings(samples int) map[string]string {
	all := map[string]string{
		"recipe":     c.Recipe,
		"samples":    fmt.Sprint(samples),
		"epochs":     fmt.Sprint(c.Epochs),
		"batch":      fmt.Sprint(c.Batch),
		"accumulate": fmt.Sprint(max(c.Accumulate, 1)),
		"seed":       fmt.Sprint(c.Seed),
		"lr":         fmt.Sprint(c.LR),
		"clip":       fmt.Sprint(c.Clip),
		"l1":         fmt.Sprint(c.L1),
		"ema":        fmt.Sprint(c.EMA),
		"patience":   fmt.Sprint(c.Patience),
	}
	maps.Copy(all, c.Fingerprint)
	return all
}
