package jobs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/energo-ml/energo/ebm/functional"
	"github.com/energo-ml/energo/job/option"
)

// FunctionalSettings are the functional that a job trains with, and its settings.
type FunctionalSettings struct {
	Functional string // a name of the catalogue
	functional.Options
}

func defaultFunctional() FunctionalSettings {
	return FunctionalSettings{"nll", functional.DefaultOptions()}
}

// make returns the functional.
func (c *FunctionalSettings) make() (functional.Functional, error) {
	return functional.New(c.Functional, c.Options)
}

// named lists the setting of the functional's name. loss is as options has it.
func (c *FunctionalSettings) named(loss *string) option.Option {
	return option.New(&c.Functional, "functional", "loss functional; energo functionals lists them", option.OneOf(functional.Names()...),
		option.When(func() bool { return *loss == "" }, func() string { return fmt.Sprintf("the loss %s trains instead of a functional", *loss) }))
}

// countsFrom reports whether the functional takes energies, and not only a difference of two, so that it counts what they are counted from.
func (c *FunctionalSettings) countsFrom() bool {
	f, err := c.make()
	if err != nil { // which Resolve refuses
		return true
	}
	s := f.Statistic()
	return !s.Relative && s.Kind != functional.CostMax
}

// options lists the settings of functionals but for Cost, which is of labels. loss names what trains instead of a functional;
// "" stands for the functional.
func (c *FunctionalSettings) options(loss *string) option.List {
	of := func(name string) option.Rule {
		return option.When(func() bool { return c.takes(name, *loss) }, func() string { return c.whyNot(*loss) })
	}
	return option.List{
		option.New(&c.Margin, "margin", "margin m of hinge, square_square and the margin costs", option.AnyFloat32,
			option.When(func() bool { return c.takes("margin", *loss) && c.Cost == nil }, func() string {
				if c.takes("margin", *loss) {
					return "cost has the margins"
				}
				return c.whyNot(*loss)
			})),
		option.New(&c.Rival, "rival", "what functionals with E⁻ take for it: the least energy of a wrong answer, or the free energy of all wrong ones", option.OneOf(functional.Rivals...), of("rival")),
		option.New(&c.Beta, "beta", "inverse temperature β of nll and mee, and of --rival wrong", option.AnyFloat32, of("beta")),
		option.New(&c.Gamma, "gamma", "γ of square_exp", option.AnyFloat32, of("gamma")),
		option.New(&c.Cap, "cap", "cap M of lvq2", option.AnyFloat32, of("cap")),
		option.New(&c.Delta, "delta", "δ of lvq2's quotient; 0 is the form without", option.AnyFloat32, of("delta")),
	}
}

// uses returns the settings that the functional takes.
func (c *FunctionalSettings) uses() []string {
	e, err := functional.Lookup(c.Functional)
	if err != nil {
		return nil
	}
	return e.Settings(c.Options)
}

// takes tells whether a setting of functionals counts.
func (c *FunctionalSettings) takes(setting, loss string) bool {
	return loss == "" && slices.Contains(c.uses(), setting)
}

// whyNot says why a setting of functionals does not count.
func (c *FunctionalSettings) whyNot(loss string) string {
	if loss != "" {
		return fmt.Sprintf("it is of functionals; the loss %s trains instead of one", loss)
	}
	return fmt.Sprintf("the functional %s takes %s", c.Functional, cmp.Or(strings.Join(c.uses(), ", "), "none of these settings"))
}
