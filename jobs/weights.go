package jobs

import (
	"path/filepath"

	"github.com/energo-ml/energo/engine/nn"
)

// weights are a network's, as a run's folder keeps them. They implement parts of job.Model.
type weights struct{ net nn.Module }

// Save implements job.Model.
func (w weights) Save(dir string) error { return nn.Save(filepath.Join(dir, ModelFile), w.net) }

// Load implements job.Model.
func (w weights) Load(dir string) error { return nn.Load(filepath.Join(dir, ModelFile), w.net) }
