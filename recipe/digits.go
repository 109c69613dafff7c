// Package recipe holds named jobs made of the other packages: what `energo train NAME` runs.
package recipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// Files of a run's folder besides those of package train.
const (
	ModelFile = "model.safetensors" // the weights to use
	TestFile  = "test.safetensors"  // energies [N, K] and labels [N] of the test set
)

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

// checkImages refuses a run without images, and test images that what is trained could not be measured on.
func (o Options) checkImages() error {
	for _, s := range []struct {
		name string
		set  *data.Images
	}{{"Train", o.Train}, {"Test", o.Test}} {
		if s.set == nil {
			return fmt.Errorf("recipe: Options.%s is nil; it must hold the images", s.name)
		}
	}
	a, b := o.Train, o.Test
	switch {
	case a.N < 1 || b.N < 1:
		return fmt.Errorf("there are %d training images and %d test images; there must be some of both", a.N, b.N)
	case a.H != b.H || a.W != b.W:
		return fmt.Errorf("training images have %d×%d pixels, test images %d×%d; they must be alike", a.H, a.W, b.H, b.W)
	case b.Classes() > a.Classes():
		return fmt.Errorf("a test image has the label %d; the training images have those below %d", b.Classes()-1, a.Classes())
	}
	return nil
}

// Digits trains the digits recipe into a run folder and measures it on the test set.
// When ctx ends it saves a checkpoint and returns a Result whose Reason is
// "interrupted" and that has no test figures. A Result whose Reason is "diverged" has
// none either, and comes with an error of train.ErrDiverged.
func Digits(ctx context.Context, c DigitsConfig, o Options) (*Result, error) {
	if err := o.checkImages(); err != nil {
		return nil, err
	}
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	release, err := o.claim()
	if err != nil {
		return nil, err
	}
	defer release()
	simd.SetThreads(c.Threads)
	task, err := newDigitsTask(ctx, c, o.Train)
	if err != nil {
		return nil, err
	}
	config, err := c.training(task, o)
	if err != nil {
		return nil, err
	}
	out, err := runTask(ctx, task, c, config, o)
	if out == nil {
		return nil, err
	}
	r := c.result(o.Dir, out)
	if err != nil || out.Reason == "interrupted" {
		return r, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), energy.Module(task.labeler)); err != nil {
		return nil, err
	}
	m, err := task.measure(ctx, o.Test)
	if stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil
	}
	if err != nil {
		return nil, err
	}
	if err := m.write(o.Dir, o.Test); err != nil {
		return nil, err
	}
	r.Take(m.Evaluation)
	return r, writeResult(o.Dir, r)
}

// training turns the settings into those of the loop.
func (c DigitsConfig) training(task *digitsTask, o Options) (train.Config, error) {
	settings, err := c.fingerprint()
	if err != nil {
		return train.Config{}, err
	}
	return c.Training.loop(c.Recipe, settings, task.Samples(), o), nil
}

func (c DigitsConfig) result(dir string, out *train.Outcome) *Result {
	return &Result{
		Run: dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
		Recipe: c.Recipe, Model: c.Model, Form: c.Energy, Functional: c.Functional, Loss: c.Loss, Seed: c.Seed,
	}
}

// RunConfig returns the settings of a run.
func RunConfig(dir string) (DigitsConfig, error) {
	c, err := ReadDigitsConfig(filepath.Join(dir, ConfigFile), DefaultDigits())
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%s is no run folder: it has no %s", dir, ConfigFile)
	}
	return c, err
}

// EvalDigits measures the model of a finished run on a test set. The run's own training set
// tells how many labels there are. It writes nothing.
func EvalDigits(ctx context.Context, dir string, trainSet, testSet *data.Images) (*Result, error) {
	c, err := RunConfig(dir)
	if err != nil {
		return nil, err
	}
	if c, err = c.Resolve(); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ConfigFile), err)
	}
	model, err := newDigitsModel(c, trainSet)
	if err != nil {
		return nil, err
	}
	r := &Result{}
	if err := job.ReadResult(dir, r); err != nil {
		return nil, err
	}
	r.Run = dir
	if err := nn.Load(filepath.Join(dir, ModelFile), energy.Module(model.labeler)); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	model.subject.Scale = r.Energy.SpreadBefore
	m, err := model.measure(ctx, testSet)
	if err != nil {
		return nil, err
	}
	r.Take(m.Evaluation)
	return r, nil
}

// write writes the energies and the labels of the test set.
func (m *measurement) write(dir string, set *data.Images) error {
	labels := tensor.New(tensor.Float32, set.N)
	for i, y := range set.Labels {
		labels.Float32s()[i] = float32(y)
	}
	return tensor.WriteFile(filepath.Join(dir, TestFile), &tensor.File{Tensors: []tensor.Named{
		{Name: "energies", Tensor: m.Energies},
		{Name: "labels", Tensor: labels},
	}})
}
