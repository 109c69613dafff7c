package jobs

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/energo-ml/energo/engine/tensor"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/report"
	"github.com/energo-ml/energo/search/classify"
)

// Temperature returns the inverse temperature β at which a model that the settings train gives probabilities, p(y) ∝ exp(−β E(y)), or 0 and why it
// gives none: another loss than the negative log-likelihood leaves the energies' scale open.
func (c *LabelLoss) Temperature() (beta float64, why string) {
	const open = "leaves the scale of the energies open"
	switch {
	case c.Loss == "cross_entropy" && c.LabelSmoothing == 0:
		return 1, ""
	case c.Loss == "cross_entropy":
		return 0, "label smoothing moves the probabilities away from the data's"
	case c.Loss != "":
		return 0, "the loss " + c.Loss + " " + open
	case c.Functional == "nll":
		return c.Beta, ""
	}
	return 0, "the functional " + c.Functional + " " + open
}

// tempered are settings that say whether energies give probabilities.
type tempered interface {
	Temperature() (beta float64, why string)
}

// OpenClassifier opens the classifier of pictures in a finished run of pictures, of digits, or of another job whose network gives energies of labels for pictures. It
// knows what the run's loss says of probabilities. The threshold is that of the free energies of the run's test pictures.
//
// Errors: those of job.Export; a run whose network is no classifier of pictures.
func OpenClassifier(ctx context.Context, dir string, jobs []job.Job, env job.Env) (*classify.Classifier, error) {
	_, s, err := job.ReadConfig(dir, jobs)
	if err != nil {
		return nil, err
	}
	var c *classify.Classifier
	if _, ok := s.(*Pictures); ok {
		m, err := classify.Open(dir)
		if err != nil {
			return nil, err
		}
		c = m.Classifier()
	} else {
		g, err := job.Export(ctx, dir, jobs, env)
		if err != nil {
			return nil, err
		}
		f, err := g.Model()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
		if c, err = classify.FromONNX(f, dir); err != nil {
			return nil, err
		}
	}
	if t, ok := s.(tempered); ok {
		c.Beta, c.Unscaled = t.Temperature()
	}
	return c, threshold(c, filepath.Join(dir, report.TestFile))
}

// threshold chooses that of a classifier by the energies of a run's test pictures.
func threshold(c *classify.Classifier, path string) error {
	f, err := tensor.ReadFile(path)
	if err != nil {
		return err
	}
	x := f.Get("energies")
	if x == nil || x.Rank() != 2 || x.Dim(1) != len(c.Classes) || x.DType() != tensor.Float32 {
		return fmt.Errorf("%s has no energies of the %d classes of the run", path, len(c.Classes))
	}
	if err := c.SetThreshold(x.Float32s()); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
