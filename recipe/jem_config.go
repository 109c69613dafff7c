package recipe

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/excerpt"
)

// JEMConfig is the settings of the jem recipe, in a YAML file by the names of the flags.
type JEMConfig struct {
	Recipe  string  `yaml:"recipe" json:"recipe"`   // "jem"
	Data    string  `yaml:"data" json:"data"`       // folder of four IDX files; "" is MNIST
	Foreign string  `yaml:"foreign" json:"foreign"` // … whose test pictures are to be told from the data's; "" is Fashion-MNIST if it is installed
	Density float64 `yaml:"density" json:"density"` // weight of the contrast; 0 trains a classifier alone

	Chains   `yaml:",inline"`
	Training `yaml:",inline"`
}

// DefaultJEM returns the settings of `energo train jem` without flags.
func DefaultJEM() JEMConfig {
	t := defaultTraining()
	t.Epochs, t.Batch, t.LR, t.Clip, t.EMA, t.Validation = 4, 64, 1e-3, 1, 0.999, 1000
	c := defaultChains()
	c.StepSize, c.SlopeClip, c.Noise = 0.5, 0.2, 0.005 // the labels make the energies steeper
	return JEMConfig{Recipe: "jem", Density: 1, Chains: c, Training: t}
}

// Resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (c JEMConfig) Resolve() (JEMConfig, error) {
	if c.Recipe != "jem" {
		return c, fmt.Errorf("recipe is %q; these are settings of jem", excerpt.Of(c.Recipe))
	}
	if !(c.Density >= 0 && c.Density <= math.MaxFloat64) {
		return c, fmt.Errorf("density is %v; it must be a number of at least 0", c.Density)
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
func (JEMConfig) Defaults() Settings { return DefaultJEM() }

// Rules implements Settings.
func (c JEMConfig) Rules() []Rule {
	rules := append(c.Training.rules(), c.Chains.rules()...)
	for _, name := range []string{"k", "step_size", "noise", "slope_clip", "buffer", "restart", "energy_l2"} {
		rules = append(rules, When(name, c.Density != 0, "density is 0: the classifier is trained alone, without chains"))
	}
	return rules
}

// ReadJEMConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadJEMConfig(path string, base JEMConfig) (JEMConfig, error) {
	return readConfig(path, base)
}

func (c JEMConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Foreign, c.Threads, c.Checkpoint = "", "", 0, 0
	return fingerprint(c)
}
