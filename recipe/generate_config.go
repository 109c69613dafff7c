package recipe

import (
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
)

// GenerateConfig is the settings of the generate recipe, in a YAML file by the names of
// the flags.
type GenerateConfig struct {
	Recipe string `yaml:"recipe" json:"recipe"` // "generate"
	Data   string `yaml:"data" json:"data"`     // folder of four IDX files; "" is MNIST

	Chains   `yaml:",inline"`
	Training `yaml:",inline"`
}

// DefaultGenerate returns the settings of `energo train generate` without flags.
func DefaultGenerate() GenerateConfig {
	t := defaultTraining()
	t.Epochs, t.Batch, t.LR, t.Clip, t.EMA, t.Validation = 6, 64, 1e-3, 0.1, 0.999, 1000
	return GenerateConfig{Recipe: "generate", Chains: defaultChains(), Training: t}
}

// Resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (c GenerateConfig) Resolve() (GenerateConfig, error) {
	if c.Recipe != "generate" {
		return c, fmt.Errorf("recipe is %q; these are settings of generate", excerpt.Of(c.Recipe))
	}
	if err := c.Chains.resolve(); err != nil {
		return c, err
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (GenerateConfig) Defaults() Settings { return DefaultGenerate() }

// Rules implements Settings.
func (c GenerateConfig) Rules() []Rule { return append(c.Training.rules(), c.Chains.rules()...) }

// ReadGenerateConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadGenerateConfig(path string, base GenerateConfig) (GenerateConfig, error) {
	return readConfig(path, base)
}

func (c GenerateConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Threads, c.Checkpoint = "", 0, 0
	return fingerprint(c)
}
