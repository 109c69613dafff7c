package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/functional"
	"github.com/energo-ml/energo/recipe"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settings binds the digits' settings to flags. The value of a flag that is given
// wins over a file's, and a file's over the default.
type settings struct {
	config   recipe.DigitsConfig
	defaults recipe.DigitsConfig
	file     string
}

func (s *settings) add(cmd *cobra.Command) {
	s.config, s.defaults = recipe.DefaultDigits(), recipe.DefaultDigits()
	c, f := &s.config, cmd.Flags()
	f.StringVar(&c.Data, "data", c.Data, "`folder` with the four IDX files of an MNIST-like set, gzipped or not (default MNIST, fetched once)")
	f.StringVar(&c.Model, "model", c.Model, "network: "+strings.Join(recipe.Models, ", "))
	f.StringVar(&c.Energy, "energy", c.Energy, "energy function: head (one output a label), code (‖G(x) − c_y‖²), joint (y is fed in)")
	f.StringVar(&c.Codes, "codes", c.Codes, "codes of --energy code: "+strings.Join(recipe.CodeKinds, ", "))
	f.StringVar(&c.Functional, "functional", c.Functional, "loss functional; energo functionals lists them")
	f.StringVar(&c.Loss, "loss", c.Loss, "train the scores −E with a loss in the functional's place: "+strings.Join(recipe.ScoreLosses, ", "))
	f.Float64Var(&c.LabelSmoothing, "label-smoothing", c.LabelSmoothing, "label smoothing of --loss cross_entropy")
	f.Float64Var(&c.Margin, "margin", c.Margin, "margin m of hinge, square_square and the margin costs")
	f.Float64Var(&c.Beta, "beta", c.Beta, "inverse temperature β of nll and mee")
	f.Float64Var(&c.Gamma, "gamma", c.Gamma, "γ of square_exp")
	f.Float64Var(&c.Cap, "cap", c.Cap, "cap M of lvq2")
	f.Float64Var(&c.Delta, "delta", c.Delta, "δ of lvq2's quotient; 0 is the form without")
	addTraining(f, &c.Training)
	f.BoolVar(&c.Augment, "augment", c.Augment, "shift, turn and scale the training pictures a little at random")
	f.StringVar(&s.file, "config", "", "YAML `file` of settings, such as a run's config.yaml")
	for name, values := range map[string][]string{
		"model": recipe.Models, "energy": recipe.Energies, "codes": recipe.CodeKinds,
		"optimizer": recipe.Optimizers, "schedule": recipe.Schedules, "functional": functionalNames(), "loss": recipe.ScoreLosses,
	} {
		complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		}
		if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err)
		}
	}
}

// addTraining binds the settings of training that all recipes have.
func addTraining(f *pflag.FlagSet, t *recipe.Training) { addFlags(f, t.Options()) }

func functionalNames() (names []string) {
	for _, e := range functional.Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

// read puts the settings of the file, if one is named, below the flags that were given.
func (s *settings) read(cmd *cobra.Command) error {
	if s.file != "" {
		base, err := recipe.ReadDigitsConfig(s.file, s.defaults)
		if err == nil {
			err = below(cmd, func() error { s.config = base; return nil })
		}
		if err != nil {
			return usageError{err}
		}
	}
	return locate(&s.config.Data)
}

// refuseVoid refuses settings that flags or a file name and that have no effect beside the others.
func refuseVoid(cmd *cobra.Command, file string, rules []recipe.Rule) error {
	var inFile map[string]string
	if file != "" {
		var err error
		if inFile, err = recipe.NamedIn(file); err != nil {
			return usageError{err}
		}
	}
	err := recipe.Void(rules, func(setting string) (string, bool) {
		if f := cmd.Flags().Lookup(strings.ReplaceAll(setting, "_", "-")); f != nil && f.Changed {
			return fmt.Sprintf("--%s %s", f.Name, f.Value), true
		}
		value, ok := inFile[setting]
		return fmt.Sprintf("%s: %s %s", file, setting, value), ok
	})
	if err != nil {
		return usageError{err}
	}
	return nil
}

// below calls set, which sets what flags are bound to, and puts the flags that were given
// back on top.
func below(cmd *cobra.Command, set func() error) error {
	given, lists := map[string]string{}, map[pflag.SliceValue][]string{}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok { // its text does not read back
			lists[list] = list.GetSlice()
			return
		}
		given[f.Name] = f.Value.String()
	})
	if err := set(); err != nil {
		return err
	}
	for list, values := range lists {
		if err := list.Replace(values); err != nil {
			return err
		}
	}
	for name, value := range given {
		if err := cmd.Flags().Set(name, value); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	return nil
}

// resolve reads the file of settings, if one is named, and checks everything.
func (s *settings) resolve(cmd *cobra.Command) error {
	if err := s.read(cmd); err != nil {
		return err
	}
	if err := refuseVoid(cmd, s.file, s.config.Rules()); err != nil {
		return err
	}
	c, err := s.config.Resolve()
	if err != nil {
		return usageError{err}
	}
	s.config = c
	return nil
}

// locate makes the data's folder absolute, so that a run is found right from anywhere.
func locate(data *string) (err error) {
	if *data != "" {
		*data, err = filepath.Abs(*data)
	}
	return err
}
