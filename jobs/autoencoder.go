package jobs

import (
	"context"

	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/loss"
	"github.com/energo-ml/energo/report"
)

// AutoencoderJob trains networks that take pictures through a few numbers and back.
func AutoencoderJob() job.Job {
	return job.Job{
		Name: "autoencoder", Folder: "autoencoder-LOSS", Short: "Train an auto-encoder of pictures by their reconstruction error",
		Long: `Squeezes pictures into a few numbers and back, and trains that to lose as little as it can. The
reconstruction error is an energy of the picture: low for pictures like those of training, high for
others as far as they do not pass through so few numbers, which the run measures on the test
pictures with their pixels shuffled.

The data is MNIST, or any MNIST-like set of four IDX files (--data). The run's folder is as that of train
digits, with plots/reconstructions.png: test pictures above, their reconstructions below.`,
		Examples: []string{"", "--latent 8 --loss mse --seed 7", "--run runs/mine --resume"},
		New:      func() job.Spec { return DefaultAutoencoder() },
	}
}

// Autoencoder is the settings of the job autoencoder.
type Autoencoder struct {
	Labelled
	Latent int    // numbers that a picture is squeezed into
	Hidden int    // units of the hidden layer before and after them
	Loss   string // of the pixels: bce, mse, l1, huber
	job.Training
}

// PixelLosses are the losses of an auto-encoder.
var PixelLosses = []string{"bce", "mse", "l1", "huber"}

// DefaultAutoencoder returns the settings of `energo train autoencoder` without flags.
func DefaultAutoencoder() *Autoencoder {
	t := job.DefaultTraining()
	t.Epochs, t.Batch = 15, 128
	return &Autoencoder{Latent: 32, Hidden: 512, Loss: "bce", Training: t}
}

// Options implements job.Spec.
func (c *Autoencoder) Options() option.List {
	return append(option.List{
		c.Labelled.option(),
		option.New(&c.Latent, "latent", "numbers that a picture is squeezed into", option.Whole(1, widest)),
		option.New(&c.Hidden, "hidden", "units of the hidden layers", option.Whole(1, widest)),
		option.New(&c.Loss, "loss", "loss of the pixels", option.OneOf(PixelLosses...)),
	}, c.Training.Options()...)
}

// widest is how many units a layer may have.
const widest = 1 << 14

// Resolve implements job.Spec.
func (c *Autoencoder) Resolve() error {
	c.Settle(c.Epochs, c.Batch)
	return nil
}

// Folder implements job.Spec.
func (c *Autoencoder) Folder() string { return "autoencoder-" + c.Loss }

// Open implements job.Spec.
func (c *Autoencoder) Open(ctx context.Context, env job.Env) (job.Model, error) {
	trainSet, testSet, err := c.load(ctx, env)
	if err != nil {
		return nil, err
	}
	return newAutoencoderTask(c, trainSet, testSet)
}

// pixelLoss returns the mean loss of outputs before the sigmoid against pixels in [0, 1],
// and writes its gradient by the outputs or, where the loss is of the sigmoid's values, by those.
func (c *Autoencoder) pixelLoss() (eval func(out, pixels, grad []float32) (float64, error), squashed bool) {
	switch c.Loss {
	case "mse":
		return loss.MSELoss[float32], true
	case "l1":
		return loss.L1Loss[float32], true
	case "huber":
		return loss.HuberLoss[float32], true
	}
	return loss.BCEWithLogitsLoss[float32], false
}

// Measure implements job.Model.
func (t *autoencoderTask) Measure(ctx context.Context) (*job.Measures, error) {
	m, err := t.measure(ctx, t.test)
	if err != nil {
		return nil, err
	}
	figures := []measure.Figure{
		measure.Quantity{Key: "loss", Name: "Loss", Note: "a pixel"}.Of(m.loss),
		measure.Quantity{Key: "mse", Name: "Squared error", Note: "a pixel"}.Of(m.mse),
	}
	return &job.Measures{Evaluation: m.Evaluation, Figures: figures, Write: func(_ context.Context, dir string) error {
		first := pixelsOf(t.test.Subset(0, len(m.pictures)/t.pixels))
		return report.WriteSheets(dir, []report.Sheet{sheet(t.test, 10, "reconstructions", "Reconstructions",
			"Test pictures, and below each what comes back from the few numbers that it was squeezed into.", first, m.pictures)})
	}}, nil
}
