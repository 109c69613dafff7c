package recipe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/energo-ml/energo/data"
	"github.com/energo-ml/energo/internal/simd"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/measure"
	"github.com/energo-ml/energo/nn"
)

// AutoencoderResult is what a run came to, as result.json and the last line of --json
// have it.
type AutoencoderResult struct {
	Run          string         `json:"run"`
	TestLoss     measure.Number `json:"test_loss"` // the loss, mean over the pixels
	TestMSE      measure.Number `json:"test_mse"`  // squared error, mean over the pixels
	Epochs       int            `json:"epochs"`
	Steps        int            `json:"steps"`
	TrainSeconds float64        `json:"train_seconds"`
	Measured                    // the error is the share of the pictures' variance that is lost
	Reason       string         `json:"reason"`
	BestEpoch    int            `json:"best_epoch"`
	Recipe       string         `json:"recipe"`
	Loss         string         `json:"loss"`
	Latent       int            `json:"latent"`
	Seed         uint64         `json:"seed"`
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
	task, err := newAutoencoderTask(ctx, c, o.Train)
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
		Reason: out.Reason, BestEpoch: out.Best, Measured: ended(out),
		Recipe: c.Recipe, Loss: c.Loss, Latent: c.Latent, Seed: c.Seed,
	}
	if err != nil || out.Reason == "interrupted" {
		return r, nil, err
	}
	if err := nn.Save(filepath.Join(o.Dir, ModelFile), task.net); err != nil {
		return nil, nil, err
	}
	m, err := task.measure(ctx, o.Test)
	if stopped(ctx, err) {
		r.Reason = "interrupted"
		return r, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	r.take(m)
	return r, m.pictures, writeResult(o.Dir, r)
}

func (r *AutoencoderResult) take(m *reconstruction) {
	r.Measured.Take(m.Evaluation)
	r.TestLoss, r.TestMSE = measure.Number(m.loss), measure.Number(m.mse)
}

// EvalAutoencoder measures the model of a finished run on a test set. It writes nothing.
func EvalAutoencoder(ctx context.Context, dir string, testSet *data.Images) (*AutoencoderResult, error) {
	c, err := ReadAutoencoderConfig(filepath.Join(dir, ConfigFile), DefaultAutoencoder())
	if err == nil {
		c, err = c.Resolve()
	}
	if err != nil {
		return nil, err
	}
	r := &AutoencoderResult{}
	if err := job.ReadResult(dir, r); err != nil {
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
	m, err := model.measure(ctx, testSet)
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
