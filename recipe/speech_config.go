package recipe

import (
	"fmt"
	"slices"

	"github.com/energo-ml/energo/internal/excerpt"
)

// SpeechConfig is the settings of the speech recipe, in a YAML file by the names of the
// flags.
type SpeechConfig struct {
	Recipe   string   `yaml:"recipe" json:"recipe"` // "speech"
	Data     string   `yaml:"data" json:"data"`     // manifest: path,text
	Test     []string `yaml:"test,omitempty" json:"test,omitempty"`
	Rate     int      `yaml:"rate" json:"rate"` // samples a second
	Mels     int      `yaml:"mels" json:"mels"`
	Channels int      `yaml:"channels" json:"channels"` // of the convolutions along time
	Augment  bool     `yaml:"augment" json:"augment"`
	Priors   float64  `yaml:"priors" json:"priors"` // weight of the label priors that are divided out

	Training `yaml:",inline"`
}

// DefaultSpeech returns the settings of `energo train speech` without flags.
func DefaultSpeech() SpeechConfig {
	t := defaultTraining()
	t.Epochs, t.Batch, t.Clip, t.EMA, t.Validation = 30, 16, 5, 0.998, 100
	return SpeechConfig{Recipe: "speech", Rate: 16000, Mels: 40, Channels: 128, Augment: true, Training: t}
}

// Resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (c SpeechConfig) Resolve() (SpeechConfig, error) {
	if c.Recipe != "speech" {
		return c, fmt.Errorf("recipe is %q; these are settings of speech", excerpt.Of(c.Recipe))
	}
	if c.Data == "" {
		return c, fmt.Errorf("data is empty; it must be a manifest, a CSV file with the columns path and text")
	}
	if err := once("test", c.Test); err != nil {
		return c, err
	}
	for _, s := range []struct {
		name        string
		value, most int
	}{{"rate", c.Rate, 1 << 20}, {"mels", c.Mels, 256}, {"channels", c.Channels, 1 << 12}} {
		if s.value < 1 || s.value > s.most {
			return c, fmt.Errorf("%s is %d; it must be a whole number from 1 to %d", s.name, s.value, s.most)
		}
	}
	if !(c.Priors >= 0 && c.Priors <= 1) {
		return c, fmt.Errorf("priors is %v; it must be a number from 0 to 1", c.Priors)
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (SpeechConfig) Defaults() Settings { return DefaultSpeech() }

// Rules implements Settings.
func (c SpeechConfig) Rules() []Rule { return c.Training.rules() }

// ReadSpeechConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadSpeechConfig(path string, base SpeechConfig) (SpeechConfig, error) {
	base.Test = slices.Clone(base.Test)
	return readConfig(path, base)
}

func (c SpeechConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Test, c.Threads, c.Checkpoint = "", nil, 0, 0
	return fingerprint(c)
}
