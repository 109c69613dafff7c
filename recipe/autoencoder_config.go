package recipe

import (
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/loss"
)

// AutoencoderConfig is the settings of the auto-encoder recipe, in a YAML file by the
// names of the flags.
type AutoencoderConfig struct {
	Recipe string `yaml:"recipe" json:"recipe"` // "autoencoder"
	Data   string `yaml:"data" json:"data"`     // folder of four IDX files; "" is MNIST
	Latent int    `yaml:"latent" json:"latent"` // numbers that a picture is squeezed into
	Hidden int    `yaml:"hidden" json:"hidden"` // units of the hidden layer before and after them
	Loss   string `yaml:"loss" json:"loss"`     // bce, mse, l1, huber, of the pixels

	Training `yaml:",inline"`
}

// PixelLosses are the losses of an auto-encoder.
var PixelLosses = []string{"bce", "mse", "l1", "huber"}

// DefaultAutoencoder returns the settings of `energo train autoencoder` without flags.
func DefaultAutoencoder() AutoencoderConfig {
	t := defaultTraining()
	t.Epochs, t.Batch = 15, 128
	return AutoencoderConfig{Recipe: "autoencoder", Latent: 32, Hidden: 512, Loss: "bce", Training: t}
}

// Resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (c AutoencoderConfig) Resolve() (AutoencoderConfig, error) {
	if c.Recipe != "autoencoder" {
		return c, fmt.Errorf("recipe is %q; these are settings of autoencoder", excerpt.Of(c.Recipe))
	}
	const widest = 1 << 14
	if c.Latent < 1 || c.Latent > widest {
		return c, fmt.Errorf("latent is %d; it must be a whole number from 1 to %d", c.Latent, widest)
	}
	if c.Hidden < 1 || c.Hidden > widest {
		return c, fmt.Errorf("hidden is %d; it must be a whole number from 1 to %d", c.Hidden, widest)
	}
	if err := oneOf("loss", c.Loss, PixelLosses); err != nil {
		return c, err
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (AutoencoderConfig) Defaults() Settings { return DefaultAutoencoder() }

// Rules implements Settings.
func (c AutoencoderConfig) Rules() []Rule { return c.Training.rules() }

// ReadAutoencoderConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadAutoencoderConfig(path string, base AutoencoderConfig) (AutoencoderConfig, error) {
	return readConfig(path, base)
}

func (c AutoencoderConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Threads, c.Checkpoint = "", 0, 0
	return fingerprint(c)
}

// pixelLoss returns the mean loss of outputs before the sigmoid against pixels in [0, 1],
// and writes its gradient by the outputs or, where the loss is of the sigmoid's values, by those.
func (c AutoencoderConfig) pixelLoss() (eval func(out, pixels, grad []float32) (float64, error), squashed bool) {
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
