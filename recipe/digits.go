// Package recipe holds named jobs made of the other packages: what `energo train NAME` runs.
package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/energy"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/nn"
	"github.com/energo-ml/energo/optim"
	"github.com/energo-ml/energo/tensor"
	"github.com/energo-ml/energo/train"
)

// Files of a run's folder besides those of package train.
const (
	ModelFile  = "model.safetensors" // the weights to use
	TestFile   = "test.safetensors"  // energies [N, K] and labels [N] of the test set
	ResultFile = "result.json"
)

// Result is what a run came to, as result.json and the last line of --json have it.
type Result struct {
	Run          string       `json:"run"`
	TestError    float64      `json:"test_error"` // fraction
	Epochs       int          `json:"epochs"`
	Steps        int          `json:"steps"`
	TrainSeconds float64      `json:"train_seconds"`
	Energy       EnergyResult `json:"energy"`
	MarginKept   float64      `json:"margin_kept"`
	Collapsed    bool         `json:"collapsed"`
	Why          string       `json:"why,omitempty"` // one sentence, where Collapsed
	Reason       string       `json:"reason"`        // "finished", "early_stop", "interrupted"
	BestEpoch    int          `json:"best_epoch"`
	Recipe       string       `json:"recipe"`
	Model        string       `json:"model"`
	Form         string       `json:"energy_form"` // head, code, joint
	Functional   string       `json:"functional"`
	Seed         uint64       `json:"seed"`
}

// EnergyResult says where the test set's energies lie.
type EnergyResult struct {
	CorrectMean   float64 `json:"correct_mean"`
	OffendingMean float64 `json:"offending_mean"`
	GapP05        float64 `json:"gap_p05"`
	GapP50        float64 `json:"gap_p50"`
}

// Options are what a run is given besides its settings.
type Options struct {
	Dir         string // the run's folder
	Resume      bool
	Train, Test *data.Images
	Emit        func(train.Event) // told what happens; may be nil
}

// Digits trains the digits recipe into a run folder and measures it on the test set.
// When ctx ends it saves a checkpoint and returns a Result whose Reason is
// "interrupted" and that has no test figures.
func Digits(ctx context.Context, c DigitsConfig, o Options) (*Result, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	task, err := newDigitsTask(c, o.Train)
	if err != nil {
		return nil, err
	}
	if err := prepareFolder(o); err != nil {
		return nil, err
	}
	if err := c.write(o.Dir); err != nil {
		return nil, err
	}
	config, err := c.training(task, o)
	if err != nil {
		return nil, err
	}
	emit := o.Emit
	if emit == nil {
		emit = func(train.Event) {}
	}
	out, err := train.Run(ctx, task, config, emit)
	if err != nil {
		return nil, err
	}
	r := c.result(o.Dir, out)
	if out.Reason == "interrupted" {
		return r, nil
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), energy.Module(task.labeler)); err != nil {
		return nil, err
	}
	if err := r.measure(o.Dir, task, o.Test); err != nil {
		return nil, err
	}
	return r, r.write(o.Dir)
}

// prepareFolder makes the run's folder and refuses one that holds another run.
func prepareFolder(o Options) error {
	entries, err := os.ReadDir(o.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if o.Resume {
			return fmt.Errorf("there is nothing to resume: %s does not exist", o.Dir)
		}
		return os.MkdirAll(o.Dir, 0o777)
	case err != nil:
		return err
	case len(entries) > 0 && !o.Resume:
		return fmt.Errorf("%s is not empty; go on with the run in it by --resume, or name another folder with --run", o.Dir)
	case o.Resume:
		if _, err := os.Stat(filepath.Join(o.Dir, train.CheckpointFile)); err != nil {
			return fmt.Errorf("there is nothing to resume: %s has no %s", o.Dir, train.CheckpointFile)
		}
	}
	return nil
}

