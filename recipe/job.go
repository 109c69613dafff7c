package recipe

import (
	"context"
	"path/filepath"

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
