package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/energo-ml/energo/recipe"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addTraining binds the settings of training that all recipes have.
func addTraining(f *pflag.FlagSet, t *recipe.Training) { addFlags(f, t.Options()) }

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

// locate makes the data's folder absolute, so that a run is found right from anywhere.
func locate(data *string) (err error) {
	if *data != "" {
		*data, err = filepath.Abs(*data)
	}
	return err
}

// complete gives the shell the values of flags.
func complete(cmd *cobra.Command, flags map[string][]string) {
	for name, values := range flags {
		err := cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		})
		if err != nil {
			panic(err)
		}
	}
}
