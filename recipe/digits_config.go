package recipe

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/excerpt"
)

// DigitsConfig is the settings of the digits recipe, in a YAML file by the names of
// the flags. Where a zero stands for a default that depends on the model, Resolve
// puts the number in.
type DigitsConfig struct {
	Recipe string `yaml:"recipe" json:"recipe"` // "digits"
	Data   string `yaml:"data" json:"data"`     // folder of four IDX files; "" is MNIST

	Model      string `yaml:"model" json:"model"`           // linear, mlp, cnn
	Energy     string `yaml:"energy" json:"energy"`         // head, code, joint
	Codes      string `yaml:"codes" json:"codes"`           // fixed, learned; of energy code
	Functional string `yaml:"functional" json:"functional"` // a name of the catalogue
	// Loss trains the scores −E(y) with one of package loss's, in the functional's place; ""
	// is none. The functional then only names what is diagnosed.
	Loss           string      `yaml:"loss,omitempty" json:"loss,omitempty"`
	LabelSmoothing float64     `yaml:"label_smoothing,omitempty" json:"label_smoothing,omitempty"` // of cross_entropy
	Margin         float64     `yaml:"margin" json:"margin"`
	Beta           float64     `yaml:"beta" json:"beta"`
	Gamma          float64     `yaml:"gamma" json:"gamma"`
	Cap            float64     `yaml:"cap" json:"cap"`
	Delta          float64     `yaml:"delta" json:"delta"`
	Cost           [][]float64 `yaml:"cost,omitempty,flow" json:"cost,omitempty"` // C[correct][other] of the margin costs; none: margin

	Augment bool `yaml:"augment" json:"augment"`

	Training `yaml:",inline"`
}

// The names that settings may have.
var (
	Models    = []string{"linear", "mlp", "cnn"}
	Energies  = []string{"head", "code", "joint"}
	CodeKinds = []string{"fixed", "learned"}
)

// DefaultDigits returns the settings of `energo train digits` without flags.
func DefaultDigits() DigitsConfig {
	f := functional.DefaultOptions()
	return DigitsConfig{
		Recipe: "digits",
		Model:  "cnn", Energy: "head", Codes: "fixed", Functional: "nll",
		Margin: f.Margin, Beta: f.Beta, Gamma: f.Gamma, Cap: f.Cap,
		Training: defaultTraining(),
	}
}

// modelDefaults is what zero epochs and batch stand for: three quarters of a minute on
// two cores for the cnn, ten seconds for the mlp, one for the linear model.
var modelDefaults = map[string]struct{ epochs, batch int }{
	"linear": {10, 64},
	"mlp":    {12, 128},
	"cnn":    {8, 64},
}

// Resolve puts in the defaults that depend on other settings and refuses what is out
// of range, by the setting's name.
func (c DigitsConfig) Resolve() (DigitsConfig, error) {
	if c.Recipe != "digits" {
		return c, fmt.Errorf("recipe is %q; these are settings of digits", excerpt.Of(c.Recipe))
	}
	for _, s := range []struct {
		name, value string
		known       []string
	}{
		{"model", c.Model, Models},
		{"energy", c.Energy, Energies},
		{"codes", c.Codes, CodeKinds},
	} {
		if err := oneOf(s.name, s.value, s.known); err != nil {
			return c, err
		}
	}
	if _, err := c.functional(); err != nil {
		return c, err
	}
	if _, err := newScoreLoss(c); err != nil {
		return c, err
	}
	d := modelDefaults[c.Model]
	if c.Epochs == 0 {
		c.Epochs = d.epochs
	}
	if c.Batch == 0 {
		c.Batch = d.batch
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	if err := c.checkRanges(); err != nil {
		return c, err
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (DigitsConfig) Defaults() Settings { return DefaultDigits() }

// Rules implements Settings.
func (c DigitsConfig) Rules() []Rule {
	rules := append(c.Training.rules(),
		When("codes", c.Energy == "code", fmt.Sprintf("the energy is %s; the energy code has codes", c.Energy)),
		When("functional", c.Loss == "", fmt.Sprintf("the loss %s trains instead of a functional", c.Loss)),
		When("label_smoothing", c.Loss == "cross_entropy", "it is of the loss cross_entropy"),
	)
	e, err := functional.Lookup(c.Functional)
	why := fmt.Sprintf("the functional %s takes %s", c.Functional, cmp.Or(strings.Join(e.Uses, ", "), "none of these settings"))
	if c.Loss != "" {
		why = fmt.Sprintf("it is of functionals; the loss %s trains instead of one", c.Loss)
	}
	for _, name := range []string{"margin", "beta", "gamma", "cap", "delta", "cost"} {
		rules = append(rules, When(name, err == nil && c.Loss == "" && e.Takes(name), why))
	}
	return append(rules, When("margin", c.Cost == nil, "cost has the margins"))
}

func (c DigitsConfig) checkRanges() error {
	// functional.New has the rules of those that the functional takes.
	for _, s := range []struct {
		name  string
		value float64
	}{{"margin", c.Margin}, {"beta", c.Beta}, {"gamma", c.Gamma}, {"cap", c.Cap}, {"delta", c.Delta}} {
		if v := math.Abs(s.value); !(v <= math.MaxFloat32) || v > 0 && v < smallest {
			return fmt.Errorf("%s is %v; energies are float32, so it must be 0 or between %v and %v", s.name, s.value, smallest, math.MaxFloat32)
		}
	}
	return nil
}

// smallest is the least normal float32.
const smallest = 0x1p-126

func (c DigitsConfig) functional() (functional.Functional, error) {
	return functional.New(c.Functional, functional.Options{Margin: c.Margin, Beta: c.Beta, Gamma: c.Gamma, Cap: c.Cap, Delta: c.Delta, Cost: c.Cost})
}

// ReadDigitsConfig reads a YAML file over base: settings that it does not name stay as
// they are there. Names that it knows nothing of are refused.
func ReadDigitsConfig(path string, base DigitsConfig) (DigitsConfig, error) {
	return readConfig(path, base)
}

// fingerprint is what shapes the weights: every setting but where the data lies, how
// many cores work and how often a checkpoint is written.
func (c DigitsConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Threads, c.Checkpoint = "", 0, 0
	return fingerprint(c)
}
