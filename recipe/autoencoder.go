package recipe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/internal/wholefile"
	"github.com/energo-ml/energo/nn"
)

// AutoencoderResult is what a run came to, as result.json and the last line of --json
// have it.
type AutoencoderResult struct {
	Run          string  `json:"run"`
	TestError    float64 `json:"test_error"` // fraction of the pictures' variance that is lost
	TestLoss     float64 `json:"test_loss"`  // the loss, mean over the pixels
	TestMSE      float64 `json:"test_mse"`   // squared error, mean over the pixels
	Epochs       int     `json:"epochs"`
	Steps        int     `json:"steps"`
	TrainSeconds float64 `json:"train_seconds"`
	// Energy: the reconstruction error of the pictures, the correct answers, and of the
	// same with their pixels shuffled, the offending ones.
	Energy     EnergyResult `json:"energy"`
	MarginKept float64      `json:"margin_kept"`
	Collapsed  bool         `json:"collapsed"`
	Why        string       `json:"why,omitempty"`
	Reason     string       `json:"reason"`
	BestEpoch  int          `json:"best_epoch"`
	Recipe     string       `json:"recipe"`
	Loss       string       `json:"loss"`
	Latent     int          `json:"latent"`
	Seed       uint64       `json:"seed"`
}

// Autoencoder trains an auto-encoder of pictures into a run folder and measures it on the
// test set; the reconstructions of the first test pictures, [n, H·W] in [0, 1], come with the result. Interruption and
// divergence are as Digits has them.
func Autoencoder(ctx context.Context, c AutoencoderConfig, o Options) (*AutoencoderResult, []float32, error) {
	if err := o.checkImages(); err != nil {
		return nil, nil, err
	}
	c, err := c.Resolve()
	if err != nil {
		return nil, nil, err
	}
	release, err := o.claim()
	if err != nil {
		return nil, nil, err
	}
	defer release()
	simd.SetThreads(c.Threads)
	task, err := newAutoencoderTask(c, o.Train)
	if err != nil {
		return nil, nil, err
	}
	settings, err := c.fingerprint()
	if err != nil {
		return nil, nil, err
	}
	out, err := runTask(ctx, task, c, c.loop(c.Recipe, settings, task.Samples(), o), o)
	if out == nil {
		return nil, nil, err
	}
	r := &AutoencoderResult{
		Run: o.Dir, Epochs: out.Epochs, Steps: out.Steps, TrainSeconds: out.TrainSeconds,
		Reason: out.Reason, BestEpoch: out.Best, Collapsed: out.Why != "", Why: out.Why,
		Recipe: c.Recipe, Loss: c.Loss, Latent: c.Latent, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, nil, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.net); err != nil {
		return nil, nil, err
	}
	m, err := task.measure(o.Test)
	if err != nil {
		return nil, nil, err
	}
	r.take(m)
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, nil, err
	}
	return r, m.pictures, wholefile.Write(filepath.Join(o.Dir, ResultFile), append(text, '\n'))
}

func (r *AutoencoderResult) take(m *reconstruction) {
	d := m.Diagnosis
	r.TestError, r.TestLoss, r.TestMSE = m.Error, m.loss, m.mse
	r.Energy = energyOf(d)
	r.MarginKept = d.MarginKept
	if d.Collapsed {
		r.Collapsed, r.Why = true, d.Why
	}
}

// EvalAutoencoder measures the model of a finished run on a test set. It writes nothing.
func EvalAutoencoder(dir string, testSet *data.Images) (*AutoencoderResult, error) {
	c, err := ReadAutoencoderConfig(filepath.Join(dir, ConfigFile), DefaultAutoencoder())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &AutoencoderResult{}
	if err := readFinished(dir, r); err != nil {
		return nil, err
	}
	model, err := newAutoencoder(c, testSet)
	if err != nil {
		return nil, err
	}
	if err := nn.Load(filepath.Join(dir, ModelFile), model.net); err != nil {
		return nil, err
	}
	simd.SetThreads(c.Threads)
	model.subject.Scale = r.Energy.SpreadBefore
	m, err := model.measure(testSet)
	if err != nil {
		return nil, err
	}
	r.Run = dir
	r.take(m)
	return r, nil
}

// RunRecipe returns the recipe that a run's settings name.
func RunRecipe(dir string) (string, error) {
	path := filepath.Join(dir, ConfigFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is no run folder: it has no %s", dir, ConfigFile)
	}
	if err != nil {
		return "", err
	}
	return recipeOf(path, text)
}