// training turns the settings into those of the loop.
func (c DigitsConfig) training(task *digitsTask, o Options) (train.Config, error) {
	settings, err := c.fingerprint()
	if err != nil {
		return train.Config{}, err
	}
	set := o.Train
	sum := crc32.Update(crc32.ChecksumIEEE(set.Pixels), crc32.IEEETable, set.Labels)
	settings["data"] = fmt.Sprintf("%d pictures of %d×%d with checksum %08x", set.N, set.H, set.W, sum)
	steps := c.Epochs * ((task.Samples() + c.Batch - 1) / c.Batch)
	return train.Config{
		Recipe: c.Recipe, Run: o.Dir, Fingerprint: settings, Resume: o.Resume,
		Epochs: c.Epochs, Batch: c.Batch, Seed: c.Seed,
		Optimizer: c.optimizer(), LR: c.LR, Schedule: c.schedule(steps),
		Clip: c.Clip, L1: c.L1, EMA: c.EMA, Patience: c.Patience,
		Forgive: 5, CheckpointEvery: 30 * time.Second,
	}, nil
}

func (c DigitsConfig) optimizer() optim.Optimizer {
	switch c.Optimizer {
	case "sgd":
		return &optim.SGD{Momentum: 0.9, Nesterov: true, WeightDecay: c.WeightDecay}
	case "adamw":
		return &optim.AdamW{WeightDecay: c.WeightDecay}
	}
	return &optim.Adam{WeightDecay: c.WeightDecay}
}

// schedule is the step size's course; step decay cuts it to a tenth at each third.
func (c DigitsConfig) schedule(steps int) optim.Schedule {
	warmup := min(c.Warmup, steps/10)
	switch c.Schedule {
	case "cosine":
		return optim.Cosine{Warmup: warmup}
	case "step":
		return optim.StepDecay{Every: max(steps/3, 1), Factor: 0.1, Warmup: warmup}
	}
	return optim.Constant{Warmup: warmup}
}

func (c DigitsConfig) result(dir string, out *train.Outcome) *Result {
	return &Result{
		Run: dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best,
		Recipe: c.Recipe, Model: c.Model, Form: c.Energy, Functional: c.Functional, Seed: c.Seed,
	}
}

// measure fills in what the test set says, and writes its energies.
func (r *Result) measure(dir string, task *digitsTask, set *data.Images) error {
	m, err := task.measure(set)
	if err != nil {
		return err
	}
	r.take(m)
	return m.write(dir, set)
}

func (r *Result) take(m *measurement) {
	d := m.Diagnosis
	r.TestError = m.Error
	r.Energy = EnergyResult{d.Correct.Mean, d.Offending.Mean, d.Gap.P05, d.Gap.P50}
	r.MarginKept, r.Collapsed, r.Why = d.MarginKept, d.Collapsed, d.Why
}

func (r *Result) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, ResultFile), append(text, '\n'))
}

// RunConfig returns the settings of a run.
func RunConfig(dir string) (DigitsConfig, error) {
	c, err := ReadDigitsConfig(filepath.Join(dir, ConfigFile), DefaultDigits())
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("%s is no run folder: it has no %s", dir, ConfigFile)
	}
	return c, err
}

// EvalDigits measures the model of a run on a test set. The training set tells how
// many labels there are. It writes nothing.
func EvalDigits(dir string, trainSet, testSet *data.Images) (*Result, error) {
	c, err := RunConfig(dir)
	if err != nil {
		return nil, err
	}
	if c, err = c.Resolve(); err != nil {
		return nil, err
	}
	task, err := newDigitsTask(c, trainSet)
	if err != nil {
		return nil, err
	}
	if err := nn.Load(filepath.Join(dir, ModelFile), energy.Module(task.labeler)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s has no %s: the run is not finished; go on with it by --resume", dir, ModelFile)
		}
		return nil, err
	}
	r, err := readResult(dir)
	if err != nil {
		return nil, err
	}
	m, err := task.measure(testSet)
	if err != nil {
		return nil, err
	}
	r.take(m)
	return r, nil
}

func readResult(dir string) (*Result, error) {
	path := filepath.Join(dir, ResultFile)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.Run = dir
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
