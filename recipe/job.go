package recipe

import (
	"context"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/card"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/train"
)

// Files of a run's folder that all jobs have.
const (
	ConfigFile = job.ConfigFile
	ResultFile = job.ResultFile
)

// Measured is what the results of all jobs say of what was measured in the end.
type Measured = job.Measured

// Result is what a run came to, as result.json and the last line of --json have it.
type Result struct {
	Run          string  `json:"run"`
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	Measured
	Reason     string `json:"reason"` // "finished", "early_stop", "interrupted"
	BestEpoch  int    `json:"best_epoch"`
	Recipe     string `json:"recipe"`
	Model      string `json:"model"`
	Form       string `json:"energy_form"` // head, code, joint
	Functional string `json:"functional"`
	Loss       string `json:"loss,omitempty"` // in the functional's place
	Seed       uint64 `json:"seed"`
}

// Options are what a run is given besides its settings.
type Options struct {
	Dir         string      // the run's folder
	Folder      *job.Folder // Dir's, where the caller has claimed it; nil: the run does
	Resume      bool
	Train, Test *data.Images      // both must be set, but for recipes that read their own data
	Emit        func(train.Event) // told what happens; may be nil
}

// claim claims a run's folder, unless the caller has done so.
func (o Options) claim() (release func(), err error) {
	if o.Folder != nil {
		return func() {}, nil
	}
	f, err := job.Claim(o.Dir, o.Resume)
	if err != nil {
		return nil, err
	}
	return f.Release, nil
}

// ended is what training says before anything is measured.
func ended(out *train.Outcome) Measured { return job.Ended(out) }

// writeResult writes a result as result.json.
func writeResult(dir string, result any) error {
	return card.Write(filepath.Join(dir, ResultFile), result)
}

// stopped tells whether a run that has been trained was stopped before it was measured. The same command with
// --resume measures it.
func stopped(ctx context.Context, err error) bool { return err != nil && ctx.Err() != nil }

// guessed is the error of giving the most frequent of the counted labels always; NaN of none.
func guessed(counts []int) float64 { return job.Guessed(counts) }
