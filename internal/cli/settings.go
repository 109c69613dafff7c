package cli

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A rule says whether a flag counts beside the others. One that does not is refused where it is named.
type rule struct {
	flag   string
	counts bool
	why    string // it does not count
}

// refuseVoid refuses flags that are named and have no effect beside the others.
func refuseVoid(cmd *cobra.Command, rules []rule) error {
	for _, r := range rules {
		if f := cmd.Flags().Lookup(r.flag); !r.counts && f.Changed {
			return usagef("--%s %s has no effect: %s", f.Name, f.Value, r.why)
		}
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
