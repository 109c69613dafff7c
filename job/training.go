package job

import (
	"fmt"
	"math"
	"time"

	"github.com/energo-ml/energo/engine/optim"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/train"
)

// Training is the settings that all jobs have.
type Training struct {
	Epochs      int     `yaml:"epochs" json:"epochs"` // 0: the model's
	Batch       int     `yaml:"batch" json:"batch"`   // 0: the model's
	Optimizer   string  `yaml:"optimizer" json:"optimizer"`
	LR          float64 `yaml:"lr" json:"lr"` // 0: the optimiser's
	WeightDecay float64 `yaml:"weight_decay" json:"weight_decay"`
	L1          float64 `yaml:"l1" json:"l1"`
	Schedule    string  `yaml:"schedule" json:"schedule"` // cosine, step, constant
	Warmup      int     `yaml:"warmup" json:"warmup"`     // steps, at most a tenth of all
	Clip        float64 `yaml:"clip" json:"clip"`         // 0: none
	EMA         float64 `yaml:"ema" json:"ema"`           // decay; 0: none

	Validation int    `yaml:"validation" json:"validation"` // training samples held out
	Patience   int    `yaml:"patience" json:"patience"`     // epochs; 0: never stop early
	Limit      int    `yaml:"limit" json:"limit"`           // of training samples; 0: all
	Seed       uint64 `yaml:"seed" json:"seed"`

	// Steady steps have one size, whatever Schedule and Warmup are. It is no setting: Resolve sets it in jobs whose
	// other settings make those two void.
	Steady bool `yaml:"-" json:"-"`

	// Whole steps are of all samples, and of a size that the model finds, whatever Batch, LR, Schedule and Warmup are. It is no setting, either.
	Whole bool `yaml:"-" json:"-"`

	// What the weights do not depend on.
	Threads    int `yaml:"threads" json:"threads"`       // 0: all cores
	Checkpoint int `yaml:"checkpoint" json:"checkpoint"` // seconds between checkpoints within an epoch; 0: none
}

// The names that settings of training may have.
var (
	Optimizers = []string{"sgd", "adam", "adamw"}
	Schedules  = []string{"cosine", "step", "constant"}
)

// DefaultTraining returns the settings where none is named.
func DefaultTraining() Training {
	return Training{Optimizer: "adam", Schedule: "cosine", Warmup: 100, Validation: 5000, Seed: 1, Checkpoint: 30}
}

// Base implements part of Spec.
func (t *Training) Base() *Training { return t }

const most = 1 << 30

// Options lists the settings.
func (t *Training) Options() option.List {
	inf := math.Inf(1)
	return option.List{
		option.New(&t.Epochs, "epochs", "passes over the training set", option.Whole(0, most), option.Unset("the model's")),
		option.New(&t.Batch, "batch", "samples a step", option.Whole(0, most), option.Unset("the model's")),
		option.New(&t.Optimizer, "optimizer", "optimiser", option.OneOf(Optimizers...)),
		option.New(&t.LR, "lr", "step size", option.Below(inf), option.Unset("the optimiser's")),
		option.New(&t.WeightDecay, "weight_decay", "R(W): weight of the squared norm, as PyTorch's optimisers take it", option.Below(inf)),
		option.New(&t.L1, "l1", "R(W): weight of the sum of magnitudes", option.Below(inf)),
		option.New(&t.Schedule, "schedule", "course of the step size", option.OneOf(Schedules...)),
		option.New(&t.Warmup, "warmup", "steps in which the step size rises, at most a tenth of all", option.Whole(0, most)),
		option.New(&t.Clip, "clip", "bound of the gradient's norm; 0: no bound", option.Below(inf)),
		option.New(&t.EMA, "ema", "decay of averaged weights, which are then the ones evaluated and kept; 0: no averages", option.Below(1)),
		option.New(&t.Validation, "validation", "training samples held out to choose the best epoch by", option.Whole(0, most)),
		option.New(&t.Patience, "patience", "stop after this many epochs without a better validation error; 0 is never", option.Whole(0, most)),
		option.New(&t.Limit, "limit", "train on the first N samples only; 0 is all", option.Whole(0, most)),
		option.New(&t.Seed, "seed", "seed of everything that is random"),
		option.New(&t.Threads, "threads", "cores to use; 0 is all; the result does not depend on it", option.Whole(0, most), option.Apart),
		option.New(&t.Checkpoint, "checkpoint", "seconds between checkpoints within an epoch; 0 is only at its end", option.Whole(0, most), option.Apart),
	}
}

