package recipe

import (
	"errors"
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/excerpt"
)

// SiameseConfig is the settings of the siamese recipe, in a YAML file by the names of the
// flags.
type SiameseConfig struct {
	Recipe          string `yaml:"recipe" json:"recipe"` // "siamese"
	PictureSettings `yaml:",inline"`
	Pairs           string `yaml:"pairs" json:"pairs"`           // CSV file path1,path2,same, in data's place
	TestPairs       string `yaml:"test_pairs" json:"test_pairs"` // as pairs; "" is a share of them

	Loss   string  `yaml:"loss" json:"loss"`     // square_square, hinge_embedding, cosine_embedding
	Margin float64 `yaml:"margin" json:"margin"` // how far apart pictures that differ are to be; of cosine_embedding a cosine; 0: the loss's

	Training `yaml:",inline"`
}

// PairLosses are the losses of a siamese network, with the margins that a zero stands for.
var PairLosses = []string{"square_square", "hinge_embedding", "cosine_embedding"}

var pairMargins = map[string]float64{"square_square": 1, "hinge_embedding": 1, "cosine_embedding": 0.3}

// DefaultSiamese returns the settings of `energo train siamese` without flags.
func DefaultSiamese() SiameseConfig {
	t := defaultTraining()
	t.Epochs, t.Batch, t.Validation = 4, 64, 0
	return SiameseConfig{Recipe: "siamese", PictureSettings: defaultPictures(32), Loss: "square_square", Training: t}
}

// Resolve puts in the default step size and the loss's margin and refuses what is out of range, by the
// setting's name.
func (c SiameseConfig) Resolve() (SiameseConfig, error) {
	if c.Recipe != "siamese" {
		return c, fmt.Errorf("recipe is %q; these are settings of siamese", excerpt.Of(c.Recipe))
	}
	if err := c.PictureSettings.resolve(); err != nil {
		return c, err
	}
	if err := oneOf("loss", c.Loss, PairLosses); err != nil {
		return c, err
	}
	if c.Margin == 0 {
		c.Margin = pairMargins[c.Loss]
	}
	switch {
	case c.Loss == "cosine_embedding" && !(c.Margin > 0 && c.Margin < 1):
		return c, fmt.Errorf("margin is %v; of cosine_embedding it is a cosine, above 0 and below 1", c.Margin)
	case !(c.Margin > 0 && c.Margin <= math.MaxFloat32):
		return c, fmt.Errorf("margin is %v; it must be a number above 0", c.Margin)
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	if c.Pairs == "" && c.Batch < 2 {
		return c, errors.New("batch is 1; it must be at least 2, a pair of one class and one of two")
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (SiameseConfig) Defaults() Settings { return DefaultSiamese() }

// Rules implements Settings.
func (c SiameseConfig) Rules() []Rule {
	const pairs = "pairs names the pictures"
	rules := append(c.Training.rules(), c.PictureSettings.rules(c.Augment, c.Test == "" && c.TestPairs == "", c.Pairs == "")...)
	return append(rules,
		When("data", c.Pairs == "", pairs), When("test", c.Pairs == "", pairs),
		When("test_pairs", c.Pairs != "", "there are no pairs to train on"),
		When("margin", c.Margin != 0, "it must be above 0; where it is left out, it is the loss's own"),
	)
}

// ReadSiameseConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadSiameseConfig(path string, base SiameseConfig) (SiameseConfig, error) {
	return readConfig(path, base)
}

// fingerprint is what shapes the weights.
func (c SiameseConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Test, c.Pairs, c.TestPairs, c.Threads, c.Checkpoint = "", "", "", "", 0, 0
	return fingerprint(c)
}

// metric is the distance of the two branches' vectors.
func (c SiameseConfig) metric() string {
	if c.Loss == "cosine_embedding" {
		return "cosine"
	}
	return "euclidean"
}
