package jobs

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/ebm/measure"
	"github.com/energo-ml/energo/job/option"
	"github.com/energo-ml/energo/seq/answers"
	"github.com/energo-ml/energo/seq/read"
	"github.com/energo-ml/energo/train"
)

// ReadingLoss is what a recogniser trains with: a functional of the energies of alignments.
type ReadingLoss struct {
	FunctionalSettings
	Latent     string // one of latents
	EnergyBase string // one of bases
	PerFrame   bool
}

// The names that settings of ReadingLoss have, in the order of package answers.
var (
	latents = []string{"least", "sum"}
	bases   = []string{"raw", "above_minimum", "log_probability"}
)

// defaultReadingLoss is that of CTC.
func defaultReadingLoss() ReadingLoss {
	return ReadingLoss{FunctionalSettings: defaultFunctional(), Latent: "sum", EnergyBase: "raw"}
}

// options lists the settings.
func (c *ReadingLoss) options() option.List {
	return append(option.List{
		option.New(&c.Functional, "functional", "loss functional; energo functionals lists them", option.OneOf(functionalNames()...)),
		option.New(&c.Latent, "latent", "a text's energy: the least of its alignments', or that of their sum", option.OneOf(latents...)),
		option.New(&c.EnergyBase, "base", "what energies are counted from: the network's own zero, the least of all, or the free energy of all, which makes them −log p", option.OneOf(bases...),
			option.When(c.baseCounts, func() string {
				return fmt.Sprintf("the functional %s takes a difference of energies", c.Functional)
			})),
		option.New(&c.PerFrame, "per_frame", "divide a line's energies by its frames"),
	}, c.FunctionalSettings.options(new(string))...)
}

// baseCounts reports whether the functional takes energies and not only a difference of two.
func (c *ReadingLoss) baseCounts() bool {
	f, err := c.make()
	if err != nil { // which Resolve refuses
		return true
	}
	s := f.Statistic()
	return !s.Relative && s.Kind != functional.CostMax
}

// alignments are the answers, without a batch.
func (c *ReadingLoss) alignments() answers.Alignments[float32] {
	return answers.Alignments[float32]{
		Latent: answers.Latent(slices.Index(latents, c.Latent)), Base: answers.Base(slices.Index(bases, c.EnergyBase)), PerPlace: c.PerFrame,
	}
}

// isCTC reports whether the loss is that of CTC.
func (c *ReadingLoss) isCTC() bool {
	f, err := c.make()
	a := c.alignments()
	return err == nil && read.IsCTC(f, &a)
}

// check refuses a functional with settings that are not allowed, or with a statistic that alignments do not have.
func (c *ReadingLoss) check() error {
	f, err := c.make()
	if err != nil {
		return err
	}
	a := c.alignments()
	if err := a.Has(f.Statistic()); err != nil {
		return fmt.Errorf("functional %s, latent %s, base %s: %w", c.Functional, c.Latent, cmp.Or(c.EnergyBase, bases[0]), err)
	}
	return nil
}

// suffix names the loss in a run's folder, where it is not CTC's.
func (c *ReadingLoss) suffix() string {
	if c.isCTC() {
		return ""
	}
	return "-" + c.Functional + "-" + c.Latent
}

// subject is what a diagnosis of the loss is of.
func (c *ReadingLoss) subject() (train.Subject, error) {
	f, err := c.make()
	if err != nil {
		return train.Subject{}, err
	}
	s := train.Subject{Functional: f, Architecture: "energies of texts, alignments summed out", Terms: train.Terms{
		Energies: "energies", Samples: "lines", Correct: "the right text", Offending: "all other texts together", Unit: measure.Nat,
		Kept: train.ToldApart("of the lines have the right text likelier than all others together"),
	}}
	if c.Latent == "least" {
		s.Architecture = "energies of alignments"
		s.Terms.Correct, s.Terms.Offending = "the right text's best alignment", "the best alignment of another text"
		s.Terms.Kept = train.ToldApart("of the lines have the best alignment of the right text below that of all others")
	}
	if c.takes("margin", "") && f.Statistic().Kind != functional.CostMax { // whose margin is a frame's
		s.Margin = c.Margin
	}
	if s.Margin > 0 {
		s.Terms.Kept = train.MarginKept(fmt.Sprintf("of the lines have %s lower than %s by the margin %v", s.Terms.Correct, s.Terms.Offending, s.Margin))
	}
	return s, nil
}