// RateDefaults is what a zero lr stands for, by the optimiser.
var RateDefaults = map[string]float64{"sgd": 0.05, "adam": 2e-3, "adamw": 2e-3}

// Settle puts defaults where epochs, batch and lr are 0: the job's and the optimiser's.
func (t *Training) Settle(epochs, batch int) {
	if t.Epochs == 0 {
		t.Epochs = epochs
	}
	if t.Batch == 0 {
		t.Batch = batch
	}
	if t.LR == 0 {
		t.LR = RateDefaults[t.Optimizer]
	}
}

// Resolve implements part of Spec, where epochs and batch have defaults that are numbers.
func (t *Training) Resolve() error {
	t.Settle(t.Epochs, t.Batch)
	return nil
}

// Held returns how many of n training samples are trained on and how many are held out behind them, after Limit.
// Where none is held out, the last of those trained on, 5,000 at most, are evaluated on: lo is where these begin.
//
// Errors: nothing is left to train on.
func (t *Training) Held(n int) (trained, lo, hi int, err error) {
	const heldAnyway = 5000
	all := n
	if t.Limit > 0 {
		n = min(t.Limit+t.Validation, n)
	}
	trained = n - t.Validation
	switch {
	case trained < 1:
		return 0, 0, 0, fmt.Errorf("validation is %d, but there are only %d training samples; leave at least one to train on", t.Validation, all)
	case t.Validation == 0:
		return trained, max(0, n-heldAnyway), n, nil
	}
	return trained, trained, n, nil
}

// Loop turns the settings into those of the training loop, over a number of samples. fingerprint is what else shapes the weights.
func (t *Training) Loop(name, dir string, fingerprint map[string]string, samples int, resume bool) train.Config {
	batch, rate := t.Batch, t.LR
	if t.Whole {
		batch, rate = max(samples, 1), 1
	}
	steps := t.Epochs * ((samples + batch - 1) / batch)
	return train.Config{
		Recipe: name, Run: dir, Fingerprint: fingerprint, Resume: resume,
		Epochs: t.Epochs, Batch: batch, Seed: t.Seed,
		Optimizer: t.Optimiser(), LR: rate, Schedule: t.Course(steps),
		Clip: t.Clip, L1: t.L1, EMA: t.EMA, Patience: t.Patience,
		Forgive: 5, CheckpointEvery: time.Duration(t.Checkpoint) * time.Second,
	}
}

// Optimiser returns the optimiser, with its weight decay.
func (t *Training) Optimiser() optim.Optimizer {
	switch t.Optimizer {
	case "sgd":
		return &optim.SGD{Momentum: 0.9, Nesterov: true, WeightDecay: t.WeightDecay}
	case "adamw":
		return &optim.AdamW{WeightDecay: t.WeightDecay}
	}
	return &optim.Adam{WeightDecay: t.WeightDecay}
}

// Course is the step size's; step decay cuts it to a tenth at each third.
func (t *Training) Course(steps int) optim.Schedule {
	if t.Steady || t.Whole {
		return optim.Constant{}
	}
	warmup := min(t.Warmup, steps/10)
	switch t.Schedule {
	case "cosine":
		return optim.Cosine{Warmup: warmup}
	case "step":
		return optim.StepDecay{Every: max(steps/3, 1), Factor: 0.1, Warmup: warmup}
	}
	return optim.Constant{Warmup: warmup}
}
