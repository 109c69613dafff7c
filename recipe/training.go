package recipe

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/train"
)

// Training is the settings of training that all recipes have.
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

	Validation int    `yaml:"validation" json:"validation"` // the last so many training samples, held out
	Patience   int    `yaml:"patience" json:"patience"`     // epochs; 0: never stop early
	Limit      int    `yaml:"limit" json:"limit"`           // of training samples; 0: all
	Seed       uint64 `yaml:"seed" json:"seed"`

	// What the weights do not depend on.
	Threads    int `yaml:"threads" json:"threads"`       // 0: all cores
	Checkpoint int `yaml:"checkpoint" json:"checkpoint"` // seconds between checkpoints within an epoch; 0: none
}

// The names that settings of training may have.
var (
	Optimizers = []string{"sgd", "adam", "adamw"}
	Schedules  = []string{"cosine", "step", "constant"}
)

func defaultTraining() Training {
	return Training{Optimizer: "adam", Schedule: "cosine", Warmup: 100, Validation: 5000, Seed: 1, Checkpoint: 30}
}

// rateDefaults is what a zero lr stands for.
var rateDefaults = map[string]float64{"sgd": 0.05, "adam": 2e-3, "adamw": 2e-3}

// resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (t *Training) resolve() error {
	if err := oneOf("optimizer", t.Optimizer, Optimizers); err != nil {
		return err
	}
	if err := oneOf("schedule", t.Schedule, Schedules); err != nil {
		return err
	}
	if t.LR == 0 {
		t.LR = rateDefaults[t.Optimizer]
	}
	for _, s := range []struct {
		name  string
		value int
		least int
	}{
		{"epochs", t.Epochs, 1},
		{"batch", t.Batch, 1},
		{"warmup", t.Warmup, 0},
		{"validation", t.Validation, 0},
		{"patience", t.Patience, 0},
		{"limit", t.Limit, 0},
		{"threads", t.Threads, 0},
		{"checkpoint", t.Checkpoint, 0},
	} {
		if s.value < s.least || s.value > 1<<30 {
			return fmt.Errorf("%s is %d; it must be a whole number from %d to %d", s.name, s.value, s.least, 1<<30)
		}
	}
	for _, s := range []struct {
		name  string
		value float64
		below float64
	}{
		{"lr", t.LR, math.Inf(1)},
		{"weight_decay", t.WeightDecay, math.Inf(1)},
		{"l1", t.L1, math.Inf(1)},
		{"clip", t.Clip, math.Inf(1)},
		{"ema", t.EMA, 1},
	} {
		if !(s.value >= 0 && s.value < s.below) {
			return fmt.Errorf("%s is %v; it must be a number of at least 0 and below %v", s.name, s.value, s.below)
		}
	}
	return nil
}

// rules are those of the settings whose zero stands for a default: a zero that is named is none.
func (t *Training) rules() []Rule {
	const why = "it must be above 0; where it is left out, it is the default"
	return []Rule{When("epochs", t.Epochs != 0, why), When("batch", t.Batch != 0, why), When("lr", t.LR != 0, why)}
}

// parts divides a training set into what is trained on and what is held out.
func (t Training) parts(set *data.Images) (train, held *data.Images, err error) {
	n := set.N
	if t.Limit > 0 {
		n = min(t.Limit+t.Validation, n)
	}
	if n-t.Validation < 1 {
		return nil, nil, fmt.Errorf("validation is %d, but there are only %d training samples; leave at least one to train on", t.Validation, set.N)
	}
	train, held = set.Subset(0, n-t.Validation), set.Subset(n-t.Validation, n)
	if t.Validation == 0 {
		held = train.Subset(max(0, train.N-heldAnyway), train.N)
	}
	return train, held, nil
}

// loop turns the settings into those of the training loop. settings is what else shapes
// the weights.
func (t Training) loop(recipe string, settings map[string]string, samples int, o Options) train.Config {
	settings["data"] = imagesSum(o.Train)
	return t.loopOver(recipe, settings, samples, o)
}

// imagesSum stands for a training set in a checkpoint's settings; its folder's path would not, for the data may have moved.
func imagesSum(set *data.Images) string {
	sum := crc32.Update(crc32.ChecksumIEEE(set.Pixels), crc32.IEEETable, set.Labels)
	return fmt.Sprintf("%d pictures of %d×%d with checksum %08x", set.N, set.H, set.W, sum)
}

// checkOwn refuses a training set that is not the one that a run was trained on.
func checkOwn(dir string, set *data.Images) error {
	settings, err := train.LoadSettings(dir)
	if err != nil {
		return err
	}
	if was, is := settings["data"], imagesSum(set); was != is {
		return fmt.Errorf("the training set has %s; the run in %s was trained on %s", is, dir, was)
	}
	return nil
}

// loopOver is loop where settings say what the data is.
func (t Training) loopOver(recipe string, settings map[string]string, samples int, o Options) train.Config {
	steps := t.Epochs * ((samples + t.Batch - 1) / t.Batch)
	return train.Config{
		Recipe: recipe, Run: o.Dir, Fingerprint: settings, Resume: o.Resume,
		Epochs: t.Epochs, Batch: t.Batch, Seed: t.Seed,
		Optimizer: t.optimizer(), LR: t.LR, Schedule: t.schedule(steps),
		Clip: t.Clip, L1: t.L1, EMA: t.EMA, Patience: t.Patience,
		Forgive: 5, CheckpointEvery: time.Duration(t.Checkpoint) * time.Second,
	}
}

func (t Training) optimizer() optim.Optimizer {
	switch t.Optimizer {
	case "sgd":
		return &optim.SGD{Momentum: 0.9, Nesterov: true, WeightDecay: t.WeightDecay}
	case "adamw":
		return &optim.AdamW{WeightDecay: t.WeightDecay}
	}
	return &optim.Adam{WeightDecay: t.WeightDecay}
}

// schedule is the step size's course; step decay cuts it to a tenth at each third.
func (t Training) schedule(steps int) optim.Schedule {
	warmup := min(t.Warmup, steps/10)
	switch t.Schedule {
	case "cosine":
		return optim.Cosine{Warmup: warmup}
	case "step":
		return optim.StepDecay{Every: max(steps/3, 1), Factor: 0.1, Warmup: warmup}
	}
	return optim.Constant{Warmup: warmup}
}

// runTask writes the settings into a run's folder and trains.
func runTask(ctx context.Context, task train.Task, config Settings, loop train.Config, o Options) (*train.Outcome, error) {
	if !o.Resume {
		if err := writeConfig(o.Dir, config); err != nil {
			return nil, err
		}
	}
	emit := o.Emit
	if emit == nil {
		emit = func(train.Event) {}
	}
	out, err := train.Run(ctx, task, loop, emit)
	if _, lost := os.Stat(filepath.Join(o.Dir, ConfigFile)); out != nil && lost != nil { // the settings are the run's, as the checkpoint says
		err = errors.Join(err, writeConfig(o.Dir, config))
	}
	return out, err
}

// readFinished reads the result of a finished run.
func readFinished(dir string, result any) error {
	path := filepath.Join(dir, ResultFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has no %s: the run is not finished; go on with it by --resume", dir, ResultFile)
	}
	if err == nil {
		err = card.Decode(text, result)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
