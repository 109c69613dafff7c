package jobs

import (
	"path/filepath"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/engine/autodiff"
	"github.com/energo-ml/energo/engine/nn"
	"github.com/energo-ml/energo/train"
)

// Parts of models that implement what most of them have of train.Task and job.Model: what identifies the training data, and what
// energies are diagnosed as.
type (
	trainedOn struct{ data string }
	diagnosed struct {
		subject train.Subject
		scaled  bool // Scale has been called
	}
)

func (t *trainedOn) Data() string                { return t.data }
func (d *diagnosed) Scale(spread measure.Number) { d.subject.Scale, d.scaled = spread, true }

// share is a figure that is a share.
func share(key, name, note string, v float64) measure.Figure {
	return measure.Quantity{Key: key, Name: name, Unit: measure.Share, Note: note}.Of(v)
}

// weights are a network's, as a run's folder keeps them.
type weights struct{ net nn.Module }

func (w weights) Params() []*autodiff.Param { return w.net.Params() }
func (w weights) Save(dir string) error     { return nn.Save(filepath.Join(dir, ModelFile), w.net) }
func (w weights) Load(dir string) error     { return nn.Load(filepath.Join(dir, ModelFile), w.net) }

// loadWithState is Load of a model that keeps more than weights, such as chains.
func (w weights) loadWithState(dir string, t train.Stateful) error {
	if err := w.Load(dir); err != nil {
		return err
	}
	return train.LoadState(dir, t)
}
