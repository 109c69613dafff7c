package recipe

import (
	"errors"
	"fmt"
	"math"

	"github.com/energo-ml/energo/internal/excerpt"
	"github.com/energo-ml/energo/pair"
)

// SearchConfig is the settings of the search recipe, in a YAML file by the names of the
// flags. Where a zero stands for a default of the loss, Resolve leaves it: package loss has the number.
type SearchConfig struct {
	Recipe          string `yaml:"recipe" json:"recipe"` // "search"
	PictureSettings `yaml:",inline"`
	HoldOutClasses  []string `yaml:"hold_out_classes,omitempty,flow" json:"hold_out_classes,omitempty"` // not trained on; the test is among them

	Loss        string  `yaml:"loss" json:"loss"`                         // a name of MetricLosses
	Mining      string  `yaml:"mining" json:"mining"`                     // of triplet: semi_hard_or_farthest, hard, all
	SoftMargin  bool    `yaml:"soft_margin" json:"soft_margin"`           // of triplet: softplus instead of the hinge
	Margin      float64 `yaml:"margin" json:"margin"`                     // 0: the loss's
	Temperature float64 `yaml:"temperature" json:"temperature"`           // 0: the loss's
	Scale       float64 `yaml:"scale" json:"scale"`                       // 0: the loss's
	MPerClass   int     `yaml:"m_per_class" json:"m_per_class"`           // pictures of each class in a batch, at most half of it; 0: as few as there can be, at least 4 or half a batch below 8
	Memory      int     `yaml:"memory,omitempty" json:"memory,omitempty"` // vectors of earlier batches that a batch is compared with, too
	Raw         bool    `yaml:"raw" json:"raw"`                           // vectors of any length, not of length 1

	Training `yaml:",inline"`
}

// mostRemembered is how many vectors of earlier batches may be kept, if they are short: pair.MaxMemory is about their length.
const mostRemembered = 1 << 20

// Minings are the ways in which the triplet loss chooses. The hard triplets alone first draw all vectors together, which
// a short training does not get over; so semi_hard_or_farthest is the default.
var Minings = []string{"semi_hard_or_farthest", "hard", "all"}

// DefaultSearch returns the settings of `energo train search` without flags.
func DefaultSearch() SearchConfig {
	t := defaultTraining()
	t.Epochs, t.Batch, t.Validation = 5, 120, 0
	return SearchConfig{Recipe: "search", PictureSettings: defaultPictures(64), Loss: "triplet", Mining: "semi_hard_or_farthest", Training: t}
}

// Resolve puts in the default step size and refuses what is out of range, by the
// setting's name.
func (c SearchConfig) Resolve() (SearchConfig, error) {
	if c.Recipe != "search" {
		return c, fmt.Errorf("recipe is %q; these are settings of search", excerpt.Of(c.Recipe))
	}
	if err := c.PictureSettings.resolve(); err != nil {
		return c, err
	}
	if err := once("hold_out_classes", c.HoldOutClasses); err != nil {
		return c, err
	}
	if err := oneOf("mining", c.Mining, Minings); err != nil {
		return c, err
	}
	for _, s := range []struct {
		name  string
		value float64
	}{{"margin", c.Margin}, {"temperature", c.Temperature}, {"scale", c.Scale}} {
		if !(s.value >= 0 && s.value <= math.MaxFloat32) {
			return c, fmt.Errorf("%s is %v; it must be a number of at least 0, which is the loss's own", s.name, s.value)
		}
	}
	if c.MPerClass < 0 || c.MPerClass == 1 {
		return c, fmt.Errorf("m_per_class is %d; it must be at least 2, or 0 for as few as there can be", c.MPerClass)
	}
	if c.Memory < 0 || c.Memory > mostRemembered {
		return c, fmt.Errorf("memory is %d; it must be from 0, which is none, to %d", c.Memory, mostRemembered)
	}
	if c.Memory*c.Dim > pair.MaxMemory {
		return c, fmt.Errorf("memory is %d and dim is %d; the vectors remembered have at most %d numbers in all", c.Memory, c.Dim, pair.MaxMemory)
	}
	loss, err := lookupMetricLoss(c.Loss)
	if err != nil {
		return c, err
	}
	if err := c.Training.resolve(); err != nil {
		return c, err
	}
	switch {
	case c.Batch < 2:
		return c, errors.New("batch is 1; at least 2 pictures are compared")
	case !loss.plain && c.Batch < 4:
		return c, fmt.Errorf("batch is %d; for the loss %s it must be at least 4, two pictures of each of two classes", c.Batch, c.Loss)
	case c.MPerClass > c.Batch/2:
		return c, fmt.Errorf("m_per_class is %d in a batch of %d; a batch must have two classes at least", c.MPerClass, c.Batch)
	}
	return c, refuseVoid(c)
}

// Defaults implements Settings.
func (SearchConfig) Defaults() Settings { return DefaultSearch() }

// Rules implements Settings.
func (c SearchConfig) Rules() []Rule {
	loss, err := lookupMetricLoss(c.Loss)
	if err != nil { // Resolve says so
		loss = &metricLoss{}
	}
	rules := append(c.Training.rules(), c.PictureSettings.rules(c.Augment || loss.views, c.Test == "", true)...)
	return append(append(rules, loss.rules(c)...),
		When("test_share", len(c.HoldOutClasses) == 0, "hold_out_classes names the classes of the test"))
}

// ReadSearchConfig reads a YAML file over base, as ReadDigitsConfig does.
func ReadSearchConfig(path string, base SearchConfig) (SearchConfig, error) {
	return readConfig(path, base)
}

// fingerprint is what shapes the weights.
func (c SearchConfig) fingerprint() (map[string]string, error) {
	c.Data, c.Test, c.Threads, c.Checkpoint = "", "", 0, 0
	return fingerprint(c)
}

// perClass returns how many pictures of each class a batch has, for so many classes.
func (c SearchConfig) perClass(classes int) (int, error) {
	if c.MPerClass > 0 {
		return c.MPerClass, nil
	}
	const least = 4
	for m := min(least, c.Batch/2); m <= c.Batch/2; m++ {
		if c.Batch%m == 0 && c.Batch/m <= classes {
			return m, nil
		}
	}
	return 0, fmt.Errorf("batch is %d, which does not divide into equal parts for at most %d classes, two at least; an even number would do", c.Batch, classes)
}
