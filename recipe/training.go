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

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// Training is the settings of training that all recipes have.
type Training struct {
	job.Training `yaml:",inline"`
}

// The names that settings of training may have.
var (
	Optimizers = job.Optimizers
	Schedules  = job.Schedules
)

func defaultTraining() Training { return Training{job.DefaultTraining()} }

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
		t.LR = job.RateDefaults[t.Optimizer]
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
	return t.Loop(recipe, o.Dir, settings, samples, o.Resume)
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
