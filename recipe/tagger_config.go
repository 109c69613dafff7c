package recipe

import (
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/excerpt"
)

// TaggerConfig is the settings of the tagger recipe, in a YAML file by the names of the flags.
type TaggerConfig struct {
	Recipe string  `yaml:"recipe" json:"recipe"` // "tagger"
	Data   string  `yaml:"data" json:"data"`     // folder of tagged text
	Model  string  `yaml:"model" json:"model"`   // features, network
	Loss   string  `yaml:"loss" json:"loss"`     // of TaggerLosses
	Margin float64 `yaml:"margin" json:"margin"` // cost of a wrong tag, of hinge
	Tags   string  `yaml:"tags" json:"tags"`     // base: data.BaseTag's; full: as the text has them
	Test   float64 `yaml:"test" json:"test"`     // share of the files that is tested on
	Bits   int     `yaml:"bits" json:"bits"`     // features are hashed to 2^bits rows of weights
	// Prune leaves to words that were seen often in training the tags that they had there.
	Prune bool `yaml:"prune" json:"prune"`

	Training `yaml:",inline"`
}

// The names that settings of the tagger may have.
var (
	TaggerModels = []string{"features", "network"}
	TaggerLosses = []string{"nll", "perceptron", "hinge", "averaged_perceptron"}
	TagSets      = []string{"base", "full"}
)

// DefaultTagger returns the settings of `energo train tagger` without flags.
func DefaultTagger() TaggerConfig {
	t := defaultTraining()
	t.Validation = 1000
	return TaggerConfig{Recipe: "tagger", Model: "features", Loss: "nll", Margin: 1, Tags: "base", Test: 0.1, Bits: 17, Training: t}
}

// taggerDefaults is what zero epochs, batch and lr stand for.
var taggerDefaults = map[string]struct {
	epochs, batch int
	lr            float64
}{
	"features": {3, 16, 0.5},
	"network":  {4, 32, 2e-3},
}

// Resolve puts in the defaults that depend on other settings and refuses what is out of
// range, by the setting's name.
func (c TaggerConfig) Resolve() (TaggerConfig, error) {
	if c.Recipe != "tagger" {
		return c, fmt.Errorf("recipe is %q; these are settings of tagger", excerpt.Of(c.Recipe))
	}
	for _, s := range []struct {
		name, value string
		known       []string
	}{{"model", c.Model, TaggerModels}, {"loss", c.Loss, TaggerLosses}, {"tags", c.Tags, TagSets}} {
		if err := oneOf(s.name, s.value, s.known); err != nil {
			return c, err
		}
	}
	if !(c.Margin > 0 && c.Margin <= math.MaxFloat32) {
		return c, fmt.Errorf("margin is %v; it must be a number above 0", c.Margin)
	}
	if !(c.Test > 0 && c.Test < 1) {
		return c, fmt.Errorf("test is %v; it must be a share above 0 and below 1", c.Test)
	}
	if c.Bits < 4 || c.Bits > 24 {
		return c, fmt.Errorf("bits is %d; it must be from 4 to 24", c.Bits)
	}
	d := taggerDefaults[c.Model]
	if c.Epochs == 0 {
		c.Epochs = d.epochs
	}
	if c.Loss == "averaged_perceptron" { // a step of size 1 after each sentence, as in [collins2002]
		d.batch, d.lr = 1, 1
	}
	if c.Batch == 0 {
		c.Batch = d.batch
	}
	if c.LR == 0 {
		c.LR = d.lr
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	if c.Model == "network" && c.Loss == "averaged_perceptron" {
		return c, fmt.Errorf("loss averaged_perceptron is of the features model; for the network there is perceptron, with ema")
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (TaggerConfig) Defaults() Settings { return DefaultTagger() }

// Rules implements Settings.
func (c TaggerConfig) Rules() []Rule {
	const features, network = "it is of the features model; the network has no features and looks at all tags",
		"it is of the network; the features model has sparse steps and averages of its own"
	own := c.Model == "features"
	const constant = "averaged_perceptron has steps of one size"
	rules := append(c.Training.rules(),
		When("margin", c.Loss == "hinge", fmt.Sprintf("it is of the loss hinge; the loss is %s", c.Loss)),
		When("bits", own, features), When("prune", own, features),
		When("schedule", c.Loss != "averaged_perceptron", constant), When("warmup", c.Loss != "averaged_perceptron", constant),
	)
	for _, name := range []string{"optimizer", "weight_decay", "l1", "clip", "ema", "patience"} {
		rules = append(rules, When(name, !own, network))
	}
	return rules
}

// ReadTaggerConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadTaggerConfig(path string, base TaggerConfig) (TaggerConfig, error) {
	return readConfig(path, base)
}

func (c TaggerConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Threads, c.Checkpoint = "", 0, 0
	return fingerprint(c)
}
