package recipe

import (
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
)

// RBMConfig is the settings of the rbm recipe, in a YAML file by the names of the flags.
type RBMConfig struct {
	Recipe     string `yaml:"recipe" json:"recipe"`         // "rbm"
	Data       string `yaml:"data" json:"data"`             // folder of four IDX files; "" is MNIST
	Hidden     int    `yaml:"hidden" json:"hidden"`         // units
	K          int    `yaml:"k" json:"k"`                   // Gibbs sweeps in a step of training
	Chains     int    `yaml:"chains" json:"chains"`         // that persist (PCD); 0: start from the data (CD-k)
	Stochastic bool   `yaml:"stochastic" json:"stochastic"` // pixels are 1 with the probability that is their grey; else where that is above a half
	Annealing  int    `yaml:"annealing" json:"annealing"`   // temperatures of the estimate of log Z in the end

	Training `yaml:",inline"`
}

// DefaultRBM returns the settings of `energo train rbm` without flags.
func DefaultRBM() RBMConfig {
	t := defaultTraining()
	t.Epochs, t.Batch, t.Optimizer, t.LR, t.WeightDecay, t.EMA, t.Validation = 30, 100, "sgd", 0.01, 1e-3, 0.999, 5000
	return RBMConfig{Recipe: "rbm", Hidden: 500, K: 1, Chains: 200, Annealing: 5000, Training: t}
}

// Resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (c RBMConfig) Resolve() (RBMConfig, error) {
	if c.Recipe != "rbm" {
		return c, fmt.Errorf("recipe is %q; these are settings of rbm", excerpt.Of(c.Recipe))
	}
	for _, s := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"hidden", c.Hidden, 1, 1 << 14},
		{"k", c.K, 1, 10000},
		{"chains", c.Chains, 0, 1 << 16},
		{"annealing", c.Annealing, 10, 1 << 20},
	} {
		if s.value < s.least || s.value > s.most {
			return c, fmt.Errorf("%s is %d; it must be a whole number from %d to %d", s.name, s.value, s.least, s.most)
		}
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (RBMConfig) Defaults() Settings { return DefaultRBM() }

// Rules implements Settings.
func (c RBMConfig) Rules() []Rule { return c.Training.rules() }

// ReadRBMConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadRBMConfig(path string, base RBMConfig) (RBMConfig, error) { return readConfig(path, base) }

func (c RBMConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Threads, c.Checkpoint = "", 0, 0
	return fingerprint(c)
}
