package recipe

import (
	"fmt"

	"github.com/energo-ml/energo/internal/excerpt"
)

// StripsConfig is the settings of the strips recipe, in a YAML file by the names of the flags.
type StripsConfig struct {
	Recipe   string `yaml:"recipe" json:"recipe"`     // "strips"
	Data     string `yaml:"data" json:"data"`         // folder of four IDX files; "" is MNIST
	Longest  int    `yaml:"longest" json:"longest"`   // digits of a training strip; the shortest has one
	Strips   int    `yaml:"strips" json:"strips"`     // an epoch
	Channels int    `yaml:"channels" json:"channels"` // of the convolutions along the strip
	Augment  bool   `yaml:"augment" json:"augment"`
	Tested   int    `yaml:"tested" json:"tested"` // test strips of each group

	Training `yaml:",inline"`
}

// DefaultStrips returns the settings of `energo train strips` without flags.
func DefaultStrips() StripsConfig {
	t := defaultTraining()
	t.Epochs, t.Batch, t.Clip, t.EMA = 8, 32, 5, 0.998
	return StripsConfig{Recipe: "strips", Longest: 6, Strips: 20000, Channels: 128, Augment: true, Tested: 2000, Training: t}
}

// Resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (c StripsConfig) Resolve() (StripsConfig, error) {
	if c.Recipe != "strips" {
		return c, fmt.Errorf("recipe is %q; these are settings of strips", excerpt.Of(c.Recipe))
	}
	for _, s := range []struct {
		name        string
		value, most int
	}{{"longest", c.Longest, 30}, {"strips", c.Strips, 1 << 30}, {"channels", c.Channels, 1 << 12}, {"tested", c.Tested, 1 << 20}} {
		if s.value < 1 || s.value > s.most {
			return c, fmt.Errorf("%s is %d; it must be a whole number from 1 to %d", s.name, s.value, s.most)
		}
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (StripsConfig) Defaults() Settings { return DefaultStrips() }

// Rules implements Settings.
func (c StripsConfig) Rules() []Rule { return c.Training.rules() }

// ReadStripsConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadStripsConfig(path string, base StripsConfig) (StripsConfig, error) {
	return readConfig(path, base)
}

func (c StripsConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Threads, c.Checkpoint = "", 0, 0
	return fingerprint(c)
}
