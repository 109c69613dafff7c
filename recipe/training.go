package recipe

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/data"
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
	if err := t.Options().Check(); err != nil {
		return err
	}
	t.Settle(t.Epochs, t.Batch)
	for _, s := range []struct {
		name  string
		value int
	}{{"epochs", t.Epochs}, {"batch", t.Batch}} {
		if s.value < 1 {
			return fmt.Errorf("%s is %d; it must be a whole number above 0", s.name, s.value)
		}
	}
	return nil
}

// rules are those of the settings whose zero stands for a default: a zero that is named is none.
func (t *Training) rules() []Rule {
	const why = "it must be above 0; where it is left out, it is the default"
	return []Rule{When("epochs", t.Epochs != 0, why), When("batch", t.Batch != 0, why), When("lr", t.LR != 0, why)}
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
