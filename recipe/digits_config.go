package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/internal/wholefile"
	"go.yaml.in/yaml/v3"
)

// ConfigFile holds a run's settings; training with it again gives the same weights.
const ConfigFile = "config.yaml"

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

	Epochs      int     `yaml:"epochs" json:"epochs"` // 0: the model's
	Batch       int     `yaml:"batch" json:"batch"`   // 0: the model's
	Optimizer   string  `yaml:"optimizer" json:"optimizer"`
	LR          float64 `yaml:"lr" json:"lr"` // 0: the optimiser's
	WeightDecay float64 `yaml:"weight_decay" json:"weight_decay"`
	L1          float64 `yaml:"l1" json:"l1"`
	Schedule    string  `yaml:"schedule" json:"schedule"` // cosine, step, constant
	Warmup      int     `yaml:"warmup" json:"warmup"`     // steps, at most a tenth of all
	Clip        float64 `yaml:"clip" json:"clip"`         // 0: none
	EMA         float64 `yaml:"ema" json:"ema"`           // decay; 0: none
	Augment     bool    `yaml:"augment" json:"augment"`

	Validation int    `yaml:"validation" json:"validation"` // the last so many training samples, held out
	Patience   int    `yaml:"patience" json:"patience"`     // epochs; 0: never stop early
	Limit      int    `yaml:"limit" json:"limit"`           // of training samples; 0: all
	Seed       uint64 `yaml:"seed" json:"seed"`

	// What the weights do not depend on.
	Threads    int `yaml:"threads" json:"threads"`       // 0: all cores
	Checkpoint int `yaml:"checkpoint" json:"checkpoint"` // seconds between checkpoints within an epoch; 0: none
}

// The names that settings may have.
var (
	Models     = []string{"linear", "mlp", "cnn"}
	Energies   = []string{"head", "code", "joint"}
	CodeKinds  = []string{"fixed", "learned"}
	Optimizers = []string{"sgd", "adam", "adamw"}
	Schedules  = []string{"cosine", "step", "constant"}
)

// DefaultDigits returns the settings of `energo train digits` without flags.
func DefaultDigits() DigitsConfig {
	f := functional.DefaultOptions()
	return DigitsConfig{
		Recipe: "digits",
		Model:  "cnn", Energy: "head", Codes: "fixed", Functional: "nll",
		Margin: f.Margin, Beta: f.Beta, Gamma: f.Gamma, Cap: f.Cap,
		Optimizer: "adam", Schedule: "cosine", Warmup: 100, Validation: 5000, Seed: 1, Checkpoint: 30,
	}
}

// modelDefaults is what zero epochs and batch stand for: three quarters of a minute on
// two cores for the cnn, ten seconds for the mlp, one for the linear model.
var modelDefaults = map[string]struct{ epochs, batch int }{
	"linear": {10, 64},
	"mlp":    {12, 128},
	"cnn":    {8, 64},
}

// rateDefaults is what a zero lr stands for.
var rateDefaults = map[string]float64{"sgd": 0.05, "adam": 2e-3, "adamw": 2e-3}

// Resolve puts in the defaults that depend on other settings and refuses what is out
// of range, by the setting's name.
func (c DigitsConfig) Resolve() (DigitsConfig, error) {
	if c.Recipe != "digits" {
		return c, fmt.Errorf("recipe is %q; these are settings of digits", c.Recipe)
	}
	for _, s := range []struct {
		name, value string
		known       []string
	}{
		{"model", c.Model, Models},
		{"energy", c.Energy, Energies},
		{"codes", c.Codes, CodeKinds},
		{"optimizer", c.Optimizer, Optimizers},
		{"schedule", c.Schedule, Schedules},
	} {
		if !slices.Contains(s.known, s.value) {
			return c, fmt.Errorf("%s is %q; it must be one of %s", s.name, s.value, strings.Join(s.known, ", "))
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
	if c.LR == 0 {
		c.LR = rateDefaults[c.Optimizer]
	}
	return c, c.checkRanges()
}

func (c DigitsConfig) checkRanges() error {
	for _, s := range []struct {
		name  string
		value int
		least int
	}{
		{"epochs", c.Epochs, 1},
		{"batch", c.Batch, 1},
		{"warmup", c.Warmup, 0},
		{"validation", c.Validation, 0},
		{"patience", c.Patience, 0},
		{"limit", c.Limit, 0},
		{"threads", c.Threads, 0},
		{"checkpoint", c.Checkpoint, 0},
	} {
		if s.value < s.least || s.value > 1<<30 {
			return fmt.Errorf("%s is %d; it must be a whole number from %d to %d", s.name, s.value, s.least, 1<<30)
		}
	}
	for _, s := range []struct {
		name  string
		value float64
		below float64
	}{
		{"lr", c.LR, math.Inf(1)},
		{"weight_decay", c.WeightDecay, math.Inf(1)},
		{"l1", c.L1, math.Inf(1)},
		{"clip", c.Clip, math.Inf(1)},
		{"ema", c.EMA, 1},
	} {
		if !(s.value >= 0 && s.value < s.below) {
			return fmt.Errorf("%s is %v; it must be a number of at least 0 and below %v", s.name, s.value, s.below)
		}
	}
	// Those of the functional, used or not; functional.New has the rules of those it uses.
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
	f, err := os.Open(path)
	if err != nil {
		return base, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return base, err
	}
	if len(text) > maxConfig {
		return base, fmt.Errorf("%s has more than %d bytes; that is no file of settings", path, maxConfig)
	}
	c := base
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	err = d.Decode(&c)
	var wrong *yaml.TypeError
	switch {
	case errors.As(err, &wrong):
		return base, fmt.Errorf("%s: %s", path, strings.Join(wrong.Errors, "; "))
	case err != nil && !errors.Is(err, io.EOF):
		return base, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// maxConfig bounds a file of settings, in bytes.
const maxConfig = 1 << 20

func (c DigitsConfig) write(dir string) error {
	text, err := yaml.Marshal(c)
	if err != nil {
		return err
	}
	return wholefile.Write(filepath.Join(dir, ConfigFile), text)
}

// fingerprint is what shapes the weights: every setting but where the data lies, how
// many cores work and how often a checkpoint is written.
func (c DigitsConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Threads, c.Checkpoint = "", 0, 0
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := yaml.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	out := make(map[string]string, len(all))
	for name, value := range all {
		out[name] = fmt.Sprint(value)
	}
	return out, nil
}
